"""
One discovery: pairs, statistics, fits, the choice of fit on validation songs, the verdict on test songs.

The songs are read once. What is kept of them does not grow with their number: mergeable statistics, and seeded samples
of clips and codes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
from attrs import define, evolve, frozen
from numpy.random import default_rng

from latentknobs.backends.transformed import TransformedBackend
from latentknobs.core.active_dimensions import active_dimensions
from latentknobs.core.arrays import Bools
from latentknobs.core.augmentation import Augmentation, inexact
from latentknobs.core.capability import capability
from latentknobs.core.clip import JoinableClips
from latentknobs.core.code_units import CodeUnits
from latentknobs.core.corpus import Progress, Song, Tally, no_progress
from latentknobs.core.evidence import Evidence, FitComparison
from latentknobs.core.experiment import Experiment
from latentknobs.core.knob import Knob, Operator
from latentknobs.core.method_specs import CodeSample, FitInput
from latentknobs.core.model_calls import CHANGES_CONDITION
from latentknobs.core.one_key import in_one_key
from latentknobs.core.run import Run, RunSpec
from latentknobs.corpora.sharding import Shard, carried_shards, song_contexts
from latentknobs.discovery.code_sample import CodeReservoir, adds_up
from latentknobs.discovery.coordinate_systems import coordinate_systems
from latentknobs.discovery.evaluation_context import EvaluationContext
from latentknobs.discovery.evidence_rounding import rounded
from latentknobs.discovery.fit_race import FitRace, FitScore, FittedOperator, score_on
from latentknobs.discovery.fits.gradient_fit import decoder_of
from latentknobs.discovery.knob_evaluation import Validated, evaluate_knob
from latentknobs.discovery.pair_statistics import PairStatistics
from latentknobs.discovery.pairs import EncodeShards
from latentknobs.discovery.recombination import Recombination
from latentknobs.discovery.running_std import RunningStd
from latentknobs.errors import DiscoveryError
from latentknobs.evaluation.acceptance_criteria import LEAST_MONOTONE, UsableRange, usable_range
from latentknobs.evaluation.evaluation_set import ClipReservoir, EvaluationSet, build_evaluation_set
from latentknobs.evaluation.knob_metrics import EvaluationConfig, measured
from latentknobs.steering.matrix_powers import has_path

ADDING_CLIPS = 64
"""Clips on which it is tested whether the edit's amounts add up."""
NOT_JUDGED = "not judged"
"""What stands for the verdict of a fit that test songs were not read for."""
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
        The run, with the knob of the fit that validation songs prefer, which is ``current``; and where fits are asked
        for, with those of the others too.

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
    race = FitRace(context, corpus.units, progress)
    fits_made = _on_validation(context, race.made(), progress)
    chosen = _choose(context, fits_made)
    if race.behind and (chosen is None or not fits_made[chosen].meets(context)):
        fits_made = _in_order(context, [*fits_made, *_on_validation(context, race.called_back(), progress)])
        chosen = _choose(context, fits_made)
    common = evolve(_common_evidence(context, corpus), declined=race.declined)
    judged = [k for k in range(len(fits_made)) if k == chosen or experiment.settings.fits]
    knobs = []
    for done, k in enumerate(judged):
        progress(f"evaluating {knob_name}", done, len(judged))
        knobs.append(_knob(context, fits_made[k], spec, common))
    progress(f"evaluating {knob_name}", len(judged), len(judged))
    verdicts = {knob.fit: knob.verdict for knob in knobs}
    fits = tuple(_compared(context, one, verdicts.get(one.fitted.fit.name, NOT_JUDGED)) for one in fits_made)
    together = tuple(evolve(knob, evidence=evolve(knob.evidence, fits=fits)) for knob in knobs)
    current = None if chosen is None else judged.index(chosen)
    return Run(spec, together, current, tally.by_name(), version, started, datetime.now(UTC))


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
        every = _evaluation_set(able, corpus.validation, "validation", progress)
        in_part = evolve(every, batches={a: batch for a, batch in every.batches.items() if a in config.own})
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


@define(eq=False)
class _MeasuredFit:
    """
    A fit on validation songs.

    Attributes:
        fitted: What it gave.
        validated: The operator and its metrics.
        score: What the choice rests on: of an edit that learns in part, on clips that are edited as far as each allows.
        ranged: The usable range and its ends, where it is known.
    """

    fitted: FittedOperator
    validated: Validated
    score: FitScore
    ranged: tuple[UsableRange, list[float]] | None = None

    def meets(self, context: EvaluationContext) -> bool:
        """Whether it meets the limits, but for the effect beyond random controls where the range is not known."""
        usable = self.ranged[0] if self.ranged else usable_range(self.validated.metrics, context.config)
        monotone = self.validated.metrics.monotone
        return usable.meets and (monotone is None or monotone >= LEAST_MONOTONE)


