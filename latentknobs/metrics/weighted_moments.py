"""First and second moments of each dimension with one factor, in resampled blocks."""

from __future__ import annotations

import numpy as np
from attrs import frozen

from latentknobs.core.active_dimensions import ACTIVE_VARIANCE, is_active
from latentknobs.core.arrays import Bools, Floats
from latentknobs.core.metric_specs import LabelledCodes
from latentknobs.metrics.block_bootstrap import Blocks

CONSTANT = 1e-12
"""A variance below this share of the full sample's is rounding error."""


def active(labelled: LabelledCodes) -> Bools:
    """Which dimensions are active, bool (D,); the option "active-variance" is the limit in code units."""
    return is_active(labelled.codes.var(axis=0), float(labelled.options.get("active-variance", ACTIVE_VARIANCE)))


def scaled(values: Floats, mask: Bools) -> Floats:
    """
    Values (N, m) with mean 0 and variance 1 over the rows that count, 0 on the others; a constant column is 0.

    Centred values keep their digits when squared.
    """
    # nan_to_num: a factor is NaN where it does not count, and NaN times 0 is NaN.
    clean = np.where(mask[:, None], np.nan_to_num(values), 0.0)
    count = max(int(mask.sum()), 1)
    centred = np.where(mask[:, None], clean - clean.sum(axis=0) / count, 0.0)
    spread = np.sqrt((centred**2).sum(axis=0) / count)
    size = np.abs(clean).max(axis=0, initial=0.0)
    out: Floats = np.where(spread > 1e-12 * size, centred / np.where(spread > 0, spread, 1.0), 0.0)
    return out


@frozen(eq=False)
class WeightedMoments:
    """
    Means and central moments of D dimensions and one factor in resamplings.

    Attributes:
        count: (R,), rows that count.
        z: (R, D), means of the dimensions.
        a: (R, 1), mean of the factor.
        zz: (R, D), variances of the dimensions.
        aa: (R, 1), variance of the factor.
        za: (R, D), covariances.
    """

    count: Floats
    z: Floats
    a: Floats
    zz: Floats
    aa: Floats
    za: Floats

    @property
    def r2(self) -> Floats:
        """Squared correlations (R, D); 0 for a dimension that is constant, NaN where the factor is."""
        with np.errstate(invalid="ignore", divide="ignore"):
            r2 = self.za**2 / (self.zz * self.aa)
        r2 = np.where(self.zz > CONSTANT, r2, 0.0)
        return np.where(self.aa > CONSTANT, np.clip(r2, 0.0, 1.0), np.nan)


class BlockMoments:
    """
    Block sums from which moments are computed.

    Args:
        codes: float64 (N, D).
        factor: float64 (N,), NaN where it does not count.
        blocks: The blocks.
    """

    def __init__(self, codes: Floats, factor: Floats, blocks: Blocks) -> None:
        defined = ~np.isnan(factor)
        z, a = scaled(codes, defined), scaled(factor[:, None], defined)
        self._size = codes.shape[1]
        self._sums = blocks.sums(np.hstack([defined[:, None].astype(np.float64), a, a * a, z, z * z, z * a]))

    def of(self, weights: Floats) -> WeightedMoments:
        """The moments of resamplings with these weights (R, G), in units of the full sample's deviations."""
        size = self._size
        sums = weights @ self._sums
        with np.errstate(invalid="ignore", divide="ignore"):
            means = sums / sums[:, :1]
        a, z = means[:, 1:2], means[:, 3 : 3 + size]
        zz = means[:, 3 + size : 3 + 2 * size] - z * z
        return WeightedMoments(sums[:, 0], z, a, zz, means[:, 2:3] - a * a, means[:, 3 + 2 * size :] - z * a)
