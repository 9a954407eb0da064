"""
Evaluating one operator: its range and dimensions from validation songs, its verdict from test songs.

It is the same for every knob, however it was found. What is stored is what is evaluated: operators are rounded first.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve, frozen

from latentknobs.core.evidence import AmountMetrics, ControlEffects, Evidence
from latentknobs.core.knob import KnobDimension, KnobEffect, Operator, Verdict
from latentknobs.discovery.dimension_selection import select_dimensions
from latentknobs.discovery.evaluation_context import EvaluationContext
from latentknobs.discovery.evidence_rounding import rounded, rounded_metrics
from latentknobs.discovery.operator_rounding import Precision, round_operator
from latentknobs.evaluation.acceptance_criteria import UsableRange, judge, range_criteria
from latentknobs.evaluation.control_test import ControlTest
from latentknobs.evaluation.knob_metrics import EvaluationConfig, KnobMetrics, measure, turned_clips


@frozen(eq=False)
class Validated:
    """
    An operator on validation songs.

    Attributes:
        fitted: As it was fitted.
        operator: As it is stored, rounded.
        precision: Of its numbers.
        metrics: The metrics on validation songs.
    """

    fitted: Operator
    operator: Operator
    precision: Precision
    metrics: KnobMetrics

    @classmethod
    def of(cls, context: EvaluationContext, fitted: Operator) -> Validated:
        """Round an operator and measure it."""
        backend, clips, amounts = context.experiment.backend, context.validation, context.fit_input.amounts
        operator, precision = round_operator(fitted, clips.codes, amounts, context.units)
        turned = turned_clips(backend, operator, clips, amounts)
        return cls(fitted, operator, precision, measure(backend, operator, clips, context.config, turned))

    def usable_range(self, context: EvaluationContext, candidates: int = 1) -> tuple[UsableRange, list[float]]:
        """The usable range and its ends, see :meth:`ControlTest.usable_range`; ``candidates`` as there."""
        test = _control_test(context, candidates)
        return test.usable_range(self.operator, self.metrics, context.validation.batches.__getitem__)


def _control_test(context: EvaluationContext, candidates: int) -> ControlTest:
    covariance, settings = context.statistics.covariance(), context.experiment.settings
    backend, scale = context.experiment.backend, context.units.scale
    return ControlTest.of(backend, context.config, covariance, settings, scale, candidates)


@frozen(eq=False)
class KnobEvaluation:
    """
    See the module's text.

    Attributes:
        operator: The operator, rounded.
        usable: The usable range.
        verdict: From test songs.
        dimensions: The selected dimensions, most important first.
        effects: Per attribute.
        evidence: That of the run, with what was measured of the knob.
    """

    operator: Operator
    usable: UsableRange
    verdict: Verdict
    dimensions: tuple[KnobDimension, ...]
    effects: tuple[KnobEffect, ...]
    evidence: Evidence


def evaluate_knob(
    context: EvaluationContext,
    validated: Validated,
    common: Evidence,
    ranged: tuple[UsableRange, list[float]] | None = None,
) -> KnobEvaluation:
    """
    Evaluate an operator as every knob of its run.

    Args:
        context: The run's.
        validated: The operator on validation songs.
        common: The run's evidence, which this adds to.
        ranged: Its usable range with the ends, where they are known.
    """
    backend, config = context.experiment.backend, context.config
    operator, on_validation = validated.operator, validated.metrics
    candidates = max(len(common.candidates), 1)
    usable, ends = ranged or validated.usable_range(context, candidates)
    low, high = usable.low, usable.high
    judged_at = max(ends, key=lambda a: (abs(a), a))
    # How far rounding shifts the shares depends on the model's units: they are those of the fitted operator.
    selection = select_dimensions(context, validated.fitted, context.validation.batches[judged_at])
    on_test: KnobMetrics | None = None
    controls: ControlEffects | None = None
    test = _control_test(context, candidates)
    if low < high:
        inside = [a for a in context.fit_input.amounts if low <= a <= high]
        turned = turned_clips(backend, operator, context.test, inside)
        on_test = measure(backend, operator, context.test, config, turned)
        if set(ends) <= set(on_test.at):
            controls = test.compare(operator, [context.test.batches[a] for a in ends])
    assessment = judge(
        on_test or KnobMetrics({}, None, None), usable, config, test.controls, None if controls is None else controls.p
    )
    reported = on_test or on_validation
    slopes = reported.slopes()
    effects_at = tuple(a for a in ends if a in reported.at)
    weights, structure = operator.arrays.get("direction"), backend.spec.structure
    return KnobEvaluation(
        operator,
        usable,
        assessment.verdict,
        tuple(
            KnobDimension(int(d), min(float(selection.shares[d]), 1.0), None if weights is None else float(weights[d]))
            for d in selection.dims
        ),
        tuple(
            KnobEffect(a.name, slopes.get(a.name, 0.0), _size(a.name, [reported.at[n] for n in effects_at], config))
            for a in config.attributes
        ),
        evolve(
            common,
            selected=rounded_metrics(selection.selected),
            shares=rounded(selection.shares),
            blocks=rounded_metrics(structure.shares(selection.shares)),
            latent_shape=structure.shape,
            bases=selection.bases,
            in_basis=selection.in_basis,
            validation=rounded_metrics(on_validation.of_split()),
            test=None if on_test is None else rounded_metrics(on_test.of_split()),
            controls=controls,
            criteria=assessment.criteria,
            range_criteria=rounded_metrics(range_criteria(on_validation, usable, config)),
            effects_at=effects_at,
            spreads=dict(config.spreads),
            judged_at=judged_at,
            operator_precision=validated.precision,
        ),
    )


def _size(name: str, at: Iterable[AmountMetrics], config: EvaluationConfig) -> float:
    """Largest absolute mean change of an attribute, in standard deviations over the corpus (plain units where 0)."""
    unit = config.spreads[name] or 1.0
    return max((abs(x.effects[name].value) / unit for x in at), default=0.0)
