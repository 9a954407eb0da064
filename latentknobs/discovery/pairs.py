"""
Pairs: clips before and after an augmentation, encoded, shard by shard.

The originals of a shard are encoded once. Clips that cannot be edited, that the model cannot carry, or whose condition
the edit changes, are masked and counted. A negative amount of an edit that has only positive ones is the positive pair
with before and after swapped. An edit that learns in part gives pairs of clips to which it applies in part as well, but
not swapped ones: what those clips were could not be told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

import numpy as np
from attrs import field, frozen
from numpy.random import Generator, default_rng

from latentknobs.core.arrays import Bools, ClipBatch, Codes
from latentknobs.core.augmentation import Augmented
from latentknobs.core.backend import Posterior, VAEBackend
from latentknobs.core.corpus import Tally
from latentknobs.core.experiment import Experiment
from latentknobs.core.model_calls import carried, encode, encode_posterior, same_condition
from latentknobs.core.plugin_guard import run_augmentation
from latentknobs.corpora.sharding import Shard


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


@frozen(eq=False)
class EncodedEdits:
    """
    A shard's clips and edits as codes: what a worker gives back.

    Attributes:
        posterior: Of the clips, (n, D).
        edits: Of each of the edit's own amounts: the amount; bool (n,), which clips have a pair; their codes after
            (m, D); bool (n,), where the amount applied just so.
        counts: What was left out, by reason.
    """

    posterior: Posterior
    edits: tuple[tuple[float, Bools, Codes, Bools], ...]
    counts: Mapping[str, int]

    def pairs(self, experiment: Experiment) -> Iterator[Pairs]:
        """The pairs at every signed amount."""
        for amount, valid, after, exact in self.edits:
            pairs = Pairs(amount, valid, self.posterior.mean[valid], after, exact)
            yield pairs
            if experiment.swapped:
                yield pairs.swapped()


def encode_edits(experiment: Experiment, edits: Mapping[float, EditedClips], posterior: Posterior) -> EncodedEdits:
    """Encode the edits of clips that have this posterior, (n, D)."""
    backend, codes, tally = experiment.backend, posterior.mean, Tally()
    valid = {a: carried(backend, experiment.edit, out.edited, a, tally) for a, out in edits.items()}
    # One call of the encoder for all amounts: full batches, and equal clips once.
    encoded = encode(backend, np.concatenate([out.edited.clips[valid[a]] for a, out in edits.items()]))
    start, out = 0, []
    for amount, mask in valid.items():
        stop = start + int(mask.sum())
        after = encoded[start:stop]
        same = same_condition(backend.spec, codes[mask], after, amount, tally)
        both = mask.copy()
        both[mask] = same
        exact = both & edits[amount].exact
        tally.add(f"in part by {experiment.edit.name} at {amount:+g}", int((both & ~exact).sum()))
        out.append((amount, both, after[same], exact))
        start = stop
    return EncodedEdits(posterior, tuple(out), tally.counts)


def encode_pairs(
    experiment: Experiment, edits: Mapping[float, EditedClips], codes: Codes, tally: Tally
) -> Iterator[Pairs]:
    """The pairs of clips that have these codes (n, D) and edits, at every signed amount."""
    encoded = encode_edits(experiment, edits, Posterior(codes))
    tally.add_all(encoded.counts)
    return encoded.pairs(experiment)


ShardItem: TypeAlias = tuple[Shard, int]


@frozen(eq=False)
class EncodeShards:
    """
    The task on a shard and its number: edit its clips, and encode both; test songs are left alone (None).

    Attributes:
        experiment: With the edit, as :meth:`Experiment.for_workers` gives it.
    """

    experiment: Experiment

    def prepare(self, item: ShardItem) -> dict[float, EditedClips]:
        """The edited clips."""
        shard, number = item
        if shard.split == "test" or not len(shard.clips):
            return {}
        experiment = self.experiment.in_context(shard.contexts)
        return edit_clips(experiment, shard.clips, default_rng([experiment.seed, number]))

    def work(self, item: ShardItem, prepared: dict[float, EditedClips]) -> EncodedEdits | None:
        """Their codes."""
        shard, _ = item
        if not prepared:
            return None
        return encode_edits(self.experiment, prepared, encode_posterior(self.experiment.backend, shard.clips))


@frozen(eq=False)
class EncodeTraining:
    """The task on a shard and a number: encode the clips of training songs; others are left alone (None)."""

    backend: VAEBackend

    def prepare(self, item: ShardItem) -> None:
        """There is no work without the model."""

    def work(self, item: ShardItem, prepared: None) -> Posterior | None:  # noqa: ARG002 - as above
        """Their posteriors."""
        shard, _ = item
        return encode_posterior(self.backend, shard.clips) if shard.split == "train" else None
