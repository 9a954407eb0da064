"""Swing."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from latentknobs.augmentations.note_arrays import PITCHES
from latentknobs.core.arrays import Bools, ClipBatch
from latentknobs.core.augmentation import TokenAugmentation
from latentknobs.core.melody_format import HOLD, MELODY, REST


class SwingEighths(TokenAugmentation):
    """
    Starts the second eighth of a beat at two thirds of it, as in jazz.

    The first eighth, or the rest before, lasts until then, and the note keeps its end. Beats in which a note starts
    anywhere else stay straight. A clip without a second eighth that is still there at two thirds of its beat is masked;
    by rule it stays as it is. Needs a grid of 6, 12, 18 or 24 steps a beat.
    """

    name = "swing-eighths"
    knob_name = "swing"
    changes: ClassVar[frozenset[str]] = frozenset({"onset-f1", "mean-onset"})
    preserves: ClassVar[frozenset[str]] = PITCHES | {"log2-onsets", "note-density"}
    needs = ("monophonic", "thirds")

    def edit_tokens(self, clips: ClipBatch, amount: float, rng: Generator) -> tuple[NDArray[np.int16], Bools]:  # noqa: ARG002 - on or off, and nothing is left to chance
        """Move the second eighths, beat after beat."""
        onset, sounding, out = MELODY.onsets(clips), MELODY.sounding(clips), clips.copy()
        beat = self.format.steps_per_beat
        half, late = beat // 2, 2 * beat // 3
        moved = np.zeros(len(clips), dtype=bool)
        for start in range(0, self.format.steps - late, beat):
            inside = onset[:, start + 1 : start + beat]
            even = onset[:, start + half] & (inside.sum(axis=-1) == 1) & (sounding[:, start + late] >= 0)
            before = np.where(sounding[:, start + half - 1] >= 0, HOLD, REST)
            out[even, start + half : start + late] = before[even, None]
            out[even, start + late] = clips[even, start + half]
            moved |= even
        valid: Bools = moved | (onset.any(axis=-1) & (not self.exact))
        return out, valid
