"""Rounds a fitted operator to as few bits as move no code by what could be heard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import numpy as np

from latentknobs.core.arrays import Codes
from latentknobs.core.code_units import CodeUnits
from latentknobs.core.knob import Operator
from latentknobs.core.operator_codec import Bits, compact
from latentknobs.steering.apply import displacement

Precision: TypeAlias = Literal["16-bit", "20-bit", "mixed", "float32"]
PRECISIONS: Mapping[Bits, Precision] = {16: "16-bit", 20: "20-bit", 32: "float32"}
MOST = 2e-3
"""How far rounding may move a code in any dimension, in standard deviations: clips that decode differently are rare."""


def round_operator(
    operator: Operator, z: Codes, amounts: Sequence[float], units: CodeUnits
) -> tuple[Operator, Precision]:
    """
    The operator that is stored and evaluated, and its precision.

    An affine operator chooses for each amount by itself, the others for all ("mixed" = not the same at all amounts).

    Args:
        operator: Takes codes in the model's own units.
        z: Codes of validation clips (n, D), at least 1, in these units.
        amounts: The fitted amounts, at least 1.
        units: With the standard deviation of each dimension.
    """
    bits: dict[float, Bits] = dict.fromkeys(amounts, 32)
    left = list(amounts)
    for tried in (16, 20):
        rounded = compact(operator, tried)
        failing = (
            [] if rounded.sha256 == operator.sha256 else [a for a in left if _moves(operator, rounded, z, a, units)]
        )
        if operator.kind != "affine":
            failing = left if failing else []
        bits.update(dict.fromkeys([a for a in left if a not in failing], tried))
        left = failing
    chosen = set(bits.values())
    if operator.kind == "affine":
        # An amount that was not fitted is none of the operator's.
        each = [bits[min(bits, key=lambda a: abs(a - x))] for x in operator.arrays["amounts"].tolist()]
        operator = compact(operator, each)
    else:
        operator = compact(operator, max(chosen))
    return operator, "mixed" if len(chosen) > 1 else PRECISIONS[max(chosen)]


def _moves(operator: Operator, rounded: Operator, z: Codes, amount: float, units: CodeUnits) -> bool:
    """Whether rounding moves a code too far."""
    by = displacement(rounded, z, amount) - displacement(operator, z, amount)
    return bool((np.abs(by) / units.scale).max() > MOST)
