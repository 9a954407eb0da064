"""
One operator examined: its range and its dimensions from validation songs, its verdict from test songs.

It is the same for every knob, however it was found.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from attrs import frozen

from latentknobs.core.arrays import Floats
from latentknobs.core.backend import VAEBackend
from latentknobs.core.evidence import Evidence, structure_evidence, upgrade_evidence
from latentknobs.core.experiment import Methods, Settings
from latentknobs.core.knob import KnobDimension, KnobEffect, Operator, Verdict
from latentknobs.core.method_specs import FitInput
from latentknobs.discovery.coordinate_systems import CoordinateSystems
from latentknobs.discovery.dimension_selection import select
from latentknobs.discovery.pair_statistics import PairStatistics
from latentknobs.evaluation.acceptance_criteria import UsableRange, judge
from latentknobs.evaluation.control_test import control_effects, proven_range
from latentknobs.evaluation.evaluation_set import EvaluationSet
from latentknobs.evaluation.knob_metrics import EvaluationConfig, KnobMetrics, measure


@frozen(eq=False)
class KnobEvaluation:
    """
    See the module's text.

    Attributes:
        usable: The usable range.
        on_validation: The measures on validation songs.
        verdict: From test songs.
        dimensions: S, most important first.
        effects: Per attribute.
        evidence: All of it, for the knob's evidence.
    """

    usable: UsableRange
    on_validation: KnobMetrics
    verdict: Verdict
    dimensions: tuple[KnobDimension, ...]
    effects: tuple[KnobEffect, ...]
    evidence: dict[str, Any]


def examine(
    backend: VAEBackend,
    operator: Operator,
    trials: tuple[EvaluationSet, EvaluationSet],
    given: FitInput,
    yard: EvaluationConfig,
    deltas: PairStatistics,
    settings: Settings,
    methods: Methods,
    found: CoordinateSystems,
) -> KnobEvaluation:
    """
    Examine an operator.

    Args:
        backend: The model.
        operator: The knob's transformation.
        trials: Validation clips and test clips.
        given: What it was fitted from; its amounts are those that are measured.
        yard: The measures.
        deltas: Statistics of the amounts of ``given`` and no others.
        settings: Parameters.
        methods: The selectors.
        found: The coordinate systems of the run.
    """
    validation, test = trials
    on_validation = measure(backend, operator, validation, given.amounts, yard)
    usable, ends = proven_range(backend, operator, on_validation, validation.cases.__getitem__, yard, deltas, settings)
    low, high = usable.low, usable.high
    judged_at = max(ends, key=lambda a: (abs(a), a))
    chosen = select(backend, operator, validation.cases[judged_at], yard, deltas, given, settings, methods, found)
    on_test: KnobMetrics | None = None
    controls: dict[str, Any] | None = None
    if low < high:
        inside = [a for a in given.amounts if low <= a <= high]
        on_test = measure(backend, operator, test, inside, yard)
        if set(ends) <= set(on_test.at):
            controls = control_effects(backend, operator, [test.cases[a] for a in ends], yard, deltas, settings)
    judgement = judge(on_test or KnobMetrics({}, None, None), usable, yard, controls)
    reported = on_test or on_validation
    slopes = reported.slopes()
    at_ends = [x for a, x in reported.at.items() if a in (low, high)] or list(reported.at.values())[-1:]
    weights = operator.arrays.get("direction")
    return KnobEvaluation(
        usable,
        on_validation,
        judgement.verdict,
        tuple(
            KnobDimension(int(d), min(float(chosen["shares"][d]), 1.0), None if weights is None else float(weights[d]))
            for d in chosen["dims"]
        ),
        tuple(
            KnobEffect(a.name, slopes.get(a.name, 0.0), max((x.leakage[a.name].value for x in at_ends), default=0.0))
            for a in yard.attributes
        ),
        {
            "selected": chosen["selected"],
            "shares": rounded(chosen["shares"]),
            "bases": chosen["bases"],
            "in_basis": _in_basis(chosen["in_basis"]),
            "validation": on_validation.as_dict(),
            "test": on_test.as_dict() if on_test else None,
            "controls": controls,
            "gates": [gate.as_dict() for gate in judgement.gates],
            "spreads": dict(yard.spreads),
            "judged_at": judged_at,
        },
    )


def _in_basis(chosen: dict[str, Any] | None) -> dict[str, Any] | None:
    return {**chosen, "shares": rounded(chosen["shares"])} if chosen and "shares" in chosen else chosen


def as_evidence(facts: dict[str, Any]) -> Evidence:
    """The facts of a run and a knob together."""
    return structure_evidence(upgrade_evidence(json.loads(json.dumps(facts, allow_nan=False))))


def rounded(array: Floats) -> Any:
    """Six significant digits, as nested lists: enough for evidence, and a tenth of the bytes."""
    with np.errstate(divide="ignore"):
        digits = 5 - np.floor(np.log10(np.abs(array)))
    scale = 10.0 ** np.where(np.isfinite(digits), digits, 0.0)
    return (np.round(array * scale) / scale).tolist()
