"""
One discovery: pairs, statistics, fits, the choice of kind on validation songs, the verdict on test songs.

The songs are read once. What is kept of them does not grow with their number: mergeable statistics and a
seeded sample of validation and of test clips.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

import numpy as np
from attrs import evolve, frozen
from numpy.random import default_rng
from numpy.typing import NDArray

from latentknobs.core.activity import ACTIVE_VARIANCE
from latentknobs.core.arrays import ClipBatch
from latentknobs.core.attribute import Attribute
from latentknobs.core.augmentation import Augmentation, Augmented, signed_amounts
from latentknobs.core.backend import VAEBackend
from latentknobs.core.corpus import Progress, Song, Tally, no_progress
from latentknobs.core.evidence import FitComparison
from latentknobs.core.experiment import Methods, Settings
from latentknobs.core.knob import Knob, Operator
from latentknobs.core.method_specs import CodeSample, Fit, FitInput
from latentknobs.core.model_calls import encode
from latentknobs.core.run import Run, RunSpec
from latentknobs.corpora.sharding import Shard, carried_shards
from latentknobs.discovery.code_sample import CodeReservoir, adds_up
from latentknobs.discovery.coordinate_systems import CoordinateSystems, systems
from latentknobs.discovery.fits.gradient_fit import decoder_of
from latentknobs.discovery.knob_evaluation import as_evidence, examine, rounded
from latentknobs.discovery.pair_statistics import PairStatistics
from latentknobs.discovery.pairs import edits_of, pairs_of
from latentknobs.discovery.prefetch import ahead
from latentknobs.discovery.running_std import RunningStd
from latentknobs.errors import DiscoveryError, NotFittedError, UsageError
from latentknobs.evaluation.evaluation_set import ClipReservoir, EvaluationSet, trial
from latentknobs.evaluation.knob_metrics import EvaluationConfig
from latentknobs.steering.matrix_powers import has_path

ADDING_CLIPS = 64
"""Clips on which it is tried whether the edit's amounts add up."""
PAIRS_PER_DIMENSION = 4
"""An amount with fewer valid training pairs than this times D is not fitted."""


