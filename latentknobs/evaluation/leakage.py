"""Leakage: how far a knob moves what it should leave alone, in standard deviations over the corpus."""

from __future__ import annotations

import numpy as np
from attrs import frozen

from latentknobs.core.arrays import ClipBatch
from latentknobs.core.attribute import Attribute
from latentknobs.evaluation.bootstrap import SongDraws
from latentknobs.evaluation.effect_size import changes
from latentknobs.evaluation.evaluation_set import AmountBatch


@frozen
class Leakage:
    """
    See the module's text.

    Attributes:
        value: Absolute mean change from amount 0, in standard deviations, over clips on which the attribute is defined
            before and after; 0 where there are none.
        upper: Its 95 % upper bound.
        lost: Of the clips on which it is defined at amount 0, the share on which it no longer is.
        clips: Clips on which it is defined before and after.
    """

    value: float
    upper: float
    lost: float
    clips: int


def leakage(attribute: Attribute, batch: AmountBatch, turned: ClipBatch, spread: float, draws: SongDraws) -> Leakage:
    """
    Measure it at one amount.

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
        return Leakage(0.0, 0.0, lost, 0)
    means, resampled = draws.means(change[:, None])
    unit = spread if spread > 0 else 1.0
    sizes = np.abs(resampled[:, 0][np.isfinite(resampled[:, 0])]) / unit
    return Leakage(float(abs(means[0])) / unit, float(np.quantile(sizes, 0.95)), lost, clips)
