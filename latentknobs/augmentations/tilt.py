"""A rise or fall laid under the melody."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from latentknobs.augmentations.note_arrays import RHYTHM
from latentknobs.core.arrays import Bools, ClipBatch
from latentknobs.core.augmentation import TokenAugmentation
from latentknobs.core.melody_format import HOLD
from latentknobs.core.meter import steps_per_bar

CLOSE = 0.1
"""How far the slope may miss the amount, as a share of it."""


class Tilt(TokenAugmentation):
    """
    Moves each note up by the amount for each bar after the notes' mean onset, and down for each bar before it.

    Each note moves by the nearest whole semitone, so the slope grows by the amount only nearly: a clip where it would
    miss it by more than a tenth is masked, which leaves few clips below 2. One that would leave pitches 0 to 127 is
    masked too. The opposite amount gives the melody back.
    """

    name = "tilt"
    knob_name = "direction"
    unit = "semitones a bar"
    amounts = (-6.0, -4.0, -2.0, 2.0, 4.0, 6.0)
    target = "contour-direction"
    changes: ClassVar[frozenset[str]] = frozenset({"contour-direction", "contour"})
    preserves: ClassVar[frozenset[str]] = RHYTHM

    def edit_tokens(self, clips: ClipBatch, amount: float, rng: Generator) -> tuple[NDArray[np.int16], Bools]:  # noqa: ARG002 - nothing here is left to chance
        """Move the onsets."""
        onset = clips < HOLD
        step = np.arange(clips.shape[-1])
        count = onset.sum(axis=-1, keepdims=True)
        mean = np.where(onset, step, 0).sum(axis=-1, keepdims=True) / np.maximum(count, 1)
        bars = np.where(onset, step - mean, 0) / float(steps_per_bar(self.format))
        # Rounding to even is odd about 0, so that the opposite amount undoes it.
        by = np.rint(amount * bars)
        moved = clips + by
        outside = onset & ((moved < 0) | (moved >= HOLD))
        spread = (bars * bars).sum(axis=-1)
        off = np.abs((bars * by).sum(axis=-1) - amount * spread)
        valid: Bools = (spread > 0) & (off <= CLOSE * abs(amount) * spread) & ~outside.any(axis=-1)
        return np.where(valid[:, None], moved, clips).astype(np.int16), valid
