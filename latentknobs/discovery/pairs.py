"""
Pairs: clips before and after an augmentation, encoded, shard by shard.

The originals of a shard are encoded once. What an amount cannot be applied to, and what the model cannot
carry, is masked and counted. A negative amount of an edit that has only positive ones is the positive
pair with before and after swapped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from attrs import frozen
from numpy.random import Generator

from latentknobs.core.arrays import Bools, ClipBatch, Codes
from latentknobs.core.augmentation import Augmentation, Augmented, signed_amounts
from latentknobs.core.backend import VAEBackend
from latentknobs.core.clip import ClipFormat
from latentknobs.core.corpus import Tally
from latentknobs.core.model_calls import _carried, encode
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


def edits_of(
    augmentation: Augmentation, clips: ClipBatch, rng: Generator, clip_format: ClipFormat
) -> dict[float, Augmented]:
    """Clips (n, *shape) edited by each of :func:`signed_amounts` that is not had by swapping; no model is asked."""
    amounts, swapped = signed_amounts(augmentation)
    own = [a for a in amounts if a > 0] if swapped else list(amounts)
    return {a: run_augmentation(augmentation, clips, a, rng, clip_format) for a in own}


def pairs_of(
    backend: VAEBackend, augmentation: Augmentation, edits: Mapping[float, Augmented], codes: Codes, tally: Tally
) -> Iterator[Pairs]:
    """The pairs of clips that have these codes (n, D) and edits, for every amount of :func:`signed_amounts`."""
    _, swapped = signed_amounts(augmentation)
    valid = {a: _carried(backend, augmentation, out, a, tally) for a, out in edits.items()}
    # One call of the encoder for all amounts: full batches, and equal clips once.
    moved = encode(backend, np.concatenate([out.clips[valid[a]] for a, out in edits.items()]))
    start = 0
    for amount, there in valid.items():
        stop = start + int(there.sum())
        yield Pairs(amount, there, codes[there], moved[start:stop])
        if swapped:
            yield Pairs(-amount, there, moved[start:stop], codes[there])
        start = stop
