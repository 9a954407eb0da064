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
    target = knob.evidence.target
    says = None if target is None else SAYS.get(target)
    return {
        "name": knob.name,
        "model_id": knob.model_id,
        "label": knob.name.replace("-", " ").replace("_", " "),
        "augmentation": knob.augmentation,
        "target": target,
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
    failed = [f"{c.name}: {_number(c.value)}, limit {_number(c.limit)}" for c in knob.evidence.failed]
    if not failed:
        return f"It is {knob.verdict}: too little was measured to accept it."
    more = f", and {len(failed) - 3} more" if len(failed) > 3 else ""
    return f"It is {knob.verdict} for {'; '.join(failed[:3])}{more}."


def confidence(knob: Knob) -> dict[str, str]:
    """How far to trust a knob: a level, and a sentence with what it rests on."""
    response = knob.evidence.test and knob.evidence.test.response
    parts = []
    if response:
        slope = response.slope
        parts.append(
            f"+1 moves {knob.evidence.target} by {slope.value:+.2f} ({slope.low:+.2f} to {slope.high:+.2f}), "
            f"R2 {response.r2.value:.2f}, on {response.clips} test clips"
        )
    if controls := knob.evidence.controls:
        parts.append(f"p = {controls.p:.3f} beside {controls.controls} random moves of the same length")
    text = "; ".join(parts) or "nothing was measured of it"
    if knob.verdict not in ("accepted", "provisional"):
        level = "low"
    else:
        sure = knob.verdict == "accepted" and response and response.r2.low >= SURE
        level = "high" if sure else "medium"
    return {"level": level, "text": f"{knob.verdict.capitalize()}: {text}."}


def card(knob: Knob) -> dict[str, Any]:
    """What was measured of a knob, for people."""
    effects = sorted(knob.effects, key=lambda effect: -effect.leakage)[:MOST_EFFECTS]
    target, criteria = knob.evidence.target, knob.evidence.criteria
    return {
        "effect": [{"attribute": e.attribute, "slope": e.slope} for e in effects],
        "leakage": [{"attribute": e.attribute, "leakage": e.leakage, "target": e.attribute == target} for e in effects],
        "gates": [{"gate": c.name, "value": c.value, "limit": c.limit, "passed": c.passed} for c in criteria],
        "text": list(_lines(knob)),
    }


def _lines(knob: Knob) -> Iterable[str]:
    learned = f"from the edit {knob.augmentation}" if knob.augmentation else "without an edit"
    yield f"{knob.name} was learned {learned} ({knob.kind}, {knob.fit}) for the model {knob.model_name}."
    step = "any amount" if knob.step is None else f"steps of {knob.step:g}"
    yield f"It can be turned from {knob.low:+g} to {knob.high:+g} {knob.unit}, {step}."
    yield confidence(knob)["text"]
    yield reason(knob) or f"It passed all {len(knob.evidence.criteria)} limits that were set before the measurements."
    yield f"It moves {len(knob.dimensions)} dimensions of the code for nine tenths of its effect."
    if knob.evidence.preserves:
        yield f"Preserves: {', '.join(knob.evidence.preserves)}."
    if knob.note:
        yield knob.note


def curves(knob: Knob, amount: float | None) -> dict[str, Any]:
    """How far the edit moves each dimension at the measured amount nearest to the given one; None = a middle one."""
    rows, fitted = knob.evidence.mean_change, knob.evidence.fitted
    if not rows or len(rows) != len(fitted):
        return {"amounts": [], "amount": None, "mean_change": [], "sorted": []}
    upper = [a for a in fitted if a > 0] or list(fitted)
    wanted = upper[len(upper) // 2] if amount is None else amount
    at = min(range(len(fitted)), key=lambda k: abs(fitted[k] - wanted))
    return {
        "amounts": list(fitted),
        "amount": fitted[at],
        "mean_change": list(rows[at]),
        "sorted": sorted(map(abs, rows[at]), reverse=True),
    }


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.3g}"
