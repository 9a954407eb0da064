"""
The group fit: one map of one step, whose powers serve every amount.

    T(z, n steps) = T^n z,  T z = M z + b

All amounts are fitted at once, from moments alone. The loss is the mean over amounts of the squared error of codes,
each relative to what a separate map could explain at that amount, so that amounts count equally; it is computed in
whitened coordinates. Three variants are tried, and the squared error on validation songs chooses among them and among
their penalties and limits:

- preserving: M is orthogonal in whitened coordinates, so that it keeps the codes' covariance. It starts from the
  orthogonal Procrustes solution (Schoenemann 1966) and moves along exp of a skew matrix; a reflection stays one.
- truncated: dynamic mode decomposition (Schmid 2010; Tu et al. 2014). Eigenvectors of the step's map whose modulus
  is above a limit turn by their angle, with modulus 1; the rest stays. No gradient is taken.
- free: any M, by L-BFGS (Liu & Nocedal 1989) from the truncated map, penalised towards the identity.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from latentknobs.core.arrays import Floats
from latentknobs.core.knob import Operator
from latentknobs.core.method_specs import FitInput
from latentknobs.discovery.fits.closed_form import residual_square
from latentknobs.discovery.fits.whitened_maps import (
    Whitened,
    in_codes,
    joined,
    maps_of,
    step_of_paths,
    whitened,
    with_offset,
)
from latentknobs.discovery.pair_statistics import PairMoments
from latentknobs.errors import NotFittedError

LIMITS = (0.5, 0.7, 0.8, 0.9, 0.95)
"""Moduli above which the truncated variant turns an eigenvector."""
PENALTIES = (1e-1, 1e-2, 1e-3, 1e-4)
"""Of the free variant: weight of the variance of (M - I) z, in parts of that of z; each starts from the one before."""
STEPS = 20
"""Steps of L-BFGS for each penalty, and of the preserving variant."""
MOST_CONDITION = 1e6
"""With a larger condition number the eigenvectors cannot be told apart, and there is no truncated variant."""


_Candidate: TypeAlias = tuple[float | None, Tensor]
"""A variant's setting and its step, a map on rows [1, x]."""


def steps_of(amounts: tuple[float, ...]) -> tuple[float, tuple[int, ...]]:
    """
    The step, the smallest positive amount (the smallest at all where none is positive), and each amount in steps.

    Raises:
        NotFittedError: An amount is not a whole number of steps, or there is none beyond one step.
    """
    step = min((a for a in amounts if a > 0), default=min(abs(a) for a in amounts))
    counts = tuple(round(a / step) for a in amounts)
    for amount, count in zip(amounts, counts, strict=True):
        if abs(amount - count * step) > 1e-6 * step:
            raise NotFittedError(f"powers of one step give no amount of {amount:+g} where the step is {step:g}.")
    if max(map(abs, counts)) < 2:
        shown = ", ".join(f"{a:+g}" for a in amounts)
        raise NotFittedError(f"there are no powers to fit: the only fitted amounts are single steps ({shown}).")
    return step, counts


