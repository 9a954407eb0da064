"""The report's pictures, as bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from latentknobs.analysis.eigenspectrum import in_units, spectrum
from latentknobs.core.arrays import ClipBatch, Floats
from latentknobs.core.clip import ClipFormat
from latentknobs.core.knob import Knob
from latentknobs.plots import draw_mean_change, draw_rolls, draw_spectrum, draw_variance
from latentknobs.report.html import Figure

NAMED = 8
"""Selected dimensions that a picture names; with more, their names would cover one another."""
TWELVE = 12


def png(draw: Callable[[Path], None]) -> bytes:
    """What a function draws."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "picture.png"
        draw(path)
        return path.read_bytes()


def variance_figure(name: str, shares: Sequence[float], mark: int) -> Figure:
    """The codes' principal components."""
    held = float(np.sum(shares[:mark]))
    return Figure(
        name,
        png(lambda path: draw_variance(shares, path, mark=mark)),
        f"Bars that fall from the first component to the last, and their sum, {held:.1%} at {mark}.",
        f"Share of the codes' variance of each principal component, and of all up to it ({held:.1%} at {mark}).",
    )


def mean_change_figure(knob: Knob, change: Floats, amounts: Sequence[float]) -> Figure:
    """What the knob's edit moves on average."""
    dims = [d.dim for d in knob.dimensions]
    title = f"{knob.augmentation}: mean change of the codes"
    return Figure(
        f"mean-change-{knob.name.replace('_', '-')}",
        png(
            lambda path: draw_mean_change(
                change, amounts, path, title=title, unit=knob.unit, selected=dims if len(dims) <= NAMED else ()
            )
        ),
        f"Bars of the mean change of every dimension at {len(amounts)} amounts, and their sizes, sorted.",
        "Mean change of each dimension, and its size, largest first, one curve for each amount "
        "(the paper's figures 3 and 4).",
    )


def spectrum_figure(knob: Knob) -> Figure:
    """
    The eigenvalues of one step of an affine or group knob.

    Raises:
        UsageError: Another kind, or a map that shears.
    """
    operator, variance, _ = in_units(knob)
    modes = spectrum(operator, variance, TWELVE)
    values, shares = np.asarray([m.value for m in modes]), np.asarray([m.share for m in modes])
    return Figure(
        f"spectrum-{knob.name.replace('_', '-')}",
        png(lambda path: draw_spectrum(values, shares, TWELVE, path)),
        f"{len(modes)} eigenvalues in the complex plane, beside the unit circle in twelve parts.",
        f"Eigenvalues of one step of {knob.name}; the larger the mark, the more of the codes' variance.",
    )


def rolls_figure(
    name: str, rows: Sequence[ClipBatch], clip_format: ClipFormat, labels: Sequence[str], caption: str
) -> Figure:
    """Pieces of clips, one in each row, one clip a column."""
    cells = np.stack(list(rows))
    names = ", ".join(labels)
    return Figure(
        name,
        png(lambda path: draw_rolls(cells, clip_format, path, column_label="time", names=labels)),
        f"Piano rolls of {cells.shape[1]} clips in {len(rows)} rows: {names}.",
        f"{caption} Rows from the top: {names}.",
    )


def grid_figure(name: str, cells: NDArray[np.int16], clip_format: ClipFormat, ways: tuple[str, str]) -> Figure:
    """The two-way grid."""
    rows, columns = ways
    return Figure(
        name,
        png(lambda path: draw_rolls(cells, clip_format, path, row_label=rows, column_label=columns)),
        f"{cells.shape[0]} by {cells.shape[1]} piano rolls from A, top left, to B, bottom right.",
        f"From the theme's first clip (A) to a generated melody (B): {rows} from top to bottom, {columns} from left "
        "to right (the paper's figure 9).",
    )
