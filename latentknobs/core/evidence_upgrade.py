"""The JSON form of evidence in earlier registries and exchange files, brought up to date."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from latentknobs.core.evidence import LEAST_ROOM
from latentknobs.core.strict_json import is_number

NO_TARGET = "the edit names no target attribute, whose direction could be read from the codes."
"""Why a fit that reads an attribute declines."""
_WHOLE_RANGE = {
    "effect beyond random controls (p)": "effect",
    "all limits at some amount on validation songs": "validation",
    "usable range": "range",
}
_NAME = re.compile(r"(?P<kind>\w+)(?: (?:of|by) (?P<of>.+))? at (?P<amount>\S+)")
_LIMITS_1 = {"equivariance": 0.3, "leakage": 0.25, "loss": 0.1}
"""The limits of version 1, which kept no criteria on validation songs."""


def upgrade_evidence(data: Any) -> Any:
    """
    The current form of a registry's or exchange file's evidence; what is current, or is none, stays as it is.

    Evidence of version 1 did not say why the usable range ends. Where the edit stated what it preserves, which was not
    kept, only equivariance tells it.
    """
    if isinstance(data, dict) and "version" not in data:
        data = _version_1(data)
    if isinstance(data, dict) and data["version"] == 1 and data["version"] is not True:
        data = _version_2(data)
    return data


def _version_1(data: dict[str, Any]) -> dict[str, Any]:
    data = {"version": 1, **data}
    if "keeps" in data:
        data["preserves"] = data.pop("keeps")
    if "gates" in data:
        gates, amounts = data.pop("gates"), data.get("fitted")
        by_text = {f"{a:+g}": a for a in amounts if is_number(a)} if isinstance(amounts, list) else {}
        data["criteria"] = [_criterion(gate, by_text) for gate in gates] if isinstance(gates, list) else gates
    return data


def _criterion(gate: Any, amounts: Mapping[str, float]) -> Any:
    """A criterion that was stored with its name alone."""
    if not isinstance(gate, dict) or not isinstance(gate.get("gate"), str):
        return gate
    rest = {key: value for key, value in gate.items() if key != "gate"}
    name = gate["gate"]
    match = _NAME.fullmatch(name)
    if name in _WHOLE_RANGE or match is None:
        return {"kind": _WHOLE_RANGE.get(name, name), "of": None, "amount": None, **rest}
    amount = amounts.get(match["amount"])
    if amount is None:
        try:
            amount = float(match["amount"])
        except ValueError:
            return gate
    return {"kind": match["kind"], "of": match["of"], "amount": amount, **rest}


def _version_2(data: dict[str, Any]) -> dict[str, Any]:
    """With the intervals of criteria, without the wanted change in leakage, and with what ended the usable range."""
    data = {**data, "version": 2}
    target = data.get("target")
    declined = data.get("declined")
    if target is None and isinstance(declined, dict):
        # Version 1 said that no clip has the target attribute, which was true of edits without one.
        data["declined"] = {
            f: NO_TARGET if str(why).startswith("0 training clips") else why for f, why in declined.items()
        }
    for split in ("validation", "test"):
        if isinstance(data.get(split), dict) and isinstance(data[split].get("amounts"), list):
            amounts = [_without(one, target) for one in data[split]["amounts"]]
            data[split] = {**data[split], "amounts": amounts}
    if isinstance(data.get("criteria"), list):
        at = {one["amount"]: one for one in _measured(data, "test")}
        data["criteria"] = [_with_interval(criterion, at) for criterion in data["criteria"]]
    if data.get("preserves") is None and isinstance(data.get("criteria"), list):
        # What was judged is what the edit preserves, as far as clips have it.
        judged = [c for c in data["criteria"] if isinstance(c, dict) and isinstance(c.get("of"), str)]
        data["preserves"] = sorted({c["of"] for c in judged}) or None
    preserves = data.get("preserves")
    names = preserves if isinstance(preserves, list) else []
    measured = _measured(data, "validation")
    data["range_criteria"] = [failed for one in measured for failed in _failed(one, names)]
    usable = [one["amount"] for one in _measured(data, "test")]
    # Where no amount was usable, effects were those at the last one measured.
    ends = [min(0.0, *usable), max(0.0, *usable)] if usable else [one["amount"] for one in measured[-1:]]
    data["effects_at"] = sorted({end for end in ends if end})
    return data


def _without(metrics: Any, target: Any) -> Any:
    if not isinstance(metrics, dict) or not isinstance(metrics.get("leakage"), dict):
        return metrics
    return {**metrics, "leakage": {name: leak for name, leak in metrics["leakage"].items() if name != target}}


def _measured(data: Mapping[str, Any], split: str) -> list[Any]:
    """The metrics of a split that have an amount."""
    amounts = data[split].get("amounts") if isinstance(data.get(split), dict) else None
    if not isinstance(amounts, list):
        return []
    return [one for one in amounts if isinstance(one, dict) and is_number(one.get("amount"))]


def _with_interval(criterion: Any, at: Mapping[float, Any]) -> Any:
    if not isinstance(criterion, dict) or not is_number(criterion.get("amount")):
        return criterion
    metrics = at.get(criterion["amount"], {})
    kind, of = criterion.get("kind"), criterion.get("of")
    equal: Any = metrics.get("equivariance")
    if kind == "equivariance" and _numbers(equal, "value", "low", "high"):
        return {**criterion, "value": equal["value"], "low": equal["low"], "high": equal["high"]}
    parts = metrics.get(kind) if kind in ("leakage", "content") else None
    part: Any = parts.get(of) if isinstance(parts, dict) else None
    if kind == "leakage" and _numbers(part, "value", "upper"):
        return {**criterion, "value": part["value"], "high": part["upper"]}
    if kind == "content" and _numbers(part, "low", "high"):
        return {**criterion, "low": part["low"], "high": part["high"]}
    return criterion


def _failed(metrics: Mapping[str, Any], preserves: list[Any]) -> Iterator[dict[str, Any]]:
    """The criteria that fail at one amount on validation songs, as far as version 1 tells."""

    def failed(kind: str, value: float, low: float | None, high: float | None, limit: float) -> dict[str, Any]:
        numbers = {"value": value, "low": low, "high": high, "limit": limit, "passed": False}
        return {"kind": kind, "amount": metrics["amount"], **numbers}

    equal: Any = metrics.get("equivariance")
    if _numbers(equal, "value", "low", "high", "floor", "ceiling"):
        room = equal["ceiling"] - equal["floor"]
        if room < LEAST_ROOM:
            yield failed("room", room, equal["floor"], equal["ceiling"], LEAST_ROOM)
        elif equal["low"] < _LIMITS_1["equivariance"]:
            yield failed("equivariance", equal["value"], equal["low"], equal["high"], _LIMITS_1["equivariance"])
    leaks = metrics.get("leakage")
    for name, leak in leaks.items() if isinstance(leaks, dict) else ():
        if name in preserves and _numbers(leak, "value", "upper", "lost"):
            if leak["upper"] > _LIMITS_1["leakage"]:
                yield {**failed("leakage", leak["value"], None, leak["upper"], _LIMITS_1["leakage"]), "of": name}
            if leak["lost"] > _LIMITS_1["loss"]:
                yield {**failed("loss", leak["lost"], None, None, _LIMITS_1["loss"]), "of": name}


def _numbers(part: Any, *names: str) -> bool:
    return isinstance(part, dict) and all(is_number(part.get(name)) for name in names)
