"""
One discovery: pairs, statistics, fits, the choice of fit on validation songs, the verdict on test songs.

The songs are read once. What is kept of them does not grow with their number: mergeable statistics, and seeded samples
of clips and codes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from attrs import evolve, frozen
from numpy.random import default_rng

from latentknobs.backends.transformed import TransformedBackend
from latentknobs.core.active_dimensions import active_dimensions
from latentknobs.core.arrays import Bools
from latentknobs.core.augmentation import Augmentation, inexact
from latentknobs.core.capability import capability
from latentknobs.core.clip import JoinableClips
from latentknobs.core.code_units import CodeUnits
from latentknobs.core.corpus import Progress, Song, Tally, no_progress
from latentknobs.core.evidence import Equivariance, Evidence, FitComparison
from latentknobs.core.experiment import Experiment
from latentknobs.core.knob import Knob, Operator
from latentknobs.core.method_specs import CodeSample, Fit, FitInput
from latentknobs.core.model_calls import CHANGES_CONDITION
from latentknobs.core.one_key import in_one_key
from latentknobs.core.run import Run, RunSpec
from latentknobs.corpora.sharding import Shard, carried_shards, song_contexts
from latentknobs.discovery.code_sample import CodeReservoir, adds_up
from latentknobs.discovery.coordinate_systems import coordinate_systems
from latentknobs.discovery.evaluation_context import EvaluationContext
from latentknobs.discovery.evidence_rounding import rounded
from latentknobs.discovery.fits.gradient_fit import decoder_of
from latentknobs.discovery.knob_evaluation import evaluate_knob
from latentknobs.discovery.pair_statistics import PairStatistics
from latentknobs.discovery.pairs import EncodeShards
from latentknobs.discovery.recombination import Recombination
from latentknobs.discovery.running_std import RunningStd
from latentknobs.errors import DiscoveryError, NotFittedError
from latentknobs.evaluation.acceptance_criteria import LEAST_MONOTONE
from latentknobs.evaluation.evaluation_set import ClipReservoir, EvaluationSet, build_evaluation_set
from latentknobs.evaluation.knob_metrics import EvaluationConfig, KnobMetrics, measure, measured, turned_clips
from latentknobs.steering.matrix_powers import has_path

ADDING_CLIPS = 64
"""Clips on which it is tested whether the edit's amounts add up."""
PAIRS_PER_DIMENSION = 4
"""An amount with fewer valid training pairs than this times D is not fitted."""


def discover(
    experiment: Experiment,
    songs: Iterable[Song],
    spec: RunSpec,
    *,
    version: str,
    tally: Tally | None = None,
    progress: Progress = no_progress,
) -> Run:
    """
    Find the knob of an experiment's augmentation.

    Args:
        experiment: With an augmentation.
        songs: Songs of all splits, read once.
        spec: What was requested, kept with the result.
        version: Version of the program, kept with the result.
        tally: Counts of the corpus, which this discovery adds to.
        progress: Told of the work.

    Returns:
        The run, with one knob for each fit that can serve the edit; ``current`` is the one that validation songs
        prefer.

    Raises:
        DiscoveryError: No amount has enough training pairs, or there are no validation clips that such an amount
            can be applied to, or no test clips, or no fit can serve the edit.
        PluginError: The augmentation breaks its contract.
        BackendError: The model breaks its contract.
    """
    started = datetime.now(UTC)
    tally = tally if tally is not None else Tally()
    knob_name = experiment.edit.knob_name
    corpus = _read(experiment, songs, tally, progress)
    fitted = _fitted_amounts(experiment, corpus.statistics, tally)
    context = _context(experiment, corpus, fitted, progress)
    common = _common_evidence(context, corpus)
    operators, declined = _fit(context, corpus.units, progress)
    knobs, scores = [], []
    for done, fitted_operator in enumerate(operators):
        progress(f"evaluating {knob_name}", done, len(operators))
        knob, score = _knob(context, fitted_operator, spec, evolve(common, declined=declined))
        knobs.append(knob)
        scores.append(score)
    progress(f"evaluating {knob_name}", len(operators), len(operators))
    fits = tuple(compare_fit(knob) for knob in knobs)
    together = tuple(evolve(knob, evidence=evolve(knob.evidence, fits=fits)) for knob in knobs)
    return Run(spec, together, _choose(scores), tally.by_name(), version, started, datetime.now(UTC))


