"""Seeds: which numbers can be one."""

from __future__ import annotations

import hashlib
from operator import index
from reprlib import repr as short
from typing import SupportsIndex

from latentknobs.errors import UsageError

MOST_SEED = 2**63 - 1
"""What the registry can keep: a larger seed is refused before the work, not after it."""


def as_seed(value: SupportsIndex) -> int:
    """
    The seed as a plain int: the converter of every value that carries one.

    Raises:
        UsageError: Not a whole number, negative, or more than MOST_SEED.
    """
    try:
        number = index(value)  # numpy's whole numbers too
    except TypeError:
        number = -1
    # True has an index as well, and nobody means it as a seed.
    if isinstance(value, bool) or not 0 <= number <= MOST_SEED:
        raise UsageError(f"A seed must be a whole number from 0 to {MOST_SEED}, not {short(value)}: choose another.")
    return number


def priority(seed: int, song: str, k: int) -> int:
    """Rank of the k-th clip of a song, 64 bits of a hash: a sample keeps the lowest, in whatever order they come."""
    digest = hashlib.sha256(f"{seed}\0{song}\0{k}".encode()).digest()
    return int.from_bytes(digest[:8], "big")
