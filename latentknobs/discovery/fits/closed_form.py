"""Closed-form fits: a shift from mean changes, an affine map by ridge regression."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from latentknobs.core.arrays import Floats
from latentknobs.core.knob import Operator
from latentknobs.core.method_specs import FitInput
from latentknobs.core.ridge import PENALTIES, ridge_path


def shift_by_mean(fit_input: FitInput) -> tuple[Operator, Mapping[str, Any]]:
    """
    The shift z + n v, with v the least-squares slope through 0 of the mean change over the amounts (the paper's mean).

    Facts: ``linearity``, the R2 of the mean changes by that line.
    """
    n = np.asarray(fit_input.amounts)[:, None]
    direction = (n * fit_input.mean_change).sum(axis=0) / (n * n).sum()
    residual = float(((fit_input.mean_change - n * direction) ** 2).sum())
    total = float((fit_input.mean_change**2).sum())
    return Operator("shift", {"direction": direction}), {"linearity": 1.0 - residual / total if total else 0.0}


def residual_square(weights: Floats, gram: Floats, cross: Floats, square: float) -> float:
    """Sum over pairs of ||z_after - W'[1, z]||^2 from their moments; weights W (D + 1, D)."""
    return float(square - 2.0 * (weights * cross).sum() + (weights * (gram @ weights)).sum())


def affine_by_ridge(fit_input: FitInput) -> tuple[Operator, Mapping[str, Any]]:
    """
    M z + b at each amount, by ridge regression of the displacement on z (Hoerl & Kennard 1970).

    The penalty shrinks M towards the identity, not towards 0, and leaves b free; of :data:`PENALTIES` the
    one with the smallest squared error on validation songs is taken (training songs where there are none), the
    strongest of those that tie.
    Facts, for each amount: ``penalty``, and ``r2``, the share of the squared displacement
    on validation songs that the map explains (None where there are none, or nothing moves).
    """
    size = fit_input.latent_size
    identity = np.concatenate([np.zeros((1, size)), np.eye(size)])
    matrices, offsets, penalties, scores = [], [], [], []
    for a in range(len(fit_input.amounts)):
        gram, cross = fit_input.gram[a], fit_input.cross[a]
        pairs = gram[0, 0]
        mean = gram[0, 1:] / pairs
        scale = float(np.trace(gram[1:, 1:] / pairs - np.outer(mean, mean))) / size * pairs
        target = cross - gram @ identity
        held_out = fit_input.validation_gram[a][0, 0] >= 1
        # The sum of ||z_after||^2 is the same for every penalty, so the comparison can do without it.
        moments = (
            (fit_input.validation_gram[a], fit_input.validation_cross[a], float(fit_input.validation_square[a]))
            if held_out
            else (gram, cross, 0.0)
        )
        unit = np.full(size + 1, scale)
        unit[0] = 0.0
        solutions = [identity + moved for moved in ridge_path(gram, target, unit, 1e-9 * pairs)]
        errors = [residual_square(weights, *moments) for weights in solutions]
        unmoved = residual_square(identity, *moments)
        # Errors that differ by rounding alone are ties, and the strongest penalty wins.
        tie = min(errors) + 1e-9 * max(unmoved - min(errors), 0.0)
        chosen = max(i for i, error in enumerate(errors) if error <= tie)
        weights = solutions[chosen]
        matrices.append(weights[1:].T)
        offsets.append(weights[0])
        penalties.append(PENALTIES[chosen])
        moves = unmoved > 1e-12 * moments[2]  # less is the rounding of the sums
        scores.append(1.0 - errors[chosen] / unmoved if held_out and moves else None)
    operator = Operator(
        "affine",
        {"amounts": np.asarray(fit_input.amounts), "matrices": np.stack(matrices), "offsets": np.stack(offsets)},
    )
    return operator, {"penalty": penalties, "r2": scores}
