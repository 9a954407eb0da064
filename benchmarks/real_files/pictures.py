"""
A file before and after, as a picture: the melody in colour, all other notes grey.

    python -m benchmarks.real_files.pictures suite/pop_long.mid suite/pop_long.mid.up.mid --track 2 -o pop_long.png
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from benchmarks.real_files.checks import read
from benchmarks.real_files.performances import DRUM_CHANNEL
from benchmarks.real_files.truth import notes_of

COLOURS = {"melody": "#c2410c", "others": "#9aa4b2", "drums": "#d7dce3"}


def _draw(axes: Any, file: Any, melody: int, title: str, beats: tuple[float, float]) -> None:
    ticks = file.ticks_per_beat
    for number, track in enumerate(file.tracks):
        kit = any(m.type == "note_on" and m.channel == DRUM_CHANNEL for m in track)
        kind = "melody" if number == melody else "drums" if kit else "others"
        lines = [
            [(note.start / ticks, note.pitch), (max(note.end, note.start + ticks // 16) / ticks, note.pitch)]
            for note in notes_of(track)
        ]
        colour, width = COLOURS[kind], 3 if kind == "melody" else 2
        axes.add_collection(LineCollection(lines, colors=colour, linewidths=width, zorder=3 if kind == "melody" else 1))
    axes.set_xlim(*beats)
    axes.set_ylim(24, 96)
    axes.set_xticks(
        range(int(beats[0]), int(beats[1]) + 1, 4),
        [str(k // 4 + 1) for k in range(int(beats[0]), int(beats[1]) + 1, 4)],
    )
    axes.set_yticks(range(24, 97, 12), [f"C{k}" for k in range(1, 8)])
    axes.grid(color="#eef1f5", zorder=0)
    axes.set_title(title, loc="left", fontsize=10)


def draw(before: Path, after: Path, melody: int, output: Path, *, bars: tuple[int, int] = (1, 24)) -> None:
    """
    Draw two MIDI files, one above the other.

    Args:
        before: The first.
        after: The second.
        melody: Index of the melody's chunk.
        output: The picture.
        bars: First and last bar of four quarters that are shown.
    """
    figure = Figure(figsize=(16, 9), layout="constrained")
    beats = ((bars[0] - 1) * 4.0, bars[1] * 4.0)
    for axes, path in zip(figure.subplots(2, 1, sharex=True), (before, after), strict=True):
        _draw(axes, read(path.read_bytes()), melody, path.name, beats)
    figure.supxlabel("bar")
    figure.savefig(output, dpi=110)


def main() -> int:
    """Draw what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--track", type=int, default=1, help="index of the melody's chunk [1]")
    parser.add_argument("--bars", type=int, nargs=2, default=(1, 24), help="first and last bar [1 24]")
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    draw(options.before, options.after, options.track, options.output, bars=(options.bars[0], options.bars[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
