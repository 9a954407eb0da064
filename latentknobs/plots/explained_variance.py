"""The picture of a latent space's size: how much of the codes' variance each principal component has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from latentknobs.errors import UsageError
from latentknobs.plots.figure import INK, colour, new_figure, plain_axes, save


def draw_variance(
    shares: Sequence[float], path: Path | str, *, title: str = "", mark: int = 0, overwrite: bool = False
) -> None:
    """
    Draw the share of variance of each principal component, and of all up to it.

    Args:
        shares: (D,), descending, sum 1.
        path: Where the PNG goes.
        title: Over the picture.
        mark: A number of components that is marked, with what they hold together; 0 = none.
        overwrite: Whether an existing file may be replaced.

    Raises:
        UsageError: There is no component, or the file exists and ``overwrite`` is False.
        OutputError: The file cannot be written.
    """
    each = np.asarray(shares, dtype=np.float64)
    if each.ndim != 1 or not each.size:
        raise UsageError(f"shares of variance are a number for each component, not {each.shape}.")
    held = np.cumsum(each)
    figure = new_figure(11, 4.2)
    one, all_ = figure.subplots(1, 2)
    figure.subplots_adjust(left=0.07, right=0.97, top=0.86 if title else 0.94, bottom=0.14, wspace=0.2)
    components = np.arange(1, len(each) + 1)
    one.bar(components, each, width=0.9, color=colour(0.3), linewidth=0)
    one.set_ylabel("share of the variance")
    all_.plot(components, held, color=colour(0.75), linewidth=1.8)
    all_.set_ylim(0, 1.02)
    all_.set_ylabel("share of all up to it")
    if 0 < mark <= len(each):
        all_.axvline(mark, color=INK, linewidth=0.8, linestyle="--")
        all_.annotate(
            f"{mark}: {held[mark - 1]:.1%}",
            (mark, held[mark - 1]),
            xytext=(-8 if mark > len(each) / 2 else 8, -18),
            textcoords="offset points",
            ha="right" if mark > len(each) / 2 else "left",
            color=INK,
        )
    for axes in (one, all_):
        axes.set_xlim(0, len(each) + 1)
        axes.set_xlabel("principal component")
        plain_axes(axes)
    if title:
        figure.text(0.07, 0.94, title, ha="left", va="center", fontsize=13, weight="bold", color=INK)
    save(figure, path, overwrite=overwrite)
