"""Sharing of encoder states: sorted clips with a common prefix need only one state until they differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from latentknobs.core.arrays import Ints


@frozen(eq=False)
class Step:
    """
    One step of encoding clips that share prefixes.

    Attributes:
        tokens: int64 (M,), one for all clips that have been equal so far.
        origins: int64 (M,), the previous step's state that each continues; None = its own.
        owners: int64 (N,), the state of each clip after this step.
    """

    tokens: Ints
    origins: Ints | None
    owners: Ints


def in_order(tokens: NDArray[np.int64]) -> Ints:
    """The order (N,) of clips (N, T) in which common prefixes stand together: lexicographic."""
    order: Ints = np.lexsort(tokens.T[::-1]).astype(np.int64)
    return order


def steps(tokens: NDArray[np.int64], enough: Callable[[int], int]) -> Iterator[Step]:
    """
    How to encode clips with one state for each distinct prefix.

    Args:
        tokens: (N, T), N at least 1, in the order of :func:`in_order`.
        enough: How many states to compute where so many are needed; they are repeated to that number.

    Yields:
        A step for each of the T tokens.
    """
    own = np.ones(tokens.shape, dtype=bool)
    own[1:] = np.logical_or.accumulate(tokens[1:] != tokens[:-1], axis=1)
    before = -1
    state_of = np.zeros(len(tokens), dtype=np.int64)
    for step, mine in enumerate(own.T):
        rows = np.flatnonzero(mine)
        count = len(rows)
        rows = np.resize(rows, enough(count))
        origins = state_of[rows] if step and count != before else None
        before, state_of = count, np.cumsum(mine) - 1
        yield Step(tokens[rows, step], origins, state_of)
