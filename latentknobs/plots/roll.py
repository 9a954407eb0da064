"""Piano rolls of clips in rows and columns, as one picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from latentknobs.core.arrays import ClipBatch
from latentknobs.core.clip import ClipFormat, DrumFormat, Note
from latentknobs.core.meter import steps_per_bar, steps_per_pulse
from latentknobs.errors import ClipError
from latentknobs.plots.figure import FAINT, INK, colour, new_figure, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NARROWEST = 12  # semitones of the pitch axis


def draw_rolls(
    cells: NDArray[np.int16] | Sequence[ClipBatch],
    clip_format: ClipFormat,
    path: Path | str,
    *,
    title: str = "",
    row_label: str = "pitch",
    column_label: str = "rhythm",
    first: str = "A",
    last: str = "B",
    names: Sequence[str] = (),
    overwrite: bool = False,
) -> None:
    """
    Draw clips in rows and columns, from purple top left to orange bottom right, on one pitch axis (of drums: voices).

    Args:
        cells: int16 (R, C, *shape), row by row from the top; a one-way row has R = 1.
        clip_format: Their format.
        path: Where the PNG goes.
        title: Over the picture.
        row_label: What changes from top to bottom.
        column_label: What changes from left to right.
        first: Names the top left clip.
        last: Names the bottom right clip.
        names: Of the rows, where they are pieces and not a way: each row then has one colour and its name, and
            ``row_label``, ``first`` and ``last`` are not drawn.
        overwrite: Whether an existing file may be replaced.

    Raises:
        ClipError: The cells are not R rows of C clips, R and C at least 1.
        UsageError: The file exists and ``overwrite`` is False.
        OutputError: The file cannot be written.
    """
    grid = np.asarray(cells)
    if names and len(names) != len(grid):
        raise ClipError(f"a picture of {len(grid)} rows needs as many names, not {len(names)}.")
    if grid.ndim != 2 + len(clip_format.shape) or grid.shape[2:] != clip_format.shape or not grid.size:
        raise ClipError(f"a picture needs rows and columns of {clip_format.name} clips, not an array {grid.shape}.")
    rows, columns = grid.shape[:2]
    notes = [[clip_format.notes(clip) for clip in row] for row in grid]
    if isinstance(clip_format, DrumFormat):
        ticks = {voice: drum.name for voice, drum in enumerate(clip_format.drums)}
        notes = [[tuple(evolve(note, pitch=note.voice) for note in cell) for cell in row] for row in notes]
        low, high = 0, len(ticks) - 1
    else:
        low, high = _pitch_range([note.pitch for row in notes for cell in row for note in cell])
        ticks = {octave: f"C{octave // 12 - 1}" for octave in range(-(-low // 12) * 12, high + 1, 12)}

    # In inches: cells, the margins that the labels take, and the gaps between cells.
    cell_width, cell_height, gap = 2.3, 1.35, 0.16
    left, right, top, bottom = 1.0, 0.25, 0.62 + 0.38 * bool(title), 0.3
    width = left + right + columns * cell_width + (columns - 1) * gap
    height = top + bottom + rows * cell_height + (rows - 1) * gap
    figure = new_figure(width, height)
    for r in range(rows):
        for c in range(columns):
            x = left + c * (cell_width + gap)
            y = height - top - (r + 1) * cell_height - r * gap
            axes = figure.add_axes((x / width, y / height, cell_width / width, cell_height / height))
            steps_of_way = max(rows + columns - 2, 1)
            along = r / max(rows - 1, 1) if names else (r + c) / steps_of_way
            _draw_cell(axes, notes[r][c], clip_format, (low, high), ticks, colour(along))
            axes.tick_params(labelleft=c == 0, labelbottom=r == rows - 1)
            if names and c == 0:
                axes.set_ylabel(names[r], color=INK, fontsize=9, labelpad=8)
            if not names and (r, c) in ((0, 0), (rows - 1, columns - 1)):
                _name(axes, first if (r, c) == (0, 0) else last)

    def arrow(begin: tuple[float, float], end: tuple[float, float], label: str, turn: float) -> None:
        from matplotlib.patches import FancyArrowPatch

        points = [(x / width, y / height) for x, y in (begin, end)]
        figure.add_artist(
            FancyArrowPatch(*points, arrowstyle="-|>", mutation_scale=13, color=INK, linewidth=1, shrinkA=0, shrinkB=0)
        )
        x, y = (np.array(points).mean(axis=0)).tolist()
        box = {"facecolor": "white", "edgecolor": "none", "pad": 4}
        figure.text(x, y, label, ha="center", va="center", rotation=turn, color=INK, fontsize=12, bbox=box)

    if columns > 1:
        y = height - top + 0.25
        arrow((left, y), (width - right, y), column_label, 0)
    if rows > 1 and not names:
        arrow((0.25, height - top), (0.25, bottom), row_label, 90)
    if title:
        figure.text(
            left / width, 1 - 0.3 / height, title, ha="left", va="center", color=INK, fontsize=13, weight="bold"
        )
    save(figure, path, overwrite=overwrite)


def _pitch_range(pitches: list[int]) -> tuple[int, int]:
    low, high = (min(pitches), max(pitches)) if pitches else (60, 60)
    missing = max(_NARROWEST - (high - low), 0)
    return low - 1 - missing // 2, high + 1 + (missing - missing // 2)


def _draw_cell(
    axes: Axes,
    notes: Sequence[Note],
    clip_format: ClipFormat,
    span: tuple[int, int],
    ticks: Mapping[int, str],
    note_colour: str,
) -> None:
    from matplotlib.patches import Rectangle

    beat, bar = steps_per_pulse(clip_format), steps_per_bar(clip_format)
    for step in (step for step in range(1, clip_format.steps) if step % bar % beat == 0):
        on_bar = step % bar == 0
        axes.axvline(step, color=INK if on_bar else FAINT, linewidth=0.9 if on_bar else 0.5, zorder=1)
    low, high = span
    for tick in ticks:
        axes.axhline(tick - 0.5, color=FAINT, linewidth=0.5, zorder=1)
    for note in notes:
        # A little short of its end, so that repeated notes stand apart.
        axes.add_patch(
            Rectangle(
                (note.onset + 0.06, note.pitch - 0.5),
                note.length - 0.18,
                1.0,
                facecolor=note_colour,
                edgecolor="none",
                zorder=2,
            )
        )
    if not notes:
        box = {"facecolor": "white", "edgecolor": "none", "pad": 3}
        place = axes.transAxes
        axes.text(0.5, 0.5, "silence", transform=place, ha="center", va="center", color=INK, fontsize=8, bbox=box)
    axes.set_xlim(0, clip_format.steps)
    axes.set_ylim(low - 0.5, high + 0.5)
    bars = range(math.ceil(clip_format.steps / bar))
    axes.set_xticks([float(bar) * (i + 0.5) for i in bars], [f"bar {i + 1}" for i in bars])
    axes.set_yticks(list(ticks), list(ticks.values()))
    axes.tick_params(length=0, labelsize=8, labelcolor=INK)
    for spine in axes.spines.values():
        spine.set_color(FAINT)


def _name(axes: Axes, name: str) -> None:
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5, "alpha": 0.85}
    axes.text(
        0.02, 0.96, name, transform=axes.transAxes, ha="left", va="top", color=INK, fontsize=9, weight="bold", bbox=box
    )
