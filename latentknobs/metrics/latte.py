"""Latte's measures of a control: smoothness and monotonicity of the attribute while the control is turned."""

from __future__ import annotations

from functools import partial

import numpy as np

from latentknobs.core.arrays import Floats
from latentknobs.core.metric_specs import MetricResult, Traversals
from latentknobs.errors import UsageError
from latentknobs.metrics.traversal_stats import by_clip

THRESHOLD = 1e-3
"""Least change of the attribute, per unit of the control, that counts as a step."""
ROUNDING = 1e-9
"""Second differences below this share of the attribute's largest value are rounding error."""


def smoothness(traversals: Traversals) -> MetricResult:
    """
    Smoothness (Watcharasupat et al. 2021): does the target change at an even rate? 0 to 1, higher is better.

    Mean over clips of 1 - C(|D2|) / (range(D1) / step), where D1 and D2 are the first and second differences of the
    target over the control's step, and C is the Lehmer mean sum x^2 / sum x. A straight line has 1, one jump 0, a
    parabola of S steps 1 - 1 / (S - 2), so the value depends on the number of steps. Latte gives a clip that stays
    as it is 1; here it does not count.

    Facts: for each control, how many clips are left out (still, or not defined at every step).

    Raises:
        UsageError: A control's values are not evenly spaced.
    """
    _even(traversals)
    few = traversals.values.shape[3] < 4
    reason = "it takes at least 4 steps" if few else "its target moves on no clip that has it at every step"
    return by_clip(traversals, _undefined if few else _smooth, reason, (0.0, 1.0))


def monotonicity(traversals: Traversals) -> MetricResult:
    """
    Monotonicity (Watcharasupat et al. 2021): does the target go one way? -1 to 1, 1 = always up with the control.

    Mean over clips of (steps up - steps down) / (steps up + steps down); a step counts where the attribute changes by
    more than 0.001 per unit of the control (option "threshold"), so the value depends on both units. A clip without
    such a step does not count.

    Facts: for each control, how many clips are left out (still, or not defined at every step).

    Raises:
        UsageError: A control's values are not evenly spaced.
    """
    _even(traversals)
    measure = partial(_one_way, threshold=float(traversals.options.get("threshold", THRESHOLD)))
    return by_clip(traversals, measure, "its target moves on no clip that has it at every step", (-1.0, 1.0))


def _even(traversals: Traversals) -> None:
    steps = np.diff(traversals.controls, axis=1)
    if not np.allclose(steps, steps[:, :1], rtol=1e-6, atol=0.0):
        raise UsageError("Smoothness and monotonicity are of evenly spaced control values: measure at such.")


def _undefined(_control: Floats, target: Floats) -> Floats:
    return np.full(len(target), np.nan)


def _smooth(control: Floats, target: Floats) -> Floats:
    step = control[1] - control[0]
    first = np.diff(target, axis=1)
    bend = np.abs(np.diff(first, axis=1))
    size = np.abs(target).max(axis=1)
    bend = np.where(bend > ROUNDING * size[:, None], bend, 0.0) / step**2
    spread = np.ptp(first, axis=1) / step**2
    total = bend.sum(axis=1)
    lehmer = (bend**2).sum(axis=1) / np.where(total > 0, total, 1.0)
    scores = np.where(total > 0, 1 - lehmer / np.where(spread > 0, spread, 1.0), 1.0)
    moves = np.abs(first).max(axis=1) > ROUNDING * size
    return np.where(moves & ~np.isnan(size), np.clip(scores, 0.0, 1.0), np.nan)


def _one_way(control: Floats, target: Floats, threshold: float) -> Floats:
    rate = np.diff(target, axis=1) / (control[1] - control[0])
    up, down = (rate > threshold).sum(axis=1), (rate < -threshold).sum(axis=1)
    defined = ~np.isnan(target).any(axis=1) & (up + down > 0)
    return np.where(defined, (up - down) / np.maximum(up + down, 1), np.nan)
