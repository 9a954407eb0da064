"""All metrics of one operator on one evaluation set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress

import numpy as np
from attrs import evolve, frozen
from numpy.random import default_rng

from latentknobs.core.arrays import ClipBatch, Codes, Ints
from latentknobs.core.attribute import Attribute, Comparison
from latentknobs.core.backend import VAEBackend
from latentknobs.core.evidence import AmountMetrics, Equivariance, Measure, Response, SplitMetrics
from latentknobs.core.knob import Operator
from latentknobs.core.model_calls import decode, decode_means
from latentknobs.errors import AmountError
from latentknobs.evaluation.bootstrap import SongDraws
from latentknobs.evaluation.content_preservation import content
from latentknobs.evaluation.effect_size import effect, slope
from latentknobs.evaluation.equivariance import accuracy, equivariance, measure_for, nearest
from latentknobs.evaluation.evaluation_set import AmountBatch, EvaluationSet
from latentknobs.evaluation.leakage import leakage
from latentknobs.evaluation.response_curve import response
from latentknobs.steering.apply import apply


@frozen(eq=False)
class EvaluationConfig:
    """
    Settings shared by all metrics of a run.

    Attributes:
        attributes: The attributes measured.
        comparisons: The comparisons measured.
        target: Name of the attribute that amount 1 moves by 1, or None; without an edit the one that names the knob.
        preserves: Names of attributes and comparisons to preserve.
        spreads: Standard deviation of each attribute over the corpus.
        mean_edited: By amount, the mean code of edited training clips (D,); none without an edit.
        own: The edit's own amounts (not those from swapping before and after); without an edit all.
        seed: Seed of the resampling.
        changes: Names of attributes and comparisons that the edit changes on purpose, besides the target.
        measure: What equivariance scores.
    """

    attributes: tuple[Attribute, ...]
    comparisons: tuple[Comparison, ...]
    target: str | None
    preserves: frozenset[str]
    spreads: Mapping[str, float]
    mean_edited: Mapping[float, Codes]
    own: tuple[float, ...]
    seed: int
    changes: frozenset[str] = frozenset()
    measure: Measure = "tokens"

    def draws(self, songs: Ints) -> SongDraws:
        """Bootstrap draws of these songs (n,), from the seed alone: metrics do not depend on the order they run in."""
        return SongDraws(songs, default_rng([self.seed, 0x5EED]))

    @property
    def target_attribute(self) -> Attribute | None:
        """The target itself."""
        return next((a for a in self.attributes if a.name == self.target), None)


@frozen(eq=False)
class KnobMetrics:
    """
    See the module's text.

    Attributes:
        at: By amount, ascending; only amounts with clips.
        response: How the target answers the edit's own amounts in ``at`` and 0; None where it is not measured.
        round_trip: For an on/off edit: accuracy of decoding T(T(z)) against decoding z; else None.
    """

    at: Mapping[float, AmountMetrics]
    response: Response | None
    round_trip: float | None

    @property
    def monotone(self) -> float | None:
        """Mean over clips of Spearman between amount and target; None where it is not measured."""
        return None if self.response is None else self.response.spearman.value

    def slopes(self) -> dict[str, float]:
        """Change of each attribute for one unit of the amount."""
        amounts = np.asarray(list(self.at))
        names = next(iter(self.at.values())).effects if self.at else {}
        return {name: slope(amounts, np.asarray([x.effects[name].value for x in self.at.values()])) for name in names}

    def within(self, low: float, high: float) -> dict[float, AmountMetrics]:
        """The metrics at amounts in [low, high]."""
        return {a: self.at[a] for a in self.at if low <= a <= high}

    def of_split(self) -> SplitMetrics:
        """As evidence."""
        return SplitMetrics(amounts=tuple(self.at.values()), response=self.response, round_trip=self.round_trip)


def measured(backend: VAEBackend, validation: EvaluationSet, config: EvaluationConfig) -> EvaluationConfig:
    """
    The config with what equivariance scores, :func:`~latentknobs.evaluation.equivariance.measure_for` the edit.

    Args:
        backend: The model.
        validation: Validation songs, at least at the amounts nearest to 0.
        config: Of the edit.
    """
    reached = [a for a, batch in validation.batches.items() if a in config.mean_edited and len(batch.rows)]
    near = nearest(reached)
    if not near:
        return config
    batches = {a: validation.batches[a] for a in near}
    return evolve(config, measure=measure_for(batches, _decoded_means(backend, batches, config)))


def turned_clips(
    backend: VAEBackend, operator: Operator, evaluation_set: EvaluationSet, amounts: Iterable[float]
) -> dict[float, ClipBatch]:
    """The clips decoded after the operator's move, (m, *shape), by amount; amounts without clips are left out."""
    found = [evaluation_set.batches[a] for a in sorted(amounts) if a in evaluation_set.batches]
    batches = [batch for batch in found if len(batch.rows)]
    if not batches:
        return {}
    # Together, as full batches decode faster.
    decoded = decode(backend, np.concatenate([apply(operator, batch.z_before, batch.amount) for batch in batches]))
    ends = np.cumsum([len(batch.rows) for batch in batches])[:-1]
    return {batch.amount: clips for batch, clips in zip(batches, np.split(decoded, ends), strict=True)}


