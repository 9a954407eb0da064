"""Orthonormal bases of the latent space."""

from __future__ import annotations

import numpy as np

from latentknobs.core.arrays import Floats
from latentknobs.core.method import BasisInput

ACTIVE_VARIANCE = 0.01
"""A dimension is active where the variance of its means is above this (Burda, Grosse & Salakhutdinov 2016)."""


def standard(given: BasisInput) -> Floats:
    """The model's own coordinates, as in the paper."""
    return np.eye(given.latent_size)
