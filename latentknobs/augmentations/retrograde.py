"""The melody backwards."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from numpy.random import Generator

from latentknobs.core.augmentation import NoteAugmentation
from latentknobs.core.clip import Note


class Retrograde(NoteAugmentation):
    """
    Reverses the order of the notes in time.

    Each note keeps its pitch and length, and rests are mirrored with them; the last clip of a piece comes first. A clip
    without notes is masked.
    """

    name = "retrograde"
    knob_name = "retrograde"
    reverses_order = True
    changes: ClassVar[frozenset[str]] = frozenset({"contour", "onset-f1"})
    preserves: ClassVar[frozenset[str]] = frozenset({"mean-pitch", "pitch-range", "log2-onsets"})

    def edit(self, notes: tuple[Note, ...], amount: float, rng: Generator) -> Iterable[Note] | None:  # noqa: ARG002 - on or off, and nothing is left to chance
        """Mirror the notes in time."""
        return [Note(self.format.steps - note.end, note.pitch, note.length) for note in notes] or None
