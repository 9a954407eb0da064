"""The picture of a knob's spectrum: its eigenvalues beside the circle, and clips on the subspaces that they name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from latentknobs.core.arrays import Floats
from latentknobs.errors import UsageError
from latentknobs.plots.figure import FAINT, INK, colour, new_figure, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@frozen(eq=False)
class ClipsOnModes:
    """
    Where clips lie on a plane that turns and along a way that does not.

    Attributes:
        plane: complex (N,), on the plane.
        label: int (N,), which of the names each clip has.
        names: The labels' names.
        order: For each name its place on the circle: near places have near colours.
        along: (N,), along the way.
        level: (N,), what the way is set beside.
        plane_title: Over the plane.
        label_title: What the names are.
        along_title: Under the way.
        level_title: Beside it.
    """

    plane: NDArray[np.complex128]
    label: NDArray[np.int64]
    names: tuple[str, ...]
    order: tuple[int, ...]
    along: Floats
    level: Floats
    plane_title: str = ""
    label_title: str = ""
    along_title: str = ""
    level_title: str = ""


def draw_spectrum(
    values: NDArray[np.complex128],
    shares: Floats,
    divisions: int,
    path: Path | str,
    *,
    title: str = "",
    clips: ClipsOnModes | None = None,
    overwrite: bool = False,
) -> None:
    """
    Draw eigenvalues in the complex plane with the unit circle and its parts, and clips beside them.

    Args:
        values: complex (K,), imaginary parts at least 0; pairs are drawn with their conjugates.
        shares: (K,), share of variance of each, 0 to 1: the area of its mark.
        divisions: Parts of the circle.
        path: Where the PNG goes.
        title: Over the picture.
        clips: Clips for two more panels, None for the eigenvalues alone.
        overwrite: Whether an existing file may be replaced.

    Raises:
        UsageError: There are not as many shares as values, or the file exists and ``overwrite`` is False.
        OutputError: The file cannot be written.
    """
    if values.shape != shares.shape or values.ndim != 1 or not values.size:
        raise UsageError(f"{values.shape} eigenvalues need a share each, not {shares.shape}.")
    figure = new_figure(7 if clips is None else 18, 7)
    panels = [figure.add_subplot(1, 1 if clips is None else 3, k + 1) for k in range(1 if clips is None else 3)]
    figure.subplots_adjust(
        left=0.1 if clips is None else 0.04, right=0.95 if clips is None else 0.98, top=0.88, bottom=0.1, wspace=0.2
    )
    _eigenvalues(panels[0], values, shares, divisions)
    if clips is not None:
        _plane(panels[1], clips)
        _way(panels[2], clips)
    for axes in panels:
        axes.tick_params(length=0, labelsize=9, labelcolor=INK)
        for spine in axes.spines.values():
            spine.set_visible(False)
    if title:
        figure.text(0.5, 0.955, title, ha="center", va="center", fontsize=13, weight="bold", color=INK)
    save(figure, path, overwrite=overwrite)


def _eigenvalues(axes: Axes, values: NDArray[np.complex128], shares: Floats, divisions: int) -> None:
    turn = np.linspace(0.0, 2.0 * np.pi, 361)
    axes.plot(np.cos(turn), np.sin(turn), color=INK, linewidth=0.8)
    for k in range(divisions):
        spoke = np.exp(2j * np.pi * k / divisions)
        axes.plot([0, spoke.real], [0, spoke.imag], color=FAINT, linewidth=0.8, zorder=0)
        axes.annotate(
            f"{360 * k / divisions:g}°",
            (1.14 * spoke.real, 1.14 * spoke.imag),
            ha="center",
            va="center",
            fontsize=9,
            color=INK,
        )
    area = 12.0 + 220.0 * shares / max(float(shares.max()), 1e-12)
    both = np.concatenate([values, values[values.imag > 0].conj()])
    axes.scatter(
        both.real,
        both.imag,
        s=np.concatenate([area, area[values.imag > 0]]),
        color=colour(0.25),
        alpha=0.55,
        linewidths=0,
        zorder=2,
    )
    reach = max(1.25, 1.08 * float(np.abs(both).max()))
    axes.set_xlim(-reach, reach)
    axes.set_ylim(-reach, reach)
    axes.set_aspect("equal")
    axes.set_title("eigenvalues of one step; area: share of variance", fontsize=10, color=INK)


def _plane(axes: Axes, clips: ClipsOnModes) -> None:
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    for k, name in enumerate(clips.names):
        points = clips.plane[clips.label == k]
        if not len(points):
            continue
        hue = to_hex(colormaps["hsv"](clips.order[k] / len(clips.names)))
        axes.scatter(points.real, points.imag, s=9, color=hue, alpha=0.55, linewidths=0)
        centre = points.mean()
        axes.annotate(
            name,
            (centre.real, centre.imag),
            ha="center",
            va="center",
            fontsize=11,
            weight="bold",
            color=INK,
            bbox={"boxstyle": "circle,pad=0.25", "facecolor": "white", "edgecolor": hue, "linewidth": 1.5},
        )
    reach = 1.05 * float(np.abs(clips.plane).max())
    axes.axhline(0, color=FAINT, linewidth=0.6, zorder=0)
    axes.axvline(0, color=FAINT, linewidth=0.6, zorder=0)
    axes.set_xlim(-reach, reach)
    axes.set_ylim(-reach, reach)
    axes.set_aspect("equal")
    axes.set_title(f"clips on the {clips.plane_title}\nnames: mean of the {clips.label_title}", fontsize=10, color=INK)


def _way(axes: Axes, clips: ClipsOnModes) -> None:
    axes.scatter(clips.along, clips.level, s=9, c=clips.level, cmap="plasma", alpha=0.6, linewidths=0)
    axes.grid(color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_xlabel(clips.along_title, color=INK)
    axes.set_ylabel(clips.level_title, color=INK)
    agree = float(np.corrcoef(clips.along, clips.level)[0, 1]) if len(clips.along) > 1 else 0.0
    axes.set_title(f"clips along the way that does not turn (correlation {agree:.2f})", fontsize=10, color=INK)
