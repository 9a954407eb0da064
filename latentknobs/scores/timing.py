"""How onsets lie against the grid: a constant lateness, swing, triplets, or no grid at all."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from latentknobs.core.arrays import Floats

OFF_GRID = 0.33
"""Sixteenths (steps, if longer) by which an onset off the grid is moved: triplets and swung eighths move by a third."""
Feel: TypeAlias = Literal["straight", "swing", "triplets", "mixed", "rubato"]
_STEADY = 8  # onsets from which on a constant lateness is told from chance
_EARLY = -0.25  # steps up to which a constant earliness is what it seems, rather than a delay of most of a step
_FEW = 0.1  # share of onsets beside the grid that says nothing
_RUBATO = 0.2  # share of onsets off the grid, for no reason that is known, from which on there is no grid
_ENOUGH = 16  # onsets from which on a grid is told from none
_EXPLAINED = 0.8  # share of the onsets off the grid that swing or triplets must explain


@frozen
class Timing:
    """
    How onsets lie against the grid.

    Attributes:
        feel: "straight" = hardly any is off the grid; "swing", "triplets" = most of those that are lie where these have
            theirs; "rubato" = many are anywhere; "mixed" = something between.
        off: Share of the onsets that are moved by a third of a sixteenth (of a step, if longer) or more, 0 to 1.
        mean: Steps by which onsets are moved on average.
    """

    feel: Feel
    off: float
    mean: float


def lateness(places: Floats, steps_per_beat: int) -> float:
    """
    Steps by which all onsets are late against the grid, less than one; 0 where they have nothing in common.

    What nine of ten onsets share to a tenth of a step is taken for the delay of an instrument or a driver.

    Args:
        places: float64 (N,), where the onsets are, in steps from a bar line.
        steps_per_beat: Steps in a quarter note.
    """
    if len(places) < _STEADY:
        return 0.0
    centre = float(np.angle(np.exp(2j * np.pi * places).mean()) / (2 * np.pi))
    apart = (places - centre + 0.5) % 1 - 0.5
    late = centre + float(np.median(apart))
    if (np.abs(apart) > 0.1).mean() > 0.1 or abs(late) < 0.1:
        return 0.0
    if late < _EARLY:
        # Early or late? Melodies have more onsets on beats than beside them.
        early_beats, late_beats = (
            int((np.round(places - shift) % steps_per_beat == 0).sum()) for shift in (late, late + 1)
        )
        late += late_beats > early_beats or (late_beats == early_beats and late < -0.3)
    return late


def timing(places: Floats, steps_per_beat: int) -> Timing:
    """
    What the onsets' places say.

    Args:
        places: float64 (N,), in steps from a bar line, a constant lateness taken out.
        steps_per_beat: Steps in a quarter note.
    """
    if not len(places):
        return Timing("straight", 0.0, 0.0)
    apart = np.abs(places - np.floor(places + 0.5))
    # On a finer grid nobody plays to a third of a step.
    off, mean = float((apart >= OFF_GRID * max(steps_per_beat / 4, 1)).mean()), float(apart.mean())
    # Steady playing is within a few hundredths of a step of the grid; swing of any ratio is a quarter of one beside it.
    loose = places[apart >= 0.25]
    if len(loose) <= max(_FEW * len(places), 2):
        return Timing("straight", off, mean)
    if _swings(loose % steps_per_beat, steps_per_beat) or _swings(loose % (steps_per_beat / 2), steps_per_beat / 2):
        return Timing("swing", off, mean)
    third = steps_per_beat / 6  # sixteenth triplets, of which eighth triplets are every second
    beside = np.abs(loose - third * np.round(loose / third))
    if float((beside <= 0.12).mean()) >= _EXPLAINED:
        return Timing("triplets", off, mean)
    return Timing("rubato" if off >= _RUBATO and len(places) >= _ENOUGH else "mixed", off, mean)


def _swings(within: NDArray[np.float64], unit: float) -> bool:
    """Whether onsets, by their place within a unit, are its second half played late, always by about as much."""
    late = within[(within > 0.54 * unit) & (within < 0.76 * unit)]
    return len(late) >= _EXPLAINED * len(within) and float(late.std()) <= 0.04 * unit