def group_powers(fit_input: FitInput) -> tuple[Operator, Mapping[str, Any]]:
    """
    Fit the map described above; only the permutation of pairs is random.

    Facts: ``variant``; ``setting``, its limit or penalty (None for preserving); ``r2_preserving``,
    ``r2_truncated`` and ``r2_free``, the best of each on validation songs, a mean over amounts (None where no pair is
    held out); and for each amount the share of the squared displacement on validation songs (None where there are no
    pairs, or nothing moves) that is explained by the knob (``r2``), by the mean change (``r2_shift``), by the mean
    edited code alone (``r2_constant``) and by the same variant fitted to the sampled clips with their edited codes
    permuted (``r2_permuted``; None where the sample has fewer than D pairs of an amount); ``condition``, the condition
    number of the eigenvectors in whitened coordinates; ``modulus`` and ``angle`` (degrees, at least 0) of the
    eigenvalues.

    Raises:
        NotFittedError: The amounts are no whole multiples of one step, or of one step alone.
    """
    step, counts = steps_of(fit_input.amounts)
    problem = whitened(counts, fit_input.gram, fit_input.cross)
    variants = _variants(problem)
    scores = {name: [_validated(fit_input, problem, m) for _, m in candidates] for name, candidates in variants.items()}
    best = {name: int(np.argmin([error for error, _ in scored])) for name, scored in scores.items() if scored}
    variant = min(best, key=lambda name: scores[name][best[name]][0])
    setting, chosen = variants[variant][best[variant]]
    matrix, offset = in_codes(problem, chosen)
    values, vectors = np.linalg.eig(chosen[1:, 1:].T.numpy())
    upper = sorted((v for v in values.tolist() if complex(v).imag >= 0), key=lambda v: (-abs(v), complex(v).imag))
    facts: dict[str, Any] = {
        "variant": variant,
        "setting": setting,
        **{f"r2_{name}": _mean(scores[name][i][1]) for name, i in best.items()},
        "r2": scores[variant][best[variant]][1],
        **_baselines(fit_input),
        "r2_permuted": _permuted(fit_input, counts, variant, setting),
        "condition": float(np.linalg.cond(vectors)),
        "modulus": [abs(v) for v in upper],
        "angle": [float(np.degrees(np.angle(v))) for v in upper],
    }
    return Operator("group", {"step": np.asarray([step]), "matrix": matrix, "offset": offset}), facts


def _variants(problem: Whitened, only: str = "", setting: float | None = None) -> dict[str, list[_Candidate]]:
    """The candidates of every variant, the truncated ones first; or of one, no further than its setting."""
    start = step_of_paths(problem)
    truncated = _truncated(problem, start)
    # Without a truncated map there is no stable start: the step itself may shrink codes beyond recovery.
    first = min((m for _, m in truncated), key=lambda m: float(problem.loss(maps_of(problem, m))), default=None)
    out: dict[str, list[_Candidate]] = {"truncated": truncated}
    if first is None or only != "free":
        out["preserving"] = [(None, _preserving(problem, start if first is None else first))]
    if only in ("", "free"):
        weakest = 0.0 if setting is None else setting
        penalties = tuple(p for p in PENALTIES if p >= weakest)
        out["free"] = _free(problem, out["preserving"][0][1] if first is None else first, penalties)
    return out


def _validated(fit_input: FitInput, problem: Whitened, step: Tensor) -> tuple[float, list[float | None]]:
    """The validation error (the training loss without validation pairs), and the shares explained on validation."""
    shares = _shares(fit_input, _weights(problem, step))
    mean = _mean(shares)
    error = float(problem.loss(maps_of(problem, step))) if mean is None else 1.0 - mean
    return (error if np.isfinite(error) else np.inf), shares


def _mean(shares: list[float | None]) -> float | None:
    known = [share for share in shares if share is not None]
    return float(np.mean(known)) if known else None


def _weights(problem: Whitened, step: Tensor) -> Floats:
    """The weights (A, D + 1, D) of [1, z] at every amount."""
    matrix, offset = in_codes(problem, step)
    row = np.eye(len(offset) + 1)
    row[0, 1:], row[1:, 1:] = offset, matrix.T
    return np.stack([np.linalg.matrix_power(row, n)[:, 1:] for n in problem.counts])


def _baselines(fit_input: FitInput) -> dict[str, list[float | None]]:
    size = fit_input.latent_size
    shift = np.tile(np.eye(size + 1)[:, 1:], (len(fit_input.amounts), 1, 1))
    constant = np.zeros_like(shift)
    shift[:, 0] = fit_input.mean_change
    constant[:, 0] = fit_input.cross[:, 0] / fit_input.gram[:, :1, 0]
    return {"r2_shift": _shares(fit_input, shift), "r2_constant": _shares(fit_input, constant)}


def _permuted(
    fit_input: FitInput, counts: tuple[int, ...], variant: str, setting: float | None
) -> list[float | None] | None:
    """What the variant explains of the real validation pairs where the sampled clips' edited codes were permuted."""
    sample, size = fit_input.sample, fit_input.latent_size
    moments = PairMoments.empty(len(counts), size)
    order = np.random.default_rng([fit_input.seed, 5]).permutation(len(sample.codes))
    zero = sample.knots.index(0.0)
    for a, amount in enumerate(fit_input.amounts):
        side = 0 if amount in sample.knots else 1
        i, j = next((r for r in sample.routes.get(amount, ()) if r[side] == zero), (zero, zero))
        both = sample.mask[:, i] & sample.mask[order, j]
        if i == j or both.sum() < size:
            return None
        moments.add(a, sample.codes[both, i], sample.codes[order[both], j])
    problem = whitened(counts, moments.gram, moments.cross)
    step = next((m for s, m in _variants(problem, variant, setting).get(variant, ()) if s == setting), None)
    return None if step is None else _shares(fit_input, _weights(problem, step))


