"""DCI: disentanglement, completeness and informativeness by linear regression of the factors."""

from __future__ import annotations

from hashlib import blake2b
from itertools import pairwise

import numpy as np
from attrs import frozen

from latentknobs.core.arrays import Bools, Floats
from latentknobs.core.metric_specs import LabelledCodes, MetricResult
from latentknobs.metrics.block_bootstrap import Blocks, result
from latentknobs.metrics.interpretability import TRAIN_SHARE
from latentknobs.metrics.lasso import lasso, path
from latentknobs.metrics.mutual_information import classes, no_factor, same_rows
from latentknobs.metrics.weighted_moments import CONSTANT, scaled

PENALTY_SHARE = 0.8
"""Share of the training blocks on which each penalty is fitted; the others choose among the penalties."""
DRAWS = 32
"""Resamplings fitted at a time, to bound memory."""


def disentanglement(labelled: LabelledCodes) -> MetricResult:
    """
    DCI disentanglement (Eastwood & Williams 2018), 0 to 1, higher is better: is a dimension needed for one factor only?

    Sum over dimensions of rho_d (1 - H_F(P_d)): P_d are the dimension's importances for the factors, made to sum to
    1, H_F is entropy to the base F, rho_d is the dimension's share of all importance. Importance is the absolute lasso
    coefficient between standardised codes and factors, as in the paper's linear variant (implementations with trees
    give other numbers); of a discrete factor, the mean over its class indicators. The penalty of each factor is the
    one that predicts best on a fifth of the training groups. A part is the mean over the dimensions whose strongest
    factor it is.

    Facts: for each factor the penalty and how many dimensions it needs.
    """
    regression = _cached_regression(labelled)
    importance = regression.importance[:, :, regression.known]
    parts = np.full((len(importance), len(labelled.names)), np.nan)
    reasons = list(regression.reasons)
    overall = np.full(len(importance), np.nan)
    if regression.known.sum() < 2:
        reasons = [reason or "there is no second factor to compare with" for reason in reasons]
    else:
        score, weight = _sparseness(importance)
        strongest = np.flatnonzero(regression.known)[importance[0].argmax(axis=1)]
        overall = _weighted(score, weight)
        for k in np.flatnonzero(regression.known):
            of_factor = (strongest == k) & (weight[0] > 0)
            parts[:, k] = _weighted(score[:, of_factor], weight[:, of_factor]) if of_factor.any() else np.nan
            reasons[k] = "" if of_factor.any() else "it is no dimension's strongest factor"
    return result(labelled, regression.blocks, parts, reasons, overall=overall, facts=regression.facts())


def completeness(labelled: LabelledCodes) -> MetricResult:
    """
    DCI completeness (Eastwood & Williams 2018), 0 to 1, higher is better: is one dimension enough for a factor?

    1 - H_D(P_k) for each factor, where P_k are the importances of the dimensions for it, made to sum to 1, and H_D is
    entropy to the base D; overall weighted by the factor's share of all importance. Importances as in
    :func:`disentanglement`.

    Facts: for each factor the penalty and how many dimensions it needs.
    """
    regression = _cached_regression(labelled)
    reasons = list(regression.reasons)
    score, weight = _sparseness(regression.importance.transpose(0, 2, 1))
    if labelled.codes.shape[1] < 2:
        reasons = [reason or "there is one dimension only" for reason in reasons]
        score[:] = np.nan
    parts = np.where(weight > 0, score, np.nan)
    reasons = [reason or ("" if weight[0, k] > 0 else "no dimension predicts it") for k, reason in enumerate(reasons)]
    known = np.isfinite(parts[0])
    overall = _weighted(parts[:, known], weight[:, known]) if known.any() else np.full(len(parts), np.nan)
    return result(labelled, regression.blocks, parts, reasons, overall=overall, facts=regression.facts())


def informativeness(labelled: LabelledCodes) -> MetricResult:
    """
    DCI informativeness (Eastwood & Williams 2018), at most 1, higher is better: how well can the factors be predicted?

    Mean over factors of 1 - NRMSE, where NRMSE is the root of the lasso's squared error on test rows over that of
    guessing the test rows' mean; the paper reports NRMSE, lower is better, and disentanglement_lib the accuracy of a
    classifier. 0 = no better than guessing. Of a discrete factor, errors are summed over its class indicators.

    Facts: for each factor the penalty and how many dimensions it needs.
    """
    regression = _cached_regression(labelled)
    reasons = [
        reason or ("" if np.isfinite(regression.informed[0, k]) else "it is constant on the test rows")
        for k, reason in enumerate(regression.reasons)
    ]
    return result(
        labelled, regression.blocks, regression.informed, reasons, bounds=(-np.inf, 1.0), facts=regression.facts()
    )


