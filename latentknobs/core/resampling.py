"""The cluster bootstrap: groups are drawn with replacement, not rows (Davison & Hinkley 1997, 3.8)."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from latentknobs.core.arrays import Floats


def draw_groups(groups: int, resamples: int, rng: Generator) -> Floats:
    """How often each group is drawn in each resampling, float64 (resamples, groups)."""
    if not groups:
        return np.zeros((resamples, 0))
    return rng.multinomial(groups, np.full(groups, 1.0 / groups), size=resamples).astype(np.float64)
