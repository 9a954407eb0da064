"""
Sign-flip test by song: the null distribution of the mean change.

If before and after have the same distribution, a song's differences d are as likely as -d. Flipping the signs of
blocks of songs draws from that null without a distributional assumption, and preserves the dependence among clips of
a song and among dimensions (Winkler et al. 2014).
"""

from __future__ import annotations

import numpy as np
from numpy.random import default_rng

from latentknobs.core.arrays import Floats
from latentknobs.core.code_units import ROUNDING
from latentknobs.core.method_specs import SelectInput


def statistics(select_input: SelectInput) -> tuple[Floats, Floats]:
    """
    The studentised mean change of each dimension, and the same of every flip.

    T = |sum of block sums| / sqrt(sum of squared block sums); flipping leaves the denominator as it is.

    Returns:
        (D,) and (B, D), B = the option "flips"; 0 where a dimension is not active or never moves, by more than the
        rounding of float32.
    """
    scale = error(select_input)
    moving = scale > ROUNDING * select_input.spread * np.linalg.norm(select_input.counts)
    scale = np.where(select_input.active & moving, scale, 0.0)
    weights = np.divide(1.0, scale, out=np.zeros(len(scale)), where=scale > 0)
    signs = default_rng([select_input.seed, 5]).integers(
        0, 2, (int(select_input.options.get("flips", 1000)), len(select_input.sums))
    )
    return np.abs(select_input.sums.sum(axis=0)) * weights, np.abs((2.0 * signs - 1.0) @ select_input.sums) * weights


def error(select_input: SelectInput) -> Floats:
    """Root of the sum of squared block sums (D,): the standard deviation of a flipped sum."""
    out: Floats = np.sqrt((select_input.sums**2).sum(axis=0))
    return out


def step_down(observed: Floats, flipped: Floats) -> Floats:
    """
    Adjusted p-values (D,) by the step-down maxT procedure (Westfall & Young 1993, algorithm 4.1).

    They control the family-wise error rate over all D dimensions. The largest statistic is compared with the largest of
    each flip, the second with the largest of the others, and so on.

    Args:
        observed: Statistics (D,).
        flipped: The same under B flips, (B, D).
    """
    order = np.argsort(-observed, kind="stable")
    largest = np.maximum.accumulate(flipped[:, order[::-1]], axis=1)[:, ::-1]
    # Some flips reproduce the data: sums in another order must not count as smaller.
    reached = (largest >= observed[order] * (1 - 1e-12)).sum(axis=0)
    p = np.maximum.accumulate((1 + reached) / (1 + len(flipped)))
    out = np.ones(len(observed))
    out[order] = p
    return out
