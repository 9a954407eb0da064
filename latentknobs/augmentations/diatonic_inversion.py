"""The melody upside down, within its key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from numpy.random import Generator

from latentknobs.core.augmentation import NoteAugmentation
from latentknobs.core.clip import Note
from latentknobs.core.edit_context import EditContext

AXIS = 2
"""Semitones above the tonic of a major scale of the note around which the scale is its own mirror image."""


class DiatonicInversion(NoteAugmentation):
    """
    Mirrors every pitch around the second degree of a major key, the fourth of a minor one.

    Around that note the scale is its own mirror image, so that every note of the key gets another one of it: C, E and G
    become E, C and A. The axis is the same for the whole piece, in the octave nearest to its first note; in a minor key
    the scale is the natural one. Turn ``degree`` too for another axis. A clip that would leave pitches 0 to 127 is
    masked, and so is a clip without notes.
    """

    name = "diatonic-inversion"
    knob_name = "diatonic-inversion"
    relative_to = "key"
    changes: ClassVar[frozenset[str]] = frozenset({"contour", "mean-pitch", "onset-pitch-f1"})
    preserves: ClassVar[frozenset[str]] = frozenset({"onset-f1", "log2-onsets", "pitch-range"})

    def edit(
        self,
        notes: tuple[Note, ...],
        amount: float,  # noqa: ARG002 - on or off
        rng: Generator,  # noqa: ARG002 - nothing is left to chance
        context: EditContext | None = None,
    ) -> Iterable[Note] | None:
        """Mirror the pitches."""
        if not notes or context is None or context.key is None:
            return None
        axis = context.nearest(context.key.relative_major) + AXIS
        return [Note(note.onset, 2 * axis - note.pitch, note.length) for note in notes]
