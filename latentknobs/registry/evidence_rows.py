"""Criteria, amounts and response of a knob as rows, for people who ask in SQL: evidence itself is compressed."""

from __future__ import annotations

from collections.abc import Mapping

from latentknobs.core.evidence import Evidence
from latentknobs.registry.tables import AmountRow, CriterionRow, ResponseRow

_EQUIVARIANCE: Mapping[str, str] = {
    "equivariance": "value",
    "equivariance_low": "low",
    "equivariance_high": "high",
    "accuracy": "accuracy",
    "floor": "floor",
    "ceiling": "ceiling",
}
"""By column, the attribute of :class:`~latentknobs.core.evidence.Equivariance`."""


def criterion_rows(evidence: Evidence) -> list[CriterionRow]:
    """The acceptance criteria, and those that ended the usable range on validation songs."""
    criteria = [("test", one) for one in evidence.criteria] + [("validation", one) for one in evidence.range_criteria]
    return [
        CriterionRow(
            criterion=one.kind,
            position=position,
            split=split,
            of=one.of,
            amount=one.amount,
            value=one.value,
            low=one.low,
            high=one.high,
            bound=one.limit,
            passed=one.passed,
        )
        for position, (split, one) in enumerate(criteria)
    ]


def amount_rows(evidence: Evidence) -> list[AmountRow]:
    """What was measured at each amount, on validation and on test songs."""
    rows = []
    for split, metrics in (("validation", evidence.validation), ("test", evidence.test)):
        for x in () if metrics is None else {x.amount: x for x in metrics.amounts}.values():
            change = x.effects.get(evidence.target or "")
            change = change if change is not None and change.clips else None
            rows.append(
                AmountRow(
                    split=split,
                    amount=x.amount,
                    clips=x.clips,
                    value=None if change is None else change.value,
                    low=None if change is None else change.low,
                    high=None if change is None else change.high,
                    **{
                        column: None if x.equivariance is None else getattr(x.equivariance, name)
                        for column, name in _EQUIVARIANCE.items()
                    },
                )
            )
    return rows


def response_row(evidence: Evidence) -> ResponseRow | None:
    """The response of the target; None without one."""
    if evidence.target is None:
        return None
    response = evidence.test and evidence.test.response
    slope, r2 = (response.slope.value, response.r2.value) if response else (None, None)
    return ResponseRow(target=evidence.target, slope=slope, r2=r2)


def evidence_rows(evidence: Evidence) -> list[CriterionRow | AmountRow | ResponseRow]:
    """All of them, of no knob yet."""
    response = response_row(evidence)
    return [*criterion_rows(evidence), *amount_rows(evidence), *(() if response is None else (response,))]
