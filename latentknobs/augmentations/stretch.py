"""A wider or narrower range of pitches."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from latentknobs.augmentations.note_arrays import RHYTHM, whole
from latentknobs.core.arrays import Bools, ClipBatch
from latentknobs.core.augmentation import TokenAugmentation
from latentknobs.core.melody_format import HOLD

MOST = 127


class Stretch(TokenAugmentation):
    """
    Widens the range by the amount in semitones, narrows it where it is negative, around the median pitch.

    Of the semitones between neighbouring pitches of the clip the first stays, so that pitches never meet or cross;
    those beyond it grow or shrink in proportion. A clip is masked where there are none beyond it (all its pitches are
    semitones apart), too few to take away, or where a pitch would leave 0 to 127.
    """

    name = "stretch"
    knob_name = "range"
    unit = "semitones"
    amounts = (-4.0, -3.0, -2.0, -1.0, 1.0, 2.0, 3.0, 4.0)
    target = "pitch-range"
    changes: ClassVar[frozenset[str]] = frozenset({"pitch-range", "mean-interval"})
    preserves: ClassVar[frozenset[str]] = RHYTHM | {"contour"}

    def edit_tokens(self, clips: ClipBatch, amount: float, rng: Generator) -> tuple[NDArray[np.int16], Bools]:  # noqa: ARG002 - nothing here is left to chance
        """
        Move the onsets to where their pitches go.

        Raises:
            AmountError: Not a whole number of semitones, or more than there are.
        """
        semitones = whole(amount, 1, -MOST, MOST, f"{self.name} takes whole semitones, at most {MOST}")
        onset = clips < HOLD
        rows = np.arange(len(clips))[:, None]
        present = np.zeros((len(clips), HOLD), dtype=bool)
        present[np.broadcast_to(rows, clips.shape)[onset], clips[onset]] = True
        pitch = np.arange(HOLD)
        lowest = present.argmax(axis=-1)[:, None]
        level = present.cumsum(axis=-1) - 1
        beyond = pitch - lowest - level  # semitones from the lowest pitch up to here, without the first of each gap
        total = np.where(present, beyond, 0).max(axis=-1, keepdims=True)
        new = lowest + level + np.rint(beyond * ((total + semitones) / np.maximum(total, 1)))
        ordered = np.sort(np.where(onset, clips, HOLD), axis=-1)
        middle = np.maximum(onset.sum(axis=-1, keepdims=True) - 1, 0) // 2
        median = np.minimum(np.take_along_axis(ordered, middle, axis=-1), MOST)
        new += median - np.take_along_axis(new, median, axis=-1)
        outside = present & ((new < 0) | (new > MOST))
        valid: Bools = (total[:, 0] > 0) & (total[:, 0] + semitones >= 0) & ~outside.any(axis=-1)
        edited = np.where(onset & valid[:, None], np.take_along_axis(new, np.minimum(clips, MOST), axis=-1), clips)
        return edited.astype(np.int16), valid
