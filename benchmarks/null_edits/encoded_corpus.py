"""
Songs read and encoded once, and what any edit makes of them, amount by amount, on demand.

A discovery folds everything as it reads, for one edit and in flat memory. Here the clips stay in memory, so that many
edits are judged on the same songs without reading and encoding them again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from attrs import define, evolve, field, frozen
from numpy.random import default_rng

from benchmarks.null_edits.cached_backend import CachedBackend
from benchmarks.null_edits.edits import OneAmount, flipped, swap_pairs, swap_set
from latentknobs.backends.transformed import TransformedBackend
from latentknobs.core.arrays import ClipBatch, Codes, Floats, Ints, group_index
from latentknobs.core.augmentation import Augmentation, signed_amounts
from latentknobs.core.corpus import Progress, Song, Tally, no_progress
from latentknobs.core.experiment import Experiment
from latentknobs.core.knob import Operator
from latentknobs.core.method_specs import CodeSample, Fit, FitInput
from latentknobs.core.model_calls import decode, edited, encode, encode_posterior
from latentknobs.corpora.sharding import Shard, carried_shards
from latentknobs.discovery.code_sample import CodeReservoir
from latentknobs.discovery.discover import PAIRS_PER_DIMENSION
from latentknobs.discovery.pair_statistics import PairMoments, PairStatistics
from latentknobs.discovery.pairs import Pairs, edit_clips, encode_pairs
from latentknobs.errors import DiscoveryError
from latentknobs.evaluation.control_test import ControlTest
from latentknobs.evaluation.equivariance import nearest
from latentknobs.evaluation.evaluation_set import AmountBatch, ClipReservoir, EvaluationSet, build_evaluation_set
from latentknobs.evaluation.knob_metrics import EvaluationConfig, measured

FITTED_ON = ("train", "validation")


@frozen(eq=False)
class EncodedCorpus:
    """
    What all edits of a kind share: the same target, and the same attributes and comparisons to preserve.

    Attributes:
        experiment: With the real edit, only the attributes and comparisons that a verdict rests on, and a model that
            remembers.
        shards: By split, its clips that the model carries.
        codes: Of the clips of training and validation songs.
        statistics: Moments of the training clips' codes, and no amounts.
        spreads: Standard deviation of each attribute over training clips.
        samples: For readings, clips of training and validation songs with the target.
        sets: The clips of the evaluation sets of validation and test songs, and their songs' names.
    """

    experiment: Experiment
    shards: Mapping[str, Shard]
    codes: Mapping[str, Codes]
    statistics: PairStatistics
    spreads: Mapping[str, float]
    samples: Mapping[str, CodeSample]
    sets: Mapping[str, tuple[ClipBatch, tuple[str, ...]]]

    @classmethod
    def of(cls, experiment: Experiment, songs: Iterable[Song], progress: Progress = no_progress) -> EncodedCorpus:
        """
        Read songs of all splits.

        Raises:
            DiscoveryError: A split has no clip that the model can carry.
        """
        edit, settings, methods = experiment.edit, experiment.settings, experiment.methods
        names = edit.preserves | {edit.target}
        attributes = tuple(a for a in methods.attributes if a.name in names)
        comparisons = tuple(c for c in methods.comparisons if c.name in names)
        model = experiment.backend  # what is remembered of it has no posterior variances
        experiment = evolve(
            experiment,
            backend=CachedBackend(model),
            methods=evolve(methods, attributes=attributes, comparisons=comparisons),
        )
        parts: dict[str, list[Shard]] = {split: [] for split in (*FITTED_ON, "test")}
        reservoirs = {split: ClipReservoir(settings.trial_clips, experiment.seed) for split in ("validation", "test")}
        for shard, _ in carried_shards(experiment.backend, songs, settings.shard, Tally()):
            parts[shard.split].append(shard)
            if shard.split in reservoirs:
                reservoirs[shard.split].add(shard)
        for split, of_split in parts.items():
            if not any(len(part.clips) for part in of_split):
                raise DiscoveryError(f"The corpus gave no {split} clips that the model can carry: ask for more clips.")
        shards = {split: _joined(of_split, split) for split, of_split in parts.items()}
        progress("encoding the originals", 0, None)
        statistics = PairStatistics.empty(0, experiment.latent_size)
        statistics.add_originals(encode_posterior(model, shards["train"].clips))
        units = statistics.units()  # all that follows is in code units, as fits and selectors are in a discovery
        statistics = statistics.in_units(units)
        experiment = evolve(experiment, backend=TransformedBackend.in_units(experiment.backend, units))
        codes = {split: encode(experiment.backend, shards[split].clips) for split in FITTED_ON}
        samples = {}
        for split, most in (("train", settings.sample_clips), ("validation", settings.sample_clips // 8)):
            kept = CodeReservoir(experiment, most)
            kept.add(shards[split], codes[split], ())
            samples[split] = kept.sample(adds_up=False)
        return cls(
            experiment,
            shards,
            codes,
            statistics,
            {a.name: _spread(a.measure(shards["train"].clips)) for a in attributes},
            samples,
            {split: reservoir.clips(experiment.clip_format.shape) for split, reservoir in reservoirs.items()},
        )


def _joined(parts: Sequence[Shard], split: str) -> Shard:
    return Shard(np.concatenate([part.clips for part in parts]), sum((part.songs for part in parts), ()), split)


def _spread(values: Floats) -> float:
    values = values[np.isfinite(values)]
    return float(values.std()) if len(values) else 0.0


@define(eq=False)
class EncodedPairs:
    """
    One edit on the songs of an encoded corpus: the pairs that :class:`LazyEvaluation` takes.

    Attributes:
        corpus: The songs.
        edit: The edit; it may use no chance but its own.
        swap: Where not None, the seed that says in which songs before and after are exchanged.
    """

    corpus: EncodedCorpus
    edit: Augmentation
    swap: int | None = None
    _pairs: dict[tuple[str, float], Pairs] = field(factory=dict)
    _batches: dict[tuple[str, float, int | None], AmountBatch] = field(factory=dict)
    _firsts: tuple[Ints, Floats, Floats] | None = field(default=None, init=False)
    _operators: dict[tuple[str, tuple[float, ...]], Operator] = field(factory=dict, init=False)

    def swapped(self, seed: int) -> EncodedPairs:
        """The same pairs with before and after exchanged at random, song by song; what is known of them is shared."""
        return evolve(self, swap=seed)

    @property
    def experiment(self) -> Experiment:
        """That of the corpus with this edit."""
        return self._at(self.edit)

    def _at(self, edit: Augmentation) -> Experiment:
        whole = self.corpus.experiment
        amounts, swapped = signed_amounts(edit)
        return evolve(whole, augmentation=edit, amounts=amounts, swapped=swapped)

    @property
    def amounts(self) -> tuple[float, ...]:
        """Those with enough training pairs, ascending."""
        enough = self._moved()[0] >= PAIRS_PER_DIMENSION * self.corpus.experiment.latent_size
        return tuple(a for a, ok in zip(self.experiment.amounts, enough, strict=True) if ok)

    def pairs(self, split: str, amount: float) -> Pairs:
        """The pairs of a split's clips at one amount."""
        pairs = self._real(split, amount)
        return pairs if self.swap is None else swap_pairs(pairs, flipped(self.corpus.shards[split].songs, self.swap))

    def _real(self, split: str, amount: float) -> Pairs:
        if (split, amount) not in self._pairs:
            if self._backwards(amount):
                pairs = self._real(split, -amount).swapped()
            else:
                one = self._at(OneAmount(self.edit, amount))
                edits = edit_clips(one, self.corpus.shards[split].clips, default_rng([one.seed, 0]))
                (pairs,) = encode_pairs(one, edits, self.corpus.codes[split], Tally())
            self._pairs[split, amount] = pairs
        return self._pairs[split, amount]

    def _backwards(self, amount: float) -> bool:
        return amount not in self.experiment.own_amounts

    def _moved(self) -> tuple[Ints, Floats, Floats]:
        """Number of training pairs (A,), their mean change and their mean code after the edit (A, D)."""
        if self._firsts is None:
            amounts, size = self.experiment.amounts, self.corpus.experiment.latent_size
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
        return [self.experiment.amounts.index(a) for a in amounts]

    def operator(self, fit: Fit, amounts: Sequence[float]) -> Operator:
        """
        What a fit gives, good at some of :attr:`amounts`.

        A shift may use the mean changes and the samples' targets, an affine fit each amount's moments by themselves:
        so do all closed-form ones.

        Raises:
            NotFittedError: The fit cannot serve the edit.
        """
        # A shift is one for all amounts; an affine map is fitted to each amount by itself.
        chosen = tuple(amounts) if fit.kind == "affine" else self.amounts
        if (fit.name, chosen) not in self._operators:
            self._operators[fit.name, chosen] = fit.fit(self.fit_input(chosen, moments=fit.kind != "shift"))[0]
        return self._operators[fit.name, chosen]

    def fit_input(self, amounts: Sequence[float], *, moments: bool) -> FitInput:
        """
        What a fit is computed from at some amounts.

        Args:
            amounts: Some of :attr:`amounts`.
            moments: Whether second moments are computed; zeros without.
        """
        experiment, samples = self.corpus.experiment, self.corpus.samples
        sums = {split: PairMoments.empty(len(amounts), experiment.latent_size) for split in FITTED_ON}
        for split, sum_ in sums.items() if moments else ():
            for i, amount in enumerate(amounts):
                pairs = self.pairs(split, amount)
                sum_.add(i, pairs.before, pairs.after)
        return FitInput(
            latent_size=experiment.latent_size,
            amounts=tuple(amounts),
            mean_change=self._moved()[1][self._index(amounts)],
            gram=sums["train"].gram,
            cross=sums["train"].cross,
            validation_gram=sums["validation"].gram,
            validation_cross=sums["validation"].cross,
            validation_square=sums["validation"].square.sum(axis=1),
            sample=samples["train"],
            validation_sample=samples["validation"],
            seed=experiment.seed,
            options=experiment.settings.as_dict(),
        )

    def control_test(self) -> ControlTest:
        """The comparison with random controls, and the config of the metrics."""
        experiment, amounts = self.corpus.experiment, self.amounts
        after = self._moved()[2].astype(np.float32)
        config = EvaluationConfig(
            experiment.methods.attributes,
            experiment.methods.comparisons,
            self.edit.target,
            self.edit.preserves,
            self.corpus.spreads,
            {a: after[i] for a, i in zip(amounts, self._index(amounts), strict=True)},
            tuple(a for a in amounts if not self._backwards(a)),
            experiment.seed,
        )
        near = nearest(a for a in amounts if self.reached("validation", a))
        config = measured(experiment.backend, self.evaluation_set("validation", near), config)
        return ControlTest.of(experiment.backend, config, self.corpus.statistics.covariance(), experiment.settings)

    def evaluation_set(self, split: str, amounts: Iterable[float], clips: int | None = None) -> EvaluationSet:
        """The evaluation set of a split at some amounts, on the first ``clips`` of its clips."""
        tokens, names = self._clips(split, clips)
        backend = self.corpus.experiment.backend
        codes = encode(backend, tokens)
        batches = {a: self._batch(split, a, clips) for a in sorted(amounts)}
        real = EvaluationSet(tokens, group_index(names), codes, decode(backend, codes), batches)
        return real if self.swap is None else swap_set(real, flipped(names, self.swap))

    def _clips(self, split: str, clips: int | None) -> tuple[ClipBatch, tuple[str, ...]]:
        tokens, names = self.corpus.sets[split]
        return tokens[:clips], names[:clips]

    def reached(self, split: str, amount: float, clips: int | None = None) -> bool:
        """Whether the evaluation set of a split has a pair at an amount; nothing is encoded for the answer."""
        experiment = self.corpus.experiment
        tokens, rng = self._clips(split, clips)[0], default_rng([experiment.seed, 1, len(split)])
        own = -amount if self._backwards(amount) else amount
        return bool(edited(experiment.backend, self.edit, tokens, own, rng, Tally())[1].any())

    def _batch(self, split: str, amount: float, clips: int | None) -> AmountBatch:
        key = (split, amount, clips)
        if key not in self._batches:
            if self._backwards(amount):
                self._batches[key] = self._batch(split, -amount, clips).reversed()
            else:
                one = self._at(OneAmount(self.edit, amount))
                rng = default_rng([one.seed, 1, len(split)])
                self._batches[key] = build_evaluation_set(one, *self._clips(split, clips), rng).batches[amount]
        return self._batches[key]
