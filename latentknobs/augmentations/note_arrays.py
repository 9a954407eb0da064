"""What several of the built-in augmentations share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from latentknobs.core.arrays import Bools
from latentknobs.core.clip import Note
from latentknobs.core.edit_context import EditContext
from latentknobs.errors import AmountError

RHYTHM = frozenset({"log2-onsets", "note-density", "syncopation", "rests", "mean-onset", "onset-f1"})
"""What stays where every note stays on its steps."""
PITCHES = frozenset({"mean-pitch", "mean-octave", "pitch-range", "mean-interval", "chromaticism"})
"""What stays where the same pitches follow one another in the same order."""


def whole(amount: float, parts: float, least: int, most: float, takes: str) -> int:
    """
    An amount as a whole number of parts.

    Args:
        amount: The amount.
        parts: How many parts make one unit of it.
        least: Fewest parts.
        most: Most parts.
        takes: What the edit takes, for the message ("tilt takes ...").

    Raises:
        AmountError: It is no whole number of parts, or fewer or more than these.
    """
    count = amount * parts
    if not (least <= count <= most and float(count).is_integer()):
        raise AmountError(f"{takes}, not {amount:g}.")
    return int(count)


def origin(notes: Sequence[Note], context: EditContext | None) -> int:
    """Pitch of the first note of a piece; of the notes themselves, at least one, where no piece is known."""
    return (notes[0] if context is None or context.first is None else context.first).pitch


def first_of(among: Bools, rank: NDArray[np.integer], count: int) -> tuple[Bools, Bools]:
    """
    In each row the ``count`` places of lowest rank.

    Args:
        among: bool (N, K), the places that may be taken.
        rank: (K,) or (N, K), different for all places of a row.
        count: 1 to K.

    Returns:
        The places, bool (N, K), and whether a row has as many, bool (N,).
    """
    never = np.iinfo(np.int64).max
    ranks = np.where(among, rank, never)
    last = np.sort(ranks, axis=-1)[:, count - 1]
    return among & (ranks <= last[:, None]), last < never
