"""Modularity: does each dimension tell of one factor only?"""

from __future__ import annotations

import numpy as np

from latentknobs.core.arrays import Bools
from latentknobs.core.metric_specs import LabelledCodes, MetricResult
from latentknobs.metrics.block_bootstrap import Blocks, result
from latentknobs.metrics.mutual_information import shared_information
from latentknobs.metrics.weighted_moments import active


def modularity(labelled: LabelledCodes) -> MetricResult:
    """
    Modularity over all dimensions (Ridgeway & Mozer 2018), 0 to 1, higher is better.

    Mean over dimensions d of 1 - sum of I_dk^2 over the factors k but the strongest / (I_d^2 (F - 1)), where I_d is
    the dimension's largest mutual information. A dimension that tells of nothing has 0, as in disentanglement_lib
    (the paper does not say). A part is the mean over the dimensions whose strongest factor it is.

    Facts: how many dimensions count, how many of them tell of nothing.
    """
    return _modularity(labelled, np.ones(labelled.codes.shape[1], np.bool_))


def modularity_active(labelled: LabelledCodes) -> MetricResult:
    """
    Modularity over active dimensions that tell of something, 0 to 1, higher is better.

    Collapsed dimensions carry noise, and noise shares about as little with every factor: over all dimensions it
    pulls the mean down however modular the others are. Option "active-variance".
    """
    return _modularity(labelled, active(labelled), informed=True)


def _modularity(labelled: LabelledCodes, dims: Bools, *, informed: bool = False) -> MetricResult:
    blocks = Blocks.make(labelled)
    mutual = shared_information(labelled, blocks)
    known = np.asarray([not reason for reason in mutual.reasons])
    parts = np.full(mutual.entropy.shape, np.nan)
    overall = np.full(len(parts), np.nan)
    reasons = list(mutual.reasons)
    empty = 0
    if known.sum() < 2:
        reasons = [reason or "there is no second factor to compare with" for reason in reasons]
    else:
        squares = mutual.shared[:, :, known] ** 2
        largest = squares.max(axis=2)
        with np.errstate(invalid="ignore", divide="ignore"):
            scores = 1 - (squares.sum(axis=2) - largest) / (largest * (known.sum() - 1))
        scores = np.where(largest > 0, scores, 0.0)
        telling = largest[0] > 0
        empty = int((dims & ~telling).sum())
        dims = dims & telling if informed else dims
        strongest = np.flatnonzero(known)[squares[0].argmax(axis=1)]
        overall = scores[:, dims].mean(axis=1) if dims.any() else overall
        for k in np.flatnonzero(known):
            of_factor = dims & telling & (strongest == k)
            reasons[k] = "" if of_factor.any() else "it is no dimension's strongest factor"
            parts[:, k] = scores[:, of_factor].mean(axis=1) if of_factor.any() else np.nan
    facts = {"bins": labelled.bins, "binning": labelled.binning, "dimensions": int(dims.sum()), "empty": empty}
    return result(labelled, blocks, parts, reasons, overall=overall, facts=facts)
