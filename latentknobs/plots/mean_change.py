"""The picture of what an augmentation does to codes: mean change per dimension, and the sorted curves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from latentknobs.core.arrays import Floats
from latentknobs.errors import UsageError
from latentknobs.plots.figure import INK, colour, new_figure, plain_axes, save

_SHOWN = 20  # dimensions of the sorted curves
_NAMED = 5  # dimensions named in the bar plot where none were selected


def draw_mean_change(
    mean_change: Floats,
    amounts: Sequence[float],
    path: Path | str,
    *,
    title: str = "",
    unit: str = "",
    selected: Sequence[int] = (),
    overwrite: bool = False,
) -> None:
    """
    Draw the mean change of each dimension as bars, and its size, sorted, as a curve; one colour for each amount.

    The first row shows every dimension with its sign, the second the largest twenty of each amount.

    Args:
        mean_change: float (A, D), mean of (code after - code before), in code units.
        amounts: (A,), the amounts.
        path: Where the PNG goes.
        title: Over the picture.
        unit: Unit of the amounts.
        selected: Dimensions to name and mark; none = the five largest at the last amount are named.
        overwrite: Whether an existing file may be replaced.

    Raises:
        UsageError: The array does not fit the amounts, or the file exists and ``overwrite`` is False.
        OutputError: The file cannot be written.
    """
    change = np.asarray(mean_change, dtype=np.float64)
    if change.ndim != 2 or len(change) != len(amounts) or not change.size:
        raise UsageError(f"the mean change {change.shape} needs one row for each of the {len(amounts)} amounts.")
    size = change.shape[1]
    figure = new_figure(11, 7.2)
    bars, curves = figure.subplots(2, 1, height_ratios=(1.25, 1))
    figure.subplots_adjust(left=0.07, right=0.88, top=0.91 if title else 0.96, bottom=0.08, hspace=0.3)
    colours = [colour(i / max(len(amounts) - 1, 1)) for i in range(len(amounts))]

    # The largest change of a dimension is drawn first, so that the smaller ones stand before it.
    order = np.argsort(-np.abs(change), axis=0, kind="stable")
    for rank in order:
        bars.bar(
            np.arange(size), change[rank, np.arange(size)], width=0.86, color=[colours[a] for a in rank], linewidth=0
        )
    bars.axhline(0, color=INK, linewidth=0.6)
    named = list(selected) or np.argsort(-np.abs(change[-1]), kind="stable")[:_NAMED].tolist()
    for dim in named:
        low, high = min(change[:, dim].min(), 0), max(change[:, dim].max(), 0)
        up = high >= -low
        bars.annotate(
            str(dim),
            (dim, high if up else low),
            xytext=(0, 3 if up else -3),
            textcoords="offset points",
            ha="center",
            va="bottom" if up else "top",
            fontsize=9,
            weight="bold" if len(selected) else "normal",
            color=INK,
        )
    bars.set_xlim(-0.75, size - 0.25)
    bars.margins(y=0.12)
    bars.set_xlabel("dimension of the code")
    bars.set_ylabel("mean change (every bar from 0)")

    shown = min(_SHOWN, size)
    ranks = np.arange(1, shown + 1)
    for amount, row, line in zip(amounts, change, colours, strict=True):
        ordered = np.sort(np.abs(row))[::-1][:shown]
        curves.plot(ranks, ordered, color=line, linewidth=1.4, marker="o", markersize=3, label=f"{amount:+g}")
    curves.set_xlim(0.5, shown + 0.5)
    curves.set_ylim(bottom=0)
    curves.set_xticks(ranks)
    curves.set_xlabel("dimensions, largest first")
    curves.set_ylabel("size of the mean change")
    for axes in (bars, curves):
        plain_axes(axes)
    handles, labels = curves.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="center right", frameon=False, fontsize=9, title=unit or "amount", labelcolor=INK
    )
    if title:
        figure.text(0.07, 0.955, title, ha="left", va="center", fontsize=13, weight="bold", color=INK)
    save(figure, path, overwrite=overwrite)
