"""Rounds a fitted operator to 16 bits, wherever every turned clip stays the same to the token."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from attrs import define, field

from latentknobs.core.arrays import ClipBatch
from latentknobs.core.knob import Operator
from latentknobs.core.model_calls import decode
from latentknobs.core.operator_codec import AMOUNTS, compact
from latentknobs.discovery.evaluation_context import EvaluationContext
from latentknobs.evaluation.evaluation_set import EvaluationSet
from latentknobs.steering.apply import apply

Precision: TypeAlias = Literal["16-bit", "mixed", "float32"]


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
    The operator that is stored, and its precision.

    Where one clip of validation or test songs decodes differently, an affine map keeps the matrices of that amount
    exactly ("mixed"), and other operators stay as they are ("float32"). The clips at all fitted amounts are decoded
    once more for it.

    Args:
        context: The run's.
        validation: What the fitted operator gives on validation clips.
        test: The same on test clips.
    """
    operator = validation.operator
    rounded = compact(operator)
    if rounded.sha256 == operator.sha256:
        return operator, "16-bit"

    def differs(amount: float) -> bool:
        return any(
            amount in full.clips.batches
            and not np.array_equal(TurnedClips(context, rounded, full.clips).at(amount), full.at(amount))
            for full in (validation, test)
        )

    amounts = context.fit_input.amounts
    if operator.kind != "affine":
        return (operator, "float32") if any(differs(a) for a in amounts) else (rounded, "16-bit")
    differing = [a for a in amounts if differs(a)]
    if not differing:
        return rounded, "16-bit"
    exact = np.flatnonzero(np.isin(operator.arrays["amounts"], np.asarray(differing, dtype=np.float32)))
    if len(exact) == len(operator.arrays[AMOUNTS]):
        return operator, "float32"
    return compact(operator, exact.tolist()), "mixed"
