"""Syncopation by notes that come before the beat."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from latentknobs.augmentations.note_arrays import PITCHES, whole
from latentknobs.core.arrays import Bools, ClipBatch
from latentknobs.core.augmentation import TokenAugmentation
from latentknobs.core.melody_format import HOLD, MELODY
from latentknobs.core.meter import BARS, ORDER, syncopation

EIGHTH = 2
MOST = 64
"""No clip is syncopated more than that: every other step with the greatest strength, 4."""


class Anticipate(TokenAugmentation):
    """
    Starts notes on beats an eighth early, a sixteenth where the note before is too short, and ties them over the beat.

    Beats are tried from the strongest to the weakest; one is taken where the note before is shortened by it but stays,
    and where the syncopation grows by no more than what is still wanted. The note keeps its pitch and its end. A clip
    whose syncopation cannot be raised by just the amount is masked.
    """

    name = "anticipate"
    knob_name = "syncopation"
    unit = "strength a bar"
    amounts = (1.0, 2.0, 3.0, 4.0)
    target = "syncopation"
    changes: ClassVar[frozenset[str]] = frozenset({"syncopation", "onset-f1"})
    preserves: ClassVar[frozenset[str]] = PITCHES | {"log2-onsets", "note-density", "rests"}

    def edit_tokens(self, clips: ClipBatch, amount: float, rng: Generator) -> tuple[NDArray[np.int16], Bools]:  # noqa: ARG002 - nothing here is left to chance
        """
        Move one beat's note after the other.

        Raises:
            AmountError: Not above 0, or no whole strength in two bars.
        """
        takes = f"{self.name} takes whole strengths in {BARS} bars above 0: notes are not moved back"
        missing = np.full(len(clips), float(whole(amount, BARS, 1, MOST, takes)))
        now = syncopation(clips)
        for beat in sorted(range(MELODY.steps_per_beat, MELODY.steps, MELODY.steps_per_beat), key=ORDER.__getitem__):
            moved = _early(clips, beat)
            then = syncopation(moved)
            taken = (then > now) & (then - now <= missing)
            missing -= np.where(taken, then - now, 0)
            now = np.where(taken, then, now)
            clips = np.where(taken[:, None], moved, clips).astype(np.int16)
        return clips, missing == 0


def _early(clips: ClipBatch, beat: int) -> NDArray[np.int16]:
    """The clips with the note on a beat started early; unchanged where there is none, or no held step before it."""
    out = clips.copy()
    starts = (clips[:, beat] < HOLD) & (clips[:, beat - 1] == HOLD)
    far = starts & (clips[:, beat - EIGHTH] == HOLD)
    out[:, beat] = np.where(starts, HOLD, clips[:, beat])
    out[:, beat - 1] = np.where(starts & ~far, clips[:, beat], clips[:, beat - 1])
    out[:, beat - EIGHTH] = np.where(far, clips[:, beat], clips[:, beat - EIGHTH])
    return out