def discover(
    backend: VAEBackend,
    augmentation: Augmentation,
    songs: Iterable[Song],
    spec: RunSpec,
    settings: Settings,
    methods: Methods,
    *,
    version: str,
    tally: Tally | None = None,
    progress: Progress = no_progress,
) -> Run:
    """
    Find the knob of an augmentation.

    Args:
        backend: The model.
        augmentation: The edit; its clip format must be the model's.
        songs: Songs of all splits, read once.
        spec: What was asked for, kept with the result.
        settings: Parameters.
        methods: Fits, selectors, bases, attributes, comparisons.
        version: Version of the program, kept with the result.
        tally: Counts of the corpus, which this discovery adds to.
        progress: Told of the work.

    Returns:
        The run, with one knob for each fit that can serve the edit; ``current`` is the one that validation songs
        prefer.

    Raises:
        DiscoveryError: No amount has enough training pairs, or there are no validation clips that such an amount
            can be applied to, or no test clips, or no fit can serve the edit.
        UsageError: The augmentation edits another clip format; a selector or basis is unknown.
        PluginError: The augmentation breaks its contract.
        BackendError: The model breaks its contract.
    """
    started = datetime.now(UTC)
    tally = tally if tally is not None else Tally()
    _check(backend, augmentation, settings, methods)
    read = _read(backend, augmentation, songs, settings, spec.seed, tally, methods.attributes, progress)
    amounts, swapped = signed_amounts(augmentation)
    enough = read.deltas.train.counts() >= PAIRS_PER_DIMENSION * backend.spec.latent_size
    fitted = [a for a, ok in zip(amounts, enough, strict=True) if ok]
    counts = dict(zip(amounts, read.deltas.train.counts().tolist(), strict=True))
    if not fitted:
        raise DiscoveryError(
            f"No amount of {augmentation.name} has {PAIRS_PER_DIMENSION * backend.spec.latent_size} training pairs "
            f"(4 for each of {backend.spec.latent_size} dimensions); the most is {max(counts.values())} at "
            f"{max(counts, key=lambda a: counts[a]):+g}: ask for more clips or another corpus."
        )
    validation = _trial(backend, augmentation, read.validation, spec.seed, "validation", progress)
    if not any(len(validation.cases[a].rows) for a in fitted):
        raise DiscoveryError(
            f"None of the {len(validation.clips)} validation clips can be edited by {augmentation.name} at an amount "
            f"with enough training pairs ({', '.join(f'{a:+g}' for a in fitted)}): ask for more clips."
        )
    test = _trial(backend, augmentation, read.test, spec.seed, "test", progress)
    fit_input = evolve(_fit_input(read, fitted, enough, settings, spec.seed), decoder=decoder_of(backend))
    yard = EvaluationConfig(
        methods.attributes,
        methods.comparisons,
        augmentation.target,
        augmentation.preserves,
        read.spreads,
        {a: (fit_input.cross[i, 0] / fit_input.gram[i, 0, 0]).astype(np.float32) for i, a in enumerate(fitted)},
        tuple(a for a in fitted if a > 0 or not swapped),
        spec.seed,
    )
    asked = tuple(fit for fit in methods.fits if not settings.fits or fit.name in settings.fits)
    operators, declined = _fit(asked, fit_input, augmentation, progress)
    common = {
        "fitted": fitted,
        "training_pairs": {f"{a:+g}": n for a, n in counts.items()},
        "declined": declined,
        "target": augmentation.target,
        "not_fitted": {f"{a:+g}": counts[a] for a in amounts if a not in fitted},
        "mean_change": rounded(fit_input.mean_change),
        "mean_change_error": rounded(read.deltas.mean_change_error()[enough]),
        "coherence": {f"{a:+g}": float(c) for a, c in zip(fitted, read.deltas.coherence()[enough], strict=True)},
        "covariance_diagonal": rounded(np.diag(read.deltas.covariance())),
        "adds_up": read.adds_up,
        "active_dimensions": int((np.diag(read.deltas.covariance()) > ACTIVE_VARIANCE).sum()),
        "validation_clips": len(validation.clips),
        "test_clips": len(test.clips),
    }
    measured = read.deltas.only(enough)
    found = systems(backend, read.deltas.covariance(), fit_input, methods.bases)
    knobs, scores = [], []
    for done, (fit, operator, fitting) in enumerate(operators):
        progress(f"proving {augmentation.knob_name}", done, len(operators))
        knob, score = _knob(
            backend,
            augmentation,
            (fit, operator, fitting),
            fit_input,
            (validation, test),
            yard,
            measured,
            spec,
            settings,
            methods,
            found,
            common,
        )
        knobs.append(knob)
        scores.append(score)
    progress(f"proving {augmentation.knob_name}", len(operators), len(operators))
    fits = tuple(compare_fit(knob) for knob in knobs)
    together = tuple(evolve(knob, evidence=evolve(knob.evidence, fits=fits)) for knob in knobs)
    return Run(spec, together, _choose(scores), dict(tally.counts), version, started, datetime.now(UTC))


def _check(backend: VAEBackend, augmentation: Augmentation, settings: Settings, methods: Methods) -> None:
    wanted = backend.spec.clip_format.name
    if augmentation.clip_format != wanted:
        raise UsageError(
            f"{augmentation.name} edits clips of format {augmentation.clip_format}, "
            f"model {backend.spec.name} has {wanted}."
        )
    for kind, name, known in (
        ("selector", settings.selector, methods.selectors),
        ("basis", settings.basis, methods.bases),
        *(("fit", name, {fit.name for fit in methods.fits}) for name in settings.fits),
    ):
        if name not in known:
            raise UsageError(f"There is no {kind} named {name!r}; there is: {', '.join(sorted(known))}.")
    attributes = {a.name for a in methods.attributes}
    known_names = attributes | {c.name for c in methods.comparisons}
    if augmentation.target is not None and augmentation.target not in attributes:
        raise UsageError(f"{augmentation.name} names the target {augmentation.target!r}, which no plugin measures.")
    for part, names in (("preserves", augmentation.preserves), ("changes", augmentation.changes)):
        if unknown := sorted(names - known_names):
            raise UsageError(
                f"{augmentation.name} names {unknown[0]!r} in {part}, which no plugin measures; "
                f"there is: {', '.join(sorted(known_names))}."
            )