def _on_validation(
    context: EvaluationContext, fits: Sequence[FittedOperator], progress: Progress
) -> list[_MeasuredFit]:
    out = []
    for done, fitted in enumerate(fits):
        progress(f"measuring fits of {context.experiment.edit.knob_name}", done, len(fits))
        validated = Validated.of(context, fitted.operator)
        compared = (x.equivariance for x in validated.metrics.at.values())
        score = FitScore.of([e for e in compared if e is not None and e.measurable])
        if context.in_part is not None and (on_part := score_on(context, fitted.operator, context.in_part)):
            score = FitScore.of(on_part)
            out.append(_MeasuredFit(evolve(fitted, facts={**fitted.facts, "in_part": score.value}), validated, score))
        else:
            out.append(_MeasuredFit(fitted, validated, score))
    return out


def _in_order(context: EvaluationContext, fits: Iterable[_MeasuredFit]) -> list[_MeasuredFit]:
    """Simpler ones first."""
    names = [fit.name for fit in context.experiment.methods.fits]
    return sorted(fits, key=lambda one: names.index(one.fitted.fit.name))


def _choose(context: EvaluationContext, fits: Sequence[_MeasuredFit]) -> int | None:
    """The highest equivariance among those that meet the limits; a simpler kind wins a tie within one error."""
    while fits:
        among = [i for i, one in enumerate(fits) if one.meets(context)] or list(range(len(fits)))
        best = max((fits[i].score for i in among), key=lambda score: score.value)
        chosen = next(i for i in among if fits[i].score.value >= best.value - best.error)
        if fits[chosen].ranged is not None:
            return chosen
        fits[chosen].ranged = fits[chosen].validated.usable_range(context)  # which may say that it does not
    return None


def _step(augmentation: Augmentation, operator: Operator) -> float | None:
    """Amounts are multiples of it: of an on/off edit its one amount, of a group whole steps; None = continuous."""
    if len(augmentation.amounts) == 1:
        return abs(augmentation.amounts[0])
    return float(operator.arrays["step"][0]) if operator.kind == "group" and not has_path(operator) else None


def _compared(context: EvaluationContext, one: _MeasuredFit, verdict: str) -> FitComparison:
    """One fit of a run, from validation songs, so that a knob stands beside its baselines."""
    metrics, fit = one.validated.metrics, one.fitted.fit
    usable = one.ranged[0] if one.ranged else usable_range(metrics, context.config)
    ratios = {f"{a:+g}": x.equivariance.value for a, x in metrics.at.items() if x.equivariance is not None}
    values = list(ratios.values())
    first = next(iter(metrics.at.values()), None)
    return FitComparison(
        fit=fit.name,
        kind=fit.kind,
        verdict=verdict,
        low=usable.low,
        high=usable.high,
        equivariance=ratios,
        least=min(values, default=None),
        mean=float(np.mean(values)) if values else None,
        monotone=metrics.monotone,
        content={
            name: min((kept.value for x in metrics.at.values() if (kept := x.content[name]) is not None), default=None)
            for name in (first.content if first else {})
        },
    )


def _knob(context: EvaluationContext, one: _MeasuredFit, spec: RunSpec, common: Evidence) -> Knob:
    fit, edit, model = one.fitted.fit, context.experiment.edit, context.experiment.backend.spec
    facts = {name: _plain(value) for name, value in one.fitted.facts.items()}
    evaluation = evaluate_knob(context, one.validated, evolve(common, fitting=facts), one.ranged)
    return Knob(
        name=edit.knob_name,
        model_id=model.model_id,
        model_name=model.name,
        augmentation=edit.name,
        kind=fit.kind,
        fit=fit.name,
        unit=edit.unit,
        step=_step(edit, evaluation.operator),
        low=evaluation.usable.low,
        high=evaluation.usable.high,
        verdict=evaluation.verdict,
        dimensions=evaluation.dimensions,
        effects=evaluation.effects,
        evidence=evaluation.evidence,
        operator=evaluation.operator,
        run_id=spec.run_id,
    )


def _plain(value: Any) -> Any:
    return tuple(None if v is None else float(v) for v in value) if isinstance(value, (list, tuple)) else value
