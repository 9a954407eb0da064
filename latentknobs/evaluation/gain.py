"""The gain of a move: what it does to each clip, in the terms by which the gates judge an effect."""

from __future__ import annotations

import numpy as np

from latentknobs.core.arrays import ClipBatch, Codes, Floats
from latentknobs.core.backend import VAEBackend
from latentknobs.core.model_calls import decode
from latentknobs.evaluation.effect_size import changes
from latentknobs.evaluation.equivariance import accuracy
from latentknobs.evaluation.evaluation_set import AmountBatch
from latentknobs.evaluation.knob_metrics import EvaluationConfig


def gain(backend: VAEBackend, case: AmountBatch, moved: Codes, yard: EvaluationConfig) -> Floats:
    """The effect on each clip (m,): change of the target, else gain of accuracy against the edited clip."""
    return gain_of(case, decode(backend, case.z_before + moved), yard)


def gain_of(case: AmountBatch, turned: ClipBatch, yard: EvaluationConfig) -> Floats:
    """The same for clips that are decoded already, (m, *shape)."""
    target = yard.target_attribute
    if target is not None:
        return changes(target, case.plain, turned)
    after, _, _ = case.edit
    return accuracy(turned, after) - accuracy(case.plain, after)


def mean(values: Floats) -> float:
    """Mean over the finite values, 0 where there are none."""
    there = values[np.isfinite(values)]
    return float(there.mean()) if len(there) else 0.0
