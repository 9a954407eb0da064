"""More notes or fewer, in the order of the meter."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from latentknobs.augmentations.note_arrays import first_of, whole
from latentknobs.core.arrays import Bools, ClipBatch
from latentknobs.core.augmentation import TokenAugmentation
from latentknobs.core.melody_format import HOLD, MELODY
from latentknobs.core.meter import bars, order


class Fill(TokenAugmentation):
    """
    Adds notes on the strongest steps that are held, and where the amount is negative ties the weakest notes over.

    A held step gets a new note of the pitch that sounds there, so that long notes are split first. A note that is
    tied over becomes part of the one before; the strongest note of the highest and of the lowest pitch are never
    tied over, nor is a note after a rest. A clip with too few steps to fill or notes to tie over is masked.
    """

    name = "fill"
    knob_name = "density"
    unit = "notes a bar"
    amounts = (-3.0, -2.0, -1.0, 1.0, 2.0, 3.0)
    target = "note-density"
    changes: ClassVar[frozenset[str]] = frozenset({"note-density", "log2-onsets", "onset-f1"})
    preserves: ClassVar[frozenset[str]] = frozenset({"pitch-range", "rests"})

    def edit_tokens(self, clips: ClipBatch, amount: float, rng: Generator) -> tuple[NDArray[np.int16], Bools]:  # noqa: ARG002 - nothing here is left to chance
        """
        Fill or thin.

        Raises:
            AmountError: Not a whole number of notes in two bars, or more than any clip has steps.
        """
        most, span, place = self.format.steps - 1, bars(self.format), order(self.format)
        takes = f"{self.name} adds or ties over whole notes in {span:g} bars, at most {most / span:g} notes a bar"
        notes = whole(amount, span, -most, most, takes)
        sounding = MELODY.sounding(clips)
        if notes > 0:
            filled, valid = first_of(clips == HOLD, place, notes)
            return np.where(filled, sounding, clips).astype(np.int16), valid
        onset = MELODY.onsets(clips)
        may = onset & np.roll(sounding >= 0, 1, axis=-1)
        may[:, 0] = False
        for extreme in (np.where(onset, clips, -1).max(axis=-1), np.where(onset, clips, HOLD).min(axis=-1)):
            kept, _ = first_of(onset & (clips == extreme[:, None]), place, 1)
            may &= ~kept
        tied, valid = first_of(may, -place, -notes)
        return np.where(tied, np.int16(HOLD), clips).astype(np.int16), valid