def _sparseness(importance: Floats) -> tuple[Floats, Floats]:
    """1 - entropy of each row of (R, m, n), to the base n; and the row's share of all of it, NaN where it is all 0."""
    mass = importance.sum(axis=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = importance / mass[:, :, None]
        bits = -np.where(p > 0, p * np.log(np.where(p > 0, p, 1.0)), 0.0).sum(axis=2)
        score = 1 - bits / np.log(importance.shape[2])
        weight = mass / mass.sum(axis=1, keepdims=True)
    return np.where(mass > 0, np.clip(score, 0.0, 1.0), 0.0), weight


def _weighted(score: Floats, weight: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        out: Floats = (score * weight).sum(axis=1) / weight.sum(axis=1)
    return out


@frozen(eq=False)
class DciRegression:
    """
    Lasso regressions of all factors on the codes.

    Attributes:
        blocks: What was resampled.
        importance: float64 (1 + B, D, F), 0 for a factor that cannot be measured.
        informed: float64 (1 + B, F), 1 - NRMSE on test rows.
        penalties: For each factor, the mean over its targets; None where it has none.
        reasons: For each factor, why it cannot be measured, or "".
    """

    blocks: Blocks
    importance: Floats
    informed: Floats
    penalties: list[float | None]
    reasons: list[str]

    @property
    def known(self) -> Bools:
        """Which factors could be regressed."""
        return np.asarray([not reason for reason in self.reasons])

    def facts(self) -> dict[str, object]:
        """Facts common to the three results."""
        needed = [int(count) for count in (self.importance[0] > 0).sum(axis=0)]
        return {"penalties": self.penalties, "needed": needed}


_latest: tuple[bytes, DciRegression] | None = None
"""The three metrics are computed on the same codes one after another, and nearly all their time is this regression."""


def _cached_regression(labelled: LabelledCodes) -> DciRegression:
    global _latest  # noqa: PLW0603 - a cache of the latest regression
    digest, kept = _digest(labelled), _latest
    if kept is None or kept[0] != digest:
        _latest = kept = digest, _regress(labelled)
    return kept[1]


def _digest(labelled: LabelledCodes) -> bytes:
    """Digest of everything that the regression depends on."""
    options = sorted((str(name), repr(value)) for name, value in labelled.options.items())
    sizes = (labelled.codes.shape, labelled.seed, labelled.resamples, labelled.bins, labelled.binning)
    out = blake2b(repr((sizes, labelled.names, labelled.discrete, options)).encode())
    for array in (labelled.codes, labelled.factors, labelled.groups):
        out.update(b"" if array is None else np.ascontiguousarray(array).tobytes())
    return out.digest()


def _regress(labelled: LabelledCodes) -> DciRegression:
    blocks = Blocks.make(labelled)
    draws, count = len(blocks.weights), len(labelled.names)
    importance = np.zeros((draws, labelled.codes.shape[1], count))
    informed = np.full((draws, count), np.nan)
    penalties: list[float | None] = [None] * count
    reasons = [no_factor(labelled, factor) for factor in range(count)]
    if blocks.count < 3:
        reasons = ["there are fewer than 3 groups, so no split"] * count
        return DciRegression(blocks, importance, informed, penalties, reasons)
    train, training, testing = blocks.split(float(labelled.options.get("train-share", TRAIN_SHARE)), labelled.seed)
    penalty_train = np.zeros_like(train)
    chosen = np.random.default_rng([labelled.seed, 2]).permutation(np.flatnonzero(train))
    penalty_train[chosen[: min(max(round(PENALTY_SHARE * len(chosen)), 1), max(len(chosen) - 1, 1))]] = True
    for rows, factors in same_rows(labelled, reasons):
        targets = [_targets(labelled, k) for k in factors]
        fit = _Sums(labelled.codes, np.hstack(targets), rows, blocks)
        coefficients, error, variance, penalty = _fitted(fit, training, testing, train, penalty_train)
        end = 0
        for k, columns in zip(factors, targets, strict=True):
            target_columns = slice(end, end + columns.shape[1])
            end = target_columns.stop
            importance[:, :, k] = np.nan_to_num(np.abs(coefficients[:, :, target_columns]).mean(axis=2))
            with np.errstate(invalid="ignore", divide="ignore"):
                part = 1 - np.sqrt(error[:, target_columns].sum(axis=1) / variance[:, target_columns].sum(axis=1))
            informed[:, k] = np.where(variance[:, target_columns].sum(axis=1) > CONSTANT, part, np.nan)
            penalties[k] = float(penalty[target_columns].mean())
    return DciRegression(blocks, importance, informed, penalties, reasons)


def _targets(labelled: LabelledCodes, factor: int) -> Floats:
    """What is regressed: the factor, or an indicator for each class (N, T)."""
    if not labelled.discrete[factor]:
        return labelled.factors[:, factor : factor + 1]
    labels, _ = classes(labelled, factor)
    out: Floats = (labels[:, None] == np.arange(labels.max() + 1)).astype(np.float64)
    return out


class _Sums:
    """Block sums of products of codes and targets, from which any weighted regression is computed."""

    def __init__(self, codes: Floats, targets: Floats, mask: Bools, blocks: Blocks) -> None:
        self.size = codes.shape[1]
        z = np.hstack([scaled(codes, mask), scaled(targets, mask), mask[:, None].astype(np.float64)])
        order = np.argsort(blocks.of, kind="stable")
        starts = np.searchsorted(blocks.of[order], np.arange(blocks.count + 1))
        rows = z[order]
        self._products = np.stack([rows[a:b].T @ rows[a:b] for a, b in pairwise(starts)])

    def means(self, weights: Floats) -> tuple[Floats, Floats]:
        """Means (R, D + T) and second moments about 0 (R, D + T, D + T) in resamplings (R, G)."""
        products = np.tensordot(weights, self._products, axes=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            products = products / products[:, -1:, -1:]
        return products[:, :-1, -1], products[:, :-1, :-1]

    def moments(self, weights: Floats) -> tuple[Floats, Floats]:
        """Means and covariances, likewise."""
        mean, square = self.means(weights)
        return mean, square - mean[:, :, None] * mean[:, None, :]


def _correlated(covariance: Floats) -> tuple[Floats, Floats]:
    """Correlations and deviations; what is constant has 0 of both."""
    variance = np.einsum("rii->ri", covariance)
    spread = np.sqrt(np.where(variance > CONSTANT, variance, 0.0))
    inverse = np.where(spread > 0, 1 / np.where(spread > 0, spread, 1.0), 0.0)
    return np.nan_to_num(covariance * inverse[:, :, None] * inverse[:, None, :]), spread


def _errors(fit: _Sums, slopes: Floats, at: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Mean squared errors of lines (R, D, T) through means (R, D + T), and variances, both (R, T), under weights."""
    mean, covariance = fit.moments(weights)
    d = fit.size
    off = (mean - at)[:, d:] - np.einsum("rd,rdt->rt", (mean - at)[:, :d], slopes)
    variance = np.einsum("rtt->rt", covariance[:, d:, d:])
    explained = np.einsum("rdt,rdt->rt", slopes, 2 * covariance[:, :d, d:] - covariance[:, :d, :d] @ slopes)
    return np.maximum(variance - explained + off**2, 0.0), variance


def _fitted(
    fit: _Sums, training: Floats, testing: Floats, train: Bools, penalty_train: Bools
) -> tuple[Floats, Floats, Floats, Floats]:
    """Standardised coefficients (1 + B, D, T), test errors and variances (1 + B, T), and penalties (T,)."""
    d = fit.size
    mean, covariance = fit.moments(penalty_train[None].astype(np.float64))
    correlation, spread = _correlated(covariance)
    penalties, tried = path(correlation[0, :d, :d], correlation[0, :d, d:])
    inverse = np.where(spread > 0, 1 / np.where(spread > 0, spread, 1.0), 0.0)[0]
    slopes = tried * inverse[:d, None] * spread[0, d:]
    validation = np.broadcast_to((train & ~penalty_train).astype(np.float64), (len(tried), len(train)))
    error, _ = _errors(fit, slopes, np.broadcast_to(mean, (len(tried), mean.shape[1])), validation)
    chosen = np.nan_to_num(error, nan=np.inf).argmin(axis=0)[None]
    penalty = np.take_along_axis(penalties, chosen, axis=0)[0]
    start = np.take_along_axis(tried, chosen[:, None], axis=0)

    coefficients = np.full((len(training), d, len(penalty)), np.nan)
    errors, variances = np.full(coefficients[:, 0].shape, np.nan), np.full(coefficients[:, 0].shape, np.nan)
    for begin in range(0, len(training), DRAWS):
        some = slice(begin, begin + DRAWS)
        mean, covariance = fit.moments(training[some])
        correlation, spread = _correlated(covariance)
        guess = np.broadcast_to(start, (len(mean), *start.shape[1:]))
        coefficients[some] = lasso(correlation[:, :d, :d], correlation[:, :d, d:], penalty, guess)
        inverse = np.where(spread > 0, 1 / np.where(spread > 0, spread, 1.0), 0.0)
        slopes = coefficients[some] * inverse[:, :d, None] * spread[:, None, d:]
        errors[some], variances[some] = _errors(fit, slopes, mean, testing[some])
    return coefficients, errors, variances, penalty
