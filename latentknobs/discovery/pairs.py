"""
Pairs: clips before and after an augmentation, encoded, shard by shard.

The originals of a shard are encoded once. Clips that cannot be edited, that the model cannot carry, or whose condition
the edit changes, are masked and counted. A negative amount of an edit that has only positive ones is the positive pair
with before and after swapped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from attrs import frozen
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
    """

    amount: float
    valid: Bools
    before: Codes
    after: Codes


def edit_clips(experiment: Experiment, clips: ClipBatch, rng: Generator) -> dict[float, Augmented]:
    """Clips (n, *shape) edited by each of the edit's own amounts; the model is not called."""
    return {
        amount: run_augmentation(experiment.edit, clips, amount, rng, experiment.clip_format)
        for amount in experiment.own_amounts
    }


def encode_pairs(
    experiment: Experiment, edits: Mapping[float, Augmented], codes: Codes, tally: Tally
) -> Iterator[Pairs]:
    """The pairs of clips that have these codes (n, D) and edits, at every signed amount."""
    backend = experiment.backend
    valid = {a: carried(backend, experiment.edit, out, a, tally) for a, out in edits.items()}
    # One call of the encoder for all amounts: full batches, and equal clips once.
    encoded = encode(backend, np.concatenate([out.clips[valid[a]] for a, out in edits.items()]))
    start = 0
    for amount, mask in valid.items():
        stop = start + int(mask.sum())
        after = encoded[start:stop]
        same = same_condition(backend.spec, codes[mask], after, amount, tally)
        both, kept = mask.copy(), after[same]
        both[mask] = same
        yield Pairs(amount, both, codes[both], kept)
        if experiment.swapped:
            yield Pairs(-amount, both, kept, codes[both])
        start = stop
