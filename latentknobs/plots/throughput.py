"""The picture of a model's speed: clips a second over the batch, one panel for encode and one for decode."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from latentknobs.core.bench_result import WORKS, BatchTiming, BenchResult
from latentknobs.errors import UsageError
from latentknobs.plots.figure import FAINT, INK, colour, new_figure, plain_axes, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STYLES = ("-", "--", ":", "-.")
MARKS = "osD^v"


def draw_throughput(
    results: Sequence[BenchResult], path: Path | str, *, title: str = "", overwrite: bool = False
) -> None:
    """
    Draw clips a second on logarithmic axes, colours for precisions; bars reach from the slowest round to the fastest.

    Args:
        results: At least one; of several, each machine has its dashes.
        path: Where the PNG or SVG goes.
        title: Over the picture.
        overwrite: Whether an existing file may be replaced.

    Raises:
        UsageError: There is no result, or the file exists and ``overwrite`` is False.
        OutputError: The file cannot be written.
    """
    if not results:
        raise UsageError("There is nothing to draw: no results are given.")
    works = [work for work in WORKS if any(one.work == work for result in results for one in result.timings)]
    precisions = list(dict.fromkeys(name for result in results for name in result.settings.precisions))
    rows = len(precisions) if len(results) > 1 else 1
    height = 4.6 + 0.26 * rows
    figure = new_figure(5.4 * len(works), height)
    figure.subplots_adjust(
        left=0.8 / (5.4 * len(works)),
        right=0.98,
        top=1 - 0.75 / height,
        bottom=(0.75 + 0.26 * rows) / height,
        wspace=0.12,
    )
    first: Axes | None = None
    for k, work in enumerate(works):
        axes = figure.add_subplot(1, len(works), k + 1, sharey=first)
        first = first or axes
        for style, result in enumerate(results):
            place = f"{where(result)}: " if len(results) > 1 else ""
            for precision in result.settings.precisions:
                hue = precisions.index(precision) / max(len(precisions) - 1, 1)
                of_line = [one for one in result.timings if (one.work, one.precision) == (work, precision)]
                _line(axes, of_line, place + precision, colour(hue), style)
        _axes(axes, sorted({one.batch for result in results for one in result.timings}), work)
    assert first is not None  # a result has a timing
    first.set_ylabel("clips a second", fontsize=9, color=INK)
    lines, labels = first.get_legend_handles_labels()
    # Of several machines each has a column.
    columns = len(results) if len(results) > 1 else len(labels)
    figure.legend(lines, labels, loc="lower center", ncols=columns, fontsize=9, frameon=False, labelcolor=INK)
    if title:
        figure.text(0.5, 1 - 0.3 / height, title, ha="center", va="center", fontsize=12, weight="bold", color=INK)
    save(figure, path, overwrite=overwrite)


def where(result: BenchResult) -> str:
    """The machine of a result in a few words."""
    machine = result.machine
    return f"{machine.cpu}, {machine.cores} cores{', busy' if machine.busy else ''}, {result.date:%Y-%m-%d}"


def _line(axes: Axes, timings: Sequence[BatchTiming], label: str, hue: str, style: int) -> None:
    speeds = [one.clips_a_second for one in timings]
    axes.errorbar(
        [one.batch for one in timings],
        speeds,
        yerr=(
            [speed - one.batch / one.slowest for one, speed in zip(timings, speeds, strict=True)],
            [one.batch / one.fastest - speed for one, speed in zip(timings, speeds, strict=True)],
        ),
        label=label,
        color=hue,
        linestyle=STYLES[style % len(STYLES)],
        marker=MARKS[style % len(MARKS)],
        markersize=4,
        linewidth=1.4,
        elinewidth=0.8,
    )


def _axes(axes: Axes, batches: Sequence[int], work: str) -> None:
    from matplotlib.ticker import LogLocator

    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.minorticks_off()
    axes.set_xticks(batches, [f"{batch:,}" for batch in batches])
    plain_axes(axes)
    axes.grid(axis="x", color=FAINT, linewidth=0.5)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.6g}")
    axes.set_title(work, fontsize=11, color=INK)
    axes.set_xlabel("clips in a batch", fontsize=9, color=INK)
