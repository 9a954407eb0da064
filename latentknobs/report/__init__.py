"""The report of a model and its knobs: one HTML page with everything in it, its pictures as PNG, its tables as CSV."""

from latentknobs.report.make import report
from latentknobs.report.page import Figure, Report, Section, Table

__all__ = ["Figure", "Report", "Section", "Table", "report"]
