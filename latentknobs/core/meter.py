"""The meter of a clip format: how strong each step is, and syncopation against it."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import prod

import numpy as np
from numpy.typing import NDArray

from latentknobs.core.arrays import ClipBatch, Floats, frozen_array
from latentknobs.core.clip import ClipFormat
from latentknobs.core.melody_format import MELODY
from latentknobs.core.time_signature import TimeSignature


def signature_of(clip_format: ClipFormat) -> TimeSignature:
    """The time signature of a format: the one that it states, else of as many quarter notes as its bars have."""
    stated: TimeSignature | None = getattr(clip_format, "time_signature", None)
    if stated is not None:
        return stated
    quarters = Fraction(clip_format.beats_per_bar)
    return TimeSignature(quarters.numerator, 4 * quarters.denominator)


def steps_per_bar(clip_format: ClipFormat) -> Fraction:
    """Steps in a bar; not always whole."""
    return signature_of(clip_format).quarters * clip_format.steps_per_beat


def steps_per_pulse(clip_format: ClipFormat) -> int:
    """Steps in what people count: a dotted beat in compound time, an eighth of 5/8, else a quarter note."""
    signature, per_beat = signature_of(clip_format), clip_format.steps_per_beat
    unit = Fraction(4 * per_beat, signature.unit)
    pulse = 3 * unit if signature.compound else unit if signature.quarters.denominator > 1 else Fraction(per_beat)
    return int(pulse) if pulse.denominator == 1 else per_beat


def dotted_beat(clip_format: ClipFormat) -> int:
    """Steps in a beat of compound time; 0 in simple time, and where they are not whole."""
    signature = signature_of(clip_format)
    steps = Fraction(12 * clip_format.steps_per_beat, signature.unit)
    return int(steps) if signature.compound and steps.denominator == 1 else 0


def bars(clip_format: ClipFormat) -> float:
    """Bars in a clip; a whole number for formats of whole bars."""
    return float(clip_format.steps / steps_per_bar(clip_format))


def levels(clip_format: ClipFormat) -> tuple[int, ...]:
    """Steps in each metrical unit, from the step to the bar, ascending: 1, 2, 4, 8, 16 in 4/4 of sixteenths."""
    divisions = _divisions(clip_format)
    return tuple(prod(divisions[level:]) for level in reversed(range(len(divisions) + 1)))


def sixteenths(clip_format: ClipFormat) -> float:
    """Sixteenths in a step."""
    return 4 / clip_format.steps_per_beat


def weights(clip_format: ClipFormat) -> NDArray[np.int64]:
    """
    Metrical weight of each step, (steps,): 0 on the first of a bar, -1 on its parts, one less on theirs.

    In 4/4: 0, -1 in the middle, -2 on the other beats, -3 on eighths, -4 on sixteenths. Source: Longuet-Higgins & Lee
    (1984).
    """
    return _weights(clip_format.steps, _divisions(clip_format))


def order(clip_format: ClipFormat) -> NDArray[np.int64]:
    """
    Place of each step when the strongest comes first, (steps,), all different: the digits of its number reversed.

    The digits count bars, parts of a bar and so on. That is the order of the weights; among steps of one weight the
    one that follows a stronger step comes first, so that a few steps taken in this order lie far apart.
    """
    return _order(clip_format.steps, _divisions(clip_format))


def _divisions(clip_format: ClipFormat) -> tuple[int, ...]:
    """Into how many parts a bar divides, and each of them, down to steps."""
    divisions = signature_of(clip_format).divisions(clip_format.steps_per_beat)
    stated: tuple[int, ...] = getattr(clip_format, "divisions", ())
    # What does not multiply to a bar would leave steps without a weight.
    return stated if prod(stated) == prod(divisions) else divisions


@lru_cache(1024)
def _weights(steps: int, divisions: tuple[int, ...]) -> NDArray[np.int64]:
    sizes = [prod(divisions[level:]) for level in range(len(divisions) + 1)]  # from the bar to the step
    return frozen_array(
        [-next(level for level, size in enumerate(sizes) if step % size == 0) for step in range(steps)], np.int64
    )


@lru_cache(1024)
def _order(steps: int, divisions: tuple[int, ...]) -> NDArray[np.int64]:
    whole_bars = -(-steps // prod(divisions))
    places = np.zeros(steps, dtype=np.int64)
    left, radices = np.arange(steps), (whole_bars, *divisions)
    for level in reversed(range(len(radices))):
        left, digit = np.divmod(left, radices[level])
        places += digit * prod(radices[:level])
    return frozen_array(np.argsort(np.argsort(places)), np.int64)


def syncopation(clips: ClipBatch, clip_format: ClipFormat = MELODY) -> Floats:
    """
    Summed strength of the syncopations of melody tokens (N, steps), float64 (N,), 0 or more.

    A note is syncopated where a step on which nothing starts (it is tied over it, or a rest) comes after it and before
    the next note, and is stronger than the note's own; the strength is by how much the strongest such step is. Steps
    past the clip's end do not count. Source: Longuet-Higgins & Lee (1984), with the weights above.
    """
    onset, weight = MELODY.onsets(clips), weights(clip_format)
    weakest = int(weight.min())
    total = np.zeros(len(clips))
    passed = np.full(len(clips), weakest)
    for step in reversed(range(clip_format.steps)):
        strength = np.maximum(passed - weight[step], 0)
        total += np.where(onset[:, step], strength, 0)
        passed = np.where(onset[:, step], weakest, np.maximum(passed, weight[step]))
    return total
