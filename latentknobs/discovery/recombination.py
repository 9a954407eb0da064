"""
Further training pairs: clips that begin as one training clip and go on as another.

An edit is a function, so that it can be asked for pairs of any clips. A corpus has few; the beginning of each with the
end of any other are so many that a network no longer learns them by heart.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from attrs import frozen
from numpy.random import Generator, default_rng

from latentknobs.core.arrays import ClipBatch
from latentknobs.core.augmentation import Augmented
from latentknobs.core.backend import Posterior
from latentknobs.core.clip import JoinableClips
from latentknobs.core.code_units import CodeUnits
from latentknobs.core.corpus import Tally
from latentknobs.core.edit_context import EditContext, chosen
from latentknobs.core.experiment import Experiment
from latentknobs.core.method_specs import CodeSample
from latentknobs.core.model_calls import carried, encode
from latentknobs.core.seed import as_seed
from latentknobs.corpora.sharding import Shard
from latentknobs.discovery.code_sample import CodeReservoir
from latentknobs.discovery.pairs import EncodedEdits, edit_clips, encode_edits

TOGETHER = 2048
"""Clips that are made, edited and encoded at a time."""


@frozen(eq=False)
class Recombination:
    """
    Makes training pairs of an edit from a sample of training clips.

    Attributes:
        experiment: With the edit.
        clip_format: The model's.
        clips: int16 (N, *shape), at least 1.
        contexts: Where each stands in its piece; a new clip has that of its beginning. None where the edit asks for
            none.
        adds_up: Whether the edit's amounts do, which makes every two of them a pair.
        units: Of the codes.
    """

    experiment: Experiment
    clip_format: JoinableClips
    clips: ClipBatch
    contexts: tuple[EditContext, ...]
    adds_up: bool
    units: CodeUnits

    def __call__(self, count: int) -> CodeSample:
        """The codes of so many new clips at every amount, fewer where the model does not carry some."""
        experiment, out = self.experiment, CodeReservoir(self.experiment, count)
        task = JoinAndEncode(experiment.for_workers(), self.clip_format)
        for (start, *_), made in experiment.map(task, self._halves(count)):
            if made is None:
                continue
            clips, contexts, encoded = made
            pairs = list(encoded.pairs(experiment))
            names = (f"recombined {start}",) * len(clips)
            out.add(Shard(clips, names, "train", contexts), encoded.posterior.mean, pairs)
        return out.sample(self.adds_up, self.units)

    def _halves(self, count: int) -> Iterator[Halves]:
        for start in range(0, count, TOGETHER):
            rng = default_rng([as_seed(self.experiment.seed), 6, start])
            first, second = rng.integers(0, len(self.clips), (2, min(TOGETHER, count - start)))
            yield start, self.clips[first], self.clips[second], chosen(self.contexts, first), rng


Halves: TypeAlias = tuple[int, ClipBatch, ClipBatch, tuple[EditContext, ...], Generator]
"""A number, clips that begin new ones and clips that end them, contexts of the first, and what draws the rest."""


@frozen(eq=False)
class JoinAndEncode:
    """
    The task on halves: join them, edit, encode.

    Attributes:
        experiment: With the edit, as :meth:`Experiment.for_workers` gives it.
        clip_format: The model's.
    """

    experiment: Experiment
    clip_format: JoinableClips

    def prepare(self, item: Halves) -> ClipBatch:
        """The new clips."""
        _, first, second, _, rng = item
        return self.clip_format.joined(first, second, rng)

    def work(self, item: Halves, prepared: ClipBatch) -> tuple[ClipBatch, tuple[EditContext, ...], EncodedEdits] | None:
        """Those that the model carries, their contexts, and their codes; None where it carries none."""
        experiment, (_, _, _, contexts, rng) = self.experiment, item
        every = Augmented(prepared, np.ones(len(prepared), dtype=bool))
        kept = np.flatnonzero(carried(experiment.backend, experiment.edit, every, 0.0, Tally()))
        if not len(kept):
            return None
        clips, contexts = prepared[kept], chosen(contexts, kept)
        edits = edit_clips(experiment.in_context(contexts), clips, rng)
        codes = Posterior(encode(experiment.backend, clips))
        return clips, contexts, encode_edits(experiment, edits, codes)
