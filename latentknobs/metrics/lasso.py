"""The lasso from second moments."""

from __future__ import annotations

import numpy as np

from latentknobs.core.arrays import Floats

TOLERANCE = 1e-8
"""Converged when no step moves a coefficient by more."""
MOST_STEPS = 20_000
PATH = 12
SHORTEST = 1e-3
"""The smallest penalty of a path, relative to the one at which all coefficients vanish."""


def lasso(gram: Floats, cross: Floats, penalty: Floats, start: Floats | None = None) -> Floats:
    """
    Coefficients that minimise b' G b / 2 - b' c + penalty |b|_1 (Tibshirani 1996).

    Accelerated proximal gradient descent (FISTA; Beck & Teboulle 2009) for all draws and targets at once, with adaptive
    restart of the momentum (O'Donoghue & Candes 2015): a step is one matrix product, where coordinate descent updates
    one coefficient at a time.

    Args:
        gram: float64 (R, D, D), correlations of the columns; a column that is constant is 0.
        cross: float64 (R, D, T), correlations with T targets.
        penalty: float64 (T,), above 0.
        start: (R, D, T) to start from.

    Returns:
        (R, D, T); a further step would move no coefficient by more than 1e-8, or 20,000 steps are done.
    """
    out = np.zeros_like(cross) if start is None else np.array(start, dtype=np.float64)
    largest = np.linalg.eigvalsh(gram)[:, -1] if gram.shape[1] else np.zeros(len(gram))
    step = 1.0 / np.maximum(largest, 1e-12)[:, None, None]
    constant = np.einsum("rdd->rd", gram)[:, :, None] <= 0
    ahead, momentum = out.copy(), np.ones((len(gram), 1, cross.shape[2]))
    for _ in range(MOST_STEPS):
        moved = ahead + step * (cross - gram @ ahead)
        new = np.copysign(np.maximum(np.abs(moved) - step * penalty, 0.0), moved)
        new[np.broadcast_to(constant, new.shape)] = 0.0
        change, gap = new - out, ahead - new
        uphill = (gap * change).sum(axis=1, keepdims=True) > 0
        following = np.where(uphill, 1.0, (1 + np.sqrt(1 + 4 * momentum**2)) / 2)
        ahead = new + np.where(uphill, 0.0, (momentum - 1) / following) * change
        momentum, out = following, new
        if float(np.abs(gap).max(initial=0.0)) < TOLERANCE and float(np.abs(change).max(initial=0.0)) < TOLERANCE:
            break
    return out


def path(gram: Floats, cross: Floats) -> tuple[Floats, Floats]:
    """
    Lasso fits at ever smaller penalties, each started from the one before.

    Args:
        gram: float64 (D, D), correlations.
        cross: float64 (D, T).

    Returns:
        Penalties (P, T) and coefficients (P, D, T). The first penalty of a target leaves it one coefficient at most.
    """
    most = np.maximum(np.abs(cross).max(axis=0), 1e-12)
    penalties = most * np.geomspace(1.0, SHORTEST, PATH)[:, None]
    coefficients = np.zeros((PATH, *cross.shape))
    warm_start = np.zeros((1, *cross.shape))
    for i, penalty in enumerate(penalties):
        warm_start = lasso(gram[None], cross[None], penalty, warm_start)
        coefficients[i] = warm_start[0]
    return penalties, coefficients
