"""The proof that an effect is the knob's own: the same clips moved as far in random directions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.random import default_rng

from latentknobs.core.arrays import Codes, Floats
from latentknobs.core.backend import VAEBackend
from latentknobs.core.knob import Operator
from latentknobs.engine.controls import Whitening, rotated
from latentknobs.engine.deltas import Deltas
from latentknobs.engine.gain import gain, gain_of, mean, strength
from latentknobs.engine.gates import effect_gate
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
    small, moved = _start(operator, case, settings)
    knob = gain(backend, small, moved, yard)
    own = strength(knob, yard)
    gains = list(_controls(backend, small, moved, yard, deltas, settings))
    effects = [strength(values, yard) for values in gains]
    return {
        "amount": case.amount,
        "clips": len(small.rows),
        "controls": settings.controls,
        "effect": own,
        "p": (1 + sum(e >= own for e in effects)) / (1 + settings.controls),
        "control_effect_mean": float(np.mean(effects)),
        "control_effect_max": float(np.max(effects)),
        "mean_absolute_change": mean(np.abs(knob)),
        "control_mean_absolute_change": float(np.mean([mean(np.abs(values)) for values in gains])),
    }


def beyond_controls(
    backend: VAEBackend, operator: Operator, case: Case, yard: Yardstick, deltas: Deltas, settings: Settings
) -> bool:
    """
    Whether ``p`` of :func:`control_effects` is within its limit, without decoding more controls than that takes.

    The controls are the same ones in the same order: it stops when so many are as strong that p is over the limit.
    """
    small, moved = _start(operator, case, settings)
    own = strength(gain(backend, small, moved, yard), yard)
    stronger = 0
    for values in _controls(backend, small, moved, yard, deltas, settings):
        stronger += strength(values, yard) >= own
        if not effect_gate({"controls": settings.controls, "p": (1 + stronger) / (1 + settings.controls)}).passed:
            return False
    return True


def _start(operator: Operator, case: Case, settings: Settings) -> tuple[Case, Codes]:
    small = case.first(settings.control_clips)
    return small, displacement(operator, small.z_before, case.amount)


def _controls(
    backend: VAEBackend, small: Case, moved: Codes, yard: Yardstick, deltas: Deltas, settings: Settings
) -> Iterator[Floats]:
    """The gains (m,) of each control, the same for the same seed."""
    whitening = Whitening.of(deltas.covariance())
    rng = default_rng([yard.seed, 2])
    for start in range(0, settings.controls, TOGETHER):
        moves = [rotated(moved, whitening, rng) for _ in range(min(TOGETHER, settings.controls - start))]
        turned = decode(backend, np.concatenate([small.z_before + move for move in moves]))
        for clips in np.split(turned, len(moves)):
            yield gain_of(small, clips, yard)
