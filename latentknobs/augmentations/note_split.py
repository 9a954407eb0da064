"""Splitting of every note into equal shorter notes."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from latentknobs.core.arrays import Bools, ClipBatch
from latentknobs.core.augmentation import TokenAugmentation
from latentknobs.core.melody_format import HOLD, MELODY
from latentknobs.errors import AmountError


class NoteSplit(TokenAugmentation):
    """
    Splits every note into n equal notes of the same pitch, where n doubles with each unit of the amount.

    The amount is log2 n: 1, 2, 3, 4 are the paper's n = 2, 4, 8, 16. A clip with a note that does not
    divide into n notes of whole steps is masked, and so is a clip without notes. By rule, and in what knobs
    are learned from, such a note is split into as many of 8, 4 or 2 notes as it divides into, or stays.
    """

    name = "note-split"
    knob_name = "rhythm"
    unit = "doublings"
    amounts = (1.0, 2.0, 3.0, 4.0)
    target = "log2-onsets"
    learns_in_part = True
    changes: ClassVar[frozenset[str]] = frozenset({"log2-onsets", "note-density", "onset-f1"})
    preserves: ClassVar[frozenset[str]] = frozenset({"mean-pitch", "pitch-range", "contour"})

    def edit_tokens(self, clips: ClipBatch, amount: float, rng: Generator) -> tuple[NDArray[np.int16], Bools]:  # noqa: ARG002 - nothing here is left to chance
        """
        Start each note anew at every n-th part of its length.

        Raises:
            AmountError: Not a whole number of doublings, 1 or more, or more than reach the shortest note.
        """
        most = self.format.steps.bit_length() - 1  # a note can last the whole clip
        if not (amount >= 1 and float(amount).is_integer() and (amount <= most or not self.exact)):
            raise AmountError(
                f"{self.name} takes whole doublings from 0 to {most}, not {amount:g}: notes cannot be joined."
            )
        parts = 2 ** int(min(amount, most))
        pitch = MELODY.sounding(clips)
        sounds = pitch >= 0
        step = np.arange(clips.shape[-1])
        start = np.maximum.accumulate(np.where(MELODY.onsets(clips), step, 0), axis=-1)
        # A note is named by its clip and the step it starts on; counting its sounding steps gives its length.
        note = np.arange(len(clips))[:, None] * clips.shape[-1] + start
        length = np.bincount(note[sounds], minlength=clips.size)[note]
        part = np.maximum(length // np.gcd(length, parts), 1)
        split = np.where((step - start) % part == 0, pitch, np.int16(HOLD))
        edited = np.where(sounds, split, clips).astype(np.int16)
        divides = (length % parts == 0) | ~sounds | (not self.exact)
        return edited, sounds.any(axis=-1) & divides.all(axis=-1)
