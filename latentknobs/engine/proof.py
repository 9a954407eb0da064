"""The proof that an effect is the knob's own: the same clips moved as far in random directions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import default_rng

from latentknobs.core.backend import VAEBackend
from latentknobs.core.knob import Operator
from latentknobs.engine.controls import Whitening, rotated
from latentknobs.engine.deltas import Deltas
from latentknobs.engine.gain import gain, gain_of, mean, strength
from latentknobs.engine.measure import Yardstick
from latentknobs.engine.settings import Settings
from latentknobs.engine.steer import displacement
from latentknobs.engine.trial import Case, decode

TOGETHER = 8
"""Controls decoded in one call of the model: fuller batches are faster."""


def control_effects(
    backend: VAEBackend, operator: Operator, case: Case, yard: Yardstick, deltas: Deltas, settings: Settings
) -> dict[str, Any]:
    """
    The knob's effect beside that of random controls of equal length, at one amount.

    Returns:
        ``effect`` (absolute mean), ``p`` = (1 + controls at least as strong) / (1 + controls), and of the controls
        the largest and mean absolute effect, and the mean absolute change of a clip beside the knob's.
    """
    small = case.first(settings.control_clips)
    moved = displacement(operator, small.z_before, case.amount)
    whitening = Whitening.of(deltas.covariance())
    knob = gain(backend, small, moved, yard)
    own = strength(knob, yard)
    effects, absolute = [], []
    rng = default_rng([yard.seed, 2])
    for start in range(0, settings.controls, TOGETHER):
        moves = [rotated(moved, whitening, rng) for _ in range(min(TOGETHER, settings.controls - start))]
        turned = decode(backend, np.concatenate([small.z_before + move for move in moves]))
        for clips in np.split(turned, len(moves)):
            gains = gain_of(small, clips, yard)
            effects.append(strength(gains, yard))
            absolute.append(mean(np.abs(gains)))
    stronger = sum(e >= own for e in effects)
    return {
        "amount": case.amount,
        "clips": len(small.rows),
        "controls": settings.controls,
        "effect": own,
        "p": (1 + stronger) / (1 + settings.controls),
        "control_effect_mean": float(np.mean(effects)),
        "control_effect_max": float(np.max(effects)),
        "mean_absolute_change": mean(np.abs(knob)),
        "control_mean_absolute_change": float(np.mean(absolute)),
    }