def equivariances(
    backend: VAEBackend, operator: Operator, evaluation_set: EvaluationSet, config: EvaluationConfig
) -> dict[float, Equivariance]:
    """Equivariance alone, of an edit's knob at each amount of the set that has clips."""
    turned = turned_clips(backend, operator, evaluation_set, evaluation_set.batches)
    compared = _Compared.of(backend, operator, {a: evaluation_set.batches[a] for a in turned}, config)
    return {a: compared.at(a, clips) for a, clips in turned.items()}


def measure(
    backend: VAEBackend,
    operator: Operator,
    evaluation_set: EvaluationSet,
    config: EvaluationConfig,
    turned: Mapping[float, ClipBatch],
) -> KnobMetrics:
    """Measure an operator from the clips that :func:`turned_clips` gives."""
    at: dict[float, AmountMetrics] = {}
    values: dict[float, dict[int, float]] = {}
    target = config.target_attribute
    edited = {a: evaluation_set.batches[a] for a in turned if evaluation_set.batches[a].after is not None}
    compared = _Compared.of(backend, operator, edited, config)
    for amount, clips in turned.items():
        batch = evaluation_set.batches[amount]
        equal = compared.at(amount, clips) if amount in edited else None
        at[amount] = _amount_metrics(batch, clips, equal, config)
        if target is not None and amount in config.own:
            values[amount] = dict(zip(batch.rows.tolist(), target.measure(clips).tolist(), strict=True))
    round_trip = _round_trip(backend, operator, evaluation_set.batches[config.own[0]]) if len(config.own) == 1 else None
    return KnobMetrics(at, _response(evaluation_set, values, target, config), round_trip)


@frozen(eq=False)
class _Compared:
    """Equivariance of a knob at some amounts of an edit, with what all of them need of the model."""

    backend: VAEBackend
    operator: Operator
    batches: Mapping[float, AmountBatch]
    config: EvaluationConfig
    means: Mapping[float, ClipBatch]

    @classmethod
    def of(
        cls,
        backend: VAEBackend,
        operator: Operator,
        batches: Mapping[float, AmountBatch],
        config: EvaluationConfig,
    ) -> _Compared:
        return cls(backend, operator, batches, config, _decoded_means(backend, batches, config))

    def at(self, amount: float, turned: ClipBatch) -> Equivariance:
        batch, config = self.batches[amount], self.config
        back: ClipBatch | None = None
        if config.measure == "changes" and -amount in config.mean_edited:
            with suppress(AmountError):  # an operator that was not fitted, or has no inverse, at the other amount
                back = decode(self.backend, apply(self.operator, batch.z_before, -amount))
        return equivariance(batch, turned, self.means[amount], config.draws(batch.songs), config.measure, back)


def _decoded_means(
    backend: VAEBackend, batches: Mapping[float, AmountBatch], config: EvaluationConfig
) -> dict[float, ClipBatch]:
    """The decoding of the mean code of edited training clips, by amount, as :func:`decode_means` gives it."""
    codes = [batch.z_before for batch in batches.values()]
    decoded = decode_means(backend, [config.mean_edited[a] for a in batches], codes)
    return dict(zip(batches, decoded, strict=True))


def _amount_metrics(
    batch: AmountBatch, turned: ClipBatch, compared: Equivariance | None, config: EvaluationConfig
) -> AmountMetrics:
    draws = config.draws(batch.songs)
    effects = {a.name: effect(a, batch, turned, draws) for a in config.attributes}
    most = max((x.clips for x in effects.values()), default=0)
    return AmountMetrics(
        amount=batch.amount,
        clips=most if compared is None else len(turned),
        equivariance=compared,
        effects=effects,
        leakage={
            a.name: leakage(a, batch, turned, config.spreads[a.name], draws)
            for a in config.attributes
            if a.name != config.target and a.name not in config.changes
        },
        content={c.name: content(c, batch, turned, draws) for c in config.comparisons},
    )


def _response(
    evaluation_set: EvaluationSet,
    values: Mapping[float, dict[int, float]],
    target: Attribute | None,
    config: EvaluationConfig,
) -> Response | None:
    if target is None or len(values) < 2:
        return None
    reached = sorted(set().union(*values.values()))
    at_zero = target.measure(evaluation_set.plain[reached])
    return response(
        {**values, 0.0: dict(zip(reached, at_zero.tolist(), strict=True))}, config.draws(evaluation_set.songs)
    )


def _round_trip(backend: VAEBackend, operator: Operator, batch: AmountBatch) -> float | None:
    if not len(batch.rows):
        return None
    twice = decode(backend, apply(operator, apply(operator, batch.z_before, batch.amount), batch.amount))
    return float(accuracy(twice, batch.plain).mean())
