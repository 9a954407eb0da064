"""The lasso by coordinate descent, from moments alone."""

from __future__ import annotations

import numpy as np

from latentknobs.core.arrays import Floats

TOLERANCE = 1e-6
MOST_SWEEPS = 1000
PATH = 12
SHORTEST = 1e-3
"""The smallest penalty that is tried, as part of the one that leaves nothing."""


def lasso(gram: Floats, cross: Floats, penalty: Floats, start: Floats | None = None) -> Floats:
    """
    Coefficients that minimise b' G b / 2 - b' c + penalty |b|_1 (Tibshirani 1996), by coordinate descent.

    Args:
        gram: float64 (R, D, D), correlations of the columns; a column that is constant is 0.
        cross: float64 (R, D, T), correlations with T targets.
        penalty: float64 (T,), above 0.
        start: (R, D, T) to start from.

    Returns:
        (R, D, T), to 1e-6.
    """
    out = np.zeros_like(cross) if start is None else start.copy()
    own = np.einsum("rdd->rd", gram)[:, :, None]
    for _ in range(MOST_SWEEPS):
        moved = 0.0
        for d in range(gram.shape[1]):
            rest = cross[:, d] - (gram[:, d : d + 1] @ out)[:, 0] + own[:, d] * out[:, d]
            length = np.maximum(np.abs(rest) - penalty, 0.0)
            new = np.where(own[:, d] > 0, np.copysign(length, rest) / np.maximum(own[:, d], 1e-12), 0.0)
            moved = max(moved, float(np.abs(new - out[:, d]).max()))
            out[:, d] = new
        if moved < TOLERANCE:
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
    found = np.zeros((PATH, *cross.shape))
    here = np.zeros((1, *cross.shape))
    for i, penalty in enumerate(penalties):
        here = lasso(gram[None], cross[None], penalty, here)
        found[i] = here[0]
    return penalties, found
