"""Codes drawn from a model's prior."""

from __future__ import annotations

import numpy as np
from numpy.random import default_rng

from latentknobs.core.arrays import Codes
from latentknobs.core.backend import BackendSpec
from latentknobs.core.code_units import CodeUnits
from latentknobs.errors import UsageError


def drawn_codes(
    spec: BackendSpec, count: int, seed: int, units: CodeUnits | None, conditions: Codes | None = None
) -> Codes:
    """
    Codes from N(0, I) in the prior's units, float32 (count, D), each with the condition of a clip drawn at random.

    Args:
        spec: The model's.
        count: How many.
        seed: Of the draws.
        units: In which the prior is standard normal; None = the model's own.
        conditions: Codes of clips (n, D), of a model with a condition; no prior is known of that.

    Raises:
        UsageError: The model has a condition and there are no codes of clips.
    """
    drawn = default_rng(seed).standard_normal((count, spec.latent_size), dtype=np.float32)
    drawn = drawn if units is None else units.outward(drawn)
    if spec.condition is None:
        return drawn
    if conditions is None or not len(conditions):
        raise UsageError(
            f"The model {spec.name} decodes under a condition, {spec.condition}, of which no prior is known: name a "
            "corpus whose clips have one (--corpus)."
        )
    return spec.structure.with_condition(
        drawn, conditions[default_rng([seed, 10]).integers(len(conditions), size=count)]
    )
