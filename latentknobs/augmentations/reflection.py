"""Pitches reflected in a fixed one."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from latentknobs.core.arrays import Bools, ClipBatch
from latentknobs.core.augmentation import TokenAugmentation
from latentknobs.core.melody_format import HOLD

AXIS: Final = 64
"""E4, in the middle of the piano's keys."""


class Reflection(TokenAugmentation):
    """
    Reflects every pitch in E4 (MIDI pitch 64).

    Inversion around any other pitch is this edit with a transposition after it. A clip that would leave pitches 0 to
    127 is masked, and so is a clip without notes.
    """

    name = "reflection"
    knob_name = "reflection"
    changes: ClassVar[frozenset[str]] = frozenset({"contour", "mean-pitch"})
    preserves: ClassVar[frozenset[str]] = frozenset({"onset-f1", "log2-onsets", "pitch-range"})

    def edit_tokens(self, clips: ClipBatch, amount: float, rng: Generator) -> tuple[NDArray[np.int16], Bools]:  # noqa: ARG002 - on or off, and nothing is left to chance
        """Reflect the onsets."""
        onset = clips < HOLD
        reflected = np.where(onset, 2 * AXIS - clips, clips)
        outside = onset & ((reflected < 0) | (reflected >= HOLD))
        valid = np.logical_and(onset.any(axis=-1), ~outside.any(axis=-1))
        return reflected.astype(np.int16), valid
