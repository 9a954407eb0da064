"""
Songs read and encoded once, and what any edit makes of them, amount by amount, when it is asked for.

A discovery folds everything as it reads, for one edit and in flat memory. Here the clips stay, so that many edits can
be judged on the same songs without reading and encoding them again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from attrs import define, evolve, field, frozen
from numpy.random import default_rng

from latentknobs.core.arrays import Bools, ClipBatch, Codes, Floats, Ints
from latentknobs.core.attribute import Attribute, Comparison
from latentknobs.core.augmentation import Augmentation, signed_amounts
from latentknobs.core.backend import VAEBackend
from latentknobs.core.corpus import Progress, Song, Tally, no_progress
from latentknobs.core.experiment import Methods, Settings
from latentknobs.core.method_specs import CodeSample, FitInput
from latentknobs.core.model_calls import accepted, decode, edited, encode
from latentknobs.corpora.sharding import Shard, shards
from latentknobs.discovery.cached_backend import CachedBackend
from latentknobs.discovery.code_sample import CodeReservoir
from latentknobs.discovery.discover import PAIRS_PER_DIMENSION
from latentknobs.discovery.null_edits import OneAmount, exchanged, flipped, swap_pairs, swap_trial
from latentknobs.discovery.pair_statistics import PairMoments, PairStatistics
from latentknobs.discovery.pairs import Pairs, edits_of, pairs_of
from latentknobs.errors import DiscoveryError
from latentknobs.evaluation.evaluation_set import AmountBatch, ClipReservoir, EvaluationSet, trial
from latentknobs.evaluation.knob_metrics import EvaluationConfig

FITTED_ON = ("train", "validation")


@frozen(eq=False)
class EncodedCorpus:
    """
    What all edits of a kind share: the same target and the same attributes and comparisons to keep.

    Attributes:
        backend: The model, which remembers.
        shards: By split, its clips that the model carries.
        codes: Of the clips of training and validation songs.
        deltas: Moments of the training clips' codes, and no amounts.
        spreads: Standard deviation of each attribute over training clips.
        samples: For readings, clips of training and validation songs with the target.
        trials: The clips of validation and test songs that decoded measures are taken on, and their songs' names.
        attributes: Those that a verdict rests on.
        comparisons: The same.
        settings: Of the discovery whose verdicts are asked for.
        seed: Its seed.
    """

    backend: CachedBackend
    shards: Mapping[str, Shard]
    codes: Mapping[str, Codes]
    deltas: PairStatistics
    spreads: Mapping[str, float]
    samples: Mapping[str, CodeSample]
    trials: Mapping[str, tuple[ClipBatch, tuple[str, ...]]]
    attributes: tuple[Attribute, ...]
    comparisons: tuple[Comparison, ...]
    settings: Settings
    seed: int

    @classmethod
    def of(
        cls,
        backend: VAEBackend,
        edit: Augmentation,
        songs: Iterable[Song],
        settings: Settings,
        methods: Methods,
        seed: int = 0,
        progress: Progress = no_progress,
    ) -> EncodedCorpus:
        """
        Read songs of all splits.

        Raises:
            DiscoveryError: A split has no clip that the model can carry.
        """
        model = CachedBackend(backend)
        size, shape = backend.spec.latent_size, backend.spec.clip_format.shape
        names = edit.preserves | {edit.target}
        attributes = tuple(a for a in methods.attributes if a.name in names)
        read: dict[str, list[Shard]] = {split: [] for split in (*FITTED_ON, "test")}
        trials = {split: ClipReservoir(settings.trial_clips, seed) for split in ("validation", "test")}
        for whole in shards(songs, settings.shard):
            carried = accepted(backend, whole.clips)
            shard = Shard(whole.clips[carried], tuple(np.asarray(whole.songs)[carried].tolist()), whole.split)
            read[shard.split].append(shard)
            if shard.split in trials:
                trials[shard.split].add(shard)
        for split, parts in read.items():
            if not any(len(part.clips) for part in parts):
                raise DiscoveryError(f"The corpus gave no {split} clips that the model can carry: ask for more clips.")
        there = {split: _joined(parts, split) for split, parts in read.items()}
        progress("encoding the originals", 0, None)
        codes = {split: encode(model, there[split].clips) for split in FITTED_ON}
        deltas = PairStatistics.empty(0, size)
        deltas.codes.add(0, codes["train"], codes["train"])
        target = next((a for a in attributes if a.name == edit.target), None)
        samples = {}
        for split, most in (("train", settings.sample_clips), ("validation", settings.sample_clips // 8)):
            kept = CodeReservoir(edit, size, most, seed, target)
            kept.add(there[split], codes[split], ())
            samples[split] = kept.sample(adds_up=False)
        return cls(
            model,
            there,
            codes,
            deltas,
            {a.name: _spread(a.measure(there["train"].clips)) for a in attributes},
            samples,
            {split: reservoir.clips(shape) for split, reservoir in trials.items()},
            attributes,
            tuple(c for c in methods.comparisons if c.name in names),
            settings,
            seed,
        )


def _joined(parts: Sequence[Shard], split: str) -> Shard:
    return Shard(np.concatenate([part.clips for part in parts]), sum((part.songs for part in parts), ()), split)


def _spread(values: Floats) -> float:
    values = values[np.isfinite(values)]
    return float(values.std()) if len(values) else 0.0


@define(eq=False)
class EncodedPairs:
    """
    One edit on the songs of a survey.

    Attributes:
        survey: The songs.
        edit: The edit; it may use no chance but its own.
        swap: Where not None, the seed that says in which songs before and after are exchanged.
    """

    survey: EncodedCorpus
    edit: Augmentation
    swap: int | None = None
    _pairs: dict[tuple[str, float], Pairs] = field(factory=dict)
    _cases: dict[tuple[str, float, int | None], AmountBatch] = field(factory=dict)
    _firsts: tuple[Ints, Floats, Floats] | None = field(default=None, init=False)

    def swapped(self, seed: int) -> EncodedPairs:
        """The same pairs with before and after exchanged at random, song by song; what is known of them is shared."""
        return evolve(self, swap=seed)

    @property
    def amounts(self) -> tuple[float, ...]:
        """Those with enough training pairs, ascending."""
        enough = self._moved()[0] >= PAIRS_PER_DIMENSION * self.survey.backend.spec.latent_size
        return tuple(a for a, ok in zip(signed_amounts(self.edit)[0], enough, strict=True) if ok)

    def pairs(self, split: str, amount: float) -> Pairs:
        """The pairs of a split's clips at one amount."""
        found = self._real(split, amount)
        return found if self.swap is None else swap_pairs(found, flipped(self.survey.shards[split].songs, self.swap))

    def _real(self, split: str, amount: float) -> Pairs:
        if (split, amount) not in self._pairs:
            survey = self.survey
            if self._backwards(amount):
                ahead = self._real(split, -amount)
                found = Pairs(amount, ahead.valid, ahead.after, ahead.before)
            else:
                one, rng = OneAmount(self.edit, amount), default_rng([survey.seed, 0])
                edits = edits_of(one, survey.shards[split].clips, rng, survey.backend.spec.clip_format)
                (found,) = pairs_of(survey.backend, one, edits, survey.codes[split], Tally())
            self._pairs[split, amount] = found
        return self._pairs[split, amount]

    def _backwards(self, amount: float) -> bool:
        return amount < 0 and signed_amounts(self.edit)[1]

    def _moved(self) -> tuple[Ints, Floats, Floats]:
        """Number of training pairs (A,), their mean change and their mean code after the edit (A, D)."""
        if self._firsts is None:
            amounts, size = signed_amounts(self.edit)[0], self.survey.backend.spec.latent_size
            counts, change, after = np.zeros(len(amounts), np.int64), *np.zeros((2, len(amounts), size))
            for i, amount in enumerate(amounts):
                pairs = self.pairs("train", amount)
                counts[i] = len(pairs.before)
                if counts[i]:
                    after[i] = pairs.after.mean(axis=0, dtype=np.float64)
                    change[i] = after[i] - pairs.before.mean(axis=0, dtype=np.float64)
            self._firsts = counts, change, after
        return self._firsts

    def mean_change(self) -> Floats:
        """Mean change over training pairs at each of :attr:`amounts`, float64 (A, D)."""
        return self._moved()[1][self._index(self.amounts)]

    def _index(self, amounts: Sequence[float]) -> list[int]:
        every = signed_amounts(self.edit)[0]
        return [every.index(a) for a in amounts]

    def given(self, amounts: Sequence[float], *, moments: bool) -> FitInput:
        """
        What a fit is computed from at some amounts.

        Args:
            amounts: Some of :attr:`amounts`.
            moments: Whether second moments are worked out; zeros without.
        """
        size, survey = self.survey.backend.spec.latent_size, self.survey
        sums = {split: PairMoments.empty(len(amounts), size) for split in FITTED_ON}
        for split, sum_ in sums.items() if moments else ():
            for i, amount in enumerate(amounts):
                pairs = self.pairs(split, amount)
                sum_.add(i, pairs.before, pairs.after)
        return FitInput(
            latent_size=size,
            amounts=tuple(amounts),
            mean_change=self._moved()[1][self._index(amounts)],
            gram=sums["train"].gram,
            cross=sums["train"].cross,
            validation_gram=sums["validation"].gram,
            validation_cross=sums["validation"].cross,
            validation_square=sums["validation"].square,
            sample=survey.samples["train"],
            validation_sample=survey.samples["validation"],
            seed=survey.seed,
            options=survey.settings.as_dict(),
        )

    def yard(self) -> EvaluationConfig:
        """The yardstick of its verdict."""
        survey, amounts = self.survey, self.amounts
        after = self._moved()[2].astype(np.float32)
        return EvaluationConfig(
            survey.attributes,
            survey.comparisons,
            self.edit.target,
            self.edit.preserves,
            survey.spreads,
            {a: after[i] for a, i in zip(amounts, self._index(amounts), strict=True)},
            tuple(a for a in amounts if not self._backwards(a)),
            survey.seed,
        )

    def trial(self, split: str, amounts: Iterable[float], clips: int | None = None) -> EvaluationSet:
        """The trial of a split at some amounts, on the first ``clips`` of its clips."""
        tokens, names = self._clips(split, clips)
        songs: Ints = np.unique(np.asarray(names, dtype=str), return_inverse=True)[1].astype(np.int64)
        codes = encode(self.survey.backend, tokens)
        cases = {a: self._case(split, a, clips) for a in sorted(amounts)}
        found = EvaluationSet(tokens, songs, codes, decode(self.survey.backend, codes), cases)
        return found if self.swap is None else swap_trial(found, flipped(names, self.swap))

    def _clips(self, split: str, clips: int | None) -> tuple[ClipBatch, tuple[str, ...]]:
        tokens, names = self.survey.trials[split]
        return tokens[:clips], names[:clips]

    def reached(self, split: str, amount: float, clips: int | None = None) -> bool:
        """Whether the trial of a split has a pair at an amount; nothing is encoded for the answer."""
        tokens, rng = self._clips(split, clips)[0], default_rng([self.survey.seed, 1, len(split)])
        own = -amount if self._backwards(amount) else amount
        return bool(edited(self.survey.backend, self.edit, tokens, own, rng, Tally())[1].any())

    def _case(self, split: str, amount: float, clips: int | None) -> AmountBatch:
        key = (split, amount, clips)
        if key not in self._cases:
            if self._backwards(amount):
                ahead = self._case(split, -amount, clips)
                every: Bools = np.ones(len(ahead.rows), dtype=bool)
                self._cases[key] = exchanged(ahead, every, amount)
            else:
                tokens, names = self._clips(split, clips)
                rng = default_rng([self.survey.seed, 1, len(split)])
                one = OneAmount(self.edit, amount)
                self._cases[key] = trial(self.survey.backend, one, tokens, names, rng).cases[amount]
        return self._cases[key]
