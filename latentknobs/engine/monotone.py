"""Monotone: does more of the knob mean more of the attribute, clip by clip?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.stats import rankdata

from latentknobs.core.arrays import Floats


def spearman(x: Floats, y: Floats) -> float:
    """Spearman's rank correlation (ties get mean ranks), 0 where one of them is constant."""
    a, b = rankdata(x), rankdata(y)
    a, b = a - a.mean(), b - b.mean()
    length = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / length if length else 0.0


def monotone(values: Mapping[float, Mapping[int, float]], least: int = 3) -> tuple[float, int]:
    """
    Mean over clips of Spearman between amount and attribute, and the number of clips that count.

    Args:
        values: By amount (0 included), the attribute of each clip that the edit can reach at that amount.
        least: Fewest amounts a clip needs to count.

    Returns:
        The mean (NaN with no clip) and the count.
    """
    by_clip: dict[int, list[tuple[float, float]]] = {}
    for amount in sorted(values):
        for clip, value in values[amount].items():
            if np.isfinite(value):
                by_clip.setdefault(clip, []).append((amount, value))
    scores = [
        spearman(np.asarray([a for a, _ in points]), np.asarray([v for _, v in points]))
        for _, points in sorted(by_clip.items())
        if len(points) >= least
    ]
    return (float(np.mean(scores)) if scores else float("nan")), len(scores)
