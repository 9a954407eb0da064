"""
Acceptance criteria: the limits a knob must meet, fixed before looking at the data.

On validation songs they give the usable range and the choice of fit; on test songs, read once, the verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from attrs import frozen

from latentknobs.core.evidence import LEAST_ROOM, AmountMetrics, Criterion, Measure
from latentknobs.core.knob import Verdict
from latentknobs.evaluation.knob_metrics import EvaluationConfig, KnobMetrics

LEAST_MONOTONE = 0.9
MOST_LEAKAGE = 0.25
MOST_LOST = 0.1
LEAST_CONTENT = 0.9
LEAST_EQUIVARIANCE = 0.3
LEAST_OF_CHANGES = 0.5
"""The same where changes are scored: a map that makes as many changes as the edit and half of them right has an F1 of
0.5. By tokens the other half costs as much as the first half gains; in an F1 it does not."""
MOST_P = 1 / 101
LEAST_CONTROLS = 100
LEAST_CLIPS = 64
"""Fewer test clips than this at an end of the range, or fewer controls than 100, make a verdict provisional."""


def equivariance_criterion(x: AmountMetrics, measure: Measure) -> Criterion:
    """
    Equivariance at one amount, by its lower bound; the limit depends on what it scores.

    Where it is not measurable the criterion is of ``room`` and fails; without an edit it passes.
    """
    equal = x.equivariance
    least = LEAST_EQUIVARIANCE if measure == "tokens" else LEAST_OF_CHANGES
    if equal is None:
        return Criterion(kind="equivariance", amount=x.amount, value=None, limit=least, passed=True)
    if not equal.measurable:
        return Criterion(
            kind="room",
            amount=x.amount,
            value=equal.ceiling - equal.floor,
            low=equal.floor,
            high=equal.ceiling,
            limit=LEAST_ROOM,
            passed=False,
        )
    return Criterion(
        kind="equivariance",
        amount=x.amount,
        value=equal.value,
        low=equal.low,
        high=equal.high,
        limit=least,
        passed=equal.low >= least,
    )


def amount_criteria(x: AmountMetrics, config: EvaluationConfig) -> list[Criterion]:
    """Equivariance, leakage, loss and content at one amount; what is defined on no clip has no criterion."""
    compared = x.equivariance is not None and x.equivariance.measurable
    criteria: list[Criterion] = [equivariance_criterion(x, config.measure)] if compared else []
    for name, leak in x.leakage.items():
        if name in config.preserves:
            at = partial(Criterion, of=name, amount=x.amount)
            if x.effects[name].clips:
                passed = leak.upper <= MOST_LEAKAGE
                criteria.append(
                    at(kind="leakage", value=leak.value, high=leak.upper, limit=MOST_LEAKAGE, passed=passed)
                )
            # A clip that loses the attribute has not preserved it, but does not enter the mean change.
            if leak.lost:
                criteria.append(at(kind="loss", value=leak.lost, limit=MOST_LOST, passed=leak.lost <= MOST_LOST))
    for name, kept in x.content.items():
        if name in config.preserves and kept is not None:
            at = partial(Criterion, of=name, amount=x.amount, low=kept.low, high=kept.high)
            passed = kept.value >= LEAST_CONTENT
            criteria.append(at(kind="content", value=kept.value, limit=LEAST_CONTENT, passed=passed))
    return criteria


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


def usable_range(metrics: KnobMetrics, config: EvaluationConfig) -> UsableRange:
    """
    The interval around 0 whose every measured amount meets the limits, going outwards.

    Where no amount meets them all, the range in which equivariance alone holds: such a knob is rejected, but can still
    be listened to. (0, 0) where equivariance holds nowhere either.
    """
    low, high = reach(metrics.at, lambda a: all(c.passed for c in amount_criteria(metrics.at[a], config)))
    return UsableRange(low, high, meets=True) if low < high else audible_range(metrics, config)


def audible_range(metrics: KnobMetrics, config: EvaluationConfig) -> UsableRange:
    """
    The interval around 0 in which equivariance alone holds, going outwards: the range of a rejected knob.

    Without an edit, equivariance is not measured and the interval holds all measured amounts.
    """
    low, high = reach(metrics.at, lambda a: equivariance_criterion(metrics.at[a], config.measure).passed)
    return UsableRange(low, high, meets=False)


def range_criteria(metrics: KnobMetrics, usable: UsableRange, config: EvaluationConfig) -> tuple[Criterion, ...]:
    """What fails on validation songs, at every measured amount: why the usable range ends where it does."""
    criteria = []
    if usable_range(metrics, config).meets and not usable.meets:  # the effect was no more than that of random moves
        criteria.append(Criterion(kind="effect", value=None, limit=MOST_P, passed=False))
    for x in metrics.at.values():
        # Where equivariance is not measurable an amount may still be usable, but not be heard as one that is refused.
        criteria += [
            c for c in (equivariance_criterion(x, config.measure), *amount_criteria(x, config)) if not c.passed
        ]
    return tuple(dict.fromkeys(criteria))


def effect_criterion(controls: int, p: float) -> Criterion:
    """The p-value of the effect among random controls, see :class:`latentknobs.evaluation.control_test.ControlTest`."""
    # Fewer controls cannot reach 1/101: the limit is then to beat them all, and the verdict is provisional.
    most = max(MOST_P, 1 / (1 + controls))
    return Criterion(kind="effect", value=p, limit=most, passed=p <= most + 1e-12)


def reach(amounts: Iterable[float], holds: Callable[[float], bool]) -> tuple[float, float]:
    """The ends of the run of amounts around 0 at which something holds; nothing is tried beyond the first failure."""
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
    """A verdict with the criteria it rests on."""

    verdict: Verdict
    criteria: tuple[Criterion, ...]


def judge(
    metrics: KnobMetrics, usable: UsableRange, config: EvaluationConfig, controls: int, p: float | None
) -> Assessment:
    """
    The verdict on test songs for the usable range.

    Leakage counts at the ends of the range, equivariance, loss and content at every amount in it.

    Args:
        metrics: The metrics on test songs.
        usable: The usable range, from validation songs.
        config: The run's.
        controls: Number of random controls.
        p: Of the effect among them; None = not compared.
    """
    inside = metrics.within(usable.low, usable.high)
    if usable.low == usable.high or p is None or not inside:
        empty = Criterion(kind="range", value=usable.high - usable.low, limit=0.0, passed=False)
        return Assessment("rejected", (empty,))
    if all(x.equivariance is not None and not x.equivariance.measurable for x in inside.values()):
        return Assessment("not measurable", tuple(equivariance_criterion(x, config.measure) for x in inside.values()))
    criteria = [effect_criterion(controls, p)]
    if not usable.meets:
        criteria.append(Criterion(kind="validation", value=0.0, limit=1.0, passed=False))
    if metrics.response is not None:
        score = metrics.response.spearman
        passed = score.value >= LEAST_MONOTONE
        monotone = partial(Criterion, kind="monotone", limit=LEAST_MONOTONE, passed=passed)
        criteria.append(monotone(value=score.value, low=score.low, high=score.high))
    ends = {min(inside), max(inside)} - {0.0}
    for amount, x in inside.items():
        criteria += [c for c in amount_criteria(x, config) if amount in ends or c.kind != "leakage"]
    if not all(c.passed for c in criteria):
        return Assessment("rejected", tuple(criteria))
    enough = controls >= LEAST_CONTROLS and all(inside[a].clips >= LEAST_CLIPS for a in ends)
    return Assessment("accepted" if enough else "provisional", tuple(criteria))
