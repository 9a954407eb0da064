"""
Block bootstrap: blocks of rows that are resampled and split as units, and results with intervals over the draws.

Sums are computed once per block; a resampling is then a weighted sum over blocks and never reads the rows again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from attrs import frozen

from latentknobs.core.arrays import Bools, Floats, Ints
from latentknobs.core.metric_specs import LabelledCodes, MetricResult, Score, Traversals
from latentknobs.core.resampling import draw_groups

BLOCKS = 256
"""Most blocks: more groups are merged at random, which costs the interval about 4 % of its precision."""
LEAST = 10
"""Fewest rows from which a number is computed."""


@frozen(eq=False)
class Blocks:
    """
    Rows in blocks.

    Attributes:
        of: int64 (N,), the block of each row, 0 to G - 1.
        weights: float64 (1 + B, G): ones, then how often each block is drawn in each of B resamplings.
    """

    of: Ints
    weights: Floats

    @classmethod
    def make(cls, data: LabelledCodes | Traversals) -> Blocks:
        """Blocks of complete groups; without groups, rows are assigned at random."""
        rng = np.random.default_rng(data.seed)
        rows = len(data.codes) if isinstance(data, LabelledCodes) else data.values.shape[2]
        index = np.arange(rows) if data.groups is None else np.unique(data.groups, return_inverse=True)[1]
        size = int(index.max()) + 1
        count = min(size, BLOCKS)
        assigned = rng.permutation(size) % count
        drawn = draw_groups(count, data.resamples, rng)
        return cls(assigned[index], np.concatenate([np.ones((1, count)), drawn]))

    @property
    def count(self) -> int:
        """G."""
        return int(self.weights.shape[1])

    def split(self, share: float, seed: int) -> tuple[Bools, Floats, Floats]:
        """
        Split the blocks into two parts, each resampled independently.

        Args:
            share: Share of the blocks for training; each side has at least one.
            seed: Fixes the split.

        Returns:
            bool (G,), True for training; weights (1 + B, G) of the training blocks, 0 elsewhere; the same for testing.
        """
        rng = np.random.default_rng([seed, 1])
        train = np.zeros(self.count, np.bool_)
        train[rng.permutation(self.count)[: min(max(round(share * self.count), 1), self.count - 1)]] = True
        both = []
        for side in (train, ~train):
            weights = np.zeros_like(self.weights)
            size = int(side.sum())
            weights[0, side] = 1
            weights[1:, side] = draw_groups(size, len(weights) - 1, rng)
            both.append(weights)
        return train, both[0], both[1]

    def sums(self, rows: Floats) -> Floats:
        """Sums of rows (N, m) over each block, (G, m)."""
        order = np.argsort(self.of, kind="stable")
        starts = np.searchsorted(self.of[order], np.arange(self.count))
        out: Floats = np.add.reduceat(rows[order], starts, axis=0)
        return out


def interval(draws: Floats, bounds: tuple[float, float]) -> tuple[float, float]:
    """
    The basic bootstrap interval (Davison & Hinkley 1997, 5.2) of 95 %, inside the statistic's range.

    Binned information and the best of many dimensions are biased upwards on few rows, and again on resampled rows; the
    basic interval removes that bias, where the percentile interval would double it. Where the bias exceeds the spread,
    the interval does not contain the value.

    Args:
        draws: (1 + B,), the value and its resamplings; those that are NaN do not count.
        bounds: The statistic's range.
    """
    finite = draws[1:][np.isfinite(draws[1:])]
    if not len(finite) or not np.isfinite(draws[0]):
        return math.nan, math.nan
    # Quantiles are actual draws: interpolating between two equal ones can change the last bit.
    low = np.quantile(finite, 0.025, method="lower")
    high = np.quantile(finite, 0.975, method="higher")
    return float(np.clip(2 * draws[0] - high, *bounds)), float(np.clip(2 * draws[0] - low, *bounds))


def score(draws: Floats, reason: str = "", bounds: tuple[float, float] = (0.0, 1.0), *, spread: bool = True) -> Score:
    """A value and its interval from (1 + B,); ``spread`` says whether there is anything to resample."""
    ends = interval(draws, bounds) if spread else (math.nan, math.nan)
    return Score(float(draws[0]), *ends, reason)


def result(
    data: LabelledCodes | Traversals,
    blocks: Blocks,
    parts: Floats,
    reasons: Sequence[str],
    *,
    overall: Floats | None = None,
    bounds: tuple[float, float] = (0.0, 1.0),
    facts: Mapping[str, Any] | None = None,
) -> MetricResult:
    """
    The result of a metric.

    Args:
        data: What it was computed from.
        blocks: What was resampled.
        parts: float64 (1 + B, P), one column for each factor or control.
        reasons: For each part, why it has no value, or "".
        overall: float64 (1 + B,); None = the mean of the parts that have a value.
        bounds: The metric's range.
        facts: Further details.
    """
    known = np.isfinite(parts[0])
    missing = [
        f"{name}: {reason}" for name, reason, is_known in zip(data.names, reasons, known, strict=True) if not is_known
    ]
    remark = "; ".join(missing)
    if overall is None:
        defined_parts = parts[:, known]
        overall = defined_parts.mean(axis=1) if known.any() else np.full(len(parts), np.nan)
    overall_reason = f"left out: {remark}" if remark and np.isfinite(overall[0]) else remark
    spread = blocks.count > 1
    scores = {
        name: score(parts[:, i], "" if known[i] else reasons[i], bounds, spread=spread)
        for i, name in enumerate(data.names)
    }
    draws = overall[1:][np.isfinite(overall[1:])]
    bias = float(draws.mean() - overall[0]) if spread and len(draws) and np.isfinite(overall[0]) else None
    details = {"blocks": blocks.count, "bias": bias, **(facts or {})}
    rows = len(blocks.of)
    total = score(overall, overall_reason, bounds, spread=spread)
    return MetricResult(total, scores, rows, data.seed, data.resamples, details)
