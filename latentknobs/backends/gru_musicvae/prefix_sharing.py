"""Sharing of encoder states: sorted clips with a common prefix need only one state until they differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from latentknobs.core.arrays import Ints


@frozen(eq=False)
class SharedSteps:
    """
    Steps through which no clips part that have been equal so far.

    Attributes:
        tokens: int64 (steps, M), at each step one for all clips that have been equal so far.
        origins: int64 (M,), the state before these steps that each continues; None = there is none.
        owners: int64 (N,), the state of each clip after each of these steps.
    """

    tokens: Ints
    origins: Ints | None
    owners: Ints


def in_order(tokens: NDArray[np.int64]) -> Ints:
    """The order (N,) of clips (N, T) in which common prefixes stand together: lexicographic."""
    order: Ints = np.lexsort(tokens.T[::-1]).astype(np.int64)
    return order


def shared_steps(tokens: NDArray[np.int64], enough: Callable[[int], int]) -> Iterator[SharedSteps]:
    """
    How to encode clips with one state for each distinct prefix.

    Args:
        tokens: (N, T), N at least 1, in the order of :func:`in_order`.
        enough: How many states to compute where so many are needed; they are repeated to that number.

    Yields:
        Runs of steps, T in all.
    """
    own = np.ones(tokens.shape, dtype=bool)
    own[1:] = np.logical_or.accumulate(tokens[1:] != tokens[:-1], axis=1)
    counts = own.sum(axis=0)
    bounds = [0, *(np.flatnonzero(np.diff(counts)) + 1).tolist(), len(counts)]
    owners = np.zeros(len(tokens), dtype=np.int64)
    for start, end in pairwise(bounds):
        rows = np.flatnonzero(own[:, start])
        rows = np.resize(rows, enough(len(rows)))
        origins = owners[rows] if start else None
        owners = np.cumsum(own[:, start]) - 1
        yield SharedSteps(np.ascontiguousarray(tokens[rows, start:end].T), origins, owners)
