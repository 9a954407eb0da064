"""Knobs that several models have: the models of one piece, each of a time signature, are turned together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction

from attrs import evolve

from latentknobs.core.knob import RANK, Knob
from latentknobs.steering.control_directions import in_order


def common_knobs(own: Sequence[Mapping[str, Knob]]) -> dict[str, Knob]:
    """
    The knobs of models that steer one piece, accepted ones first: in the range and steps that they have in common.

    Of knobs of one name it is the one with the worst verdict, with the dimensions of the first.
    """
    every: dict[str, list[Knob]] = {}
    for knobs in own:
        for name, knob in knobs.items():
            every.setdefault(name, []).append(knob)
    shared = []
    for alike in every.values():
        worst = min(alike, key=lambda knob: RANK[knob.verdict])
        step = _common_step([knob.step for knob in alike if knob.step is not None])
        low, high = max(knob.low for knob in alike), min(knob.high for knob in alike)
        dimensions = alike[0].dimensions
        shared.append(evolve(worst, low=low, high=high, step=step, dimensions=dimensions, operator=None))
    return {knob.name: knob for knob in in_order(shared)}


def _common_step(steps: Sequence[float]) -> float | None:
    """The least common multiple of steps; None of none."""
    exact = [Fraction(str(step)) for step in steps]
    if not exact:
        return None
    return math.lcm(*(one.numerator for one in exact)) / math.gcd(*(one.denominator for one in exact))
