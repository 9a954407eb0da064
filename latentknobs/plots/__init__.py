"""Pictures of clips and knobs: PNG by matplotlib, which is loaded when something is drawn, and plain text."""

from latentknobs.plots.eigenspectrum import ClipsOnModes, draw_spectrum
from latentknobs.plots.explained_variance import draw_variance
from latentknobs.plots.figure import Picture
from latentknobs.plots.knob_picture import knob_picture
from latentknobs.plots.mean_change import draw_mean_change
from latentknobs.plots.roll import draw_rolls
from latentknobs.plots.text_roll import text_roll
from latentknobs.plots.throughput import draw_throughput

__all__ = [
    "ClipsOnModes",
    "Picture",
    "draw_mean_change",
    "draw_rolls",
    "draw_spectrum",
    "draw_throughput",
    "draw_variance",
    "knob_picture",
    "text_roll",
]
