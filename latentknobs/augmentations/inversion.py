"""The melody upside down."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from numpy.random import Generator

from latentknobs.core.augmentation import NoteAugmentation
from latentknobs.core.clip import Note


class Inversion(NoteAugmentation):
    """
    Mirrors every pitch around the first note.

    A step up becomes the same step down, in semitones, as in a fugue's inverted subject. A clip that would leave
    pitches 0 to 127 is masked, and so is a clip without notes.
    """

    name = "inversion"
    knob_name = "inversion"
    changes: ClassVar[frozenset[str]] = frozenset({"contour", "mean-pitch"})
    preserves: ClassVar[frozenset[str]] = frozenset({"onset-f1", "log2-onsets", "pitch-range"})

    def edit(self, notes: tuple[Note, ...], amount: float, rng: Generator) -> Iterable[Note] | None:  # noqa: ARG002 - on or off, and nothing is left to chance
        """Mirror the pitches."""
        return [Note(note.onset, 2 * notes[0].pitch - note.pitch, note.length) for note in notes] or None