@frozen(eq=False)
class _Read:
    deltas: PairStatistics
    validation: ClipReservoir
    test: ClipReservoir
    spreads: dict[str, float]
    codes: CodeSample
    validation_codes: CodeSample
    adds_up: bool


def _read(
    backend: VAEBackend,
    augmentation: Augmentation,
    songs: Iterable[Song],
    settings: Settings,
    seed: int,
    tally: Tally,
    attributes: tuple[Attribute, ...],
    progress: Progress,
) -> _Read:
    amounts, _ = signed_amounts(augmentation)
    index = {a: i for i, a in enumerate(amounts)}
    deltas = PairStatistics.empty(len(amounts), backend.spec.latent_size)
    target = next((a for a in attributes if a.name == augmentation.target), None)
    kept = {
        split: CodeReservoir(augmentation, backend.spec.latent_size, size, seed, target)
        for split, size in (("train", settings.sample_clips), ("validation", settings.sample_clips // 8))
    }
    first: ClipBatch | None = None
    samples = {
        "validation": ClipReservoir(settings.trial_clips, seed),
        "test": ClipReservoir(settings.trial_clips, seed),
    }
    spreads = RunningStd(attributes)
    done = 0

    def edits(read: tuple[int, tuple[Shard, int]]) -> dict[float, Augmented]:
        number, (shard, _) = read
        if shard.split == "test" or not len(shard.clips):
            return {}
        return edits_of(augmentation, shard.clips, default_rng([seed, number]), backend.spec.clip_format)

    read = enumerate(carried_shards(backend, songs, settings.shard, tally))
    for (_, (shard, seen)), after in ahead(edits, read):
        done += seen
        progress(f"encoding for {augmentation.knob_name}", done, settings.clips)
        if not len(shard.clips):
            continue
        if shard.split in samples:
            samples[shard.split].add(shard)
        if shard.split == "test":
            continue
        codes = encode(backend, shard.clips)
        blocks = shard.blocks
        if shard.split == "train":
            deltas.codes.add(0, codes, codes)
            spreads.add(shard.clips)
        first = shard.clips[:ADDING_CLIPS] if first is None else first
        pairs = list(pairs_of(backend, augmentation, after, codes, tally))
        kept[shard.split].add(shard, codes, pairs)
        for pair in pairs:
            if shard.split == "train":
                deltas.add_training(index[pair.amount], pair.before, pair.after, blocks[pair.valid])
            else:
                deltas.validation.add(index[pair.amount], pair.before, pair.after)
    adding = first is not None and adds_up(backend, augmentation, first, kept["train"].knots, default_rng([seed, 4]))
    return _Read(
        deltas,
        samples["validation"],
        samples["test"],
        spreads.found(),
        kept["train"].sample(adding),
        kept["validation"].sample(adding),
        adding,
    )


def _trial(
    backend: VAEBackend, augmentation: Augmentation, sample: ClipReservoir, seed: int, split: str, progress: Progress
) -> EvaluationSet:
    clips, names = sample.clips(backend.spec.clip_format.shape)
    if not len(clips):
        raise DiscoveryError(f"The corpus gave no {split} clips that the model can carry: ask for more clips.")
    progress(f"decoding {split} clips for {augmentation.knob_name}", 0, None)
    return trial(backend, augmentation, clips, names, default_rng([seed, 1, len(split)]))


def _fit_input(read: _Read, fitted: list[float], enough: NDArray[np.bool_], settings: Settings, seed: int) -> FitInput:
    deltas = read.deltas
    return FitInput(
        latent_size=deltas.latent_size,
        amounts=tuple(fitted),
        mean_change=deltas.mean_change()[enough],
        gram=deltas.train.gram[enough],
        cross=deltas.train.cross[enough],
        validation_gram=deltas.validation.gram[enough],
        validation_cross=deltas.validation.cross[enough],
        validation_square=deltas.validation.square[enough],
        sample=read.codes,
        validation_sample=read.validation_codes,
        seed=seed,
        options=settings.as_dict(),
    )


_Fitted: TypeAlias = tuple[Fit, Operator, Mapping[str, Any]]


def _fit(
    fits: tuple[Fit, ...], given: FitInput, augmentation: Augmentation, progress: Progress
) -> tuple[list[_Fitted], dict[str, str]]:
    """What each fit gives, and why those that cannot serve the edit give nothing."""
    found: list[_Fitted] = []
    declined: dict[str, str] = {}
    for done, fit in enumerate(fits):
        progress(f"fitting {augmentation.knob_name}", done, len(fits))
        try:
            found.append((fit, *fit.fit(given)))
        except NotFittedError as reason:
            declined[fit.name] = str(reason)
    if fits and not found:
        reasons = " ".join(f"{name}: {reason}" for name, reason in declined.items())
        raise DiscoveryError(f"No fit can serve {augmentation.name}. {reasons}")
    return found, declined


def _step(augmentation: Augmentation, operator: Operator) -> float | None:
    """Amounts are multiples of it: of an on/off edit its one amount, of a group whole steps; None = continuous."""
    if len(augmentation.amounts) == 1:
        return abs(augmentation.amounts[0])
    return float(operator.arrays["step"][0]) if operator.kind == "group" and not has_path(operator) else None


@frozen
class _Score:
    meets: bool
    equivariance: float
    error: float


def _choose(scores: list[_Score]) -> int | None:
    """The highest equivariance among those that meet the limits; a simpler kind wins a tie within one error."""
    if not scores:
        return None
    among = [i for i, s in enumerate(scores) if s.meets] or list(range(len(scores)))
    best = max(among, key=lambda i: scores[i].equivariance)
    floor = scores[best].equivariance - scores[best].error
    return next(i for i in among if scores[i].equivariance >= floor)


def compare_fit(knob: Knob) -> FitComparison:
    """What a card says of one fit of a run, from validation songs, so that a knob stands beside its baselines."""
    metrics = knob.evidence.validation
    assert metrics is not None  # every examined knob has them
    ratios = {f"{x.amount:+g}": x.equivariance.value for x in metrics.amounts if x.equivariance is not None}
    values = list(ratios.values())
    contents = metrics.amounts[0].content if metrics.amounts else {}
    return FitComparison(
        fit=knob.fit,
        kind=knob.kind,
        verdict=knob.verdict,
        low=knob.low,
        high=knob.high,
        equivariance=ratios,
        least=min(values, default=None),
        mean=float(np.mean(values)) if values else None,
        monotone=None if metrics.response is None else metrics.response.spearman.value,
        content={
            name: min((kept.value for x in metrics.amounts if (kept := x.content[name]) is not None), default=None)
            for name in contents
        },
    )


def _knob(
    backend: VAEBackend,
    augmentation: Augmentation,
    fitted: _Fitted,
    given: FitInput,
    trials: tuple[EvaluationSet, EvaluationSet],
    yard: EvaluationConfig,
    deltas: PairStatistics,
    spec: RunSpec,
    settings: Settings,
    methods: Methods,
    coordinates: CoordinateSystems,
    common: dict[str, Any],
) -> tuple[Knob, _Score]:
    fit, operator, fitting = fitted
    found = examine(backend, operator, trials, given, yard, deltas, settings, methods, coordinates)
    usable, on_validation = found.usable, found.on_validation
    knob = Knob(
        name=augmentation.knob_name,
        model_id=backend.spec.model_id,
        model_name=backend.spec.name,
        augmentation=augmentation.name,
        kind=fit.kind,
        fit=fit.name,
        unit=augmentation.unit,
        step=_step(augmentation, operator),
        low=usable.low,
        high=usable.high,
        verdict=found.verdict,
        dimensions=found.dimensions,
        effects=found.effects,
        evidence=as_evidence({**common, "fitting": {k: _plain(v) for k, v in fitting.items()}, **found.evidence}),
        operator=operator,
        run_id=spec.run_id,
    )
    compared = [x.equivariance for x in on_validation.at.values()]
    ratios = [e.ratio for e in compared if e is not None and e.measurable]
    mean = float(np.mean([r.value for r in ratios])) if ratios else 0.0
    error = float(np.mean([r.error for r in ratios])) if ratios else 0.0
    meets = usable.meets and (on_validation.monotone is None or on_validation.monotone >= 0.9)
    return knob, _Score(meets, mean, error)


def _plain(value: Any) -> Any:
    return [None if v is None else float(v) for v in value] if isinstance(value, (list, tuple)) else value
