"""The melody within one octave."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from numpy.random import Generator

from latentknobs.augmentations.note_arrays import origin
from latentknobs.core.augmentation import NoteAugmentation
from latentknobs.core.clip import Note
from latentknobs.core.edit_context import EditContext


class RegisterFold(NoteAugmentation):
    """
    Folds every note into the octave that begins with the first note.

    Every note keeps its name and its place, as for a singer or a small instrument. A clip that would leave pitches 0 to
    127 is masked, and so is one that is within that octave already. By rule the first note is that of the piece, and
    what is within the octave stays as it is.
    """

    name = "register-fold"
    knob_name = "register-fold"
    changes: ClassVar[frozenset[str]] = frozenset({"mean-pitch", "pitch-range", "contour"})
    preserves: ClassVar[frozenset[str]] = frozenset(
        {"onset-f1", "onset-chroma-f1", "log2-onsets", "rests", "syncopation", "chromaticism"}
    )

    def edit(
        self,
        notes: tuple[Note, ...],
        amount: float,  # noqa: ARG002 - on or off
        rng: Generator,  # noqa: ARG002 - nothing is left to chance
        context: EditContext | None = None,
    ) -> Iterable[Note] | None:
        """Fold the pitches."""
        if not notes:
            return None
        low = origin(notes, None if self.exact else context)
        folded = [Note(n.onset, low + (n.pitch - low) % 12, n.length) for n in notes]
        return folded if folded != list(notes) or not self.exact else None