def _preserving(problem: Whitened, start: Tensor) -> Tensor:
    left, _, right = torch.linalg.svd(start[1:, 1:].T)
    nearest = left @ right
    offset = with_offset(problem, nearest)[0, 1:].clone().requires_grad_()
    turning = torch.zeros_like(nearest).requires_grad_()

    def build() -> tuple[Tensor, Tensor]:
        matrix = torch.linalg.matrix_exp(turning - turning.T) @ nearest
        return joined(matrix, offset), joined(matrix.T, -(matrix.T @ offset))

    _descend([turning, offset], lambda: problem.loss(maps_of(problem, *build())), STEPS)
    with torch.no_grad():
        return build()[0]


def _truncated(problem: Whitened, start: Tensor) -> list[_Candidate]:
    values, vectors = np.linalg.eig(start[1:, 1:].T.numpy())
    out: list[_Candidate] = []
    if np.linalg.cond(vectors) > MOST_CONDITION:
        return out
    for limit in LIMITS:
        size = np.abs(values)
        turned = np.where(size > limit, values / np.maximum(size, limit), 1.0)
        matrix = np.real(vectors @ (turned[:, None] * np.linalg.inv(vectors)))
        out.append((limit, with_offset(problem, torch.from_numpy(np.ascontiguousarray(matrix)))))
    return out


def _free(problem: Whitened, start: Tensor, penalties: tuple[float, ...]) -> list[_Candidate]:
    size = len(problem.variance)
    identity = torch.eye(size, dtype=torch.float64)
    share = problem.variance / problem.variance.sum()
    matrix, offset = (
        part.clone(memory_format=torch.contiguous_format).requires_grad_() for part in (start[1:, 1:].T, start[0, 1:])
    )
    out: list[_Candidate] = []
    for penalty in penalties:

        def loss(penalty: float = penalty) -> Tensor:
            held = ((matrix - identity) ** 2).sum(dim=1) @ share
            return problem.loss(maps_of(problem, joined(matrix, offset))) + penalty * held

        _descend([matrix, offset], loss, STEPS)
        out.append((penalty, joined(matrix.detach().clone(), offset.detach().clone())))
    return out


def _descend(parameters: list[Tensor], loss: Callable[[], Tensor], steps: int) -> None:
    """Minimise by L-BFGS; parameters that become non-finite are reset."""
    before = [p.detach().clone() for p in parameters]
    optimiser: Any = torch.optim.LBFGS(parameters, max_iter=steps, history_size=steps, line_search_fn="strong_wolfe")

    def closure() -> float:
        optimiser.zero_grad()
        value: Any = loss()  # torch's backward has no types
        value.backward()
        return float(value.detach())

    optimiser.step(closure)
    if not all(bool(torch.isfinite(p).all()) for p in parameters):
        with torch.no_grad():
            for p, old in zip(parameters, before, strict=True):
                p.copy_(old)


def _shares(fit_input: FitInput, weights: Floats) -> list[float | None]:
    """The share of the squared displacement on validation songs that weights (A, D + 1, D) of [1, z] explain."""
    unmoved = np.eye(fit_input.latent_size + 1)[:, 1:]
    out: list[float | None] = []
    for a in range(len(weights)):
        gram, square = fit_input.validation_gram[a], float(fit_input.validation_square[a])
        displacement = residual_square(unmoved, gram, fit_input.validation_cross[a], square)
        share = None
        if gram[0, 0] >= 1 and displacement > 1e-12 * square:  # less is the rounding of the sums
            share = 1.0 - residual_square(weights[a], gram, fit_input.validation_cross[a], square) / displacement
        out.append(share if share is not None and np.isfinite(share) else None)
    return out
