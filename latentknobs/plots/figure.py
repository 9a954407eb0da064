"""A matplotlib figure without its global state, and its bytes without a date: the same picture, the same file."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from latentknobs.core.atomic_write import write_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#2b2733"
FAINT = "#d9d5df"
_FIRST, _LAST = 0.16, 0.76  # the part of the colour map from purple to orange


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of this size in inches, drawn by Agg, outside pyplot's global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def colour(position: float) -> str:
    """From purple at 0 to orange at 1, as "#rrggbb"."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return to_hex(colormaps["plasma"](_FIRST + (_LAST - _FIRST) * position))


def plain_axes(axes: Axes) -> None:
    """Horizontal grid lines behind what is drawn, and no frame but the left and the lower side."""
    axes.tick_params(length=0, labelsize=9, labelcolor=INK)
    axes.grid(axis="y", color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(FAINT)


def save(figure: Figure, path: Path | str, *, overwrite: bool) -> None:
    """Write the figure as PNG (150 dots an inch), whole or not at all."""
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=150, metadata={"Software": None})
    write_file(Path(path), out.getvalue(), overwrite=overwrite)
