"""MIG: how much more one dimension tells of a factor than any other does."""

from __future__ import annotations

import numpy as np

from latentknobs.core.metric_specs import LabelledCodes, MetricResult
from latentknobs.metrics.block_bootstrap import Blocks, result
from latentknobs.metrics.mutual_information import shared_information


def mig(labelled: LabelledCodes) -> MetricResult:
    """
    Mutual information gap (Chen et al. 2018): mean over factors k of (I_1k - I_2k) / H_k, 0 to 1, higher is better.

    I_1k and I_2k are the two largest mutual informations of a dimension with the factor, H_k is its entropy. Chen et
    al. integrate over the posterior; here codes and continuous factors are put into bins, as Locatello et al. (2019)
    do with codes. For a continuous factor H_k is that of its bins, so the value depends on them; implementations that
    divide by an estimated I(a; a) of nearest neighbours give other numbers.

    Facts: for each factor the best dimension, its information and its entropy in nats.
    """
    blocks = Blocks.make(labelled)
    mutual = shared_information(labelled, blocks)
    reasons = list(mutual.reasons)
    if labelled.codes.shape[1] < 2:
        reasons = [reason or "one dimension has no runner-up" for reason in reasons]
        parts = np.full(mutual.entropy.shape, np.nan)
    else:
        ordered = np.sort(mutual.shared, axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            parts = (ordered[:, -1] - ordered[:, -2]) / mutual.entropy
    best = np.argmax(np.nan_to_num(mutual.shared[0], nan=-1.0), axis=0)
    facts = {
        "bins": labelled.bins,
        "binning": labelled.binning,
        "dimensions": [None if reason else int(best[k]) for k, reason in enumerate(mutual.reasons)],
        "information": [
            None if reason else float(mutual.shared[0, best[k], k]) for k, reason in enumerate(mutual.reasons)
        ],
        "entropy": [None if reason else float(mutual.entropy[0, k]) for k, reason in enumerate(mutual.reasons)],
    }
    return result(labelled, blocks, parts, reasons, facts=facts)
