"""Two knobs side by side, and the knobs that are most like one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from attrs import frozen

from latentknobs.core.knob import Knob

FACTS = ("model", "model_id", "run", "augmentation", "kind", "fit", "verdict", "unit", "step", "low", "high")


@frozen
class KnobSimilarity:
    """
    How like one knob is to another.

    Attributes:
        knob: The other.
        effects: Cosine of what both do to the attributes that both were measured by, in standard deviations with
            the slopes' signs: 1 = the same, 0 = nothing in common, -1 = the opposite.
        dimensions: Cosine of the shares of their dimensions, 0 to 1; None where the models differ.
    """

    knob: Knob
    effects: float
    dimensions: float | None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        named = {"name": self.knob.name, "model": self.knob.model_name, "run": self.knob.run_id, "fit": self.knob.fit}
        return {**named, "effects": self.effects, "dimensions": self.dimensions}


def similar(knob: Knob, others: Iterable[Knob]) -> list[KnobSimilarity]:
    """The others, the most alike first: by what they do, then by the dimensions in which they do it."""
    own_effects = _effects(knob)
    results = []
    for other in others:
        other_effects = _effects(other)
        shared = sorted(set(own_effects) & set(other_effects))
        effects = _cosine([own_effects[name] for name in shared], [other_effects[name] for name in shared])
        dimensions = None
        if other.model_id == knob.model_id:
            shares = [{d.dim: d.share for d in one.dimensions} for one in (knob, other)]
            dims = sorted(set().union(*shares))
            dimensions = _cosine(*([share.get(dim, 0.0) for dim in dims] for share in shares))
        results.append(KnobSimilarity(other, effects, dimensions))
    return sorted(results, key=lambda one: (-round(one.effects, 9), -(one.dimensions or 0.0), one.knob.name))


def difference(a: Knob, b: Knob) -> dict[str, Any]:
    """
    What differs between two knobs, for JSON.

    Returns:
        ``facts``: those that differ, each with its two values. ``dimensions``: those that both have, and those
        of one alone. ``numbers``: every number that both or one has (:func:`numbers`), with the difference b - a.
    """
    one, other = a.as_dict(), b.as_dict()
    dims = [{d.dim for d in knob.dimensions} for knob in (a, b)]
    left, right = numbers(a), numbers(b)
    return {
        "a": f"{a.name}@{a.run_id}/{a.fit}",
        "b": f"{b.name}@{b.run_id}/{b.fit}",
        "facts": {name: [one[name], other[name]] for name in ("name", *FACTS) if one[name] != other[name]},
        "dimensions": {
            "both": sorted(dims[0] & dims[1]),
            "only_a": sorted(dims[0] - dims[1]),
            "only_b": sorted(dims[1] - dims[0]),
        },
        "numbers": moved(left, right),
        "same_operator": a.operator_sha256 == b.operator_sha256,
    }


def moved(before: Mapping[str, float], after: Mapping[str, float]) -> list[dict[str, Any]]:
    """Numbers by name, before and after, with the difference; None where there is none."""
    out = []
    for name in dict.fromkeys([*before, *after]):
        a, b = before.get(name), after.get(name)
        out.append({"number": name, "a": a, "b": b, "difference": None if a is None or b is None else b - a})
    return out


def numbers(knob: Knob) -> dict[str, float]:
    """The numbers of a knob that can be compared: range, dimensions, criteria, slope and effect by attribute."""
    out: dict[str, float] = {"low": knob.low, "high": knob.high, "dimensions": len(knob.dimensions)}
    for criterion in knob.evidence.criteria:
        if criterion.value is not None:
            out[f"criterion {criterion.name}"] = criterion.value
    for effect in sorted(knob.effects, key=lambda effect: effect.attribute):
        out[f"slope of {effect.attribute}"] = effect.slope
        out[f"effect on {effect.attribute} (sd)"] = effect.effect
    return out


def _effects(knob: Knob) -> dict[str, float]:
    return {e.attribute: float(np.copysign(e.effect, e.slope)) for e in knob.effects}


def _cosine(a: list[float], b: list[float]) -> float:
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(np.dot(a, b)) / size if size else 0.0
