"""The melody within one octave."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from numpy.random import Generator

from latentknobs.core.augmentation import NoteAugmentation
from latentknobs.core.clip import Note


class RegisterFold(NoteAugmentation):
    """
    Folds every note into the octave that begins with the first note.

    Every note keeps its name and its place, as for a singer or a small instrument. A clip that would leave pitches 0 to
    127 is masked, and so is one that is within that octave already; by rule that one stays as it is.
    """

    name = "register-fold"
    knob_name = "register-fold"
    changes: ClassVar[frozenset[str]] = frozenset({"mean-pitch", "pitch-range", "contour"})
    preserves: ClassVar[frozenset[str]] = frozenset(
        {"onset-f1", "onset-chroma-f1", "log2-onsets", "rests", "syncopation", "chromaticism"}
    )

    def edit(self, notes: tuple[Note, ...], amount: float, rng: Generator) -> Iterable[Note] | None:  # noqa: ARG002 - on or off, and nothing is left to chance
        """Fold the pitches."""
        folded = [Note(n.onset, notes[0].pitch + (n.pitch - notes[0].pitch) % 12, n.length) for n in notes]
        return folded if folded != list(notes) or not self.exact else None
