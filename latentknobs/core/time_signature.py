"""Time signatures."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from attrs import field, frozen, validators

from latentknobs.errors import UsageError

_WRITTEN = re.compile(r"\s*(\d{1,3})\s*/\s*(\d{1,3})\s*")
MOST_BEATS = 255
"""Most beats that MIDI can write."""
UNITS = (1, 2, 4, 8, 16, 32, 64, 128)


@frozen
class TimeSignature:
    """
    A time signature: ``beats`` notes of 1/``unit`` to the bar.

    Attributes:
        beats: 1 to 255.
        unit: A power of two, 1 to 128.
    """

    beats: int = field(default=4, validator=[validators.ge(1), validators.le(MOST_BEATS)])
    unit: int = field(default=4, validator=validators.in_(UNITS))

    @classmethod
    def parse(cls, text: str) -> TimeSignature:
        """
        The time signature that is written so: "3/4".

        Raises:
            UsageError: It is none.
        """
        match = _WRITTEN.fullmatch(text)
        beats, unit = map(int, match.groups()) if match else (0, 0)
        if not 1 <= beats <= MOST_BEATS or unit not in UNITS:
            raise UsageError(f"{text!r} is no time signature: write beats and unit, as in 3/4 or 6/8.")
        return cls(beats, unit)

    def __str__(self) -> str:
        return f"{self.beats}/{self.unit}"

    @property
    def quarters(self) -> Fraction:
        """Quarter notes in a bar."""
        return Fraction(4 * self.beats, self.unit)

    @property
    def compound(self) -> bool:
        """Whether its beats are dotted, three units each: 6/8, 9/8, 12/8."""
        return self.unit >= 8 and self.beats > 3 and self.beats % 3 == 0

    def divisions(self, steps_per_beat: int) -> tuple[int, ...]:
        """
        Into how many parts a bar divides, and each part of it, down to the steps: (2, 3, 2) for 6/8 in sixteenths.

        Simple beats are halves and thirds of the bar by the smallest factors first; in compound time the bar is divided
        into its dotted beats and these into three. Where a bar has no whole number of steps, several are taken as one.

        Args:
            steps_per_beat: Steps in a quarter note.
        """
        return _divisions(self, steps_per_beat)


@lru_cache(1024)
def _divisions(signature: TimeSignature, steps_per_beat: int) -> tuple[int, ...]:
    bar = signature.quarters * steps_per_beat
    unit = Fraction(4 * steps_per_beat, signature.unit)  # steps in one
    if unit.denominator != 1:  # steps longer than a unit: no division of the bar by beats is one of steps
        return prime_factors(int(bar * bar.denominator))
    beats = (signature.beats // 3, 3) if signature.compound else (signature.beats,)
    return tuple(factor for number in (*beats, int(unit)) for factor in prime_factors(number))


def prime_factors(number: int) -> tuple[int, ...]:
    """Prime factors, ascending; none of 1."""
    first = next((n for n in range(2, number + 1) if number % n == 0), None)
    return () if first is None else (first, *prime_factors(number // first))
