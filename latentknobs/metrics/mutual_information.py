"""Binning, joint counts in resampled blocks, and mutual information."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from latentknobs.core.arrays import Bools, Floats, Ints
from latentknobs.core.metric_specs import LabelledCodes
from latentknobs.metrics.block_bootstrap import LEAST, Blocks

CELLS = 4_000_000
"""Most cells counted at a time, to bound memory."""


def binned(values: Floats, bins: int, how: str) -> Ints:
    """
    The bin of each value, 0 to ``bins`` - 1, column by column.

    Args:
        values: float64 (N, m), finite.
        bins: Their number.
        how: "width": of equal width from the column's least value to its largest; "quantile": between quantiles,
            where values that are equal stay together and at most ``bins`` different ones get a bin each.
    """
    low, high = values.min(axis=0), values.max(axis=0)
    if how == "width":
        scaled = (values - low) * (bins / np.where(high > low, high - low, 1.0))
        narrow: Ints = np.minimum(scaled.astype(np.int64), bins - 1)
        return narrow
    out = np.empty(values.shape, np.int64)
    for column in range(values.shape[1]):
        distinct, index = np.unique(values[:, column], return_inverse=True)
        if len(distinct) > bins:
            edges = np.quantile(values[:, column], np.arange(1, bins) / bins)
            index = np.searchsorted(np.unique(edges), values[:, column], side="right")
        out[:, column] = index
    return out


def classes(
    labelled: LabelledCodes, factor: int, bins: int | None = None, how: str | None = None
) -> tuple[Ints, Bools]:
    """
    A factor as classes: its labels, or the bins of a continuous one.

    Returns:
        int64 (N,) from 0 without gaps, 0 where it is not defined; and where it is defined.
    """
    values = labelled.factors[:, factor]
    defined = ~np.isnan(values)
    index = np.zeros(len(values), np.int64)
    if defined.any():
        labels = values[defined]
        if not labelled.discrete[factor]:
            labels = binned(labels[:, None], bins or labelled.bins, how or labelled.binning)[:, 0].astype(np.float64)
        index[defined] = np.unique(labels, return_inverse=True)[1]
    return index, defined


def no_factor(labelled: LabelledCodes, factor: int) -> str:
    """Why a factor cannot be measured, or ""."""
    values = labelled.factors[:, factor]
    values = values[~np.isnan(values)]
    if len(values) < LEAST:
        return f"it is defined on {len(values)} rows, fewer than {LEAST}"
    return "it is constant" if values.min() == values.max() else ""


def same_rows(labelled: LabelledCodes, reasons: Sequence[str]) -> list[tuple[Bools, list[int]]]:
    """Factors grouped by the rows on which they are defined, since ranks depend on those rows."""
    out: dict[bytes, tuple[Bools, list[int]]] = {}
    for k, reason in enumerate(reasons):
        if not reason:
            defined = ~np.isnan(labelled.factors[:, k])
            out.setdefault(defined.tobytes(), (defined, []))[1].append(k)
    return list(out.values())


def joint(
    codes: Ints, bins: int, labels: Ints, mask: Bools, blocks: Blocks
) -> Iterator[tuple[slice, Iterator[tuple[slice, Floats]]]]:
    """
    Joint counts of bins of codes and of labels in each resampling, some dimensions and some resamplings at a time.

    Args:
        codes: int64 (N, D), bins.
        bins: Their number.
        labels: int64 (N,), from 0.
        mask: bool (N,), which rows count.
        blocks: What is resampled.

    Yields:
        Which dimensions, and for them which resamplings and float64 (b, d, bins, labels).
    """
    kinds = int(labels.max()) + 1
    alone = len(blocks.weights) == 1 and bool((blocks.weights == 1).all())
    of = np.zeros_like(blocks.of) if alone else blocks.of
    weights = np.ones((1, 1)) if alone else blocks.weights
    step = max(1, CELLS // (weights.shape[1] * bins * kinds))
    for start in range(0, codes.shape[1], step):
        part = codes[mask, start : start + step]
        dims = part.shape[1]
        cell = (np.arange(dims) * bins + part) * kinds + labels[mask, None]
        flat = of[mask, None] * (dims * bins * kinds) + cell
        counts = np.bincount(flat.ravel(), minlength=weights.shape[1] * dims * bins * kinds)
        yield slice(start, start + dims), _drawn(counts.reshape(weights.shape[1], -1), weights, (dims, bins, kinds))


def _drawn(counts: Ints, weights: Floats, shape: tuple[int, int, int]) -> Iterator[tuple[slice, Floats]]:
    step = max(1, CELLS // counts.shape[1])
    # Counts are integers far below 2^24, so single precision adds them exactly and twice as fast.
    table, times = counts.astype(np.float32), weights.astype(np.float32)
    for start in range(0, len(weights), step):
        drawn = (times[start : start + step] @ table).astype(np.float64)
        yield slice(start, start + len(drawn)), drawn.reshape(-1, *shape)


def _clog(counts: Floats) -> Floats:
    return counts * np.log(np.maximum(counts, 1.0))


def information(counts: Floats) -> tuple[Floats, Floats]:
    """
    Mutual information of joint counts (..., a, b), and the entropy of b, both in nats: the plug-in estimate.

    It is too large by about (a - 1)(b - 1) / 2N (Miller 1955). NaN where nothing is counted.
    """
    total = counts.sum(axis=(-2, -1))
    rows, columns = _clog(counts.sum(axis=-1)).sum(axis=-1), _clog(counts.sum(axis=-2)).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        shared = (_clog(counts).sum(axis=(-2, -1)) - rows - columns + _clog(total)) / total
        entropy = np.log(total) - columns / total
    return np.maximum(shared, 0.0), np.maximum(entropy, 0.0)


@frozen(eq=False)
class Information:
    """
    Mutual information of each dimension with each factor, in nats.

    Attributes:
        shared: float64 (1 + B, D, F); NaN for a factor that cannot be measured.
        entropy: float64 (1 + B, F), of the factors.
        reasons: For each factor, why it cannot be measured, or "".
    """

    shared: Floats
    entropy: Floats
    reasons: tuple[str, ...]


def shared_information(labelled: LabelledCodes, blocks: Blocks) -> Information:
    """Mutual information of every dimension with every factor, both in bins, in every resampling."""
    draws, size, count = len(blocks.weights), labelled.codes.shape[1], len(labelled.names)
    shared: NDArray[np.float64] = np.full((draws, size, count), np.nan)
    entropy: NDArray[np.float64] = np.full((draws, count), np.nan)
    codes = binned(labelled.codes, labelled.bins, labelled.binning)
    reasons = tuple(no_factor(labelled, factor) for factor in range(count))
    for factor in range(count):
        if not reasons[factor]:
            labels, defined = classes(labelled, factor)
            for dims, drawn in joint(codes, labelled.bins, labels, defined, blocks):
                for which, counts in drawn:
                    both, alone = information(counts)
                    shared[which, dims, factor] = both
                    entropy[which, factor] = alone[:, 0]
    return Information(shared, entropy, reasons)
