"""Explicitness: how well a linear classifier predicts a factor from all dimensions together."""

from __future__ import annotations

import numpy as np

from latentknobs.core.arrays import Bools, Floats
from latentknobs.core.metric_specs import LabelledCodes, MetricResult
from latentknobs.metrics.block_bootstrap import Blocks, result
from latentknobs.metrics.interpretability import TRAIN_SHARE
from latentknobs.metrics.logistic import areas, one_versus_rest
from latentknobs.metrics.mutual_information import classes, no_factor

CLASSES = 10
"""Classes of a continuous factor: between deciles."""
PENALTY = 1.0


def explicitness(labelled: LabelledCodes) -> MetricResult:
    """
    Explicitness (Ridgeway & Mozer 2018), 0 to 1, higher is better; chance is 0.5 and not 0.

    Mean over factors, and over the classes of each, of the area under the receiver operating characteristic of
    logistic regression from all dimensions, one class against the rest. Fitted with an L2 penalty (option "penalty",
    1, on dimensions of variance 1) on complete groups for training ("train-share", 0.6), measured on the others. A
    continuous factor is cut at quantiles ("classes", 10). A class that is missing on either side does not count. The
    interval is over resampled test rows; the classifiers are not refitted.

    Facts: the number of test rows; for each factor the number of classes that count.
    """
    blocks = Blocks.make(labelled)
    count = len(labelled.names)
    reasons = [no_factor(labelled, factor) for factor in range(count)]
    parts = np.full((len(blocks.weights), count), np.nan)
    counted = [0] * count
    if blocks.count < 2:
        return result(labelled, blocks, parts, ["there is only one group, so no split"] * count)
    train, _, testing = blocks.split(float(labelled.options.get("train-share", TRAIN_SHARE)), labelled.seed)
    fitted = train[blocks.of]
    x = _standard(labelled.codes, fitted)
    for k in range(count):
        if not reasons[k]:
            curve_areas = _areas(labelled, k, x, fitted, blocks, testing)
            counted[k] = curve_areas.shape[1]
            reasons[k] = "" if counted[k] else "no class of it is both among the training rows and among the test rows"
            parts[:, k] = curve_areas.mean(axis=1) if counted[k] else np.nan
    facts = {"test-rows": int((~fitted).sum()), "classes": counted}
    return result(labelled, blocks, parts, reasons, facts=facts)


def _standard(codes: Floats, rows: Bools) -> Floats:
    mean, spread = codes[rows].mean(axis=0), codes[rows].std(axis=0)
    out: Floats = (codes - mean) / np.where(spread > 0, spread, 1.0)
    return out


def _areas(labelled: LabelledCodes, factor: int, x: Floats, fitted: Bools, blocks: Blocks, testing: Floats) -> Floats:
    """Areas (1 + B, C) of the classes with positive and negative rows in training and in test."""
    cuts = int(labelled.options.get("classes", CLASSES))
    labels, defined = classes(labelled, factor, cuts, "quantile")
    hits = labels[:, None] == np.arange(labels.max() + 1)
    train, test = defined & fitted, defined & ~fitted
    counts = [(hits[side].sum(axis=0), side.sum()) for side in (train, test)]
    usable = np.all([(positives > 0) & (positives < rows) for positives, rows in counts], axis=0)
    hits = hits[:, usable]
    if not hits.shape[1]:
        return np.zeros((len(testing), 0))
    weights = one_versus_rest(x[train], hits[train].astype(np.float64), float(labelled.options.get("penalty", PENALTY)))
    scores = x[test] @ weights[:-1] + weights[-1]
    of = blocks.of[test]
    return np.stack([areas(scores[:, c], hits[test, c], of, testing) for c in range(hits.shape[1])], axis=1)
