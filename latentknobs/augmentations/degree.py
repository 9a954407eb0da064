"""Transposition within the key."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from latentknobs.augmentations.note_arrays import RHYTHM, whole
from latentknobs.augmentations.scale_places import DEGREES, Scales, keys_of, move_in_scale
from latentknobs.core.arrays import Bools, ClipBatch
from latentknobs.core.augmentation import TokenAugmentation
from latentknobs.core.edit_context import EditContext

MOST = 10 * DEGREES


class Degree(TokenAugmentation):
    """
    Moves every note up by the amount in steps of the key's scale, down where it is negative; 7 is an octave.

    The key is that of the piece, natural where it is minor. A note outside the scale keeps its distance to the note of
    the scale below. A clip where it would meet the next one is masked, so that the opposite amount gives every melody
    back; by rule the two meet. Masked too is a clip without notes, or that would leave pitches 0 to 127.
    """

    name = "degree"
    knob_name = "degree"
    relative_to = "key"
    unit = "scale steps"
    amounts = tuple(float(n) for n in range(-DEGREES, DEGREES + 1) if n)
    changes: ClassVar[frozenset[str]] = frozenset({"mean-pitch", "mean-octave", "onset-pitch-f1", "onset-chroma-f1"})
    preserves: ClassVar[frozenset[str]] = RHYTHM | {"contour"}

    def edit_tokens(
        self,
        clips: ClipBatch,
        amount: float,
        rng: Generator,  # noqa: ARG002 - nothing here is left to chance
        context: tuple[EditContext, ...] = (),
    ) -> tuple[NDArray[np.int16], Bools]:
        """
        Move the notes.

        Raises:
            AmountError: Not a whole number of steps, or more than any clip can be moved.
        """
        steps = whole(amount, 1, -MOST, MOST, f"{self.name} moves by whole scale steps, at most {MOST}")
        scales = Scales.of(keys_of(context))
        return move_in_scale(clips, scales, lambda places, _: places + 2 * steps, exact=self.exact)
