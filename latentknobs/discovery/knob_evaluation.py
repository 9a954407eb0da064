"""
Evaluating one operator: its range and dimensions from validation songs, its verdict from test songs.

It is the same for every knob, however it was found.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve, frozen

from latentknobs.core.evidence import AmountMetrics, ControlEffects, Evidence
from latentknobs.core.knob import KnobDimension, KnobEffect, Operator, Verdict
from latentknobs.discovery.dimension_selection import select_dimensions
from latentknobs.discovery.evaluation_context import EvaluationContext
from latentknobs.discovery.evidence_rounding import rounded, rounded_metrics
from latentknobs.discovery.operator_rounding import TurnedClips, round_operator
from latentknobs.evaluation.acceptance_criteria import UsableRange, judge, range_criteria
from latentknobs.evaluation.control_test import ControlTest
from latentknobs.evaluation.knob_metrics import EvaluationConfig, KnobMetrics, measure


@frozen(eq=False)
class KnobEvaluation:
    """
    See the module's text.

    Attributes:
        operator: The operator, rounded where that changes no clip.
        usable: The usable range.
        on_validation: The metrics on validation songs.
        verdict: From test songs.
        dimensions: The selected dimensions, most important first.
        effects: Per attribute.
        evidence: That of the run, with what was measured of the knob.
    """

    operator: Operator
    usable: UsableRange
    on_validation: KnobMetrics
    verdict: Verdict
    dimensions: tuple[KnobDimension, ...]
    effects: tuple[KnobEffect, ...]
    evidence: Evidence


def evaluate_knob(context: EvaluationContext, operator: Operator, common: Evidence) -> KnobEvaluation:
    """Evaluate an operator as every knob of its run, whose common evidence it adds to."""
    backend, config, amounts = context.experiment.backend, context.config, context.fit_input.amounts
    turned = TurnedClips(context, operator, context.validation)
    turned_test = TurnedClips(context, operator, context.test)
    fitted = operator
    # The rounded operator turns these clips alike: what is decoded already serves for both.
    operator, precision = round_operator(context, turned, turned_test)
    on_validation = measure(backend, operator, context.validation, config, turned.among(min(amounts), max(amounts)))
    covariance, settings = context.statistics.covariance(), context.experiment.settings
    candidates = max(len(common.candidates), 1)
    test = ControlTest.of(backend, config, covariance, settings, context.units.scale, candidates)
    usable, ends = test.usable_range(operator, on_validation, context.validation.batches.__getitem__)
    low, high = usable.low, usable.high
    judged_at = max(ends, key=lambda a: (abs(a), a))
    # How far rounding shifts the shares depends on the model's units: they are those of the fitted operator.
    selection = select_dimensions(context, fitted, context.validation.batches[judged_at])
    on_test: KnobMetrics | None = None
    controls: ControlEffects | None = None
    if low < high:
        on_test = measure(backend, operator, context.test, config, turned_test.among(low, high))
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
        on_validation,
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
            operator_precision=precision,
        ),
    )


def _size(name: str, at: Iterable[AmountMetrics], config: EvaluationConfig) -> float:
    """Largest absolute mean change of an attribute, in standard deviations over the corpus (plain units where 0)."""
    unit = config.spreads[name] or 1.0
    return max((abs(x.effects[name].value) / unit for x in at), default=0.0)
