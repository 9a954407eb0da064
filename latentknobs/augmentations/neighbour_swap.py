"""Wider steps between notes, with the same pitches in another order."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from latentknobs.augmentations.note_arrays import RHYTHM
from latentknobs.core.arrays import Bools, ClipBatch, Ints
from latentknobs.core.augmentation import TokenAugmentation
from latentknobs.core.melody_format import HOLD, pitches_in_order
from latentknobs.errors import AmountError

APART = (1, 2)
"""How far apart notes are that are swapped."""
WIDEST = 1000
"""More than any swap widens."""


class NeighbourSwap(TokenAugmentation):
    """
    Swaps the pitches of notes with the next or the next but one, as scales become broken thirds, to widen intervals.

    The swap that widens them most comes first, if all together grow by no more than is still wanted: the amount for
    each. A clip is masked where that is no whole number of semitones, or where the swaps cannot make just that.
    """

    name = "neighbour-swap"
    knob_name = "interval"
    unit = "semitones"
    amounts = (1.0, 2.0)
    target = "mean-interval"
    changes: ClassVar[frozenset[str]] = frozenset({"mean-interval", "contour", "onset-pitch-f1"})
    preserves: ClassVar[frozenset[str]] = RHYTHM | {"mean-pitch", "mean-octave", "pitch-range", "chromaticism"}

    def edit_tokens(self, clips: ClipBatch, amount: float, rng: Generator) -> tuple[NDArray[np.int16], Bools]:  # noqa: ARG002 - nothing here is left to chance
        """
        Swap until nothing is wanted any more or nothing fits.

        Raises:
            AmountError: Not above 0.
        """
        if amount <= 0:
            raise AmountError(f"{self.name} widens intervals by more than 0 semitones, not by {amount:g}.")
        pitches = pitches_in_order(clips).astype(np.int64)
        rows = np.arange(len(clips))
        wanted = amount * np.maximum((pitches >= 0).sum(axis=-1) - 1, 0)
        missing = np.where(wanted % 1 == 0, wanted, 0).astype(np.int64)
        while True:
            wider = np.concatenate([_widening(pitches, apart) for apart in APART], axis=-1)
            fits = (wider > 0) & (wider <= missing[:, None])
            # Only swaps with the first or last note widen by an odd number: they come before the others use it up.
            same_parity = fits & ((wider - missing[:, None]) % 2 == 0)
            best = np.where(fits, wider + same_parity * WIDEST, 0).argmax(axis=-1)
            taken = rows[fits[rows, best]]
            if not len(taken):
                break
            missing[taken] -= wider[taken, best[taken]]
            apart, left = np.divmod(best[taken], pitches.shape[1])
            right = left + np.asarray(APART)[apart]
            pitches[taken, left], pitches[taken, right] = pitches[taken, right], pitches[taken, left]
        edited = clips.copy()
        edited[clips < HOLD] = pitches[pitches >= 0]
        return edited, (wanted > 0) & (wanted % 1 == 0) & (missing == 0)


def _widening(pitches: Ints, apart: int) -> Ints:
    """
    By how much all steps together grow where a note and the one so far after it are swapped, (N, K), 0 where none is.

    What lies between two notes that are 2 apart has the same steps after as before; further apart it would not.
    """
    size = pitches.shape[1]
    padded = np.pad(pitches, ((0, 0), (1, max(APART) + 1)), constant_values=-1)
    before, first, second, after = (padded[:, at : at + size] for at in (0, 1, 1 + apart, 2 + apart))
    wider = np.where(before >= 0, np.abs(before - second) - np.abs(before - first), 0)
    wider += np.where(after >= 0, np.abs(first - after) - np.abs(second - after), 0)
    return np.where((first >= 0) & (second >= 0), wider, 0)
