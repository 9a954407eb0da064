"""One voice out of many notes: the policies, on the grid, with counts of what they change."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias, get_args

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray

from latentknobs.core.clip import Note

Policy: TypeAlias = Literal["auto", "error", "highest-onset", "skyline"]
POLICIES: tuple[Policy, ...] = get_args(Policy)
LEGATO = 1
"""Steps by which a note may sound into the next and still be called legato, not a second voice."""


@frozen(eq=False)
class Voice:
    """
    One voice, and what it took.

    Attributes:
        notes: The notes kept, by onset, none overlapping.
        dropped: Onsets of the notes left out.
        cut: Onsets of the notes that were shortened.
    """

    notes: tuple[Note, ...]
    dropped: tuple[int, ...]
    cut: tuple[int, ...]


def overlap(notes: Iterable[Note], tolerance: int = 0) -> int | None:
    """The first step on which a note starts while another one sounds, for longer than ``tolerance`` steps; or None."""
    end = -1
    before = -1
    for note in sorted(notes):
        if note.onset == before or note.onset < end - tolerance:
            return note.onset
        end = max(end, note.end)
        before = note.onset
    return None


def highest_onset(notes: Sequence[Note]) -> Voice:
    """
    The highest of the notes that start together, cut by the next onset.

    This is what note_seq does when it ignores polyphony; a bass note under a held melody note takes the line.
    """
    highest: dict[int, Note] = {}
    for note in notes:
        if note.onset not in highest or _rank(note) > _rank(highest[note.onset]):
            highest[note.onset] = note
    return _line(notes, highest.values())


def skyline(notes: Sequence[Note], steps: int) -> Voice:
    """
    At each step the highest sounding note; a new onset only where that note starts.

    A note that starts under a higher one is left out, and one that a higher one covers ends there.

    Args:
        notes: All of them.
        steps: Length of the piece, at least the last note's end.
    """
    top = _sounding_top(notes, steps)
    highest: dict[int, Note] = {}
    for note in notes:
        hidden = top[note.onset] > note.pitch
        if not hidden and (note.onset not in highest or _rank(note) > _rank(highest[note.onset])):
            highest[note.onset] = note
    return _line(notes, highest.values())


def monophony(notes: Sequence[Note], steps: int) -> float:
    """Share of the sounding steps on which exactly one note sounds, 0 to 1; 1 where there is no note."""
    change = np.zeros(steps + 1, dtype=np.int64)
    for note in notes:
        change[note.onset] += 1
        change[note.end] -= 1
    sounding = np.cumsum(change)
    return float((sounding == 1).sum() / max((sounding > 0).sum(), 1)) if notes else 1.0


def _rank(note: Note) -> tuple[int, int]:
    return note.pitch, note.length


def _line(notes: Sequence[Note], kept: Iterable[Note]) -> Voice:
    line = sorted(kept)
    cut: list[int] = []
    for i, (note, after) in enumerate(itertools.pairwise(line)):
        if note.end > after.onset:
            line[i] = evolve(note, length=after.onset - note.onset)
            cut.append(note.onset)
    dropped = Counter(note.onset for note in notes) - Counter(note.onset for note in line)
    return Voice(tuple(line), tuple(sorted(dropped.elements())), tuple(cut))


def _sounding_top(notes: Sequence[Note], steps: int) -> NDArray[np.int16]:
    top = np.full(steps, -1, dtype=np.int16)
    for note in notes:
        np.maximum(top[note.onset : note.end], np.int16(note.pitch), out=top[note.onset : note.end])
    return top
