"""Pictures of clips and knobs: PNG by matplotlib, which is loaded when something is drawn, and plain text."""

from latentknobs.plots.eigenspectrum import ClipsOnModes, draw_spectrum
from latentknobs.plots.explained_variance import draw_variance
from latentknobs.plots.mean_change import draw_mean_change
from latentknobs.plots.roll import draw_rolls
from latentknobs.plots.text_roll import text_roll

__all__ = ["ClipsOnModes", "draw_mean_change", "draw_rolls", "draw_spectrum", "draw_variance", "text_roll"]
