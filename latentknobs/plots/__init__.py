"""Pictures of clips and knobs: PNG by matplotlib, which is loaded when something is drawn, and plain text."""

from latentknobs.plots.knob import draw_mean_change
from latentknobs.plots.roll import draw_rolls
from latentknobs.plots.spectrum import ClipsOnModes, draw_spectrum
from latentknobs.plots.text import text_roll
from latentknobs.plots.variance import draw_variance

__all__ = ["ClipsOnModes", "draw_mean_change", "draw_rolls", "draw_spectrum", "draw_variance", "text_roll"]
