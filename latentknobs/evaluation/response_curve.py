"""
Response curve: how the target depends on the amount, in the edit's own unit.

The change of the target from amount 0 is regressed on the amount, 0 included, by ordinary least squares: once pooled
over all clips and amounts, and once for every clip.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from latentknobs.core.arrays import Floats
from latentknobs.core.evidence import Response
from latentknobs.evaluation.bootstrap import SongDraws, interval
from latentknobs.evaluation.monotonicity import gathered, spearman


def response(values: Mapping[float, Mapping[int, float]], draws: SongDraws) -> Response | None:
    """
    The response of a target.

    Args:
        values: By amount (0 included), the target of each clip that the edit can reach at that amount, by the clip's
            place among those of ``draws``; NaN where it is not defined.
        draws: Resamplings of the songs of all clips.

    Returns:
        None where no clip reaches three amounts.
    """
    amounts, clips, target = gathered(values)
    if not len(clips):
        return None
    change = target - target[:, [int(np.flatnonzero(amounts == 0)[0])]]
    of_clips = _sums(amounts, change)
    table = np.full((draws.clips, of_clips.shape[1] + 2), np.nan)
    ranked = spearman(np.broadcast_to(amounts, target.shape), target)
    table[clips] = np.column_stack([of_clips, _lines(of_clips)[1], ranked])
    means, resampled = draws.means(table)
    (slope, r2), (slopes, r2s) = (_lines(x[..., :-2]) for x in (means[None], resampled))
    return Response(
        interval(float(slope[0]), slopes),
        interval(float(r2[0]), r2s),
        interval(float(means[-2]), resampled[:, -2]),
        interval(float(means[-1]), resampled[:, -1]),
        len(clips),
    )


def _sums(x: Floats, y: Floats) -> Floats:
    """Of the points (x_j, y_ij) of each clip i: how many, and the sums of x, y, x x, x y and y y; (n, 6)."""
    defined = ~np.isnan(y)
    x, y = np.where(defined, x, 0.0), np.where(defined, y, 0.0)
    out: Floats = np.stack([defined.astype(np.float64), x, y, x * x, x * y, y * y]).sum(axis=-1).T
    return out


def _lines(sums: Floats) -> tuple[Floats, Floats]:
    """Slope and R2 of the least-squares line of each row of sums (n, 6), or of their means; R2 is 0 where y stays."""
    with np.errstate(invalid="ignore", divide="ignore"):
        n, x, y, xx, xy, yy = (sums / sums[:, :1]).T
        x_spread, y_spread, both = xx - x * x, yy - y * y, xy - x * y
        flat = y_spread <= 1e-12 * np.maximum(yy, 1e-12)
        return np.where(n > 0, both / x_spread, np.nan), np.where(flat, 0.0, both * both / (x_spread * y_spread))
