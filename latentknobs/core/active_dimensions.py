"""Which latent dimensions are active: one limit, used everywhere."""

from __future__ import annotations

import numpy as np

from latentknobs.core.arrays import Bools, Floats, Ints

ACTIVE_VARIANCE = 0.01
"""A dimension is active where the variance of its means is above this (Burda, Grosse & Salakhutdinov 2016)."""


def is_active(variance: Floats, limit: float = ACTIVE_VARIANCE) -> Bools:
    """Which dimensions are active, bool (D,), by the variances of their means (D,)."""
    out: Bools = variance > limit
    return out


def active_dimensions(covariance: Floats) -> Ints:
    """The active dimensions, ascending, by the covariance (D, D) of the means."""
    return np.flatnonzero(is_active(np.diag(covariance)))
