"""
Which latent dimensions are active: one rule, used everywhere.

A dimension is active where the variance of its posterior means is more than 1 % of its aggregate posterior's, the
variance of the means plus the mean posterior variance: where a clip's code says something that its posterior's noise
does not drown. Under a standard normal prior that fits, the aggregate's variance is 1, and the rule is the limit of
Burda, Grosse & Salakhutdinov (2016); as a ratio it holds in any units. Where a model declares no posterior, every
dimension that varies is active. In code units (:mod:`latentknobs.core.code_units`) it reads: variance above 0.01.
"""

from __future__ import annotations

import numpy as np

from latentknobs.core.arrays import Bools, Floats, Ints

ACTIVE_VARIANCE = 0.01
"""Least variance of the means of an active dimension, in code units."""


def is_active(variance: Floats, limit: float = ACTIVE_VARIANCE) -> Bools:
    """Which dimensions are active, bool (D,), by the variances of their means (D,) in code units."""
    out: Bools = variance > limit
    return out


def active_dimensions(covariance: Floats) -> Ints:
    """The active dimensions, ascending, by the covariance (D, D) of the means in code units."""
    return np.flatnonzero(is_active(np.diag(covariance)))
