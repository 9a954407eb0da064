"""Syncopation by notes that come before the beat."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from latentknobs.augmentations.note_arrays import PITCHES, whole
from latentknobs.core.arrays import Bools, ClipBatch
from latentknobs.core.augmentation import TokenAugmentation
from latentknobs.core.melody_format import HOLD
from latentknobs.core.meter import bars, order, syncopation, weights


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
    needs = ("monophonic", "sixteenths")

    def edit_tokens(self, clips: ClipBatch, amount: float, rng: Generator) -> tuple[NDArray[np.int16], Bools]:  # noqa: ARG002 - nothing here is left to chance
        """
        Move one beat's note after the other.

        Raises:
            AmountError: Not above 0, or no whole strength in two bars.
        """
        form, span = self.format, bars(self.format)
        # No clip is syncopated more: every other step with the greatest strength.
        most = form.steps // 2 * -int(weights(form).min())
        takes = f"{self.name} takes whole strengths in {span:g} bars above 0: notes are not moved back"
        missing = np.full(len(clips), float(whole(amount, span, 1, most, takes)))
        now = syncopation(clips, form)
        for beat in sorted(range(form.steps_per_beat, form.steps, form.steps_per_beat), key=order(form).__getitem__):
            moved = _early(clips, beat, form.steps_per_beat // 2)
            then = syncopation(moved, form)
            taken = (then > now) & (then - now <= missing)
            missing -= np.where(taken, then - now, 0)
            now = np.where(taken, then, now)
            clips = np.where(taken[:, None], moved, clips).astype(np.int16)
        return clips, missing == 0


def _early(clips: ClipBatch, beat: int, eighth: int) -> NDArray[np.int16]:
    """
    The clips with the note on a beat started an eighth, so many steps, early, or one step.

    Unchanged where there is no note, or no held step before it.
    """
    out = clips.copy()
    starts = (clips[:, beat] < HOLD) & (clips[:, beat - 1] == HOLD)
    far = starts & (clips[:, beat - eighth] == HOLD)
    out[:, beat] = np.where(starts, HOLD, clips[:, beat])
    out[:, beat - 1] = np.where(starts & ~far, clips[:, beat], clips[:, beat - 1])
    out[:, beat - eighth] = np.where(far, clips[:, beat], clips[:, beat - eighth])
    return out
