"""Leakage: how far a knob moves what it should leave alone, in standard deviations over the corpus."""

from __future__ import annotations

import numpy as np

from latentknobs.core.arrays import ClipBatch
from latentknobs.core.attribute import Attribute
from latentknobs.core.evidence import Leakage
from latentknobs.evaluation.bootstrap import SongDraws
from latentknobs.evaluation.effect_size import changes
from latentknobs.evaluation.evaluation_set import AmountBatch


def leakage(attribute: Attribute, batch: AmountBatch, turned: ClipBatch, spread: float, draws: SongDraws) -> Leakage:
    """
    Measure leakage at one amount.

    Args:
        attribute: The attribute that should stay.
        batch: The amount's clips, m of them.
        turned: Decodings of T(z, amount), (m, *shape).
        spread: Standard deviation of the attribute over the corpus; where it is 0, plain units are used.
        draws: Resamplings of the batch's songs.
    """
    change = changes(attribute, batch.plain, turned)
    had, clips = int(np.isfinite(attribute.measure(batch.plain)).sum()), int(np.isfinite(change).sum())
    lost = 1.0 - clips / had if had else 0.0
    if not clips:
        return Leakage(0.0, 0.0, lost)
    means, resampled = draws.means(change[:, None])
    unit = spread if spread > 0 else 1.0
    sizes = np.abs(resampled[:, 0][np.isfinite(resampled[:, 0])]) / unit
    return Leakage(float(abs(means[0])) / unit, float(np.quantile(sizes, 0.95)), lost)
