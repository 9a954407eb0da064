"""Piano rolls as plain text, for a terminal of 80 columns."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from latentknobs.core.clip import ClipFormat, DrumFormat, Note
from latentknobs.core.melody_format import MELODY
from latentknobs.core.meter import steps_per_bar, steps_per_pulse

_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_WIDTH = 80  # columns of a terminal
_GAP = 4  # consecutive pitches without a note from which on they are drawn as one row


@frozen
class _Glyphs:
    onset: str
    hold: str
    new_onset: str
    new_hold: str
    bar: str
    beat: str
    gap: str


_BLOCKS = _Glyphs(onset="█", hold="▬", new_onset="▓", new_hold="░", bar="│", beat="·", gap="┆")
_ASCII = _Glyphs(onset="#", hold="=", new_onset="@", new_hold="-", bar="|", beat=".", gap=":")


def text_roll(
    before: NDArray[np.int16],
    after: NDArray[np.int16] | None = None,
    clip_format: ClipFormat = MELODY,
    *,
    ascii_only: bool = False,
    first_bar: int = 1,
) -> str:
    """
    One clip, or two side by side, as a piano roll in text: a row for each pitch, a column for each step.

    Of drums there is a row for each voice that is hit. Bar lines are drawn, and a dot on each beat where nothing
    sounds. A note of ``after`` that is not in ``before`` is drawn lighter. Five or more pitches in a row without a note
    are drawn as one row. What is wider than a terminal is drawn bar by bar, and one clip below the other if need be.

    Args:
        before: int16 (*shape).
        after: int16 (*shape), or None for one roll.
        clip_format: Their format.
        ascii_only: Whether to use no character outside ASCII, for a terminal that cannot show them.
        first_bar: The number of the clip's first bar.

    Returns:
        Lines without a line break at the end.
    """
    glyphs = _ASCII if ascii_only else _BLOCKS
    old = clip_format.notes(before)
    rolls = [(old, frozenset(old))]
    if after is not None:
        rolls.append((clip_format.notes(after), frozenset(old)))
    pitches = sorted({note.pitch for notes, _known in rolls for note in notes}, reverse=True)
    rows = _drum_rows(pitches, clip_format) if isinstance(clip_format, DrumFormat) else _named_rows(pitches)
    margin = max([4, *(len(label) + 1 for _pitch, label in rows)])
    drawn = [[_bars(notes, known, pitch, clip_format, glyphs) for notes, known in rolls] for pitch, _label in rows]
    titles = ("before", f"after ({glyphs.new_onset} = changed)") if after is not None else ("",)
    parts = _parts(clip_format, margin, len(rolls)) if rows else []
    margin = max(margin, len(f"bar {first_bar + parts[-1][0]}: ")) if len(parts) > 1 else margin
    lines = []
    for first, last, sides in parts:
        width = last - first + 1 + min(clip_format.steps, (last - first) * math.ceil(steps_per_bar(clip_format)))
        where = f"bar {first_bar + first}: " if len(parts) > 1 else ""
        title = f"{where:<{margin}}" + " ".join(f"{titles[side]:<{width}}" for side in sides)
        lines += [title.rstrip()] if title.strip() else []
        for (_pitch, label), row in zip(rows, drawn, strict=True):
            cells = (glyphs.bar + glyphs.bar.join(row[side][first:last]) + glyphs.bar for side in sides)
            lines.append(f"{label:<{margin}}{' '.join(cells)}".rstrip())
    for i, (notes, _known) in enumerate(rolls):
        if not notes:
            lines.append("silence" if after is None else f"{('before', 'after')[i]}: silence")
    return "\n".join(lines)


def _parts(clip_format: ClipFormat, margin: int, rolls: int) -> list[tuple[int, int, tuple[int, ...]]]:
    """What is drawn below one another so that it is not too wide: from which bar to which, and which of the rolls."""
    bar, both = math.ceil(steps_per_bar(clip_format)), tuple(range(rolls))
    bars = -(-clip_format.steps // bar)

    def fits(steps: int, bar_lines: int) -> bool:
        return margin + rolls * (steps + bar_lines + 1) - 1 <= _WIDTH

    if fits(clip_format.steps, bars + 1):
        return [(0, bars, both)]
    groups = [both] if fits(bar, 2) else [(side,) for side in both]
    return [(k, k + 1, sides) for k in range(bars) for sides in groups]


def _drum_rows(pitches: Sequence[int], kit: DrumFormat) -> list[tuple[int | None, str]]:
    """The voices that are hit, the lowest row last."""
    return [(drum.numbers[0], drum.name) for drum in reversed(kit.drums) if drum.numbers[0] in pitches]


def _named_rows(pitches: Sequence[int]) -> list[tuple[int | None, str]]:
    return [(pitch, "" if pitch is None else f"{_NAMES[pitch % 12]}{pitch // 12 - 1}") for pitch in _rows(pitches)]


def _rows(pitches: Sequence[int]) -> list[int | None]:
    """Every pitch from the highest to the lowest; None for a gap."""
    out: list[int | None] = []
    for i, pitch in enumerate(pitches):
        if i:
            empty = range(pitches[i - 1] - 1, pitch, -1)
            out.extend(empty if len(empty) <= _GAP else [None])
        out.append(pitch)
    return out


def _bars(
    notes: Sequence[Note], known: frozenset[Note], pitch: int | None, clip_format: ClipFormat, glyphs: _Glyphs
) -> list[str]:
    """The cells of a row, bar by bar."""
    beat, bar = steps_per_pulse(clip_format), math.ceil(steps_per_bar(clip_format))
    empty = glyphs.gap if pitch is None else glyphs.beat
    cells = [empty if step % bar % beat == 0 else " " for step in range(clip_format.steps)]
    for note in notes:
        if note.pitch == pitch:
            onset, hold = (glyphs.onset, glyphs.hold) if note in known else (glyphs.new_onset, glyphs.new_hold)
            cells[note.onset : note.end] = [onset] + [hold] * (note.length - 1)
    return ["".join(cells[start : start + bar]) for start in range(0, clip_format.steps, bar)]
