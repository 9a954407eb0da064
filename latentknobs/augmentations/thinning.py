"""Fewer notes, with rests in their place."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise
from math import ceil, inf
from typing import ClassVar

from numpy.random import Generator

from latentknobs.augmentations.note_arrays import whole
from latentknobs.core.augmentation import NoteAugmentation
from latentknobs.core.clip import Note
from latentknobs.core.meter import steps_per_bar, weights


class Thinning(NoteAugmentation):
    """
    Leaves out so many of the weakest notes of each bar, and a rest for each.

    Of notes on equally strong steps the later go first. Fill with a negative amount ties such notes over instead. The
    strongest note of a bar always stays: a clip with a bar that has no more notes than the amount is masked; by rule
    that bar loses as many as it can.
    """

    name = "thinning"
    knob_name = "thinning"
    unit = "notes a bar"
    amounts = (-3.0, -2.0, -1.0)
    target = "note-density"
    changes: ClassVar[frozenset[str]] = frozenset({"note-density", "log2-onsets", "rests", "onset-f1"})

    def edit(self, notes: tuple[Note, ...], amount: float, rng: Generator) -> Iterable[Note] | None:  # noqa: ARG002 - nothing here is left to chance
        """
        Leave out notes, bar by bar.

        Raises:
            AmountError: Not below 0, or no whole number of notes in each bar and in the part of one that a clip ends
                with.
        """
        bar, size = steps_per_bar(self.format), self.format.steps
        weight = weights(self.format)
        takes = f"{self.name} leaves out whole notes of each bar, and takes amounts below 0"
        edges = [*(ceil(number * bar) for number in range(ceil(size / bar))), size]
        kept: list[Note] = []
        for number, (begin, end) in enumerate(pairwise(edges)):
            share = min(size / bar - number, Fraction(1))
            lost = whole(amount, -float(share), 1, inf, takes)
            here = sorted((n for n in notes if begin <= n.onset < end), key=lambda n: -int(weight[n.onset]))
            if self.exact and len(here) <= lost:
                return None
            kept += here[: max(len(here) - lost, 1)]
        return sorted(kept) or None
