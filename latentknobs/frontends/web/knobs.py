"""Knobs as the page shows them: their range, how far to trust them, their card and their curves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from latentknobs.core.knob import RESERVED_NAMES, Knob

SURE = 0.9
"""A knob whose target answers the amount with an R2 of at least this (lower bound) is of high confidence."""
SAYS: Mapping[str, tuple[str, str]] = {
    "mean-pitch": ("lower", "higher"),
    "mean-octave": ("lower", "higher"),
    "pitch-range": ("narrower", "wider"),
    "mean-interval": ("smaller leaps", "larger leaps"),
    "contour-direction": ("falling", "rising"),
    "chromaticism": ("plainer", "more chromatic"),
    "log2-onsets": ("fewer notes", "more notes"),
    "note-density": ("sparser", "denser"),
    "syncopation": ("straighter", "more syncopated"),
    "rests": ("fewer rests", "more rests"),
    "mean-onset": ("earlier", "later"),
}
"""What the two ways are called, of the attributes that come with the package."""
CONTROLS: Mapping[str, str] = {
    "random": "A control: a random direction in as many dimensions as the knob has, none of them a knob's.",
    "others": "A control: a random direction in all dimensions that belong to no knob.",
}
MOST_EFFECTS = 40


def facts(knob: Knob) -> dict[str, Any]:
    """A knob as it is listed."""
    target = knob.evidence.get("target")
    says = SAYS.get(target) if isinstance(target, str) else None
    return {
        "name": knob.name,
        "model_id": knob.model_id,
        "label": knob.name.replace("-", " ").replace("_", " "),
        "augmentation": knob.augmentation,
        "target": target if isinstance(target, str) else None,
        "unit": knob.unit,
        "low": knob.low,
        "high": knob.high,
        "step": knob.step,
        "kind": knob.kind,
        "fit": knob.fit,
        "verdict": knob.verdict,
        "reason": reason(knob),
        "dimensions": [{"dim": d.dim, "share": d.share} for d in knob.dimensions],
        "reserved": False,
        "confidence": confidence(knob),
        "says": None if says is None else {"down": says[0], "up": says[1]},
    }


def listed(knobs: Mapping[str, Knob], *, every: bool) -> list[dict[str, Any]]:
    """
    The knobs of a model: those that can be turned and are accepted, with ``every`` the others too; the controls last.

    The controls have the range of the first accepted knob, as they have when no other is named.
    """
    order = sorted(knobs.values(), key=lambda knob: knob.verdict != "accepted")
    shown = [knob for knob in order if every or knob.verdict == "accepted"]
    first = next(iter(order), None)
    return [*map(facts, shown), *(control(name, first) for name in RESERVED_NAMES if first is not None)]


def control(name: str, like: Knob) -> dict[str, Any]:
    """One of the controls, with the range of a knob."""
    level = {"level": "low", "text": f"{CONTROLS[name]} It is as long as {like.name}'s move."}
    return {
        **facts(like),
        "name": name,
        "label": name,
        "augmentation": None,
        "target": None,
        "kind": "shift",
        "fit": "random",
        "verdict": "provisional",
        "reason": CONTROLS[name],
        "dimensions": [],
        "reserved": True,
        "confidence": level,
        "says": None,
    }


def reason(knob: Knob) -> str:
    """Why a knob is not accepted, "" where it is."""
    if knob.verdict == "accepted":
        return ""
    failed = [
        f"{gate['gate']}: {_number(gate['value'])}, limit {_number(gate['limit'])}"
        for gate in knob.evidence.get("gates", ())
        if not gate["passed"]
    ]
    if not failed:
        return f"It is {knob.verdict}: too little was measured to accept it."
    more = f", and {len(failed) - 3} more" if len(failed) > 3 else ""
    return f"It is {knob.verdict} for {'; '.join(failed[:3])}{more}."


def confidence(knob: Knob) -> dict[str, str]:
    """How far to trust a knob: a level, and a sentence with what it rests on."""
    response = (knob.evidence.get("test") or {}).get("response") or {}
    parts = []
    if response:
        slope, r2 = response["slope"], response["r2"]
        parts.append(
            f"+1 moves {knob.evidence.get('target')} by {slope['value']:+.2f} ({slope['low']:+.2f} to "
            f"{slope['high']:+.2f}), R2 {r2['value']:.2f}, on {response['clips']} test clips"
        )
    controls = knob.evidence.get("controls") or {}
    if isinstance(controls.get("p"), float) and isinstance(controls.get("controls"), int):
        parts.append(f"p = {controls['p']:.3f} beside {controls['controls']} random moves of the same length")
    text = "; ".join(parts) or "nothing was measured of it"
    if knob.verdict not in ("accepted", "provisional"):
        level = "low"
    else:
        sure = knob.verdict == "accepted" and response and response["r2"]["low"] >= SURE
        level = "high" if sure else "medium"
    return {"level": level, "text": f"{knob.verdict.capitalize()}: {text}."}


def card(knob: Knob) -> dict[str, Any]:
    """What was measured of a knob, for people."""
    effects = sorted(knob.effects, key=lambda effect: -effect.leakage)[:MOST_EFFECTS]
    target, preserves = knob.evidence.get("target"), knob.evidence.get("preserves")
    gates = [
        {name: gate[name] for name in ("gate", "value", "limit", "passed")} for gate in knob.evidence.get("gates", ())
    ]
    return {
        "effect": [{"attribute": e.attribute, "slope": e.slope} for e in effects],
        "leakage": [{"attribute": e.attribute, "leakage": e.leakage, "target": e.attribute == target} for e in effects],
        "gates": gates,
        "text": list(_lines(knob, gates, preserves)),
    }


def _lines(knob: Knob, gates: list[dict[str, Any]], preserves: Any) -> Iterable[str]:
    learned = f"from the edit {knob.augmentation}" if knob.augmentation else "without an edit"
    yield f"{knob.name} was learned {learned} ({knob.kind}, {knob.fit}) for the model {knob.model_name}."
    step = "any amount" if knob.step is None else f"steps of {knob.step:g}"
    yield f"It can be turned from {knob.low:+g} to {knob.high:+g} {knob.unit}, {step}."
    yield confidence(knob)["text"]
    yield reason(knob) or f"It passed all {len(gates)} limits that were set before the measurements."
    yield f"It moves {len(knob.dimensions)} dimensions of the code for nine tenths of its effect."
    if preserves:
        yield f"Asked to stay as they are: {', '.join(preserves)}."
    if knob.note:
        yield knob.note


def curves(knob: Knob, amount: float | None) -> dict[str, Any]:
    """How far the edit moves each dimension at the measured amount nearest to the given one; None = a middle one."""
    rows, fitted = knob.evidence.get("mean_change"), knob.evidence.get("fitted")
    if not rows or not fitted or len(rows) != len(fitted):
        return {"amounts": [], "amount": None, "mean_change": [], "sorted": []}
    upper = [a for a in fitted if a > 0] or list(fitted)
    wanted = upper[len(upper) // 2] if amount is None else amount
    at = min(range(len(fitted)), key=lambda k: abs(fitted[k] - wanted))
    change = [float(value) for value in rows[at]]
    return {
        "amounts": [float(a) for a in fitted],
        "amount": float(fitted[at]),
        "mean_change": change,
        "sorted": sorted((abs(value) for value in change), reverse=True),
    }


def _number(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, int | float) else "not measured"
