"""A shift of all notes in time."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from latentknobs.augmentations.note_arrays import PITCHES, whole
from latentknobs.core.arrays import Bools, ClipBatch
from latentknobs.core.augmentation import TokenAugmentation
from latentknobs.core.melody_format import MELODY, REST
from latentknobs.core.meter import sixteenths


class Delay(TokenAugmentation):
    """
    Starts every note later by the amount in sixteenths, after a rest.

    What sounds past the clip's end is cut off the last note. A clip without notes is masked, and so is one with a note
    that would start past the end.
    """

    name = "delay"
    knob_name = "timing"
    unit = "sixteenths"
    amounts = (1.0, 2.0, 3.0)
    target = "mean-onset"
    changes: ClassVar[frozenset[str]] = frozenset({"mean-onset", "onset-f1", "syncopation"})
    preserves: ClassVar[frozenset[str]] = PITCHES | {"contour-direction", "log2-onsets", "note-density"}
    needs = ("monophonic", "sixteenths")

    def edit_tokens(self, clips: ClipBatch, amount: float, rng: Generator) -> tuple[NDArray[np.int16], Bools]:  # noqa: ARG002 - nothing here is left to chance
        """
        Move the tokens.

        Raises:
            AmountError: Not a whole number of sixteenths, or as many as the clip has.
        """
        most = self.format.steps * sixteenths(self.format) - 1
        takes = f"{self.name} takes whole sixteenths from 1 to {most:g}: the notes before the clip are not known"
        steps = int(whole(amount, 1, 1, most, takes) / sixteenths(self.format))
        onset = MELODY.onsets(clips)
        late = np.full_like(clips, REST)
        late[:, steps:] = clips[:, :-steps]
        valid: Bools = np.logical_and(onset.any(axis=-1), ~onset[:, -steps:].any(axis=-1))
        return late, valid
