"""Notes altered out of the scale."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from latentknobs.augmentations.note_arrays import RHYTHM, whole
from latentknobs.core.arrays import Bools, ClipBatch, Ints
from latentknobs.core.augmentation import TokenAugmentation
from latentknobs.core.melody_format import HOLD, MELODY
from latentknobs.core.meter import bars, order
from latentknobs.core.scales import CLASSES, outside_major, pitch_classes


class Alter(TokenAugmentation):
    """
    Alters notes by a semitone out of the scale, the weakest in the meter first.

    A note moves towards the next one, or away from it where only that leaves the scale; the scale is the major scale
    that holds most notes, found anew after each. A clip is masked where fewer notes than the amount can be altered
    before another of the twelve scales holds as many.
    """

    name = "alter"
    knob_name = "chromaticism"
    unit = "notes a bar"
    amounts = (0.5, 1.0, 1.5, 2.0)
    target = "chromaticism"
    changes: ClassVar[frozenset[str]] = frozenset({"chromaticism", "onset-pitch-f1"})
    preserves: ClassVar[frozenset[str]] = RHYTHM

    def edit_tokens(self, clips: ClipBatch, amount: float, rng: Generator) -> tuple[NDArray[np.int16], Bools]:  # noqa: ARG002 - nothing here is left to chance
        """
        Alter one step's note after the other.

        Raises:
            AmountError: Not above 0, or no whole number of notes that a clip can have.
        """
        span = bars(self.format)
        takes = f"{self.name} takes whole notes in {span:g} bars above 0: notes are not moved into the scale"
        missing = np.full(len(clips), whole(amount, span, 1, self.format.steps, takes))
        onset = MELODY.onsets(clips)
        counts = pitch_classes(clips)
        following = _following(clips, onset)
        for step in np.argsort(-order(self.format)):
            pitch = clips[:, step].astype(np.int64)
            towards = np.where(following[:, step] > pitch, 1, -1)
            altered = np.zeros(len(clips), dtype=bool)
            for by in (towards, -towards):
                new = pitch + by
                may = onset[:, step] & ~altered & (missing > 0) & (new >= 0) & (new < HOLD)
                after = counts + _one(new, may) - _one(pitch, may)
                taken = may & (outside_major(after) > outside_major(counts))
                counts = np.where(taken[:, None], after, counts)
                clips[:, step] = np.where(taken, new, clips[:, step])
                missing -= taken
                altered |= taken
        return clips, missing == 0


def _one(pitch: Ints, here: Bools) -> Ints:
    """1 for the pitch class of each pitch (N,), (N, 12), 0 where not ``here``."""
    out: Ints = ((pitch % CLASSES)[:, None] == np.arange(CLASSES)) * here[:, None].astype(np.int64)
    return out


def _following(clips: ClipBatch, onset: Bools) -> Ints:
    """For each step (N, steps) the pitch of the next note that starts after it, -1 = none."""
    out = np.full(clips.shape, -1, dtype=np.int64)
    for step in reversed(range(clips.shape[1] - 1)):
        out[:, step] = np.where(onset[:, step + 1], clips[:, step + 1], out[:, step + 1])
    return out
