"""
Automatic disentangling: knobs without an augmentation.

Candidate directions are named on training songs, the clearest of each name is chosen on validation songs, and it goes
through the gates of every other knob. Without an edit there is no edited clip to be compared with and nobody has said
what should stay: equivariance and content are left out, the effect is that of the attribute that names the knob, and
what should stay are all attributes that are not related to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
from attrs import evolve, frozen

from latentknobs.core.activity import ACTIVE_VARIANCE
from latentknobs.core.arrays import Floats
from latentknobs.core.attribute import Attribute
from latentknobs.core.backend import VAEBackend
from latentknobs.core.corpus import Progress, Song, Tally, no_progress
from latentknobs.core.experiment import Methods, UnsupervisedSettings
from latentknobs.core.knob import UNAIDED, Knob, Operator
from latentknobs.core.method_specs import FitInput
from latentknobs.core.model_calls import encode
from latentknobs.core.run import Run, RunSpec
from latentknobs.corpora.sharding import carried_shards
from latentknobs.discovery.candidate_directions import CandidateDirection, candidates
from latentknobs.discovery.coordinate_systems import CoordinateSystems
from latentknobs.discovery.dimension_selection import STANDARD
from latentknobs.discovery.direction_labeling import GRID, AttributeChange, name_of, profile, related, unrelated
from latentknobs.discovery.knob_evaluation import as_evidence, examine, rounded
from latentknobs.discovery.pair_statistics import PairStatistics
from latentknobs.discovery.running_std import RunningStd
from latentknobs.errors import DiscoveryError, UsageError
from latentknobs.evaluation.evaluation_set import ClipReservoir, EvaluationSet, unedited
from latentknobs.evaluation.knob_metrics import EvaluationConfig

TRAINING_CLIPS = 1024
"""Training clips that are kept: correlations of attributes and Fisher metrics are of these."""
LEFT_OUT = {
    "equivariance": "There is no edit, so no edited clip to compare with.",
    "content": "There is no edit that would say which comparisons should stay.",
}
"""The gates that such a knob does not pass through, and why."""


def disentangle(
    backend: VAEBackend,
    songs: Iterable[Song],
    spec: RunSpec,
    settings: UnsupervisedSettings,
    methods: Methods,
    *,
    version: str,
    tally: Tally | None = None,
    progress: Progress = no_progress,
) -> Run:
    """
    Find knobs without an augmentation.

    Args:
        backend: The model.
        songs: Songs of all splits, read once.
        spec: What was asked for, kept with the result; without an augmentation.
        settings: Parameters.
        methods: Selectors and attributes; of the selectors only that of the settings is asked, since the others look
            at pairs or would be beside a choice that no edit made.
        version: Version of the program, kept with the result.
        tally: Counts of the corpus, which this adds to.
        progress: Told of the work.

    Returns:
        The run, with one knob for each attribute that names a candidate; their evidence has all ``candidates``.

    Raises:
        DiscoveryError: A split has no clips, the model uses no dimension, or no direction moves an attribute steadily.
        UsageError: The selector is unknown, another basis than the standard one is asked for, or there is no attribute.
        BackendError: The model breaks its contract.
    """
    started = datetime.now(UTC)
    tally = tally if tally is not None else Tally()
    _check(settings, methods)
    read = _read(backend, songs, settings, spec.seed, tally, methods.attributes, progress)
    covariance = read.deltas.covariance()
    if not (np.diag(covariance) > ACTIVE_VARIANCE).any():
        raise DiscoveryError(f"The model {backend.spec.name} uses no dimension: its codes hardly vary over the corpus.")
    progress("looking for directions", 0, None)
    found, left_out = candidates(backend, read.train.codes, covariance, settings, spec.seed)
    relations = related(methods.attributes, read.train.clips)
    look = _Look(backend, methods.attributes, read.spreads, relations, settings)
    named = look.named(found, read.train, read.validation, progress)
    best: dict[str, _Named] = {}
    for one in named:
        if one.name is not None and (one.name not in best or one.later > best[one.name].later):
            best[one.name] = one
    if not best:
        raise DiscoveryError(
            f"None of {len(found)} directions moves an attribute steadily: ask for more candidates or another corpus."
        )
    common = {
        "covariance_diagonal": rounded(np.diag(covariance)),
        "active_dimensions": int((np.diag(covariance) > ACTIVE_VARIANCE).sum()),
        "validation_clips": len(read.validation.clips),
        "test_clips": len(read.test.clips),
        "left_out": LEFT_OUT,
        "sources_left_out": left_out,
        "candidates": [one.as_dict(chosen=one in best.values()) for one in named],
    }
    chosen = [best[a.name] for a in methods.attributes if a.name in best]
    knobs = []
    for done, one in enumerate(chosen):
        progress("proving knobs", done, len(chosen))
        knobs.append(_knob(backend, one, read, relations, spec, settings, methods, common))
    progress("proving knobs", len(chosen), len(chosen))
    return Run(spec, tuple(knobs), 0, dict(tally.counts), version, started, datetime.now(UTC))


def _check(settings: UnsupervisedSettings, methods: Methods) -> None:
    if settings.selector not in methods.selectors:
        known = ", ".join(sorted(methods.selectors))
        raise UsageError(f"There is no selector named {settings.selector!r}; there is: {known}.")
    if settings.basis != STANDARD:
        raise UsageError(f"Without an edit S is chosen in model coordinates, not in the basis {settings.basis!r}.")
    if not methods.attributes:
        raise UsageError("No plugin offers an attribute of the model's clips, and knobs are named by attributes.")


@frozen(eq=False)
class _Read:
    deltas: PairStatistics
    spreads: Mapping[str, float]
    train: EvaluationSet
    validation: EvaluationSet
    test: EvaluationSet


def _read(
    backend: VAEBackend,
    songs: Iterable[Song],
    settings: UnsupervisedSettings,
    seed: int,
    tally: Tally,
    attributes: tuple[Attribute, ...],
    progress: Progress,
) -> _Read:
    deltas = PairStatistics.empty(
        len(GRID), backend.spec.latent_size
    )  # of pairs, of which there are none, and of codes
    spreads = RunningStd(attributes)
    sizes = {"train": TRAINING_CLIPS, "validation": settings.trial_clips, "test": settings.trial_clips}
    samples = {split: ClipReservoir(size, seed) for split, size in sizes.items()}
    done = 0
    for shard, seen in carried_shards(backend, songs, settings.shard, tally):
        done += seen
        progress("encoding", done, settings.clips)
        samples[shard.split].add(shard)
        if shard.split == "train":
            codes = encode(backend, shard.clips)
            deltas.codes.add(0, codes, codes)
            spreads.add(shard.clips)
    trials = {}
    for split, sample in samples.items():
        clips, names = sample.clips(backend.spec.clip_format.shape)
        if not len(clips):
            raise DiscoveryError(f"The corpus gave no {split} clips that the model can carry: ask for more clips.")
        trials[split] = unedited(backend, clips, names)
    return _Read(deltas, spreads.found(), trials["train"], trials["validation"], trials["test"])


@frozen(eq=False)
class _Named:
    """A candidate with its profile on training songs, and how clear the attribute that names it is on validation."""

    candidate: CandidateDirection
    profile: Mapping[str, AttributeChange]
    name: str | None
    later: float

    def as_dict(self, *, chosen: bool) -> dict[str, Any]:
        facts = {"source": self.candidate.source, "rank": self.candidate.rank, "attribute": self.name}
        if self.name is None:
            return facts | {"chosen": False}
        return facts | self.profile[self.name].as_dict() | {"on_validation": self.later, "chosen": chosen}


@frozen(eq=False)
class _Look:
    """How directions are looked at."""

    backend: VAEBackend
    attributes: tuple[Attribute, ...]
    spreads: Mapping[str, float]
    relations: Mapping[str, Mapping[str, float]]
    settings: UnsupervisedSettings

    def named(
        self, found: list[CandidateDirection], train: EvaluationSet, validation: EvaluationSet, progress: Progress
    ) -> list[_Named]:
        out = []
        for done, candidate in enumerate(found):
            progress("traversing directions", done, len(found))
            first = self._profile(train, candidate.direction)
            name = name_of(first)
            later = 0.0
            if name is not None:
                again = self._profile(validation, candidate.direction)[name]
                # Turned the other way on other songs, it is not the knob of that name.
                later = again.clearness if again.slope * first[name].slope > 0 else 0.0
            out.append(_Named(candidate, first, name, later))
        progress("traversing directions", len(found), len(found))
        return out

    def _profile(self, trial: EvaluationSet, direction: Floats) -> dict[str, AttributeChange]:
        small = trial.first(self.settings.control_clips)
        limit = self.settings.related
        return profile(self.backend, small, direction, self.attributes, self.spreads, self.relations, limit)


def _knob(
    backend: VAEBackend,
    one: _Named,
    read: _Read,
    relations: Mapping[str, Mapping[str, float]],
    spec: RunSpec,
    settings: UnsupervisedSettings,
    methods: Methods,
    common: Mapping[str, Any],
) -> Knob:
    """The knob of a candidate: amount 1 raises the attribute that names it by 1 on average over the traversal."""
    attribute = next(a for a in methods.attributes if a.name == one.name)
    unit = one.profile[attribute.name].slope
    operator = Operator("shift", {"direction": one.candidate.direction / unit})
    amounts = tuple(sorted({_two_digits(a * abs(unit)) for a in GRID}))
    preserves = unrelated(attribute.name, relations, settings.related)
    yard = EvaluationConfig(
        methods.attributes, methods.comparisons, attribute.name, preserves, read.spreads, {}, amounts, spec.seed
    )
    trials = (read.validation.at(amounts), read.test.at(amounts))
    only = evolve(methods, fits=(), selectors={settings.selector: methods.selectors[settings.selector]}, bases={})
    given = _moves(operator, amounts, read.deltas, spec.seed, settings)
    found = examine(backend, operator, trials, given, yard, read.deltas, settings, only, CoordinateSystems())
    return Knob(
        name=attribute.name + UNAIDED,
        model_id=backend.spec.model_id,
        model_name=backend.spec.name,
        augmentation=None,
        kind="shift",
        fit=one.candidate.source,
        unit=attribute.unit,
        step=None,
        low=found.usable.low,
        high=found.usable.high,
        verdict=found.verdict,
        dimensions=found.dimensions,
        effects=found.effects,
        evidence=as_evidence(
            {
                **common,
                "fitted": list(amounts),
                "target": attribute.name,
                "rank": one.candidate.rank,
                "deviation": abs(unit),
                "preserves": sorted(preserves),
                "related": {name: rho for name, rho in relations[attribute.name].items() if name not in preserves},
                "profile": {name: x.as_dict() for name, x in one.profile.items()},
                **found.evidence,
            }
        ),
        operator=operator,
        run_id=spec.run_id,
    )


def _two_digits(amount: float) -> float:
    """Rounded to two significant digits, for people."""
    return float(f"{amount:.1e}")


def _moves(
    operator: Operator, amounts: tuple[float, ...], deltas: PairStatistics, seed: int, settings: UnsupervisedSettings
) -> FitInput:
    """What selectors are told: at each amount every code moves alike, and there are no pairs."""
    change = np.outer(np.asarray(amounts), operator.arrays["direction"].astype(np.float64))
    train, validation = deltas.train, deltas.validation
    return FitInput(
        deltas.latent_size,
        amounts,
        change,
        train.gram,
        train.cross,
        validation.gram,
        validation.cross,
        validation.square,
        seed=seed,
        options=settings.as_dict(),
    )
