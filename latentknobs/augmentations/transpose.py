"""Transposition by whole semitones."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from latentknobs.core.arrays import Bools, ClipBatch
from latentknobs.core.augmentation import TokenAugmentation
from latentknobs.errors import AmountError

HIGHEST = 127


class Transpose(TokenAugmentation):
    """
    Moves every note up by the amount in semitones, down where it is negative.

    A clip that would leave pitches 0 to 127 is masked, and so is a clip without notes.
    """

    name = "transpose"
    knob_name = "pitch"
    unit = "semitones"
    amounts = tuple(float(n) for n in range(-12, 13) if n)
    target = "mean-pitch"
    changes: ClassVar[frozenset[str]] = frozenset({"mean-pitch", "mean-octave"})
    preserves: ClassVar[frozenset[str]] = frozenset({"log2-onsets", "pitch-range", "onset-f1", "contour"})

    def edit_tokens(self, clips: ClipBatch, amount: float, rng: Generator) -> tuple[NDArray[np.int16], Bools]:  # noqa: ARG002 - nothing here is left to chance
        """
        Move the onsets.

        Raises:
            AmountError: Not a whole number of semitones, or more than any clip can be moved.
        """
        if not float(amount).is_integer():
            raise AmountError(f"{self.name} moves by whole semitones, not by {amount:g}: use {round(amount):d}.")
        if abs(amount) > HIGHEST:
            raise AmountError(f"{self.name} moves by at most {HIGHEST} semitones, not by {amount:g}.")
        onset = clips <= HIGHEST
        moved = np.where(onset, clips + np.int16(amount), clips)
        outside = onset & ((moved < 0) | (moved > HIGHEST))
        valid = np.logical_and(onset.any(axis=-1), ~outside.any(axis=-1))
        return moved.astype(np.int16), valid
