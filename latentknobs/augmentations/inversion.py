"""The melody upside down."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from numpy.random import Generator

from latentknobs.augmentations.note_arrays import origin
from latentknobs.core.augmentation import NoteAugmentation
from latentknobs.core.clip import Note
from latentknobs.core.edit_context import EditContext


class Inversion(NoteAugmentation):
    """
    Mirrors every pitch around the first note of the piece.

    A step up becomes the same step down, in semitones, as in a fugue's inverted subject. All clips of a piece share the
    axis. A clip that would leave pitches 0 to 127 is masked, and so is a clip without notes.
    """

    name = "inversion"
    knob_name = "inversion"
    relative_to = "first-note"
    changes: ClassVar[frozenset[str]] = frozenset({"contour", "mean-pitch"})
    preserves: ClassVar[frozenset[str]] = frozenset({"onset-f1", "log2-onsets", "pitch-range"})

    def edit(
        self,
        notes: tuple[Note, ...],
        amount: float,  # noqa: ARG002 - on or off
        rng: Generator,  # noqa: ARG002 - nothing is left to chance
        context: EditContext | None = None,
    ) -> Iterable[Note] | None:
        """Mirror the pitches."""
        if not notes:
            return None
        axis = origin(notes, context)
        return [Note(note.onset, 2 * axis - note.pitch, note.length) for note in notes]
