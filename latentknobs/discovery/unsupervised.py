"""
Unsupervised discovery: knobs without an augmentation.

Candidate moves are named on training songs; the clearest of each name is chosen on validation songs and judged by
the acceptance criteria of every other knob. Without an edit there is no edited clip to compare with, and nothing says
what to preserve. So equivariance and content are left out, the effect is that of the attribute that names the knob,
and the knob should preserve all attributes that are not related to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Self, cast

import numpy as np
from attrs import asdict, evolve, frozen

from latentknobs.backends.devices import one_thread
from latentknobs.backends.transformed import TransformedBackend
from latentknobs.core.active_dimensions import active_dimensions
from latentknobs.core.code_units import CodeUnits
from latentknobs.core.corpus import Progress, Song, Tally, no_progress
from latentknobs.core.evidence import CandidateRecord, Evidence
from latentknobs.core.experiment import Experiment, UnsupervisedSettings
from latentknobs.core.knob import UNAIDED, Knob, Operator
from latentknobs.core.method_specs import FitInput
from latentknobs.core.run import Run, RunSpec
from latentknobs.corpora.sharding import carried_shards
from latentknobs.discovery.attribute_flows import flow_moves
from latentknobs.discovery.candidate_directions import candidate_directions
from latentknobs.discovery.candidate_moves import GRID, CandidateMove, MoveInput
from latentknobs.discovery.coordinate_systems import CoordinateSystems
from latentknobs.discovery.direction_labeling import (
    AttributeChange,
    DirectionTraversals,
    name_of,
    related,
    unrelated,
)
from latentknobs.discovery.evaluation_context import EvaluationContext
from latentknobs.discovery.evidence_rounding import rounded
from latentknobs.discovery.knob_evaluation import Validated, evaluate_knob
from latentknobs.discovery.matched_moves import matched_moves
from latentknobs.discovery.move_classifier import classifier_moves
from latentknobs.discovery.pair_statistics import PairStatistics
from latentknobs.discovery.pairs import EncodeTraining
from latentknobs.discovery.running_std import RunningStd
from latentknobs.errors import DiscoveryError
from latentknobs.evaluation.evaluation_set import ClipReservoir, EvaluationSet, unedited_set
from latentknobs.evaluation.knob_metrics import EvaluationConfig
from latentknobs.steering.apply import displacement

TRAINING_CLIPS = 1024
"""Training clips from which correlations of attributes and Fisher metrics are computed."""
LEARNED_FROM = 8192
"""Training clips that moves are learned from, at most."""
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
    search = Search.of(experiment, songs, tally, progress)
    progress("looking for directions", 0, None)
    directions, left_out = search.directions()
    with one_thread():  # gradients are sums over clips
        learned, more = _learned_moves(search.given, _settings(experiment), progress)
    knobs = search.judged([*directions, *learned], spec, {**left_out, **more}, progress)
    return Run(spec, knobs, 0, tally.by_name(), version, started, datetime.now(UTC))


@frozen(eq=False)
class ClipSamples:
    """What is kept of the songs; the statistics are of no pairs, and of the codes, in their units."""

    statistics: PairStatistics
    units: CodeUnits
    spreads: Mapping[str, float]
    learned: EvaluationSet
    train: EvaluationSet
    validation: EvaluationSet
    test: EvaluationSet


@frozen(eq=False)
class Search:
    """
    The clips that moves are looked for in, named and judged on.

    Attributes:
        experiment: See :func:`disentangle`.
        samples: What is kept of the songs.
        relations: Rank correlations of attributes over training clips.
    """

    experiment: Experiment
    samples: ClipSamples
    relations: Mapping[str, Mapping[str, float]]

    @classmethod
    def of(cls, experiment: Experiment, songs: Iterable[Song], tally: Tally, progress: Progress = no_progress) -> Self:
        """
        Read the songs.

        Raises:
            DiscoveryError: A split has no clips, or the model uses no dimension.
        """
        samples = _read(experiment, songs, tally, progress)
        if not len(active_dimensions(samples.statistics.covariance())):
            raise DiscoveryError(
                f"The model {experiment.backend.spec.name} uses no dimension: its codes hardly vary over the corpus."
            )
        return cls(experiment, samples, related(experiment.methods.attributes, samples.train.clips))

    @property
    def given(self) -> MoveInput:
        """What moves are learned from."""
        samples, units = self.samples, self.samples.units
        return MoveInput(
            backend=self._in_units().backend,
            codes=units.inward(samples.learned.codes),
            held_out=units.inward(samples.validation.codes),
            attributes=self.experiment.methods.attributes,
            spreads=samples.spreads,
            relations=self.relations,
            limit=_settings(self.experiment).related,
            held=self.experiment.held,
            seed=self.experiment.seed,
        )

    def directions(self) -> tuple[list[CandidateMove], dict[str, str]]:
        """The straight moves, in code units, and a sentence on each source that the model does not serve."""
        samples = self.samples
        codes = samples.units.inward(samples.train.codes)
        return candidate_directions(self._in_units(), codes, samples.statistics.covariance())

    def judged(
        self,
        moves: Sequence[CandidateMove],
        spec: RunSpec,
        sources_left_out: Mapping[str, str] = MappingProxyType({}),
        progress: Progress = no_progress,
    ) -> tuple[Knob, ...]:
        """
        The knob of each name that moves, in code units, are given.

        Raises:
            DiscoveryError: No move moves an attribute steadily.
        """
        samples, experiment, settings = self.samples, self.experiment, _settings(self.experiment)
        attributes, units, covariance = experiment.methods.attributes, samples.units, samples.statistics.covariance()
        outward = [evolve(one, operator=units.operator_outward(one.operator).holding(experiment.held)) for one in moves]
        traversals = DirectionTraversals(
            experiment.backend, attributes, samples.spreads, self.relations, settings.related
        )
        named = _label(outward, samples, traversals, settings, progress)
        best: dict[str, _LabelledCandidate] = {}
        for labelled in named:
            if labelled.name is not None and (
                labelled.name not in best or labelled.validation_clearness > best[labelled.name].validation_clearness
            ):
                best[labelled.name] = labelled
        if not best:
            raise DiscoveryError(
                f"None of {len(moves)} directions moves an attribute steadily: ask for more candidates or another "
                "corpus."
            )
        common = Evidence(
            covariance_diagonal=rounded(np.diag(covariance) * units.scale**2),
            code_centre=rounded(units.centre),
            code_scale=rounded(units.scale),
            active_dimensions=len(active_dimensions(covariance)),
            validation_clips=len(samples.validation.clips),
            test_clips=len(samples.test.clips),
            left_out=LEFT_OUT,
            sources_left_out=dict(sources_left_out),
            candidates=tuple(labelled.record(chosen=labelled in best.values()) for labelled in named),
        )
        chosen = [best[a.name] for a in attributes if a.name in best]
        knobs = []
        for done, labelled in enumerate(chosen):
            progress("evaluating knobs", done, len(chosen))
            knobs.append(_knob(experiment, labelled, samples, self.relations, spec, common))
        progress("evaluating knobs", len(chosen), len(chosen))
        return tuple(knobs)

    def _in_units(self) -> Experiment:
        return evolve(self.experiment, backend=TransformedBackend.in_units(self.experiment.backend, self.samples.units))


def _settings(experiment: Experiment) -> UnsupervisedSettings:
    return cast(UnsupervisedSettings, experiment.settings)


def _learned_moves(
    given: MoveInput, settings: UnsupervisedSettings, progress: Progress
) -> tuple[list[CandidateMove], dict[str, str]]:
    """The moves that are learned, and a sentence on each that there is not."""
    moves: list[CandidateMove] = []
    left_out: dict[str, str] = {}
    given = evolve(given, progress=progress)
    for method in settings.moves:
        if method == "matched":
            found, reasons = matched_moves(given)
            left_out |= {f"matched: {name}": reason for name, reason in reasons.items()}
            moves += found
        elif method == "flow":
            moves += flow_moves(given)
        else:
            moves += classifier_moves(given, settings.candidates)
    return moves, left_out


def _read(experiment: Experiment, songs: Iterable[Song], tally: Tally, progress: Progress) -> ClipSamples:
    backend, settings = experiment.backend, _settings(experiment)
    statistics = PairStatistics.empty(len(GRID), experiment.latent_size, experiment.held)
    spreads = RunningStd(experiment.methods.attributes)
    most = max(TRAINING_CLIPS, LEARNED_FROM if settings.moves else 0)
    sizes = {"train": most, "validation": settings.trial_clips, "test": settings.trial_clips}
    samples = {split: ClipReservoir(size, experiment.seed) for split, size in sizes.items()}
    done = 0
    shards = carried_shards(backend, songs, settings.shard, tally)
    for (shard, seen), posterior in experiment.map(EncodeTraining(backend), shards):
        done += seen
        progress("encoding", done, settings.clips)
        samples[shard.split].add(shard)
        if posterior is not None:
            statistics.add_originals(posterior)
            spreads.add(shard.clips)
    sets = {}
    for split, sample in samples.items():
        clips, names = sample.clips(experiment.clip_format.shape)
        if not len(clips):
            raise DiscoveryError(f"The corpus gave no {split} clips that the model can carry: ask for more clips.")
        sets[split] = unedited_set(backend, clips, names)
    units = statistics.units().holding(experiment.held)
    return ClipSamples(
        statistics.in_units(units),
        units,
        spreads.result(),
        sets["train"],
        sets["train"].first(TRAINING_CLIPS),
        sets["validation"],
        sets["test"],
    )


@frozen(eq=False)
class _LabelledCandidate:
    """A candidate with its profile on training songs, and the clearness of its attribute on validation songs."""

    candidate: CandidateMove
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
    moves: list[CandidateMove],
    corpus: ClipSamples,
    traversals: DirectionTraversals,
    settings: UnsupervisedSettings,
    progress: Progress,
) -> list[_LabelledCandidate]:
    train, validation = (part.first(settings.control_clips) for part in (corpus.train, corpus.validation))
    named = []
    for done, candidate in enumerate(moves):
        progress("traversing directions", done, len(moves))
        profile = traversals.profile(train, candidate)
        name = name_of(profile)
        validation_clearness = 0.0
        if name is not None:
            change = traversals.profile(validation, candidate)[name]
            # A direction that moves the attribute the other way on other songs is not its knob.
            validation_clearness = change.clearness if change.slope * profile[name].slope > 0 else 0.0
        named.append(_LabelledCandidate(candidate, profile, name, validation_clearness))
    progress("traversing directions", len(moves), len(moves))
    return named


def _knob(
    experiment: Experiment,
    labelled: _LabelledCandidate,
    corpus: ClipSamples,
    relations: Mapping[str, Mapping[str, float]],
    spec: RunSpec,
    common: Evidence,
) -> Knob:
    """The knob of a candidate: amount 1 raises the attribute that names it by 1 on average over the traversal."""
    methods, settings = experiment.methods, _settings(experiment)
    attribute = next(a for a in methods.attributes if a.name == labelled.name)
    unit = labelled.profile[attribute.name].slope
    move = labelled.candidate.measured_in(unit, {a: _two_digits(a * unit) for a in labelled.candidate.amounts})
    operator, amounts = move.operator, move.amounts
    preserves = unrelated(attribute.name, relations, settings.related)
    only = evolve(methods, fits=(), selectors={settings.selector: methods.selectors[settings.selector]}, bases={})
    statistics = corpus.statistics.only(np.arange(len(GRID)) < len(amounts))
    context = EvaluationContext(
        evolve(experiment, methods=only),
        _selector_input(experiment, corpus.units.operator_inward(operator), amounts, statistics),
        statistics,
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
    evaluation = evaluate_knob(context, Validated.of(context, operator), common)
    return Knob(
        name=attribute.name + UNAIDED,
        model_id=experiment.backend.spec.model_id,
        model_name=experiment.backend.spec.name,
        augmentation=None,
        kind=operator.kind,
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
    """The input of selectors, in code units: there are no pairs, and every amount moves the same codes."""
    train, validation = statistics.train, statistics.validation
    gram = statistics.codes.gram[0]
    mean = (gram[0, 1:] / max(gram[0, 0], 1.0))[None].astype(np.float32)
    moves = [displacement(operator, mean, amount)[0].astype(np.float64) for amount in amounts]
    return FitInput(
        statistics.latent_size,
        amounts,
        np.stack(moves),
        train.gram,
        train.cross,
        validation.gram,
        validation.cross,
        validation.square.sum(axis=1),
        seed=experiment.seed,
        options=experiment.settings.as_dict(),
    )
