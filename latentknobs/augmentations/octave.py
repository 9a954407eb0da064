"""Transposition by whole octaves."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from latentknobs.augmentations.note_arrays import RHYTHM, whole
from latentknobs.augmentations.transpose import Transpose
from latentknobs.core.arrays import Bools, ClipBatch
from latentknobs.core.augmentation import TokenAugmentation

SEMITONES = 12
MOST = 10


class Octave(TokenAugmentation):
    """
    Moves every note up by the amount in octaves, down where it is negative.

    A clip that would leave pitches 0 to 127 is masked, and so is a clip without notes.
    """

    name = "octave"
    knob_name = "octave"
    unit = "octaves"
    amounts = (-2.0, -1.0, 1.0, 2.0)
    target = "mean-octave"
    changes: ClassVar[frozenset[str]] = frozenset({"mean-octave", "mean-pitch", "onset-pitch-f1"})
    preserves: ClassVar[frozenset[str]] = RHYTHM | {
        "pitch-range",
        "mean-interval",
        "contour-direction",
        "contour",
        "chromaticism",
        "onset-chroma-f1",
    }

    def edit_tokens(self, clips: ClipBatch, amount: float, rng: Generator) -> tuple[NDArray[np.int16], Bools]:
        """
        Transpose by 12 semitones an octave.

        Raises:
            AmountError: Not a whole number of octaves, or more than any clip can be moved.
        """
        octaves = whole(amount, 1, -MOST, MOST, f"{self.name} moves by whole octaves, at most {MOST}")
        return Transpose().edit_tokens(clips, octaves * SEMITONES, rng)
