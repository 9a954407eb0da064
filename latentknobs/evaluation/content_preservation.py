"""Content preservation: how much of the original a knob keeps, relative to what the model keeps by itself."""

from __future__ import annotations

import numpy as np

from latentknobs.core.arrays import ClipBatch
from latentknobs.core.attribute import Comparison
from latentknobs.core.evidence import Interval
from latentknobs.evaluation.bootstrap import SongDraws, interval
from latentknobs.evaluation.evaluation_set import AmountBatch


def content(comparison: Comparison, batch: AmountBatch, turned: ClipBatch, draws: SongDraws) -> Interval | None:
    """
    mean(original, turned) / mean(original, plain reconstruction) at one amount, with its interval.

    1 = the knob costs nothing beyond what encoding and decoding cost; None where the comparison is nowhere defined.

    Args:
        comparison: The comparison.
        batch: The amount's clips, m of them.
        turned: Decodings of T(z, amount), (m, *shape).
        draws: Resamplings of the batch's songs.
    """
    values = np.stack([comparison.measure(batch.before, turned), comparison.measure(batch.before, batch.plain)], axis=1)
    values = np.where(np.isnan(values).any(axis=1, keepdims=True), np.nan, values)
    means, resampled = draws.means(values)
    ratio, ratios = (
        np.divide(x[:, 0], x[:, 1], out=np.full(len(x), np.nan), where=x[:, 1] > 0) for x in (means[None], resampled)
    )
    return interval(float(ratio[0]), ratios) if np.isfinite(ratio[0]) else None
