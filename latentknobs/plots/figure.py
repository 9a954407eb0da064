"""A matplotlib figure without its global state, and its bytes without a date: the same picture, the same file."""

from __future__ import annotations

import contextlib
import functools
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from latentknobs.core.atomic_write import write_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#2b2733"
FAINT = "#d9d5df"
_POWER = re.compile(r"\$\\mathdefault\{(\d\\times)?10\^\{-?\d+\}\}\$")
"""A tick of a logarithmic axis, which is a formula."""
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
    """
    Write the figure as PNG (150 dots an inch), or as SVG where the name ends so, whole or not at all.

    Raises:
        UsageError: The file exists and ``overwrite`` is False.
        OutputError: It cannot be written.
    """
    path = Path(path)
    write_file(path, picture_bytes(figure, "svg" if path.suffix.lower() == ".svg" else "png"), overwrite=overwrite)


def picture_bytes(figure: Figure, kind: Literal["png", "svg"]) -> bytes:
    """The figure as a file of this kind; the same picture gives the same bytes."""
    from matplotlib import rc_context

    _plain_texts(figure)
    out = io.BytesIO()
    with rc_context({"svg.hashsalt": "latentknobs"}):
        nobody = {"Software": None} if kind == "png" else {"Date": None, "Creator": None}
        figure.savefig(out, format=kind, dpi=150, metadata=nobody)
    return out.getvalue()


def _plain_texts(figure: Figure) -> None:
    """Take names as they are: a dollar sign begins no formula, and what the font lacks is drawn as another has it."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        # Ticks of numbers have no text before they are drawn.
        if isinstance(text, Text) and text.get_text() and not _POWER.fullmatch(text.get_text()):
            text.set_parse_math(False)
            fonts = dict.fromkeys(filter(None, map(_font_with, text.get_text())))
            if fonts:
                text.set_fontfamily([*text.get_fontfamily(), *fonts])
                text.set_fontweight("normal")  # few have another
            text.set_text(plain_text(text.get_text()))


def plain_text(text: str) -> str:
    """A text in which what no font has is written as its number: names of ticks need it before they are drawn."""
    return "".join(c if c == "\n" or _font_with(c) is not None else f"U+{ord(c):04X} " for c in text)


@functools.cache
def _font_with(character: str) -> str | None:
    """The first installed font that has a character, "" = the one that all texts are drawn in; None = there is none."""
    from matplotlib.font_manager import get_font

    for name, path in _fonts():
        with contextlib.suppress(RuntimeError, OSError):  # a damaged file, or one that is gone
            font = get_font(path)
            if font.scalable and font.get_char_index(ord(character)):
                return name
    return None


@functools.cache
def _fonts() -> tuple[tuple[str, str], ...]:
    """
    Names and files of the upright, regular fonts, the one of all texts first as "".

    Left out are matplotlib's own, some of which have signs in the places of letters, and those of boxes and emoji.
    """
    from matplotlib import get_data_path
    from matplotlib.font_manager import FontProperties, findfont, fontManager

    installed = {
        (one.name, one.fname)
        for one in fontManager.ttflist
        if one.style == "normal"
        and one.weight in (400, "normal", "regular", "book")
        and not one.fname.startswith(get_data_path())
        and not any(word in one.name.lower() for word in ("last resort", "lastresort", "emoji"))
    }
    return ("", str(findfont(FontProperties()))), *sorted(installed)


class Picture:
    """
    A picture that a notebook shows.

    Attributes:
        figure: The matplotlib figure.
    """

    def __init__(self, figure: Figure) -> None:
        self.figure = figure

    def save(self, path: Path | str, *, overwrite: bool = False) -> None:
        """Write it, see :func:`save`."""
        save(self.figure, path, overwrite=overwrite)

    def _repr_png_(self) -> bytes:
        return picture_bytes(self.figure, "png")

    def _repr_svg_(self) -> str:
        return picture_bytes(self.figure, "svg").decode()
