"""The report of a model and its knobs: one HTML page with everything in it, its pictures as PNG, its tables as CSV."""

from latentknobs.report.build import report
from latentknobs.report.html import Figure, Report, Section, Table

__all__ = ["Figure", "Report", "Section", "Table", "report"]
