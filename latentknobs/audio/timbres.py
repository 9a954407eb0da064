"""A few timbres for the 128 programs of General MIDI, each a sum of partials."""

from __future__ import annotations

import math

import numpy as np
from attrs import field, frozen, validators

from latentknobs.audio.waves import LONGEST, SAMPLE_RATE, Samples, decay, sine

STEADY = math.inf
"""The decay of a partial that lasts as long as its note."""

Partial = tuple[float, float, float]
"""(multiple of the pitch, loudness at the start, seconds in which it falls to 1/e)"""


@frozen
class Timbre:
    """
    How one kind of instrument sounds.

    Attributes:
        name: What people call it.
        partials: Its sines: struck ones die away, steady ones last.
        attack: Seconds in which a note rises.
        release: Seconds in which it falls, at the end of its length.
        level: Loudness among the others, as heard.
        steady: Whether a note lasts as long as it is held; a struck one has died away after LONGEST samples.
    """

    name: str
    partials: tuple[Partial, ...] = field(validator=validators.min_len(1))
    attack: float = field(default=0.006, validator=validators.gt(0))
    release: float = field(default=0.03, validator=validators.gt(0))
    level: float = field(default=1.0, validator=validators.gt(0))
    steady: bool = field(init=False)

    @steady.default
    def _lasts(self) -> bool:
        return any(math.isinf(seconds) for _multiple, _level, seconds in self.partials)

    @property
    def scale(self) -> float:
        """Factor that makes the first quarter of a second of all timbres as loud, times the level."""
        power = 0.0
        for _multiple, level, seconds in self.partials:
            fall = 0.5 / seconds
            power += level**2 * ((1 - math.exp(-fall)) / fall if fall else 1.0)
        return round(self.level / math.sqrt(power), 4)

    def tone(self, pitch: int, samples: int) -> Samples:
        """
        A note of a MIDI pitch without its attack and release, (samples,).

        At most LONGEST samples, after which a steady tone repeats itself without a seam.
        """
        samples = min(samples, LONGEST)
        hertz = 440.0 * 2.0 ** ((pitch - 69) / 12)
        out = np.zeros(samples, dtype=np.float32)
        for multiple, level, seconds in self.partials:
            if multiple * hertz < SAMPLE_RATE / 2:
                wave = sine(multiple * hertz, samples, looped=self.steady)
                wave *= np.float32(level * self.scale)
                out += wave if math.isinf(seconds) else wave * decay(seconds)[:samples]
        return out


def _series(*levels: float, seconds: float = STEADY, apart: float = 0.0) -> tuple[Partial, ...]:
    """Harmonics from the first on; with ``apart`` each doubled at half its loudness, so that many seem to play."""
    out = [(k, level, seconds) for k, level in enumerate(levels, start=1) if level]
    doubles = [(k * (1 + apart), level / 2, seconds) for k, level, seconds in out]
    return (*out, *(doubles if apart else ()))


PLUCKED = Timbre(
    "plucked", ((1, 1.0, 0.9), (2, 0.42, 0.6), (3, 0.2, 0.45), (4, 0.11, 0.3), (5, 0.05, 0.22), (6, 0.03, 0.16))
)
GUITAR = Timbre(
    "guitar", ((1, 1.0, 0.8), (2, 0.7, 0.6), (3, 0.5, 0.4), (4, 0.3, 0.3), (5, 0.2, 0.2), (6, 0.12, 0.15)), attack=0.004
)
BELL = Timbre("bell", ((1, 1.0, 1.1), (4, 0.3, 0.35), (9.6, 0.12, 0.1)), attack=0.002, level=0.9)
ORGAN = Timbre("organ", _series(1.0, 0.7, 0.45, 0.3, 0, 0.2, 0, 0.12), attack=0.012, level=0.7)
BASS = Timbre("bass", ((1, 1.0, 1.4), (2, 0.55, 0.7), (3, 0.3, 0.4), (4, 0.15, 0.25), (5, 0.08, 0.2)), level=1.2)
STRINGS = Timbre(
    "strings", _series(1.0, 0.55, 0.4, 0.28, 0.2, 0.14, apart=0.0035), attack=0.06, release=0.08, level=0.65
)
PAD = Timbre("pad", _series(1.0, 0.4, 0.15, 0.06, apart=0.004), attack=0.1, release=0.12, level=0.65)
BRASS = Timbre("brass", _series(1.0, 0.9, 0.75, 0.55, 0.4, 0.28, 0.18, 0.1), attack=0.035, release=0.05, level=0.65)
REED = Timbre("reed", _series(1.0, 0.15, 0.6, 0.12, 0.35, 0.08, 0.15), attack=0.025, release=0.04, level=0.7)
FLUTE = Timbre("flute", _series(1.0, 0.3, 0.1, 0.03), attack=0.045, release=0.05, level=0.8)
LEAD = Timbre("lead", _series(1.0, 0.55, 0.38, 0.3, 0.24, 0.2, 0.16), attack=0.008, level=0.6)

_FAMILIES = (
    (8, PLUCKED),
    (16, BELL),
    (24, ORGAN),
    (29, GUITAR),
    (31, LEAD),  # distorted
    (32, GUITAR),
    (40, BASS),
    (45, STRINGS),
    (48, PLUCKED),  # pizzicato, harp, timpani
    (52, STRINGS),
    (55, PAD),  # voices
    (64, BRASS),
    (72, REED),
    (80, FLUTE),
    (88, LEAD),
    (104, PAD),
    (109, GUITAR),  # sitar to kalimba
    (112, REED),
    (120, BELL),
    (128, PAD),
)
"""(first program after it, timbre), programs from 0."""


_PROGRAMS = tuple(next(timbre for stop, timbre in _FAMILIES if program < stop) for program in range(128))


def timbre_of(program: int) -> Timbre:
    """The timbre of a program of General MIDI, 0 to 127."""
    return _PROGRAMS[program]
