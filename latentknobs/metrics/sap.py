"""SAP: how much better one dimension predicts a factor than any other does."""

from __future__ import annotations

import numpy as np

from latentknobs.core.arrays import Floats
from latentknobs.core.metric_specs import LabelledCodes, MetricResult
from latentknobs.metrics.block_bootstrap import Blocks, result
from latentknobs.metrics.mutual_information import binned, classes, joint, no_factor
from latentknobs.metrics.weighted_moments import BlockMoments, active

THRESHOLDS = 64
"""Quantiles of a dimension between which thresholds are sought."""


def sap(labelled: LabelledCodes) -> MetricResult:
    """
    Separated attribute predictability (Kumar et al. 2018): mean over factors of S_1k - S_2k, 0 to 1, higher is better.

    S_1k and S_2k are the two largest scores of a single dimension for the factor. Continuous: R2 of the line through
    factor and dimension, which is their squared correlation. Discrete with C classes: the balanced accuracy of the
    best C - 1 thresholds on the dimension, as in the paper (disentanglement_lib takes a linear support vector
    machine); sought exactly among 64 quantiles, on the same rows. An inactive dimension scores 0, as in the paper;
    option "active-variance".

    Facts: for each factor the best dimension and its score; the number of active dimensions.
    """
    blocks = Blocks.make(labelled)
    count = len(labelled.names)
    active_dims = active(labelled)
    reasons = [no_factor(labelled, factor) for factor in range(count)]
    if labelled.codes.shape[1] < 2:
        reasons = [reason or "one dimension has no runner-up" for reason in reasons]
    if not active_dims.any():
        reasons = [reason or "no dimension is active" for reason in reasons]
    parts = np.full((len(blocks.weights), count), np.nan)
    best: list[int | None] = [None] * count
    scores: list[float | None] = [None] * count
    for k in range(count):
        if not reasons[k]:
            by_dimension = np.where(
                active_dims,
                _thresholds(labelled, k, blocks) if labelled.discrete[k] else _lines(labelled, k, blocks),
                0,
            )
            ordered = np.sort(by_dimension, axis=1)
            parts[:, k] = ordered[:, -1] - ordered[:, -2]
            best[k], scores[k] = int(by_dimension[0].argmax()), float(ordered[0, -1])
    facts = {"dimensions": best, "scores": scores, "active": int(active_dims.sum())}
    return result(labelled, blocks, parts, reasons, facts=facts)


def _lines(labelled: LabelledCodes, factor: int, blocks: Blocks) -> Floats:
    return BlockMoments(labelled.codes, labelled.factors[:, factor], blocks).of(blocks.weights).r2


def _thresholds(labelled: LabelledCodes, factor: int, blocks: Blocks) -> Floats:
    labels, defined = classes(labelled, factor)
    codes = binned(labelled.codes, THRESHOLDS, "quantile")
    out = np.full((len(blocks.weights), codes.shape[1]), np.nan)
    for dims, drawn in joint(codes, THRESHOLDS, labels, defined, blocks):
        for which, counts in drawn:
            out[which, dims] = balanced_accuracy(counts)
    return out


def balanced_accuracy(counts: Floats) -> Floats:
    """
    The best mean over classes of the share that lies in an interval of its own class.

    Args:
        counts: (..., bins, C), how many of each class lie in each bin, bins in order. A class of which there are
            none does not count.

    Returns:
        (...), over all ways to cut the bins into at most C intervals and to give each a class: dynamic programming
        over the bins, with the best score for each number of intervals and class of the last one.
    """
    totals = counts.sum(axis=-2, keepdims=True)
    present = np.maximum((totals > 0).sum(axis=-1, keepdims=True), 1)
    shares = counts / np.maximum(totals, 1.0) / present
    kinds = counts.shape[-1]
    # An interval may be empty, so fewer than C of them need no room of their own.
    best = np.zeros((*counts.shape[:-2], kinds, kinds))
    for at in range(counts.shape[-2]):
        opened = np.roll(best.max(axis=-1, keepdims=True), 1, axis=-2)
        opened[..., 0, :] = -np.inf
        best = np.maximum(best, opened) + shares[..., at, None, :]
    out: Floats = best.max(axis=(-2, -1))
    return out