@frozen(eq=False)
class _CodeStatistics:
    """What is kept of the songs: statistics in the model's own units, samples of codes in code units, all of them."""

    statistics: PairStatistics
    units: CodeUnits
    validation: ClipReservoir
    test: ClipReservoir
    spreads: dict[str, float]
    codes: CodeSample
    validation_codes: CodeSample
    adds_up: bool
    recombination: Recombination | None


def _read(experiment: Experiment, songs: Iterable[Song], tally: Tally, progress: Progress) -> _CodeStatistics:
    backend, settings, seed = experiment.backend, experiment.settings, experiment.seed
    index = {a: i for i, a in enumerate(experiment.amounts)}
    statistics = PairStatistics.empty(len(experiment.amounts), experiment.latent_size, experiment.held)
    code_samples = {
        "train": CodeReservoir(experiment, settings.sample_clips),
        "validation": CodeReservoir(experiment, settings.sample_clips // 8),
    }
    clip_samples = {split: ClipReservoir(settings.trial_clips, seed) for split in ("validation", "test")}
    joinable = capability(experiment.clip_format, JoinableClips) if settings.recombined else None
    if joinable:
        clip_samples["train"] = ClipReservoir(settings.sample_clips, seed)
    first: Shard | None = None
    spreads = RunningStd(experiment.methods.attributes)
    done = 0

    contexts = song_contexts([experiment.edit], experiment.clip_format, seed)
    moved = in_one_key(songs, experiment.relative_to, experiment.clip_format, tally)
    shards = carried_shards(backend, moved, settings.shard, tally, contexts)
    looked_at: deque[int] = deque()

    def numbered() -> Iterator[tuple[Shard, int]]:
        for number, (shard, seen) in enumerate(shards):
            looked_at.append(seen)
            yield shard, number

    for (shard, _), encoded in experiment.map(EncodeShards(experiment.for_workers()), numbered()):
        done += looked_at.popleft()
        progress(f"encoding for {experiment.edit.knob_name}", done, settings.clips)
        if not len(shard.clips):
            continue
        if shard.split in clip_samples:
            clip_samples[shard.split].add(shard)
        if encoded is None:
            continue
        tally.add_all(encoded.counts)
        codes = encoded.posterior.mean
        if shard.split == "train":
            statistics.add_originals(encoded.posterior)
            spreads.add(shard.clips)
        first = shard.first(ADDING_CLIPS) if first is None else first
        pairs = list(encoded.pairs(experiment))
        code_samples[shard.split].add(shard, codes, pairs)
        blocks = shard.blocks
        for pair in (pair.whole() for pair in pairs):
            if shard.split == "train":
                statistics.add_training(index[pair.amount], pair.before, pair.after, blocks[pair.valid])
            else:
                statistics.validation.add(index[pair.amount], pair.before, pair.after)
    knots = code_samples["train"].knots
    adding = first is not None and adds_up(
        experiment.in_context(first.contexts), first.clips, knots, default_rng([seed, 4])
    )
    units = statistics.units()
    recombination: Recombination | None = None
    if joinable:
        clips, _ = clip_samples["train"].clips(experiment.clip_format.shape)
        recombination = Recombination(experiment, joinable, clips, clip_samples["train"].contexts(), adding, units)
    return _CodeStatistics(
        statistics,
        units,
        clip_samples["validation"],
        clip_samples["test"],
        spreads.result(),
        code_samples["train"].sample(adding, units),
        code_samples["validation"].sample(adding, units),
        adding,
        recombination,
    )


def _fitted_amounts(experiment: Experiment, statistics: PairStatistics, tally: Tally) -> Bools:
    """Which of the signed amounts have enough training pairs, bool (A,)."""
    counts, least = statistics.train.counts(), PAIRS_PER_DIMENSION * experiment.latent_size
    enough: Bools = counts >= least
    changed = sum(count for reason, count in tally.counts.items() if reason.startswith(CHANGES_CONDITION))
    if not enough.any() and changed > counts.sum():
        raise DiscoveryError(
            f"{experiment.edit.name} changes the condition {experiment.backend.spec.condition} of {changed} pairs, and "
            f"leaves {counts.max()} at most at an amount, of {least} that are needed: a knob moves the latent alone, "
            "so edit only what the condition does not say, or fix the condition in decode."
        )
    if not enough.any():
        raise DiscoveryError(
            f"No amount of {experiment.edit.name} has {least} training pairs "
            f"({PAIRS_PER_DIMENSION} for each of {experiment.latent_size} dimensions); the most is {counts.max()} at "
            f"{experiment.amounts[int(counts.argmax())]:+g}: ask for more clips or another corpus."
        )
    return enough


def _context(experiment: Experiment, corpus: _CodeStatistics, enough: Bools, progress: Progress) -> EvaluationContext:
    """What every knob of the run is fitted from and evaluated with."""
    methods, edit = experiment.methods, experiment.edit
    fitted = tuple(a for a, ok in zip(experiment.amounts, enough, strict=True) if ok)
    validation = _evaluation_set(experiment, corpus.validation, "validation", progress)
    if not any(len(validation.batches[a].rows) for a in fitted):
        raise DiscoveryError(
            f"None of the {len(validation.clips)} validation clips can be edited by {edit.name} at an amount "
            f"with enough training pairs ({', '.join(f'{a:+g}' for a in fitted)}): ask for more clips."
        )
    # Fits read a condition in units of its own spread; wherever codes are turned and decoded it stays as it is.
    plain, units = corpus.statistics.only(enough), corpus.units.holding(experiment.held)
    statistics = plain.in_units(units)
    fitting = statistics if units is corpus.units else plain.in_units(corpus.units)
    recombination = corpus.recombination
    in_units = TransformedBackend.in_units(experiment.backend, corpus.units)
    own, train, held_out = plain.train, fitting.train, fitting.validation
    fit_input = FitInput(
        latent_size=experiment.latent_size,
        amounts=fitted,
        mean_change=statistics.mean_change(),
        gram=train.gram,
        cross=train.cross,
        validation_gram=held_out.gram,
        validation_cross=held_out.cross,
        validation_square=held_out.square.sum(axis=1),
        sample=corpus.codes,
        validation_sample=corpus.validation_codes,
        seed=experiment.seed,
        options=experiment.settings.as_dict(),
        decoder=decoder_of(in_units),
        target=edit.target,
        held=experiment.held,
        recombined=partial(recombination, experiment.settings.recombined) if recombination else None,
    )
    config = EvaluationConfig(
        methods.attributes,
        methods.comparisons,
        edit.target,
        edit.preserves,
        corpus.spreads,
        {a: (own.cross[i, 0] / own.gram[i, 0, 0]).astype(np.float32) for i, a in enumerate(fitted)},
        tuple(a for a in experiment.own_amounts if a in fitted),
        experiment.seed,
        edit.changes,
    )
    config = measured(experiment.backend, validation, config)
    test = _evaluation_set(experiment, corpus.test, "test", progress)
    coordinates = coordinate_systems(in_units, statistics.covariance(), fit_input, methods.bases)
    in_part: EvaluationSet | None = None
    if experiment.learns_in_part:
        able = evolve(experiment, augmentation=inexact(edit), amounts=experiment.own_amounts, swapped=False)
        in_part = _evaluation_set(able, corpus.validation, "validation", progress)
    return EvaluationContext(experiment, fit_input, statistics, config, validation, test, coordinates, in_part, units)


def _evaluation_set(experiment: Experiment, sample: ClipReservoir, split: str, progress: Progress) -> EvaluationSet:
    clips, names = sample.clips(experiment.clip_format.shape)
    if not len(clips):
        raise DiscoveryError(f"The corpus gave no {split} clips that the model can carry: ask for more clips.")
    progress(f"decoding {split} clips for {experiment.edit.knob_name}", 0, None)
    rng = default_rng([experiment.seed, 1, len(split)])
    return build_evaluation_set(experiment.in_context(sample.contexts()), clips, names, rng)


def _common_evidence(context: EvaluationContext, corpus: _CodeStatistics) -> Evidence:
    """What all knobs of the run share."""
    experiment, statistics, fitted = context.experiment, context.statistics, context.fit_input.amounts
    counts = dict(zip(experiment.amounts, corpus.statistics.train.counts().tolist(), strict=True))
    covariance, units = statistics.covariance(), context.units
    return Evidence(
        fitted=fitted,
        training_pairs={f"{a:+g}": n for a, n in counts.items()},
        target=experiment.edit.target,
        not_fitted={f"{a:+g}": n for a, n in counts.items() if a not in fitted},
        mean_change=rounded(context.fit_input.mean_change * units.scale),
        mean_change_error=rounded(statistics.mean_change_error() * units.scale),
        coherence={f"{a:+g}": float(c) for a, c in zip(fitted, statistics.coherence(), strict=True)},
        covariance_diagonal=rounded(np.diag(covariance) * units.scale**2),
        code_centre=rounded(units.centre),
        code_scale=rounded(units.scale),
        adds_up=corpus.adds_up,
        relative_to=experiment.relative_to,
        measure=context.config.measure,
        active_dimensions=len(active_dimensions(covariance)),
        validation_clips=len(context.validation.clips),
        test_clips=len(context.test.clips),
        preserves=tuple(sorted(experiment.edit.preserves)),
        changes=tuple(sorted(experiment.edit.changes)),
    )


_Fitted: TypeAlias = tuple[Fit, Operator, Mapping[str, Any]]


def _fit(context: EvaluationContext, units: CodeUnits, progress: Progress) -> tuple[list[_Fitted], dict[str, str]]:
    """The operator of each fit, in these units, on the model's codes; reasons of those that cannot serve the edit."""
    experiment = context.experiment
    edit, only = experiment.edit, experiment.settings.fits
    fits = [fit for fit in experiment.methods.fits if not only or fit.name in only]
    fitted: list[_Fitted] = []
    declined: dict[str, str] = {}
    for done, fit in enumerate(fits):
        progress(f"fitting {edit.knob_name}", done, len(fits))
        try:
            operator, facts = fit.fit(context.fit_input)
            operator = operator if fit.own_units else units.operator_outward(operator)
            fitted.append((fit, operator.holding(experiment.held), facts))
        except NotFittedError as reason:
            declined[fit.name] = str(reason)
    if fits and not fitted:
        reasons = " ".join(f"{name}: {reason}" for name, reason in declined.items())
        raise DiscoveryError(f"No fit can serve {edit.name}. {reasons}")
    return fitted, declined


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
    """One fit of a run, from validation songs, so that a knob stands beside its baselines."""
    metrics = knob.evidence.validation
    assert metrics is not None  # every evaluated knob has them
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


def _knob(context: EvaluationContext, fitted: _Fitted, spec: RunSpec, common: Evidence) -> tuple[Knob, _Score]:
    fit, operator, fitting = fitted
    edit, model = context.experiment.edit, context.experiment.backend.spec
    facts = {name: _plain(value) for name, value in fitting.items()}
    chosen_on = _in_part(context, operator)
    if chosen_on is not None:
        facts["in_part"] = float(np.mean([e.value for e in chosen_on]))
    evaluation = evaluate_knob(context, operator, evolve(common, fitting=facts))
    usable, on_validation = evaluation.usable, evaluation.on_validation
    knob = Knob(
        name=edit.knob_name,
        model_id=model.model_id,
        model_name=model.name,
        augmentation=edit.name,
        kind=fit.kind,
        fit=fit.name,
        unit=edit.unit,
        step=_step(edit, operator),
        low=usable.low,
        high=usable.high,
        verdict=evaluation.verdict,
        dimensions=evaluation.dimensions,
        effects=evaluation.effects,
        evidence=evaluation.evidence,
        operator=evaluation.operator,
        run_id=spec.run_id,
    )
    ratios = _measurable(on_validation) if chosen_on is None else chosen_on
    mean = float(np.mean([r.value for r in ratios])) if ratios else 0.0
    error = float(np.mean([r.error for r in ratios])) if ratios else 0.0
    monotone = on_validation.monotone
    meets = usable.meets and (monotone is None or monotone >= LEAST_MONOTONE)
    return knob, _Score(meets, mean, error)


def _in_part(context: EvaluationContext, operator: Operator) -> list[Equivariance] | None:
    """
    Equivariance on validation clips as far as each can be edited, at each of the edit's own amounts.

    None unless the edit learns in part, and where no clip can be edited or the edit changes too little to tell.
    """
    clips, backend, config = context.in_part, context.experiment.backend, context.config
    if clips is None:
        return None
    turned = turned_clips(backend, operator, clips, config.own)
    return _measurable(measure(backend, operator, clips, config, turned)) or None


def _measurable(metrics: KnobMetrics) -> list[Equivariance]:
    compared = [x.equivariance for x in metrics.at.values()]
    return [e for e in compared if e is not None and e.measurable]


def _plain(value: Any) -> Any:
    return tuple(None if v is None else float(v) for v in value) if isinstance(value, (list, tuple)) else value
