"""Pitch classes of melodies and the major scales that they fit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from latentknobs.core.arrays import ClipBatch, Ints
from latentknobs.core.melody_format import MELODY

CLASSES = 12
STEPS_OF_MAJOR = (0, 2, 4, 5, 7, 9, 11)

IN_MAJOR: NDArray[np.int64] = np.array(
    [[int((pitch - key) % CLASSES in STEPS_OF_MAJOR) for key in range(CLASSES)] for pitch in range(CLASSES)]
)
"""1 where a pitch class (row) is in the major scale on a pitch class (column), (12, 12)."""


def pitch_classes(clips: ClipBatch) -> Ints:
    """Notes of clips (N, steps) of each pitch class (0 = C), each counted once whatever its length, (N, 12)."""
    onset = MELODY.onsets(clips)
    here = (np.arange(len(clips))[:, None] * CLASSES + clips % CLASSES)[onset]
    return np.bincount(here, minlength=len(clips) * CLASSES).reshape(len(clips), CLASSES)


def outside_major(counts: Ints) -> Ints:
    """Notes outside the major scale that holds most of them, from :func:`pitch_classes` (N, 12), (N,)."""
    out: Ints = counts.sum(axis=-1) - (counts @ IN_MAJOR).max(axis=-1)
    return out
