"""Rounds a fitted operator to as few bits as leave every turned clip the same to the token."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal, TypeAlias

import numpy as np
from attrs import define, field

from latentknobs.core.arrays import ClipBatch
from latentknobs.core.knob import Operator
from latentknobs.core.model_calls import decode
from latentknobs.core.operator_codec import Bits, compact
from latentknobs.discovery.evaluation_context import EvaluationContext
from latentknobs.evaluation.evaluation_set import EvaluationSet
from latentknobs.steering.apply import apply

Precision: TypeAlias = Literal["16-bit", "20-bit", "mixed", "float32"]
PRECISIONS: Mapping[Bits, Precision] = {16: "16-bit", 20: "20-bit", 32: "float32"}


@define(eq=False)
class TurnedClips:
    """
    The clips that an operator gives on an evaluation set, decoded once for each amount.

    Attributes:
        context: The run's.
        operator: The knob's.
        clips: The evaluation set.
    """

    context: EvaluationContext
    operator: Operator
    clips: EvaluationSet
    _decoded: dict[float, ClipBatch] = field(factory=dict, init=False)

    def at(self, amount: float) -> ClipBatch:
        """The clips (m, *shape) decoded after the move by an amount."""
        if amount not in self._decoded:
            z = self.clips.batches[amount].z_before
            self._decoded[amount] = decode(self.context.experiment.backend, apply(self.operator, z, amount))
        return self._decoded[amount]

    def among(self, low: float, high: float) -> dict[float, ClipBatch]:
        """By fitted amount in [low, high], ascending; amounts without clips are left out."""
        amounts = sorted(a for a in self.context.fit_input.amounts if low <= a <= high)
        return {a: self.at(a) for a in amounts if a in self.clips.batches and len(self.clips.batches[a].rows)}


def round_operator(
    context: EvaluationContext, validation: TurnedClips, test: TurnedClips
) -> tuple[Operator, Precision]:
    """
    The operator that is stored, and its precision: the fewest bits with which no clip decodes differently.

    An affine operator chooses for each amount by itself, the others for all ("mixed" = not the same at all amounts).
    The clips at all fitted amounts are decoded once or twice more for it.

    Args:
        context: The run's.
        validation: What the fitted operator gives on validation clips.
        test: The same on test clips.
    """
    operator = validation.operator

    def differing(rounded: Operator, amounts: Collection[float]) -> list[float]:
        """The amounts at which a clip of either set decodes differently."""
        return [
            a
            for a in amounts
            if any(
                a in full.clips.batches
                and not np.array_equal(TurnedClips(context, rounded, full.clips).at(a), full.at(a))
                for full in (validation, test)
            )
        ]

    bits: dict[float, Bits] = dict.fromkeys(context.fit_input.amounts, 32)
    left = list(bits)
    for tried in (16, 20):
        rounded = compact(operator, tried)
        failing = [] if rounded.sha256 == operator.sha256 else differing(rounded, left)
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
