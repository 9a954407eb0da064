"""Rests in place of the ends of notes."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from latentknobs.augmentations.note_arrays import PITCHES, first_of, whole
from latentknobs.core.arrays import Bools, ClipBatch
from latentknobs.core.augmentation import TokenAugmentation
from latentknobs.core.melody_format import HOLD, MELODY, REST
from latentknobs.core.meter import bars, order, sixteenths


class Detach(TokenAugmentation):
    """
    Shortens notes from their ends into rests, the longest notes first and then those before the strongest steps.

    A clip whose notes cannot be shortened by so much in all is masked, since each keeps its first sixteenth.
    """

    name = "detach"
    knob_name = "rests"
    unit = "sixteenths a bar"
    amounts = (1.0, 2.0, 3.0, 4.0)
    target = "rests"
    changes: ClassVar[frozenset[str]] = frozenset({"rests"})
    preserves: ClassVar[frozenset[str]] = PITCHES | {
        "contour-direction",
        "log2-onsets",
        "note-density",
        "syncopation",
        "mean-onset",
        "onset-f1",
        "onset-pitch-f1",
        "onset-chroma-f1",
        "contour",
    }
    needs = ("monophonic", "sixteenths")

    def edit_tokens(self, clips: ClipBatch, amount: float, rng: Generator) -> tuple[NDArray[np.int16], Bools]:  # noqa: ARG002 - nothing here is left to chance
        """
        Turn holds into rests.

        Raises:
            AmountError: Not above 0, or no whole number of steps that a clip has.
        """
        size, span, unit = self.format.steps, bars(self.format), sixteenths(self.format)
        takes = f"{self.name} takes whole sixteenths in {span:g} bars above 0: notes are not made longer"
        steps = int(whole(amount, span, 1, size * unit - 1, takes) / unit)
        step = np.arange(size)
        start = np.maximum.accumulate(np.where(MELODY.onsets(clips), step, 0), axis=-1)
        # The steps right before the strongest ones. Further into a note comes first, so nothing is held after a rest.
        breath = np.roll(order(self.format), -1)
        cut, valid = first_of(clips == HOLD, breath - size * (step - start), steps)
        return np.where(cut, np.int16(REST), clips).astype(np.int16), valid
