"""
Evaluating one operator: its range and dimensions from validation songs, its verdict from test songs.

It is the same for every knob, however it was found.
"""

from __future__ import annotations

import json
from typing import Any

from attrs import frozen

from latentknobs.core.evidence import Evidence, structure_evidence, upgrade_evidence
from latentknobs.core.knob import KnobDimension, KnobEffect, Operator, Verdict
from latentknobs.discovery.dimension_selection import select_dimensions
from latentknobs.discovery.evaluation_context import EvaluationContext
from latentknobs.discovery.rounding import rounded
from latentknobs.evaluation.acceptance_criteria import UsableRange, judge
from latentknobs.evaluation.control_test import ControlTest
from latentknobs.evaluation.knob_metrics import KnobMetrics, measure, turned_clips


@frozen(eq=False)
class KnobEvaluation:
    """
    See the module's text.

    Attributes:
        usable: The usable range.
        on_validation: The metrics on validation songs.
        verdict: From test songs.
        dimensions: The selected dimensions, most important first.
        effects: Per attribute.
        evidence: All of it, for the knob's evidence.
    """

    usable: UsableRange
    on_validation: KnobMetrics
    verdict: Verdict
    dimensions: tuple[KnobDimension, ...]
    effects: tuple[KnobEffect, ...]
    evidence: dict[str, Any]


def evaluate_knob(context: EvaluationContext, operator: Operator) -> KnobEvaluation:
    """Evaluate an operator as every knob of its run."""
    backend, config, amounts = context.experiment.backend, context.config, context.fit_input.amounts
    turned = turned_clips(backend, operator, context.validation, amounts)
    on_validation = measure(backend, operator, context.validation, config, turned)
    test = ControlTest.of(backend, config, context.statistics.covariance(), context.experiment.settings)
    usable, ends = test.usable_range(operator, on_validation, context.validation.batches.__getitem__)
    low, high = usable.low, usable.high
    judged_at = max(ends, key=lambda a: (abs(a), a))
    selection = select_dimensions(context, operator, context.validation.batches[judged_at])
    on_test: KnobMetrics | None = None
    controls: dict[str, Any] | None = None
    if low < high:
        inside = [a for a in amounts if low <= a <= high]
        turned = turned_clips(backend, operator, context.test, inside)
        on_test = measure(backend, operator, context.test, config, turned)
        if set(ends) <= set(on_test.at):
            controls = test.compare(operator, [context.test.batches[a] for a in ends])
    assessment = judge(on_test or KnobMetrics({}, None, None), usable, config, controls)
    reported = on_test or on_validation
    slopes = reported.slopes()
    at_ends = [x for a, x in reported.at.items() if a in (low, high)] or list(reported.at.values())[-1:]
    weights = operator.arrays.get("direction")
    return KnobEvaluation(
        usable,
        on_validation,
        assessment.verdict,
        tuple(
            KnobDimension(int(d), min(float(selection.shares[d]), 1.0), None if weights is None else float(weights[d]))
            for d in selection.dims
        ),
        tuple(
            KnobEffect(a.name, slopes.get(a.name, 0.0), max((x.leakage[a.name].value for x in at_ends), default=0.0))
            for a in config.attributes
        ),
        {
            "selected": selection.selected,
            "shares": rounded(selection.shares),
            "bases": selection.bases,
            "in_basis": selection.in_basis,
            "validation": on_validation.as_dict(),
            "test": on_test.as_dict() if on_test else None,
            "controls": controls,
            "gates": [criterion.as_dict() for criterion in assessment.criteria],
            "spreads": dict(config.spreads),
            "judged_at": judged_at,
        },
    )


def as_evidence(facts: dict[str, Any]) -> Evidence:
    """The facts of a run and a knob together."""
    return structure_evidence(upgrade_evidence(json.loads(json.dumps(facts, allow_nan=False))))
