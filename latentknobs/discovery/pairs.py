"""
Pairs: clips before and after an augmentation, encoded, shard by shard.

The originals of a shard are encoded once. Clips that cannot be edited, that the model cannot carry, or whose condition
the edit changes, are masked and counted. A negative amount of an edit that has only positive ones is the positive pair
with before and after swapped. An edit that learns in part gives pairs of clips to which it applies in part as well, but
not swapped ones: what those clips were could not be told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from attrs import field, frozen
from numpy.random import Generator

from latentknobs.core.arrays import Bools, ClipBatch, Codes
from latentknobs.core.augmentation import Augmented
from latentknobs.core.corpus import Tally
from latentknobs.core.experiment import Experiment
from latentknobs.core.model_calls import carried, encode, same_condition
from latentknobs.core.plugin_guard import run_augmentation


@frozen(eq=False)
class Pairs:
    """
    One amount's pairs of a shard.

    Attributes:
        amount: The amount.
        valid: bool (n,), which clips of the shard have a pair; the other arrays hold only those, (m, ...).
        before: Codes before.
        after: Codes after.
        exact: bool (n,), where the amount applied just so; default: wherever there is a pair.
    """

    amount: float
    valid: Bools
    before: Codes
    after: Codes
    exact: Bools = field()

    @exact.default
    def _wherever(self) -> Bools:
        return self.valid

    def whole(self) -> Pairs:
        """Those of clips to which the amount applied just so."""
        rows = self.exact[self.valid]
        return self if rows.all() else Pairs(self.amount, self.exact, self.before[rows], self.after[rows])

    def swapped(self) -> Pairs:
        """Those of the negative amount: before and after swapped, of clips to which the amount applied just so."""
        whole = self.whole()
        return Pairs(-self.amount, whole.valid, whole.after, whole.before)


@frozen(eq=False)
class EditedClips:
    """
    A shard's clips after the edit by an amount.

    Attributes:
        edited: The clips, and where there is one.
        exact: bool (n,), where the amount applied just so.
    """

    edited: Augmented
    exact: Bools


def edit_clips(experiment: Experiment, clips: ClipBatch, rng: Generator) -> dict[float, EditedClips]:
    """Clips (n, *shape) edited by each of the edit's own amounts; the model is not called."""
    edit, clip_format = experiment.edit, experiment.clip_format
    out = {}
    for amount in experiment.own_amounts:
        edited = run_augmentation(edit, clips, amount, rng, clip_format)
        exact = edited.valid
        if experiment.learns_in_part:
            edited = run_augmentation(edit, clips, amount, rng, clip_format, exact=False)
        out[amount] = EditedClips(edited, exact & edited.valid)
    return out


def encode_pairs(
    experiment: Experiment, edits: Mapping[float, EditedClips], codes: Codes, tally: Tally
) -> Iterator[Pairs]:
    """The pairs of clips that have these codes (n, D) and edits, at every signed amount."""
    backend = experiment.backend
    valid = {a: carried(backend, experiment.edit, out.edited, a, tally) for a, out in edits.items()}
    # One call of the encoder for all amounts: full batches, and equal clips once.
    encoded = encode(backend, np.concatenate([out.edited.clips[valid[a]] for a, out in edits.items()]))
    start = 0
    for amount, mask in valid.items():
        stop = start + int(mask.sum())
        after = encoded[start:stop]
        same = same_condition(backend.spec, codes[mask], after, amount, tally)
        both, kept = mask.copy(), after[same]
        both[mask] = same
        pairs = Pairs(amount, both, codes[both], kept, both & edits[amount].exact)
        tally.add(f"in part by {experiment.edit.name} at {amount:+g}", int((both & ~pairs.exact).sum()))
        yield pairs
        if experiment.swapped:
            yield pairs.swapped()
        start = stop
