"""Fewer notes, with rests in their place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from numpy.random import Generator

from latentknobs.core.augmentation import NoteAugmentation
from latentknobs.core.clip import Note
from latentknobs.core.meter import bars, weights
from latentknobs.errors import AmountError


class Thinning(NoteAugmentation):
    """
    Leaves out so many of the weakest notes a bar, and a rest for each.

    Of notes on equally strong steps the later go first. Fill with a negative amount ties such notes over instead. A
    clip that would have no note left is masked; by rule its strongest stays.
    """

    name = "thinning"
    knob_name = "thinning"
    unit = "notes a bar"
    amounts = (-3.0, -2.0, -1.0)
    target = "note-density"
    changes: ClassVar[frozenset[str]] = frozenset({"note-density", "log2-onsets", "rests", "onset-f1"})

    def edit(self, notes: tuple[Note, ...], amount: float, rng: Generator) -> Iterable[Note] | None:  # noqa: ARG002 - nothing here is left to chance
        """
        Leave out notes.

        Raises:
            AmountError: Above 0.
        """
        if amount > 0:
            raise AmountError(f"{self.name} takes amounts below 0, not {amount:g}: it adds no notes.")
        left = max(len(notes) + round(bars(self.format) * amount), 0 if self.exact else 1)
        weight = weights(self.format)
        strongest = sorted(notes, key=lambda note: -int(weight[note.onset]))
        return sorted(strongest[:left]) if left > 0 else None
