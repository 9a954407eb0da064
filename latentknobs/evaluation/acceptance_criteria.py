"""
Gates: the limits a knob must meet, fixed before the data.

On validation songs they give the usable range and the choice of kind; on test songs, read once, the verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from attrs import frozen

from latentknobs.core.knob import Verdict
from latentknobs.evaluation.knob_metrics import AmountMetrics, EvaluationConfig, KnobMetrics

LEAST_MONOTONE = 0.9
MOST_LEAKAGE = 0.25
MOST_LOST = 0.1
LEAST_CONTENT = 0.9
LEAST_EQUIVARIANCE = 0.3
MOST_P = 1 / 101
LEAST_CONTROLS = 100
LEAST_CLIPS = 64
"""Fewer test clips than this at an end of the range, or fewer controls than 100, make a verdict provisional."""


@frozen
class Criterion:
    """
    One limit and whether it was met.

    Attributes:
        name: Which gate ("leakage of mean-pitch at +12").
        value: As measured, None where it could not be.
        limit: The limit.
        passed: Whether it holds.
    """

    name: str
    value: float | None
    limit: float
    passed: bool

    def as_dict(self) -> dict[str, Any]:
        """For evidence."""
        return {"gate": self.name, "value": self.value, "limit": self.limit, "passed": self.passed}


def equivariance_gate(x: AmountMetrics) -> Criterion:
    """The lower bound of equivariance at one amount; not passed where it is not measurable, passed without an edit."""
    if x.equivariance is None:
        return Criterion(f"equivariance at {x.amount:+g}", None, LEAST_EQUIVARIANCE, passed=True)
    low = x.equivariance.ratio.low
    passed = x.equivariance.measurable and low >= LEAST_EQUIVARIANCE
    return Criterion(f"equivariance at {x.amount:+g}", low, LEAST_EQUIVARIANCE, passed)


def amount_gates(x: AmountMetrics, yard: EvaluationConfig) -> list[Criterion]:
    """Equivariance, leakage, loss and content at one amount; what could be measured on no clip has no gate."""
    at = f"at {x.amount:+g}"
    compared = x.equivariance is not None and x.equivariance.measurable
    out: list[Criterion] = [equivariance_gate(x)] if compared else []
    for name, leak in x.leakage.items():
        if name in yard.preserves:
            if leak.clips:
                out.append(Criterion(f"leakage of {name} {at}", leak.upper, MOST_LEAKAGE, leak.upper <= MOST_LEAKAGE))
            # A clip that no longer has the attribute has not kept it, and says nothing in the mean change.
            if leak.lost:
                out.append(Criterion(f"loss of {name} {at}", leak.lost, MOST_LOST, leak.lost <= MOST_LOST))
    for name, kept in x.content.items():
        if name in yard.preserves and np.isfinite(kept.value):
            out.append(Criterion(f"content by {name} {at}", kept.value, LEAST_CONTENT, kept.value >= LEAST_CONTENT))
    return out


@frozen
class UsableRange:
    """
    The interval of amounts that a knob may be turned by.

    Attributes:
        low: Low end, at most 0.
        high: High end, at least 0.
        meets: Whether every limit holds in it; False = only equivariance does, and the knob is rejected.
    """

    low: float
    high: float
    meets: bool


def usable_range(measured: KnobMetrics, yard: EvaluationConfig) -> UsableRange:
    """
    The interval around 0 whose every measured amount meets the limits, going outwards.

    Where no amount meets them all, it is where equivariance alone does: such a knob is rejected, but a person
    who has read why can still hear what it does. (0, 0) where there is none of that either.
    """
    low, high = reach(measured.at, lambda a: all(gate.passed for gate in amount_gates(measured.at[a], yard)))
    return UsableRange(low, high, meets=True) if low < high else audible_range(measured)


def audible_range(measured: KnobMetrics) -> UsableRange:
    """
    The interval around 0 in which equivariance alone holds, going outwards: the range of a rejected knob.

    Without an edit there is no equivariance, and it is all that was measured.
    """
    low, high = reach(measured.at, lambda a: equivariance_gate(measured.at[a]).passed)
    return UsableRange(low, high, meets=False)


def effect_gate(controls: Mapping[str, Any]) -> Criterion:
    """The effect beside random controls, as :func:`latentknobs.evaluation.control_test.control_effects` gives it."""
    # Fewer controls cannot reach 1/101: beyond every one of them is then the limit, and the verdict is provisional.
    most = max(MOST_P, 1 / (1 + controls["controls"]))
    return Criterion("effect beyond random controls (p)", controls["p"], most, controls["p"] <= most + 1e-12)


def reach(amounts: Iterable[float], holds: Callable[[float], bool]) -> tuple[float, float]:
    """The ends of the run of amounts around 0 at which something holds; none is asked beyond the first that fails."""
    amounts = sorted(amounts)
    ends = []
    for side in ([a for a in reversed(amounts) if a < 0], [a for a in amounts if a > 0]):
        end = 0.0
        for amount in side:
            if not holds(amount):
                break
            end = amount
        ends.append(end)
    return ends[0], ends[1]


@frozen
class Assessment:
    """A verdict with the gates it rests on."""

    verdict: Verdict
    gates: tuple[Criterion, ...]


def judge(
    measured: KnobMetrics, usable: UsableRange, yard: EvaluationConfig, controls: Mapping[str, Any] | None
) -> Assessment:
    """
    The verdict on test songs for the usable range.

    Leakage counts at the ends of the range, equivariance, loss and content at every amount in it.

    Args:
        measured: The measures on test songs.
        usable: The usable range, from validation songs.
        yard: The yardstick.
        controls: What :func:`latentknobs.evaluation.control_test.control_effects` gives, None where the range is empty.
    """
    inside = measured.within(usable.low, usable.high)
    if usable.low == usable.high or controls is None or not inside:
        return Assessment("rejected", (Criterion("usable range", usable.high - usable.low, 0.0, passed=False),))
    if all(x.equivariance is not None and not x.equivariance.measurable for x in inside.values()):
        return Assessment("not measurable", ())
    gates = [effect_gate(controls)]
    if not usable.meets:
        gates.append(Criterion("all limits at some amount on validation songs", 0.0, 1.0, passed=False))
    if measured.monotone is not None:
        gates.append(Criterion("monotone", measured.monotone, LEAST_MONOTONE, measured.monotone >= LEAST_MONOTONE))
    ends = {min(inside), max(inside)} - {0.0}
    for amount, x in inside.items():
        gates += [g for g in amount_gates(x, yard) if amount in ends or not g.name.startswith("leakage")]
    if not all(gate.passed for gate in gates):
        return Assessment("rejected", tuple(gates))
    enough = controls["controls"] >= LEAST_CONTROLS and all(inside[a].clips >= LEAST_CLIPS for a in ends)
    return Assessment("accepted" if enough else "provisional", tuple(gates))
