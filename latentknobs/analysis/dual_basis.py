"""
The linear algebra of decoupling: dual bases of directions, linear readings, and the complement of what is dropped.

A reading is a functional w: it gives w'd for a move d of codes. Directions and readings are rows, (m, D).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from latentknobs.core.arrays import Floats
from latentknobs.core.ridge import ridge_path
from latentknobs.discovery.bases import principal
from latentknobs.errors import UsageError

MOST_CONDITION = 1e6
"""Directions whose readings are worse conditioned than this cannot be told apart by codes kept in float32."""
BACKGROUND = 0.01
"""Weight of the codes' own covariance in the denominator of a contrast, beside the knob's moves."""
ROUNDING = 1e-9


def dual_basis(directions: Floats, readings: Floats) -> Floats:
    """
    The directions e_a (m, D), mixtures of the d_a, of which every reading sees its own alone, and as much as before.

    w_b'e_a = w_a'd_a where a = b and 0 elsewhere: with G_ba = w_b'd_a and K the rows d_a, E = diag(G) inv(G)' K. With
    readings K M, M a metric, this is the dual basis in that metric, each e_a scaled so that its projection on d_a is
    d_a (Halmos 1958, 15; in M = inv(S), S the codes' covariance, "orthogonal" is "uncorrelated").

    Raises:
        UsageError: The readings do not tell the directions apart: no own reading, or a condition number above 1e6.
    """
    responses = readings @ directions.T
    own = np.diag(responses)
    if not own.all() or not condition(responses / own) < MOST_CONDITION:
        raise UsageError("The directions cannot be decoupled: to the readings one is a mixture of the others.")
    out: Floats = own[:, None] * np.linalg.solve(responses.T, directions)
    return out


def cosines(moves: Floats) -> Floats:
    """Cosines (m, m) of the angles between moves (m, k) in coordinates where distances count; 0 beside no move."""
    length = np.linalg.norm(moves, axis=1, keepdims=True)
    unit = np.divide(moves, length, out=np.zeros_like(moves), where=length > 0)
    out: Floats = unit @ unit.T
    np.fill_diagonal(out, 1.0)
    return out


def condition(matrix: Floats) -> float:
    """Its largest singular value over its smallest; infinite where it is singular to rounding."""
    values = np.linalg.svd(matrix, compute_uv=False)
    return float(values[0] / values[-1]) if values[-1] > ROUNDING * values[0] else float("inf")


def alignment(energies: Floats) -> Floats:
    """
    How alike second moments C_a (m, k, k) are, (m, m), 0 to 1: tr(C_a C_b) / sqrt(tr(C_a^2) tr(C_b^2)).

    The RV coefficient (Robert & Escoufier 1976). Of two shifts it is the squared cosine.
    """
    flat = energies.reshape(len(energies), -1)
    return cosines(flat)


def ridge(codes: Floats, values: Floats, judged: tuple[Floats, Floats], spread: Floats) -> tuple[Floats, float]:
    """
    The reading w (D,) of an attribute by ridge regression on codes in units of their spread, and its R2.

    The penalty is the one of ``ridge.PENALTIES`` with the smallest squared error on the judged clips.

    Args:
        codes: float64 (n, D).
        values: float64 (n,); clips where it is NaN are left out.
        judged: Codes and values of other clips.
        spread: float64 (D,), standard deviations; a dimension where it is 0 is not read.
    """
    unit = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)
    finite, finite_judged = np.isfinite(values), np.isfinite(judged[1])
    if not finite.any() or not finite_judged.any():
        return np.zeros_like(spread), 0.0
    centre, middle = codes[finite].mean(axis=0), float(values[finite].mean())
    x, y = (codes[finite] - centre) * unit, values[finite] - middle
    gram, towards = x.T @ x / len(x), x.T @ y / len(x)
    weights = [w * unit for w in ridge_path(gram, towards, np.ones(len(gram)))]
    target = judged[1][finite_judged] - middle
    left = [float(((target - (judged[0][finite_judged] - centre) @ w) ** 2).sum()) for w in weights]
    best = int(np.argmin(left))
    total = float(((target - target.mean()) ** 2).sum())
    return weights[best], (1.0 - left[best] / total if total > 0 else 0.0)


def contrast(own: Floats, others: Floats, codes: Floats) -> Floats:
    """
    Readings v (k, D), unit length, those first by which the others move most beside the knob itself.

    Of C_o v = mu (C_a + eps C_z) v, C_a, C_o, C_z (D, D) of the knob's moves, the others' and the codes, the vectors
    in descending order of mu (generalised Rayleigh quotient; of two classes Fukunaga & Koontz 1970). This way round,
    and not by descending C_a over C_o, since what no knob moves then comes last, where dropping it costs nothing and
    would gain nothing. The three are given the same trace, so that units do not matter; eps is 0.01.

    Args:
        own: C_a in units of the dimensions' spread.
        others: C_o, the sum over the others.
        codes: C_z.
    """
    below = of_trace_1(own) + BACKGROUND * of_trace_1(codes)
    values, vectors = principal(below)
    used = values > ROUNDING * max(float(values[0]), ROUNDING)
    whitening = vectors[:, used] / np.sqrt(values[used])
    turned = principal(whitening.T @ of_trace_1(others) @ whitening)[1]
    directions = (whitening @ turned).T
    out: Floats = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    return out


def of_trace_1(moments: Floats) -> Floats:
    """Second moments divided by their trace; those of no move at all as they are."""
    trace = float(np.trace(moments))
    return moments / trace if trace > 0 else moments


def complement(readings: NDArray[np.float64], within: Floats) -> Floats:
    """
    Orthonormal columns P (D, r - k) of what k independent readings (n, D) cannot see in the span of ``within``.

    So every reading of P P'd is 0. Readings of length 0 see nothing.

    Args:
        readings: One a row.
        within: (D, r), orthonormal columns.
    """
    length = np.linalg.norm(readings, axis=1)
    projected = within.T @ (readings[length > 0] / length[length > 0, None]).T
    left, values, _ = np.linalg.svd(projected, full_matrices=True)
    out: Floats = within @ left[:, int((values > ROUNDING).sum()) :]
    return out
