"""Content: how much of the original a knob keeps, beside how much the model keeps by itself."""

from __future__ import annotations

import numpy as np

from latentknobs.core.arrays import ClipBatch
from latentknobs.core.attribute import Comparison
from latentknobs.evaluation.bootstrap import Interval, SongDraws, interval
from latentknobs.evaluation.evaluation_set import AmountBatch


def content(comparison: Comparison, case: AmountBatch, turned: ClipBatch, draws: SongDraws) -> Interval:
    """
    mean(original, turned) / mean(original, plain reconstruction) at one amount, with its interval.

    1 = the knob costs nothing beyond what encoding and decoding cost; NaN where the comparison is nowhere defined.

    Args:
        comparison: The comparison.
        case: The amount's clips, m of them.
        turned: Decodings of T(z, amount), (m, *shape).
        draws: Resamplings of the case's songs.
    """
    values = np.stack([comparison.measure(case.before, turned), comparison.measure(case.before, case.plain)], axis=1)
    values = np.where(np.isnan(values).any(axis=1, keepdims=True), np.nan, values)
    means, resampled = draws.means(values)
    ratio, ratios = (
        np.divide(x[:, 0], x[:, 1], out=np.full(len(x), np.nan), where=x[:, 1] > 0) for x in (means[None], resampled)
    )
    return interval(float(ratio[0]), ratios)
