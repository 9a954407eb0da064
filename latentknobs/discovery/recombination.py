"""
Further training pairs: clips that begin as one training clip and go on as another.

An edit is a function, so that it can be asked for pairs of any clips. A corpus has few; the beginning of each with the
end of any other are so many that a network no longer learns them by heart.
"""

from __future__ import annotations

import numpy as np
from attrs import frozen
from numpy.random import default_rng

from latentknobs.core.arrays import ClipBatch
from latentknobs.core.augmentation import Augmented
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
from latentknobs.discovery.pairs import edit_clips, encode_pairs

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
        experiment, out, tally = self.experiment, CodeReservoir(self.experiment, count), Tally()
        for start in range(0, count, TOGETHER):
            rng = default_rng([as_seed(experiment.seed), 6, start])
            n = min(TOGETHER, count - start)
            first, second = rng.integers(0, len(self.clips), (2, n))
            joined = self.clip_format.joined(self.clips[first], self.clips[second], rng)
            every = Augmented(joined, np.ones(n, dtype=bool))
            kept = np.flatnonzero(carried(experiment.backend, experiment.edit, every, 0.0, tally))
            if not len(kept):
                continue
            clips, contexts = joined[kept], chosen(self.contexts, first[kept])
            edits = edit_clips(experiment.in_context(contexts), clips, rng)
            codes = encode(experiment.backend, clips)
            pairs = list(encode_pairs(experiment, edits, codes, tally))
            out.add(Shard(clips, (f"recombined {start}",) * len(clips), "train", contexts), codes, pairs)
        return out.sample(self.adds_up, self.units)
