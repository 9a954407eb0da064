"""
Equivariance: does turning the knob give what editing the clip gives?

(accuracy against the edited clip - floor) / (ceiling - floor), accuracy being the share of equal tokens. The floor is
the better of two baselines: decoding the unchanged code, and decoding the mean code of edited clips. The ceiling is
decoding the edited clip's own code. 1 = as good as the model can do, 0 = no better than not turning.
"""

from __future__ import annotations

import numpy as np
from attrs import asdict

from latentknobs.core.arrays import ClipBatch, Floats
from latentknobs.core.evidence import Equivariance
from latentknobs.evaluation.bootstrap import SongDraws, interval
from latentknobs.evaluation.evaluation_set import AmountBatch


def accuracy(a: ClipBatch, b: ClipBatch) -> Floats:
    """Share of equal tokens of each pair of clips (n, *shape), float64 (n,)."""
    out: Floats = (a == b).mean(axis=tuple(range(1, a.ndim)))
    return out


def equivariance(batch: AmountBatch, turned: ClipBatch, mean_edited: ClipBatch, draws: SongDraws) -> Equivariance:
    """
    Measure equivariance at one amount.

    Args:
        batch: The amount's clips, m of them.
        turned: Decodings of T(z, amount), (m, *shape).
        mean_edited: Decoding of the mean code of edited training clips, (*shape).
        draws: Resamplings of the batch's songs.
    """
    after, _, ceiling = batch.edit
    if not len(turned):
        return Equivariance(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    values = np.stack(
        [
            accuracy(turned, after),
            accuracy(ceiling, after),
            accuracy(batch.plain, after),
            accuracy(np.broadcast_to(mean_edited, after.shape), after),
        ],
        axis=1,
    )
    means, resampled = draws.means(values)
    ratio = _ratio(means[None])[0]
    floor = float(max(means[2], means[3]))
    value = float(ratio) if np.isfinite(ratio) else 0.0
    ratio_interval = asdict(interval(value, _ratio(resampled)))
    return Equivariance(**ratio_interval, accuracy=float(means[0]), floor=floor, ceiling=float(means[1]))


def _ratio(means: Floats) -> Floats:
    floor = np.maximum(means[:, 2], means[:, 3])
    gap = means[:, 1] - floor
    with np.errstate(divide="ignore", invalid="ignore"):
        out: Floats = np.where(gap > 0, (means[:, 0] - floor) / gap, np.nan)
    return out
