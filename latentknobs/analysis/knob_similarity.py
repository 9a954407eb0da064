"""Two knobs side by side, and the knobs that are most like one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from attrs import frozen

from latentknobs.core.evidence import Evidence
from latentknobs.core.knob import Knob, KnobEffect

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
        cosine = _cosine([own_effects[name] for name in shared], [other_effects[name] for name in shared])
        effects = round(cosine, 9)  # so that ties are ties on every machine
        dimensions = None
        if other.model_id == knob.model_id:
            shares = [{d.dim: d.share for d in one.dimensions} for one in (knob, other)]
            dims = sorted(set().union(*shares))
            dimensions = _cosine(*([share.get(dim, 0.0) for dim in dims] for share in shares))
        results.append(KnobSimilarity(other, effects, dimensions))
    return sorted(results, key=lambda one: (-one.effects, -(one.dimensions or 0.0), one.knob.name))


def difference(a: Knob, b: Knob) -> dict[str, Any]:
    """
    What differs between two knobs, for JSON.

    Returns:
        ``facts``: those that differ, each with its two values. ``dimensions``: those that both have, and those
        of one alone. ``numbers``: every number that both or one has (:func:`numbers`), as :func:`moved` has them.
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


@frozen
class Number:
    """A number of a knob, with its 95 % confidence interval where one was measured."""

    value: float
    low: float | None = None
    high: float | None = None


def moved(before: Mapping[str, Number], after: Mapping[str, Number]) -> list[dict[str, Any]]:
    """
    Numbers by name, before and after, for JSON.

    Returns:
        Of each ``number``: ``a``, ``a_low``, ``a_high`` and those of b, the ``difference`` b - a, and whether the
        intervals are ``apart``; None where there is none.
    """
    out = []
    for name in dict.fromkeys([*before, *after]):
        a, b = before.get(name), after.get(name)
        row: dict[str, Any] = {"number": name}
        for side, one in (("a", a), ("b", b)):
            row |= {side: one and one.value, f"{side}_low": one and one.low, f"{side}_high": one and one.high}
        row["difference"] = None if a is None or b is None else b.value - a.value
        row["apart"] = None if a is None or b is None else _apart(a, b)
        out.append(row)
    return out


def _apart(a: Number, b: Number) -> bool | None:
    """Whether two intervals have nothing in common; one that has but an upper end is not known."""
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return None
    return a.high < b.low or b.high < a.low


def numbers(knob: Knob) -> dict[str, Number]:
    """The numbers of a knob that can be compared: range, dimensions, response, criteria, slope and effect."""
    evidence = knob.evidence
    out = {"low": Number(knob.low), "high": Number(knob.high), "dimensions": Number(len(knob.dimensions))}
    if response := evidence.test and evidence.test.response:
        intervals = {"slope": response.slope, "R2": response.r2, "Spearman": response.spearman}
        out |= {f"{name} of the response": Number(one.value, one.low, one.high) for name, one in intervals.items()}
    for criterion in evidence.criteria:
        if criterion.value is not None:
            ends = (None, None) if criterion.kind == "room" else (criterion.low, criterion.high)
            out[f"criterion {criterion.name}"] = Number(criterion.value, *ends)
    for effect in sorted(knob.effects, key=lambda effect: effect.attribute):
        out[f"slope of {effect.attribute}"] = Number(effect.slope)
        out[f"effect on {effect.attribute} (sd)"] = _at_the_end(effect, evidence)
    return out


def _at_the_end(effect: KnobEffect, evidence: Evidence) -> Number:
    """The effect with the interval of the mean change at the end of the range where it is largest."""
    spread = evidence.spreads.get(effect.attribute)
    measured = evidence.test or evidence.validation
    if not spread or measured is None:
        return Number(effect.effect)
    at = [x.effects[effect.attribute] for x in measured.amounts if effect.attribute in x.effects]
    near = [one for one in at if math.isclose(abs(one.value) / spread, effect.effect, rel_tol=1e-3, abs_tol=1e-6)]
    if not near:
        return Number(effect.effect)
    ends = sorted((abs(near[0].low) / spread, abs(near[0].high) / spread))
    holds_zero = near[0].low <= 0 <= near[0].high
    return Number(effect.effect, 0.0 if holds_zero else ends[0], ends[1])


def _effects(knob: Knob) -> dict[str, float]:
    return {e.attribute: float(np.copysign(e.effect, e.slope)) for e in knob.effects}


def _cosine(a: list[float], b: list[float]) -> float:
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(np.dot(a, b)) / size if size else 0.0
