"""Interpretability: how well a line through one dimension predicts a factor."""

from __future__ import annotations

import numpy as np

from latentknobs.core.arrays import Floats, Ints
from latentknobs.core.metric_specs import LabelledCodes, MetricResult
from latentknobs.metrics.block_bootstrap import Blocks, result
from latentknobs.metrics.mutual_information import shared_information
from latentknobs.metrics.weighted_moments import CONSTANT, BlockMoments, WeightedMoments

TRAIN_SHARE = 0.6


def interpretability(labelled: LabelledCodes) -> MetricResult:
    """
    Interpretability (Adel et al. 2018, as Pati & Lerch 2021 report it): mean R2 over factors, 0 to 1, higher is better.

    For each factor, R2 of the line through it and the dimension that shares most mutual information with it, on the
    same rows. Mutual information is of bins here and of nearest neighbours there; it only chooses the dimension. A
    discrete factor is read as a number.

    Facts: for each factor the dimension.
    """
    blocks = Blocks.make(labelled)
    shared = shared_information(labelled, blocks)
    chosen = np.nan_to_num(shared.shared, nan=-1.0).argmax(axis=1)
    parts = np.full(shared.entropy.shape, np.nan)
    for k, reason in enumerate(shared.reasons):
        if not reason:
            r2 = BlockMoments(labelled.codes, labelled.factors[:, k], blocks).of(blocks.weights).r2
            parts[:, k] = np.take_along_axis(r2, chosen[:, k : k + 1], axis=1)[:, 0]
    facts = {"bins": labelled.bins, "binning": labelled.binning, "dimensions": _dimensions(shared.reasons, chosen[0])}
    return result(labelled, blocks, parts, shared.reasons, facts=facts)


def interpretability_split(labelled: LabelledCodes) -> MetricResult:
    """
    Interpretability on rows that neither chose the dimension nor fitted the line: at most 1, higher is better.

    Complete groups are for training ("train-share", 0.6) or testing; R2 = 1 - squared error / squared deviation from
    the mean of the test rows, so it is below 0 where the line is worse than that mean. The dimension is chosen among
    D: without a split the best of many uninformative dimensions looks informative.

    Facts: for each factor the dimension; the number of test rows.
    """
    blocks = Blocks.make(labelled)
    if blocks.count < 2:
        reasons = ["there is only one group, so no split"] * len(labelled.names)
        return result(labelled, blocks, np.full((len(blocks.weights), len(labelled.names)), np.nan), reasons)
    train, training, testing = blocks.split(float(labelled.options.get("train-share", TRAIN_SHARE)), labelled.seed)
    shared = shared_information(labelled, Blocks(blocks.of, training))
    chosen = np.nan_to_num(shared.shared, nan=-1.0).argmax(axis=1)
    parts = np.full(shared.entropy.shape, np.nan)
    reasons = list(shared.reasons)
    for k, reason in enumerate(shared.reasons):
        if not reason:
            sums = BlockMoments(labelled.codes, labelled.factors[:, k], blocks)
            parts[:, k] = _tested(sums.of(training), sums.of(testing), chosen[:, k : k + 1])
            if np.isnan(parts[0, k]):
                reasons[k] = "it is constant on the training rows or on the test rows"
    tested = int((~train[blocks.of]).sum())
    facts = {"bins": labelled.bins, "dimensions": _dimensions(reasons, chosen[0]), "test-rows": tested}
    return result(labelled, blocks, parts, reasons, bounds=(-np.inf, 1.0), facts=facts)


def _tested(train: WeightedMoments, test: WeightedMoments, chosen: Ints) -> Floats:
    """R2 on test rows (R,) of the line fitted on training rows to the chosen dimension (R, 1)."""

    def of(moments: Floats) -> Floats:
        return np.take_along_axis(moments, chosen, axis=1)

    zz, flat = of(train.zz), of(train.zz) <= CONSTANT
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = np.where(flat, 0.0, of(train.za) / zz)
        off = test.a - train.a - slope * (of(test.z) - of(train.z))
        error = test.aa - 2 * slope * of(test.za) + slope**2 * of(test.zz) + off**2
        r2 = 1 - error / test.aa
    defined = (test.aa > CONSTANT) & (train.aa > CONSTANT)
    out: Floats = np.where(defined, np.minimum(r2, 1.0), np.nan)[:, 0]
    return out


def _dimensions(reasons: tuple[str, ...] | list[str], chosen: Ints) -> list[int | None]:
    return [None if reason else int(dim) for reason, dim in zip(reasons, chosen, strict=True)]
