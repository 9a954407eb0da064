"""
Bases of the latent space.

Each function takes a BasisInput and gives the basis vectors as columns, most important first. Eigenvectors have no
sign of their own: the entry of largest absolute value is made positive, so that the same input gives the same basis.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from latentknobs.core.active_dimensions import active_dimensions
from latentknobs.core.arrays import Floats
from latentknobs.core.method_specs import BasisInput, Coordinates

LEAST_EIGENVALUE = 1e-6
"""Correlations' eigenvalues below this are raised to it, so that a whitening can be undone."""
SWEEPS = 100
"""Most sweeps of planar rotations; a dozen usually suffice."""
STILL = 1e-9
"""Planar rotations by less than this, in radians, are rounding error."""


def standard(basis_input: BasisInput) -> Floats:
    """The model's own coordinates, as in the paper."""
    return np.eye(basis_input.latent_size)


def of_codes(basis_input: BasisInput) -> Floats:
    """Principal components of the codes (Pearson 1901): eigenvectors of their covariance, largest variance first."""
    return principal(basis_input.covariance)[1]


def of_differences(basis_input: BasisInput) -> Floats:
    """
    Principal directions of the differences d = after - before, about 0 and not about their mean.

    Every amount has equal weight: its mean of d d' is divided by its trace, or the largest edits would dominate.
    """
    return principal(_pooled(basis_input))[1]


def whitened(basis_input: BasisInput) -> Coordinates:
    """
    Whitening of the active dimensions by P^(-1/2) V^(-1/2), with V their variances and P their correlations.

    Of all whitenings it is the one whose coordinates correlate most with the model's own, dimension by dimension
    (ZCA-cor; Kessy, Lewin & Strimmer 2018). Whitened coordinates have covariance I, so the basis is orthonormal in
    the metric of the inverse covariance and not in the model's. Inactive dimensions stay as they are.
    """
    columns, dual = np.eye(basis_input.latent_size), np.eye(basis_input.latent_size)
    active = active_dimensions(basis_input.covariance)
    if len(active):
        part = np.ix_(active, active)
        spread = np.sqrt(np.diag(basis_input.covariance)[active])
        values, vectors = np.linalg.eigh(basis_input.covariance[part] / np.outer(spread, spread))
        root = np.sqrt(np.maximum(values, LEAST_EIGENVALUE))
        columns[part] = spread[:, None] * (vectors * root) @ vectors.T
        dual[part] = (vectors / root) @ vectors.T / spread[:, None]
    return Coordinates(columns, dual)


def simple_structure(basis_input: BasisInput) -> Floats:
    """
    Varimax (Kaiser 1958) of the leading principal directions of the differences.

    As many lead as their eigenvalues' participation ratio, rounded; the other principal directions follow as they
    are. The leading ones are ordered by how much of the differences they hold.
    """
    values, vectors = principal(_pooled(basis_input))
    total = float(values.sum())
    if total <= 0:
        return vectors
    leading = max(round(total**2 / float((values**2).sum())), 1)
    turn = varimax(vectors[:, :leading])
    order = np.argsort(-(turn**2 * values[:leading, None]).sum(axis=0), kind="stable")
    turned = vectors[:, :leading] @ turn[:, order]
    return np.concatenate([signed(turned), vectors[:, leading:]], axis=1)


def of_weights(basis_input: BasisInput) -> Floats:
    """
    Directions by how much the decoder's first layers amplify them (SeFa; Shen & Zhou 2021).

    Eigenvectors of W'W, W being all the matrices through which z enters the decoder, stacked.
    """
    gram = np.zeros((basis_input.latent_size, basis_input.latent_size))
    for matrix in basis_input.weights.values():
        gram += matrix.T.astype(np.float64) @ matrix
    return principal(gram)[1]


def of_fisher(basis_input: BasisInput) -> Floats:
    """Eigenvectors of the decoder's Fisher metric (Arvanitidis, Hansen & Hauberg 2018), the most audible first."""
    return principal(basis_input.fisher)[1]


def principal(moments: Floats) -> tuple[Floats, Floats]:
    """Eigenvalues (D,), descending, and eigenvectors as columns of a symmetric matrix (D, D)."""
    values, vectors = np.linalg.eigh((moments + moments.T) / 2)
    return np.maximum(values[::-1], 0.0), signed(vectors[:, ::-1])


def varimax(loadings: NDArray[np.float64]) -> Floats:
    """
    The rotation R (k, k) for which the columns of L R have the largest variance of squared entries, L (p, k).

    Kaiser (1958): pairs of columns are turned, each by the angle that is best for it, until none gains. The raw
    criterion, without normalising rows; deterministic. Disjoint pairs are turned together.
    """
    turned, rotation = loadings.astype(np.float64), np.eye(loadings.shape[1])
    for _ in range(SWEEPS):
        largest = 0.0
        for first, second in _rounds(loadings.shape[1]):
            x, y = turned[:, first], turned[:, second]
            u, v = x * x - y * y, 2 * x * y
            # Centred over the rows, since a variance is what the criterion sums.
            u, v = u - u.mean(axis=0), v - v.mean(axis=0)
            angle = np.arctan2(2 * (u * v).sum(axis=0), (u * u - v * v).sum(axis=0)) / 4
            angle[np.abs(angle) <= STILL] = 0.0
            largest = max(largest, float(np.abs(angle).max(initial=0.0)))
            cos, sin = np.cos(angle), np.sin(angle)
            for columns in (turned, rotation):
                x, y = columns[:, first], columns[:, second]
                columns[:, first], columns[:, second] = x * cos + y * sin, y * cos - x * sin
        if not largest:
            break
    return rotation


def _rounds(count: int) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Every pair of 0 to count - 1 once, in rounds of disjoint pairs: a round-robin tournament by the circle method."""
    seats = np.arange(count + count % 2)
    out = []
    for _ in range(max(len(seats) - 1, 0)):
        first, second = seats[: len(seats) // 2], seats[::-1][: len(seats) // 2]
        paired = (first < count) & (second < count)
        out.append((first[paired], second[paired]))
        seats = np.concatenate([seats[:1], np.roll(seats[1:], 1)])
    return out


def _pooled(basis_input: BasisInput) -> Floats:
    """Mean over amounts of the differences' second moments, each divided by its trace, (D, D)."""
    out = np.zeros((basis_input.latent_size, basis_input.latent_size))
    for moments in basis_input.differences:
        trace = float(np.trace(moments))
        if trace > 0:
            out += moments / (trace * len(basis_input.differences))
    return out


def signed(vectors: Floats) -> Floats:
    """The columns, each with the sign that makes its entry of largest absolute value positive."""
    largest = np.abs(vectors).argmax(axis=0)
    out: Floats = vectors * np.where(vectors[largest, np.arange(vectors.shape[1])] < 0, -1.0, 1.0)
    return out
