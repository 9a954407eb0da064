"""The picture of a model's speed: clips a second over the batch, one panel for encode and one for decode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from latentknobs.core.bench_result import WORKS, BatchTiming, BenchResult
from latentknobs.errors import UsageError
from latentknobs.plots.figure import FAINT, INK, colour, new_figure, plain_axes, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

STYLES: tuple[Literal["-", "--", ":", "-."], ...] = ("-", "--", ":", "-.")
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
    rows = 1 + (len(results) if len(results) > 1 else 0)
    hues = {name: colour(k / max(len(precisions) - 1, 1)) for k, name in enumerate(precisions)}
    height = 4.6 + 0.26 * rows
    figure = new_figure(5.4 * len(works), height)
    figure.subplots_adjust(
        left=0.8 / (5.4 * len(works)),
        right=0.98,
        top=1 - 0.75 / height,
        bottom=(0.7 + 0.26 * rows) / height,
        wspace=0.12,
    )
    first: Axes | None = None
    for k, work in enumerate(works):
        axes = figure.add_subplot(1, len(works), k + 1, sharey=first)
        first = first or axes
        for style, result in enumerate(results):
            for precision in result.settings.precisions:
                of_line = [one for one in result.timings if (one.work, one.precision) == (work, precision)]
                _line(axes, of_line, hues[precision], style)
        _axes(axes, sorted({one.batch for result in results for one in result.timings}), work)
    assert first is not None  # a result has a timing
    first.set_ylabel("clips a second", fontsize=9, color=INK)
    for row, handles in enumerate(_legends(results, hues)):
        place = (0.5, (0.12 + 0.26 * (rows - 1 - row)) / height)
        figure.legend(
            handles=handles, loc="lower center", bbox_to_anchor=place, ncols=len(handles), fontsize=9, frameon=False,
            labelcolor=INK, borderpad=0,
        )  # fmt: skip
    if title:
        figure.text(0.5, 1 - 0.3 / height, title, ha="center", va="center", fontsize=12, weight="bold", color=INK)
    save(figure, path, overwrite=overwrite)


def where(result: BenchResult) -> str:
    """The machine of a result in a few words."""
    machine, count = result.machine, result.settings.threads
    threads, busy = f"{count} thread{'s' if count > 1 else ''}", ", busy" if machine.busy else ""
    return f"{machine.cpu}, {threads} on {machine.cores} cores{busy}, {result.date:%Y-%m-%d}"


def _legends(results: Sequence[BenchResult], hues: Mapping[str, str]) -> Iterator[list[Line2D]]:
    """What colours mean, in a row, and of several machines what each one's dashes mean, a row each."""
    from matplotlib.lines import Line2D

    yield [Line2D([], [], color=hue, linewidth=1.4, label=name) for name, hue in hues.items()]
    if len(results) > 1:
        for style, result in enumerate(results):
            dashes, mark = STYLES[style % len(STYLES)], MARKS[style % len(MARKS)]
            yield [Line2D([], [], color=INK, linestyle=dashes, marker=mark, markersize=4, label=where(result))]


def _line(axes: Axes, timings: Sequence[BatchTiming], hue: str, style: int) -> None:
    speeds = [one.clips_a_second for one in timings]
    axes.errorbar(
        [one.batch for one in timings],
        speeds,
        yerr=(
            [speed - one.batch / one.slowest for one, speed in zip(timings, speeds, strict=True)],
            [one.batch / one.fastest - speed for one, speed in zip(timings, speeds, strict=True)],
        ),
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
