"""Confidence intervals by the cluster bootstrap: songs are drawn, not clips (Davison & Hinkley 1997, 3.8)."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from latentknobs.core.arrays import Floats, Ints
from latentknobs.core.evidence import Interval
from latentknobs.core.resampling import draw_groups

RESAMPLES = 1000


class SongDraws:
    """
    Resamplings of the songs of n clips; means over them share the draws, so measures can be compared draw by draw.

    Args:
        songs: int64 (n,), the song of each clip.
        rng: Draws the songs.
        resamples: B.

    Attributes:
        clips: n.
    """

    def __init__(self, songs: Ints, rng: Generator, resamples: int = RESAMPLES) -> None:
        names, self._index = np.unique(songs, return_inverse=True)
        self.clips = len(songs)
        self._count = len(names)
        self._drawn = draw_groups(self._count, resamples, rng)

    def means(self, values: Floats) -> tuple[Floats, Floats]:
        """
        Means over clips, and the same means over resampled songs.

        Args:
            values: float64 (n, k), k numbers of each clip; a NaN leaves its clip out of that mean.

        Returns:
            (k,) and (B, k); NaN where no clip counts.
        """
        known = ~np.isnan(values)
        sums = np.zeros((self._count, values.shape[1]))
        sizes = np.zeros((self._count, values.shape[1]))
        np.add.at(sums, self._index, np.where(known, values, 0.0))
        np.add.at(sizes, self._index, known.astype(np.float64))
        with np.errstate(invalid="ignore", divide="ignore"):
            return sums.sum(axis=0) / sizes.sum(axis=0), (self._drawn @ sums) / (self._drawn @ sizes)


def interval(value: float, draws: Floats) -> Interval:
    """The 95 % interval of a statistic from its values over resamplings (B,); draws that are NaN do not count."""
    draws = draws[np.isfinite(draws)]
    if not len(draws):
        return Interval(value, value, value, 0.0)
    low, high = np.quantile(draws, [0.025, 0.975])
    return Interval(value, float(low), float(high), float(draws.std()))
