"""
The moments of an edit in whitened coordinates, and affine maps on rows [1, x] with their powers, for the group fit.

With x = forth (z - mean), a map is a matrix (D + 1, D + 1) whose first column is that of the identity, and its powers
are that matrix's. All tensors are float64.
"""

from __future__ import annotations

import numpy as np
import torch
from attrs import frozen
from torch import Tensor

from latentknobs.core.arrays import Floats

FLOOR = 1e-3
"""Variances below this share of the largest are raised to it before whitening."""


@frozen(eq=False)
class Whitened:
    """
    The moments in whitened coordinates x = forth (z - mean), averaged over pairs.

    Attributes:
        counts: Steps of each amount.
        gram: (A, D + 1, D + 1).
        cross: (A, D + 1, D).
        weight: (A,), 1 over what a map of each amount's own explains of the displacement, over A.
        variance: (D,), of the coordinates before whitening: the squared error of code is the sum of variance * that
            of x.
        mean: (D,).
        forth: (D, D).
        back: (D, D), its inverse.
    """

    counts: tuple[int, ...]
    gram: Tensor
    cross: Tensor
    weight: Tensor
    variance: Tensor
    mean: Floats
    forth: Floats
    back: Floats

    def loss(self, maps: Tensor) -> Tensor:
        """The error of maps (A, D + 1, D) of [1, x], up to a constant."""
        by_dimension = (maps * (torch.bmm(self.gram, maps) - 2.0 * self.cross)).sum(dim=1)
        return self.weight @ (by_dimension @ self.variance)


def whitened(counts: tuple[int, ...], gram: Floats, cross: Floats) -> Whitened:
    """
    Whiten by the codes before the edit, every amount weighted equally.

    Args:
        counts: Steps of each amount, (A,).
        gram: float64 (A, D + 1, D + 1), sums of [1, z][1, z]'.
        cross: float64 (A, D + 1, D), sums of [1, z] z_after'.
    """
    size = cross.shape[2]
    pooled = (gram / gram[:, :1, :1]).mean(axis=0)
    mean = pooled[0, 1:]
    values, vectors = np.linalg.eigh(pooled[1:, 1:] - np.outer(mean, mean))
    variance = np.maximum(values, max(FLOOR * float(values[-1]), 1e-12))
    forth, back = (vectors / np.sqrt(variance)).T, vectors * np.sqrt(variance)
    change = np.zeros((size + 1, size + 1))  # [1, x] = [1, z] change
    change[0, 0], change[0, 1:], change[1:, 1:] = 1.0, -(forth @ mean), forth.T
    pairs = gram[:, :1, :1]
    grams = change.T @ (gram / pairs) @ change
    crosses = change.T @ ((cross / pairs) @ forth.T + (gram[:, :, :1] / pairs) * change[0, 1:])
    identity = np.eye(size + 1)[:, 1:]
    target = crosses - grams @ identity
    best = np.linalg.solve(grams + 1e-6 * np.eye(size + 1), target)
    explained = ((best * target).sum(axis=1) * variance).sum(axis=1)
    # An amount at which nothing moves must not outweigh all others.
    least = max(1e-3 * float(explained.max()), 1e-9 * float(variance.sum()))
    weight = 1.0 / np.maximum(explained, least) / len(counts)
    gram_x, cross_x, weights, variances = (
        torch.from_numpy(np.ascontiguousarray(a)) for a in (grams, crosses, weight, variance)
    )
    return Whitened(counts, gram_x, cross_x, weights, variances, mean, forth, back)


def joined(matrix: Tensor, offset: Tensor) -> Tensor:
    """The map on rows [1, x] of M (D, D) and b (D,)."""
    size = len(offset)
    first = torch.eye(size + 1, 1, dtype=torch.float64)
    return torch.cat([first, torch.cat([offset[None], matrix.T])], dim=1)


def maps_of(problem: Whitened, step: Tensor, inverse: Tensor | None = None) -> Tensor:
    """The weights (A, D + 1, D) of [1, x] at every amount, of a map on rows [1, x] and its inverse."""
    back = torch.linalg.inv(step) if inverse is None and min(problem.counts) < 0 else inverse
    known: dict[int, Tensor] = {1: step}
    if back is not None:
        known[-1] = back

    def of(n: int) -> Tensor:
        if n not in known:
            half = int(n / 2)
            known[n] = of(half) @ of(n - half)
        return known[n]

    return torch.stack([of(n)[:, 1:] for n in problem.counts])


def step_of_paths(problem: Whitened) -> Tensor:
    """
    The one step from each amount's own ridge map to the next one's, 0 among them, on rows [1, x].

    Codes that those maps predict at n and n + 1 steps are one another's pairs, for all n: dynamic mode decomposition
    of the paths that the edit takes codes along.
    """
    size = len(problem.variance)
    ridge = 1e-2 * torch.eye(size + 1, dtype=torch.float64)
    ridge[0, 0] = 0.0
    identity = torch.eye(size + 1, dtype=torch.float64)
    own = identity[:, 1:] + torch.linalg.solve(
        problem.gram + ridge, problem.cross - torch.bmm(problem.gram, identity[:, 1:].expand_as(problem.cross))
    )
    first = identity[:, :1]
    known = {n: torch.cat([first, w], dim=1) for n, w in zip(problem.counts, own, strict=True)}
    known[0] = identity
    spread = problem.gram.mean(dim=0)
    before, after = ridge.clone(), ridge.clone()
    for n in sorted(known):
        if n + 1 in known:
            before = before + known[n].T @ spread @ known[n]
            after = after + known[n].T @ spread @ known[n + 1]
    out: Tensor = torch.linalg.solve(before, after)
    return torch.cat([first, out[:, 1:]], dim=1)


def with_offset(problem: Whitened, matrix: Tensor) -> Tensor:
    """M (D, D) with the best offset b for all amounts, in closed form: at n steps it is b S_n, linear in b."""
    size = len(problem.variance)
    identity = torch.eye(size, dtype=torch.float64)
    back = torch.linalg.inv(matrix.T)
    known = {0: (identity, 0.0 * identity), 1: (matrix.T, identity), -1: (back, -back)}

    def of(n: int) -> tuple[Tensor, Tensor]:
        """M'^n and S_n, the sum of M'^k from 0 to n - 1."""
        if n not in known:
            (first, first_sum), (second, second_sum) = of(int(n / 2)), of(n - int(n / 2))
            known[n] = first @ second, second_sum + second @ first_sum
        return known[n]

    powers, sums = (torch.stack(parts) for parts in zip(*(of(n) for n in problem.counts), strict=True))
    target = problem.cross[:, 0] - torch.einsum("ad,ade->ae", problem.gram[:, 0, 1:], powers)
    weighed = problem.weight[:, None, None] * sums * problem.variance
    left = torch.bmm(weighed, sums.transpose(1, 2)).sum(dim=0)
    right = torch.einsum("ade,ae->d", weighed, target)
    left = left + 1e-9 * left.diagonal().mean() * identity
    return joined(matrix, torch.linalg.solve(left, right))


def in_codes(problem: Whitened, step: Tensor) -> tuple[Floats, Floats]:
    """M and b of codes from a map on rows [1, x]."""
    inner, shift = step[1:, 1:].T.numpy(), step[0, 1:].numpy()
    matrix = problem.back @ inner @ problem.forth
    return matrix, problem.mean + problem.back @ shift - matrix @ problem.mean
