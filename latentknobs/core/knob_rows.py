"""What was measured of a knob as flat rows and single numbers, by the names that SQL and conditions have for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

from latentknobs.core.evidence import AT_MOST, Evidence
from latentknobs.core.knob import Knob
from latentknobs.core.where import CRITERIA, MEASURED, RESPONSE, Term

KnobPart: TypeAlias = Literal["effects", "dimensions", "blocks", "criteria", "response"]
OF_KNOB = ("name", "current", "model", "model_id", "run", "kind", "fit", "verdict")
"""Columns that every row begins with."""
PART_COLUMNS: Mapping[KnobPart, tuple[str, ...]] = {
    "effects": ("attribute", "position", "slope", "effect"),
    "dimensions": ("dim", "position", "share", "weight", "block", "place"),
    "blocks": ("block", "position", "size", "share"),
    "criteria": ("criterion", "of", "amount", "value", "low", "high", "bound", "passed", "split"),
    "response": (
        "split",
        "amount",
        "clips",
        "target",
        "value",
        "low",
        "high",
        "ideal",
        "equivariance",
        "equivariance_low",
        "equivariance_high",
        "accuracy",
        "floor",
        "ceiling",
    ),
}
"""The other columns of the views v_knob_effects, v_knob_dimensions, v_knob_blocks, v_knob_criteria, v_knob_response."""


def part_rows(knob: Knob, part: KnobPart) -> list[dict[str, Any]]:
    """The rows of one of these views for a knob."""
    facts = knob.as_dict()
    return [{name: facts[name] for name in OF_KNOB} | row for row in _ROWS[part](knob)]


def criterion_rows(evidence: Evidence) -> list[dict[str, Any]]:
    """The acceptance criteria, and those that ended the usable range on validation songs."""
    criteria = [("test", one) for one in evidence.criteria] + [("validation", one) for one in evidence.range_criteria]
    names = ("of", "amount", "value", "low", "high")
    return [
        {"criterion": one.kind, **{name: getattr(one, name) for name in names}, "bound": one.limit}
        | {"passed": one.passed, "split": split}
        for split, one in criteria
    ]


def response_rows(evidence: Evidence) -> list[dict[str, Any]]:
    """What was measured at each amount, on validation and on test songs."""
    rows = []
    for split, metrics in (("test", evidence.test), ("validation", evidence.validation)):
        for x in () if metrics is None else {x.amount: x for x in metrics.amounts}.values():
            row: dict[str, Any] = {"split": split, "amount": x.amount, "clips": x.clips, "target": evidence.target}
            change = x.effects.get(evidence.target or "")
            for name in ("value", "low", "high"):
                row[name] = None if change is None or not change.clips else getattr(change, name)
            row["ideal"] = None if evidence.target is None else x.amount
            equal = x.equivariance
            row |= {"equivariance": equal and equal.value, "equivariance_low": equal and equal.low}
            row |= {"equivariance_high": equal and equal.high}
            row |= {name: equal and getattr(equal, name) for name in ("accuracy", "floor", "ceiling")}
            rows.append(row)
    return rows


_ROWS: Mapping[KnobPart, Callable[[Knob], list[dict[str, Any]]]] = {
    "effects": lambda knob: [
        {"attribute": one.attribute, "position": i, "slope": one.slope, "effect": one.effect}
        for i, one in enumerate(knob.effects)
    ],
    "dimensions": lambda knob: [
        {"dim": one.dim, "position": i, "share": one.share, "weight": one.weight} | _place(knob, one.dim)
        for i, one in enumerate(knob.dimensions)
    ],
    "blocks": lambda knob: [
        {"block": one.name, "position": i, "size": one.size, "share": one.share}
        for i, one in enumerate(knob.evidence.blocks)
    ],
    "criteria": lambda knob: criterion_rows(knob.evidence),
    "response": lambda knob: response_rows(knob.evidence),
}


def _place(knob: Knob, dim: int) -> dict[str, Any]:
    """The block or step of a dimension, and its place in there."""
    parts = knob.evidence.structure.parts
    block = next((name for name, at in parts.items() if at.start <= dim < at.stop), None)
    return {"block": block, "place": None if block is None else dim - parts[block].start}


def value_of(knob: Knob, term: Term) -> float | None:
    """The number that a term means for a knob, with its evidence; None where it was not measured."""
    if term.name in CRITERIA:
        return _criterion(knob, term)
    if term.name in MEASURED or term.name == RESPONSE:
        column = "value" if term.name == RESPONSE else term.name
        rows = [row for row in response_rows(knob.evidence) if row["split"] == "test" and _at(knob, term, row)]
        return min((row[column] for row in rows if row[column] is not None), default=None)
    if term.of is None:
        return _column(knob, term.name)
    part: KnobPart = "dimensions" if term.name in ("share", "weight") else "effects"
    key = "dim" if part == "dimensions" else "attribute"
    return next((row[term.name] for row in _ROWS[part](knob) if str(row[key]) == term.of), None)


def _criterion(knob: Knob, term: Term) -> float | None:
    kind = CRITERIA[term.name]
    rows = [row for row in criterion_rows(knob.evidence) if row["criterion"] == kind and row["split"] == "test"]
    values = [row["value"] for row in rows if term.of in (None, row["of"]) and _at(knob, term, row)]
    worst = max if kind in AT_MOST else min
    return worst((value for value in values if value is not None), default=None)


def _at(knob: Knob, term: Term, row: Mapping[str, Any]) -> bool:
    if term.amount is not None:
        return bool(row["amount"] == term.amount)
    return row["amount"] is None or knob.low <= row["amount"] <= knob.high


def _column(knob: Knob, name: str) -> float | None:
    if name == "dimensions":
        return len(knob.dimensions)
    if name == "effect":
        return max((one.effect for one in knob.effects), default=None)
    if name in ("slope", "r2"):
        response = knob.evidence.test and knob.evidence.test.response
        return getattr(response, name).value if response else None
    value: float | None = getattr(knob, name)
    return value
