"""Smaller intervals of the same contour."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from latentknobs.augmentations.note_arrays import RHYTHM
from latentknobs.augmentations.scale_places import Scales, keys_of, move_in_scale
from latentknobs.core.arrays import Bools, ClipBatch, Ints
from latentknobs.core.augmentation import TokenAugmentation
from latentknobs.core.edit_context import EditContext


class Smooth(TokenAugmentation):
    """
    Halves the intervals between notes, in steps of the key's scale and rounded up, and keeps the contour.

    A step stays a step, a third becomes one, a fifth a third. Each clip keeps its first note, since the notes before it
    are not known. Notes outside the scale stay as far above the note of the scale below. A clip where one would meet
    the next note of the scale is masked, and so is one without a leap; by rule they meet, and it stays as it is.
    """

    name = "smooth"
    knob_name = "smooth"
    relative_to = "key"
    changes: ClassVar[frozenset[str]] = frozenset({"mean-interval", "pitch-range", "mean-pitch", "onset-pitch-f1"})
    preserves: ClassVar[frozenset[str]] = RHYTHM

    def edit_tokens(
        self,
        clips: ClipBatch,
        amount: float,  # noqa: ARG002 - on or off
        rng: Generator,  # noqa: ARG002 - nothing is left to chance
        context: tuple[EditContext, ...] = (),
    ) -> tuple[NDArray[np.int16], Bools]:
        """Move the notes after the first."""
        edited, valid = move_in_scale(clips, Scales.of(keys_of(context)), _halved, exact=self.exact)
        if self.exact:
            valid &= (edited != clips).any(axis=-1)
        return edited, valid


def _halved(places: Ints, there: Bools) -> Ints:
    """The places with half the whole scale steps between one note and the next."""
    step, raised = np.divmod(places, 2)
    by = np.where(there[:, 1:], np.diff(step, axis=-1), 0)
    halves = np.sign(by) * ((np.abs(by) + 1) // 2)
    return 2 * np.cumsum(np.concatenate([step[:, :1], halves], axis=-1), axis=-1) + raised
