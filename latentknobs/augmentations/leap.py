"""Larger intervals of the same contour."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from latentknobs.augmentations.note_arrays import RHYTHM, whole
from latentknobs.augmentations.scale_places import DEGREES, Scales, keys_of, move_in_scale
from latentknobs.core.arrays import Bools, ClipBatch, Ints
from latentknobs.core.augmentation import TokenAugmentation
from latentknobs.core.edit_context import EditContext


class Leap(TokenAugmentation):
    """
    Raises every peak and lowers every valley of the melody by the amount in steps of the key's scale.

    So the intervals at each turn grow, and up and down stay up and down. Were all intervals wider, the melody would
    wander off: here no note moves further than the amount, and the first and the last of a clip stay. A repeated peak
    is raised as a whole. A note outside the scale stays as far above the note of the scale below; a clip where it would
    meet the next one is masked, and so is one that never turns or would leave pitches 0 to 127. By rule such notes
    meet, and a melody that never turns stays as it is.
    """

    name = "leap"
    knob_name = "leap"
    relative_to = "key"
    unit = "scale steps"
    amounts = (1.0, 2.0)
    changes: ClassVar[frozenset[str]] = frozenset({"mean-interval", "pitch-range", "onset-pitch-f1"})
    preserves: ClassVar[frozenset[str]] = RHYTHM

    def edit_tokens(
        self,
        clips: ClipBatch,
        amount: float,
        rng: Generator,  # noqa: ARG002 - nothing here is left to chance
        context: tuple[EditContext, ...] = (),
    ) -> tuple[NDArray[np.int16], Bools]:
        """
        Move the notes at the turns.

        Raises:
            AmountError: Not a whole number of scale steps from 1 to 7.
        """
        by = 2 * whole(amount, 1, 1, DEGREES, f"{self.name} takes whole scale steps from 1 to {DEGREES}")

        def wider(places: Ints, there: Bools) -> Ints:
            return places + by * _turns(places, there)

        edited, valid = move_in_scale(clips, Scales.of(keys_of(context)), wider, exact=self.exact)
        if self.exact:
            valid &= (edited != clips).any(axis=-1)
        return edited, valid


def _turns(places: Ints, there: Bools) -> Ints:
    """1 for each note on a peak, -1 in a valley, 0 elsewhere, (N, K); repeated notes are one."""
    rises = np.where(there[:, 1:], np.sign(np.diff(places, axis=-1)), 0)
    nothing = np.zeros((len(places), 1), dtype=np.int64)
    before = np.concatenate([nothing, rises], axis=-1)
    after = np.concatenate([rises, nothing], axis=-1)
    for k in range(1, places.shape[1]):  # a repeated note comes from and goes to where the others do
        before[:, k] = np.where(before[:, k] == 0, before[:, k - 1], before[:, k])
        after[:, -1 - k] = np.where(after[:, -1 - k] == 0, after[:, -k], after[:, -1 - k])
    return np.where(before == -after, before, 0)
