"""The metre of ``melody-2bar`` (4/4 in sixteenths): how strong each step is, and syncopation against it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from latentknobs.core.arrays import ClipBatch, Floats
from latentknobs.core.melody_format import MELODY, STEPS

BARS = 2
STEPS_PER_BAR = STEPS // BARS


def _weight(step: int) -> int:
    level = next(level for level in range(STEPS_PER_BAR) if step % (STEPS_PER_BAR >> level) == 0)
    return -level


WEIGHTS: NDArray[np.int64] = np.array([_weight(step) for step in range(STEPS)])
"""
Metrical weight of each step, (32,): 0 on the first of a bar, -1 in its middle, -2 on the other beats, -3 on eighths,
-4 on sixteenths. Source: Longuet-Higgins & Lee (1984).
"""

ORDER: NDArray[np.int64] = np.array([int(f"{step:05b}"[::-1], 2) for step in range(STEPS)])
"""
Place of each step when the strongest comes first, (32,), all different: the step's number with its bits reversed.

That is the order of the weights; among steps of one weight the one that follows a stronger step comes first, so that
a few steps taken in this order lie far apart.
"""


def syncopation(clips: ClipBatch) -> Floats:
    """
    Summed strength of the syncopations of clips (N, 32), float64 (N,), 0 or more.

    A note is syncopated where a step on which nothing starts (it is tied over it, or a rest) comes after it and before
    the next note, and is stronger than the note's own; the strength is by how much the strongest such step is. Steps
    past the clip's end do not count. Source: Longuet-Higgins & Lee (1984), with the weights above.
    """
    onset = MELODY.onsets(clips)
    weakest = int(WEIGHTS.min())
    total = np.zeros(len(clips))
    passed = np.full(len(clips), weakest)
    for step in reversed(range(STEPS)):
        strength = np.maximum(passed - WEIGHTS[step], 0)
        total += np.where(onset[:, step], strength, 0)
        passed = np.where(onset[:, step], weakest, np.maximum(passed, WEIGHTS[step]))
    return total
