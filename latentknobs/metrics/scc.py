"""SCC: the largest absolute rank correlation of a factor with a dimension."""

from __future__ import annotations

import numpy as np

from latentknobs.core.arrays import Floats, Ints
from latentknobs.core.metric_specs import LabelledCodes, MetricResult
from latentknobs.metrics.block_bootstrap import Blocks, result
from latentknobs.metrics.mutual_information import no_factor, same_rows


def scc(labelled: LabelledCodes) -> MetricResult:
    """
    Spearman correlation coefficient (Pati & Lerch 2021): mean over factors of max_d |rho_dk|, 0 to 1, higher is better.

    Equal values have their mean rank. Their code sets what is not significant at 5 % to 0; here nothing is set to 0.
    The largest of D noisy numbers is not 0 on few rows: about sqrt(2 ln D / N) where nothing is related. A discrete
    factor is read as a number, so its labels must have an order.

    Facts: for each factor the dimension and the signed correlation.
    """
    blocks = Blocks.make(labelled)
    count = len(labelled.names)
    reasons = [no_factor(labelled, factor) for factor in range(count)]
    correlations = np.full((len(blocks.weights), labelled.codes.shape[1], count), np.nan)
    for defined, factors in same_rows(labelled, reasons):
        row_weights = blocks.weights[:, blocks.of[defined]]
        rho = _correlations(labelled.codes[defined], labelled.factors[defined][:, factors], row_weights)
        correlations[:, :, factors] = rho
    for k in range(count):
        if not reasons[k] and np.isnan(correlations[0, :, k]).all():
            reasons[k] = "every dimension is constant on its rows"
    strength = np.nan_to_num(np.abs(correlations), nan=-1.0).max(axis=1)
    parts = np.where(strength >= 0, strength, np.nan)
    best = np.nan_to_num(np.abs(correlations[0]), nan=-1.0).argmax(axis=0)
    facts = {
        "dimensions": [None if reason else int(best[k]) for k, reason in enumerate(reasons)],
        "correlations": [None if reason else float(correlations[0, best[k], k]) for k, reason in enumerate(reasons)],
    }
    return result(labelled, blocks, parts, reasons, facts=facts)


def _correlations(codes: Floats, factors: Floats, weights: Floats) -> Floats:
    """Spearman's correlations (R, D, k) of codes (n, D) with factors (n, k), row i counted weights[:, i] times."""
    size, columns = codes.shape[1], np.hstack([codes, factors]).T
    distinct = [np.unique(column, return_inverse=True)[1] for column in columns]
    out = np.full((len(weights), size, factors.shape[1]), np.nan)
    ranks = np.empty(columns.shape)
    for draw, times in enumerate(weights):
        total = times.sum()
        if total:
            for row, index in enumerate(distinct):
                # The mean of mean ranks is that of ranks without ties: half the number of rows.
                ranks[row] = _ranks(index, times) - total / 2
            length = np.sqrt((ranks * ranks) @ times)
            product = np.outer(length[:size], length[size:])
            with np.errstate(invalid="ignore", divide="ignore"):
                rho = ranks[:size] @ (ranks[size:] * times).T / product
            out[draw] = np.where(product > 0, np.clip(rho, -1.0, 1.0), np.nan)
    return out


def _ranks(index: Ints, times: Floats) -> Floats:
    """Mean ranks from 0 of values by their index among the distinct values, each counted so many times."""
    counts = np.bincount(index, weights=times)
    ranks: Floats = (np.cumsum(counts) - counts / 2)[index]
    return ranks
