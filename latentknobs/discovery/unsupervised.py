"""
Unsupervised discovery: knobs without an augmentation.

Candidate directions are named on training songs; the clearest of each name is chosen on validation songs and judged by
the acceptance criteria of every other knob. Without an edit there is no edited clip to compare with, and nothing says
what to preserve. So equivariance and content are left out, the effect is that of the attribute that names the knob,
and the knob should preserve all attributes that are not related to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import cast

import numpy as np
from attrs import asdict, evolve, frozen

from latentknobs.backends.transformed import TransformedBackend
from latentknobs.core.active_dimensions import active_dimensions
from latentknobs.core.code_units import CodeUnits
from latentknobs.core.corpus import Progress, Song, Tally, no_progress
from latentknobs.core.evidence import CandidateRecord, Evidence
from latentknobs.core.experiment import Experiment, UnsupervisedSettings
from latentknobs.core.knob import UNAIDED, Knob, Operator
from latentknobs.core.method_specs import FitInput
from latentknobs.core.model_calls import encode_posterior
from latentknobs.core.run import Run, RunSpec
from latentknobs.corpora.sharding import carried_shards
from latentknobs.discovery.candidate_directions import CandidateDirection, candidate_directions
from latentknobs.discovery.coordinate_systems import CoordinateSystems
from latentknobs.discovery.direction_labeling import (
    GRID,
    AttributeChange,
    DirectionTraversals,
    name_of,
    related,
    unrelated,
)
from latentknobs.discovery.evaluation_context import EvaluationContext
from latentknobs.discovery.evidence_rounding import rounded
from latentknobs.discovery.knob_evaluation import evaluate_knob
from latentknobs.discovery.pair_statistics import PairStatistics
from latentknobs.discovery.running_std import RunningStd
from latentknobs.errors import DiscoveryError
from latentknobs.evaluation.evaluation_set import ClipReservoir, EvaluationSet, unedited_set
from latentknobs.evaluation.knob_metrics import EvaluationConfig

TRAINING_CLIPS = 1024
"""Training clips that are kept: correlations of attributes and Fisher metrics are computed from these."""
LEFT_OUT = {
    "equivariance": "There is no edit, so no edited clip to compare with.",
    "content": "There is no edit that would say which comparisons should stay.",
}
"""The criteria that do not apply to such a knob, with the reasons."""


def disentangle(
    experiment: Experiment,
    songs: Iterable[Song],
    spec: RunSpec,
    *,
    version: str,
    tally: Tally | None = None,
    progress: Progress = no_progress,
) -> Run:
    """
    Find knobs without an augmentation.

    Args:
        experiment: Without an augmentation, its settings :class:`UnsupervisedSettings`. Of the selectors only that of
            the settings is used: the others look at pairs, or stand beside a choice that no edit made.
        songs: Songs of all splits, read once.
        spec: What was requested, kept with the result.
        version: Version of the program, kept with the result.
        tally: Counts of the corpus, which this adds to.
        progress: Told of the work.

    Returns:
        The run, with one knob for each attribute that names a candidate; their evidence has all ``candidates``.

    Raises:
        DiscoveryError: A split has no clips, the model uses no dimension, or no direction moves an attribute steadily.
        BackendError: The model breaks its contract.
    """
    started = datetime.now(UTC)
    tally = tally if tally is not None else Tally()
    attributes = experiment.methods.attributes
    corpus = _read(experiment, songs, tally, progress)
    units = corpus.units
    covariance = corpus.statistics.covariance()
    active = len(active_dimensions(covariance))
    if not active:
        raise DiscoveryError(
            f"The model {experiment.backend.spec.name} uses no dimension: its codes hardly vary over the corpus."
        )
    progress("looking for directions", 0, None)
    in_units = evolve(experiment, backend=TransformedBackend.in_units(experiment.backend, units))
    directions, left_out = candidate_directions(in_units, units.inward(corpus.train.codes), covariance)
    directions = [evolve(one, direction=one.direction * units.scale) for one in directions]
    relations = related(attributes, corpus.train.clips)
    traversals = DirectionTraversals(
        experiment.backend, attributes, corpus.spreads, relations, _settings(experiment).related
    )
    named = _label(directions, corpus, traversals, _settings(experiment), progress)
    best: dict[str, _LabelledCandidate] = {}
    for labelled in named:
        if labelled.name is not None and (
            labelled.name not in best or labelled.validation_clearness > best[labelled.name].validation_clearness
        ):
            best[labelled.name] = labelled
    if not best:
        raise DiscoveryError(
            f"None of {len(directions)} directions moves an attribute steadily: ask for more candidates or another "
            "corpus."
        )
    common = Evidence(
        covariance_diagonal=rounded(np.diag(covariance) * units.scale**2),
        code_centre=rounded(units.centre),
        code_scale=rounded(units.scale),
        active_dimensions=active,
        validation_clips=len(corpus.validation.clips),
        test_clips=len(corpus.test.clips),
        left_out=LEFT_OUT,
        sources_left_out=left_out,
        candidates=tuple(labelled.record(chosen=labelled in best.values()) for labelled in named),
    )
    chosen = [best[a.name] for a in attributes if a.name in best]
    knobs = []
    for done, labelled in enumerate(chosen):
        progress("evaluating knobs", done, len(chosen))
        knobs.append(_knob(experiment, labelled, corpus, relations, spec, common))
    progress("evaluating knobs", len(chosen), len(chosen))
    return Run(spec, tuple(knobs), 0, dict(tally.counts), version, started, datetime.now(UTC))


def _settings(experiment: Experiment) -> UnsupervisedSettings:
    return cast(UnsupervisedSettings, experiment.settings)


@frozen(eq=False)
class _ClipSamples:
    """What is kept of the songs; the statistics are of no pairs, and of the codes, in their units."""

    statistics: PairStatistics
    units: CodeUnits
    spreads: Mapping[str, float]
    train: EvaluationSet
    validation: EvaluationSet
    test: EvaluationSet


def _read(experiment: Experiment, songs: Iterable[Song], tally: Tally, progress: Progress) -> _ClipSamples:
    backend, settings = experiment.backend, experiment.settings
    statistics = PairStatistics.empty(len(GRID), experiment.latent_size, experiment.held)
    spreads = RunningStd(experiment.methods.attributes)
    sizes = {"train": TRAINING_CLIPS, "validation": settings.trial_clips, "test": settings.trial_clips}
    samples = {split: ClipReservoir(size, experiment.seed) for split, size in sizes.items()}
    done = 0
    for shard, seen in carried_shards(backend, songs, settings.shard, tally):
        done += seen
        progress("encoding", done, settings.clips)
        samples[shard.split].add(shard)
        if shard.split == "train":
            statistics.add_originals(encode_posterior(backend, shard.clips))
            spreads.add(shard.clips)
    sets = {}
    for split, sample in samples.items():
        clips, names = sample.clips(experiment.clip_format.shape)
        if not len(clips):
            raise DiscoveryError(f"The corpus gave no {split} clips that the model can carry: ask for more clips.")
        sets[split] = unedited_set(backend, clips, names)
    units = statistics.units().holding(experiment.held)
    return _ClipSamples(
        statistics.in_units(units), units, spreads.result(), sets["train"], sets["validation"], sets["test"]
    )


@frozen(eq=False)
class _LabelledCandidate:
    """A candidate with its profile on training songs, and the clearness of its attribute on validation songs."""

    candidate: CandidateDirection
    profile: Mapping[str, AttributeChange]
    name: str | None
    validation_clearness: float

    def record(self, *, chosen: bool) -> CandidateRecord:
        """As evidence."""
        record = CandidateRecord(
            source=self.candidate.source, rank=self.candidate.rank, attribute=self.name, chosen=chosen
        )
        if self.name is None:
            return record
        return evolve(record, **asdict(self.profile[self.name].score), on_validation=self.validation_clearness)


def _label(
    directions: list[CandidateDirection],
    corpus: _ClipSamples,
    traversals: DirectionTraversals,
    settings: UnsupervisedSettings,
    progress: Progress,
) -> list[_LabelledCandidate]:
    train, validation = (part.first(settings.control_clips) for part in (corpus.train, corpus.validation))
    named = []
    for done, candidate in enumerate(directions):
        progress("traversing directions", done, len(directions))
        profile = traversals.profile(train, candidate.direction)
        name = name_of(profile)
        validation_clearness = 0.0
        if name is not None:
            change = traversals.profile(validation, candidate.direction)[name]
            # A direction that moves the attribute the other way on other songs is not its knob.
            validation_clearness = change.clearness if change.slope * profile[name].slope > 0 else 0.0
        named.append(_LabelledCandidate(candidate, profile, name, validation_clearness))
    progress("traversing directions", len(directions), len(directions))
    return named


def _knob(
    experiment: Experiment,
    labelled: _LabelledCandidate,
    corpus: _ClipSamples,
    relations: Mapping[str, Mapping[str, float]],
    spec: RunSpec,
    common: Evidence,
) -> Knob:
    """The knob of a candidate: amount 1 raises the attribute that names it by 1 on average over the traversal."""
    methods, settings = experiment.methods, _settings(experiment)
    attribute = next(a for a in methods.attributes if a.name == labelled.name)
    unit = labelled.profile[attribute.name].slope
    operator = Operator("shift", {"direction": labelled.candidate.direction / unit}).holding(experiment.held)
    amounts = tuple(sorted({_two_digits(a * abs(unit)) for a in GRID}))
    preserves = unrelated(attribute.name, relations, settings.related)
    only = evolve(methods, fits=(), selectors={settings.selector: methods.selectors[settings.selector]}, bases={})
    context = EvaluationContext(
        evolve(experiment, methods=only),
        _selector_input(experiment, corpus.units.operator_inward(operator), amounts, corpus.statistics),
        corpus.statistics,
        EvaluationConfig(
            methods.attributes,
            methods.comparisons,
            attribute.name,
            preserves,
            corpus.spreads,
            {},
            amounts,
            experiment.seed,
        ),
        corpus.validation.at(amounts),
        corpus.test.at(amounts),
        CoordinateSystems(),
        units=corpus.units,
    )
    common = evolve(
        common,
        fitted=amounts,
        target=attribute.name,
        rank=labelled.candidate.rank,
        deviation=abs(unit),
        preserves=tuple(sorted(preserves)),
        related={name: rho for name, rho in relations[attribute.name].items() if name not in preserves},
        profile={name: change.score for name, change in labelled.profile.items()},
    )
    evaluation = evaluate_knob(context, operator, common)
    return Knob(
        name=attribute.name + UNAIDED,
        model_id=experiment.backend.spec.model_id,
        model_name=experiment.backend.spec.name,
        augmentation=None,
        kind="shift",
        fit=labelled.candidate.source,
        unit=attribute.unit,
        step=None,
        low=evaluation.usable.low,
        high=evaluation.usable.high,
        verdict=evaluation.verdict,
        dimensions=evaluation.dimensions,
        effects=evaluation.effects,
        evidence=evaluation.evidence,
        operator=evaluation.operator,
        run_id=spec.run_id,
    )


def _two_digits(amount: float) -> float:
    """Rounded to two significant digits, for people."""
    return float(f"{amount:.1e}")


def _selector_input(
    experiment: Experiment, operator: Operator, amounts: tuple[float, ...], statistics: PairStatistics
) -> FitInput:
    """The input of selectors, in code units: at each amount every code moves alike, and there are no pairs."""
    train, validation = statistics.train, statistics.validation
    return FitInput(
        statistics.latent_size,
        amounts,
        np.outer(np.asarray(amounts), operator.arrays["direction"].astype(np.float64)),
        train.gram,
        train.cross,
        validation.gram,
        validation.cross,
        validation.square.sum(axis=1),
        seed=experiment.seed,
        options=experiment.settings.as_dict(),
    )
