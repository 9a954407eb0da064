"""The melody upside down, within its key."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from latentknobs.augmentations.note_arrays import RHYTHM
from latentknobs.augmentations.scale_places import Scales, keys_of, move_in_scale
from latentknobs.core.arrays import Bools, ClipBatch
from latentknobs.core.augmentation import TokenAugmentation
from latentknobs.core.edit_context import EditContext


class DiatonicInversion(TokenAugmentation):
    """
    Mirrors the scale steps of every note around the first note of the piece, in its key.

    A third up becomes a third down, major or minor as the key, natural where it is minor, has it. A note outside the
    scale stays between the two notes that it was between, so that a raised one becomes a lowered one; a first note
    outside it is the axis all the same. A clip where no pitch lies between the two is masked; by rule the note gets
    that of the upper. Masked too is a clip without notes, or that would leave pitches 0 to 127.
    """

    name = "diatonic-inversion"
    knob_name = "diatonic-inversion"
    changes: ClassVar[frozenset[str]] = frozenset({"contour", "mean-pitch", "onset-pitch-f1"})
    preserves: ClassVar[frozenset[str]] = RHYTHM

    def edit_tokens(
        self,
        clips: ClipBatch,
        amount: float,  # noqa: ARG002 - on or off
        rng: Generator,  # noqa: ARG002 - nothing is left to chance
        context: tuple[EditContext, ...] = (),
    ) -> tuple[NDArray[np.int16], Bools]:
        """Mirror the notes."""
        scales = Scales.of(keys_of(context))
        first = np.asarray([one.first.pitch if one.first else 0 for one in context], dtype=np.int64).reshape(-1, 1)
        axis = scales.places(first)
        return move_in_scale(clips, scales, lambda places, _: 2 * axis - places, exact=self.exact)
