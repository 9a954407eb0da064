"""Logistic regression of one class against the rest, and areas under the receiver operating characteristic."""

from __future__ import annotations

import numpy as np

from latentknobs.core.arrays import Bools, Floats, Ints

MOST_STEPS = 200


def one_versus_rest(x: Floats, hits: Floats, penalty: float = 1.0) -> Floats:
    """
    Weights of logistic regressions, one for each class, all at once.

    Each minimises sum of log(1 + exp(-s (x w + b))) + penalty ||w||^2 / 2, s = 1 for its class and -1 for the rest;
    without a penalty the weights grow without end where classes can be separated.

    Args:
        x: float64 (n, D), columns of mean 0 and variance 1.
        hits: float64 (n, C), 1 where a row is of the class.
        penalty: Of the weights, not of the intercepts.

    Returns:
        (D + 1, C), intercepts last.
    """
    from scipy.optimize import minimize
    from scipy.special import expit

    design = np.hstack([x, np.ones((len(x), 1))])
    shape = (design.shape[1], hits.shape[1])
    keep = np.ones((shape[0], 1))
    keep[-1] = 0

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights = flat.reshape(shape)
        scores = design @ weights
        total = float((np.logaddexp(0.0, scores) - hits * scores).sum() + penalty / 2 * (keep * weights**2).sum())
        gradient = design.T @ (expit(scores) - hits) + penalty * keep * weights
        return total / len(x), gradient.ravel() / len(x)

    # Only the order of the scores matters, and it converges long before the weights do.
    options = {"maxiter": MOST_STEPS, "ftol": 1e-7, "gtol": 1e-6}
    solution = minimize(loss, np.zeros(shape[0] * shape[1]), jac=True, method="L-BFGS-B", options=options)
    out: Floats = solution.x.reshape(shape)
    return out


def pair_counts(scores: Floats, hit: Bools, of: Ints, count: int) -> Floats:
    """
    How many pairs of a hit in block g and a miss in block h have the hit's score higher; equal ones count a half.

    Args:
        scores: float64 (n,).
        hit: bool (n,).
        of: int64 (n,), the block of each row.
        count: G.

    Returns:
        (G, G); with weights w of blocks, w' P w over the weights of hits times those of misses is the area under the
        receiver operating characteristic (Hanley & McNeil 1982).
    """
    values, index = np.unique(scores, return_inverse=True)
    table = np.zeros((len(values) + 1, count))
    np.add.at(table, (index[~hit] + 1, of[~hit]), 1.0)
    below = np.cumsum(table, axis=0)
    beaten = (below[index[hit]] + below[index[hit] + 1]) / 2
    out = np.zeros((count, count))
    np.add.at(out, of[hit], beaten)
    return out


def areas(scores: Floats, hit: Bools, of: Ints, weights: Floats) -> Floats:
    """Areas under the receiver operating characteristic in resamplings (R, G) of blocks; NaN without hits or misses."""
    count = weights.shape[1]
    pairs = pair_counts(scores, hit, of, count)
    sides = [np.bincount(of[side], minlength=count).astype(np.float64) for side in (hit, ~hit)]
    with np.errstate(invalid="ignore", divide="ignore"):
        out: Floats = ((weights @ pairs) * weights).sum(axis=1) / ((weights @ sides[0]) * (weights @ sides[1]))
    return out
