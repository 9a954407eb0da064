"""Splitting of every note into equal shorter notes."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from latentknobs.core.arrays import Bools, ClipBatch
from latentknobs.core.augmentation import TokenAugmentation
from latentknobs.core.melody_format import HOLD, MELODY
from latentknobs.core.meter import dotted_beat
from latentknobs.errors import AmountError


class NoteSplit(TokenAugmentation):
    """
    Splits every note into n equal notes of the same pitch, where n doubles with each unit of the amount.

    The amount is log2 n: 1, 2, 3, 4 are the paper's n = 2, 4, 8, 16. In compound time a dotted beat has three parts:
    there a note of one, three or another odd number of dotted beats is split into three instead of two, so that a
    dotted half note becomes two dotted quarters, then six eighths, then twelve sixteenths. A clip with a note that does
    not divide so often into notes of whole steps is masked, and so is a clip in which one note would give two and
    another three, and a clip without notes. By rule, and in what knobs are learned from, each note is split as often as
    it divides, or stays.
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
        Start each note anew at every part of its length.

        Raises:
            AmountError: Not a whole number of doublings, 1 or more, or more than reach the shortest note.
        """
        most = self.format.steps.bit_length() - 1  # a note can last the whole clip
        if not (amount >= 1 and float(amount).is_integer() and (amount <= most or not self.exact)):
            raise AmountError(
                f"{self.name} takes whole doublings from 0 to {most}, not {amount:g}: notes cannot be joined."
            )
        pitch = MELODY.sounding(clips)
        sounds = pitch >= 0
        step = np.arange(clips.shape[-1])
        start = np.maximum.accumulate(np.where(MELODY.onsets(clips), step, 0), axis=-1)
        # A note is named by its clip and the step it starts on; counting its sounding steps gives its length.
        note = np.arange(len(clips))[:, None] * clips.shape[-1] + start
        length = np.bincount(note[sounds], minlength=clips.size)[note]
        part, times = self._divided(int(min(amount, most)))
        split = np.where((step - start) % part[length] == 0, pitch, np.int16(HOLD))
        edited = np.where(sounds, split, clips).astype(np.int16)
        valid = np.asarray(sounds.any(axis=-1), dtype=np.bool_)
        if self.exact:
            parts = length // part[length]
            alike = parts == parts.max(axis=-1, where=sounds, initial=0)[:, None]
            valid = valid & ((alike & (times[length] >= amount)) | ~sounds).all(axis=-1)
        return edited, valid

    def _divided(self, times: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """For notes of each length up to a clip's, the length of their parts, and how often they divide."""
        part = np.arange(self.format.steps + 1)
        part[0] = 1
        done = np.zeros_like(part)
        dotted = dotted_beat(self.format)
        for _ in range(times):
            by = np.where((part % (2 * dotted or 1) == dotted) & (dotted > 0), 3, 2)
            divides = part % by == 0
            part = np.where(divides, part // by, part)
            done += divides
        return part, done
