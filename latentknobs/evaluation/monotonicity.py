"""Monotone: does more of the knob mean more of the attribute, clip by clip?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.stats import rankdata

from latentknobs.core.arrays import Floats, Ints


def ranks(values: Floats) -> Floats:
    """
    Twice the mean rank of each value in its row, centred; 0 for NaN, which is not ranked.

    Whole numbers, so sums over them are exact.
    float64 (n, k) to float64 (n, k).
    """
    known = ~np.isnan(values)
    mean_ranks = rankdata(np.where(known, values, np.inf), axis=1)
    return np.where(known, 2.0 * mean_ranks - known.sum(axis=1, keepdims=True) - 1.0, 0.0)


def spearman(x: Floats, y: Floats) -> Floats:
    """
    Spearman's rank correlation (1904) of each row of x with that row of y, float64 (n,): Pearson's of the mean ranks.

    Pairs with a NaN are left out; 0 where one of the two is constant. x and y: float64 (n, k).
    """
    defined = ~(np.isnan(x) | np.isnan(y))
    a, b = ranks(np.where(defined, x, np.nan)), ranks(np.where(defined, y, np.nan))
    length = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    out: Floats = (a * b).sum(axis=1) / np.where(length > 0, length, 1.0)
    return out


def gathered(values: Mapping[float, Mapping[int, float]], least: int = 3) -> tuple[Floats, Ints, Floats]:
    """
    The clips that reach enough amounts, one row each.

    Args:
        values: By amount (0 included), the attribute of each clip that the edit can reach at that amount; NaN
            where the attribute is not defined, which counts as not reached.
        least: Fewest amounts a clip needs to count.

    Returns:
        The amounts, ascending (k,); which clips (n,), ascending; their attribute (n, k), NaN where not reached.
    """
    amounts = sorted(values)
    clips = sorted(set().union(*values.values()))
    row = {clip: i for i, clip in enumerate(clips)}
    reached = np.full((len(row), len(amounts)), np.nan)
    for column, amount in enumerate(amounts):
        for clip, value in values[amount].items():
            reached[row[clip], column] = value
    enough = (~np.isnan(reached)).sum(axis=1) >= least
    return np.asarray(amounts, dtype=np.float64), np.asarray(clips, dtype=np.int64)[enough], reached[enough]


def monotone(values: Mapping[float, Mapping[int, float]], least: int = 3) -> tuple[float, int]:
    """
    Mean over clips of Spearman between amount and attribute, and the number of clips that count.

    Args:
        values: As :func:`gathered` takes them.
        least: Fewest amounts a clip needs to count.

    Returns:
        The mean (NaN with no clip) and the count.
    """
    amounts, _, reached = gathered(values, least)
    scores = spearman(np.broadcast_to(amounts, reached.shape), reached)
    return (float(scores.mean()) if len(scores) else float("nan")), len(scores)
