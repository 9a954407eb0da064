"""A drum kit for the drum channel of General MIDI: a drum is a falling tone, a burst of noise, and metal."""

from __future__ import annotations

import numpy as np
from attrs import field, frozen, validators

from latentknobs.audio.waves import LONGEST, SAMPLE_RATE, Samples, bright, dark, decay, noise, squares, swept_sine

HATS = frozenset({42, 44, 46})
"""Closed, pedal and open hi-hat, which silence one another."""
ATTACK = 0.001
RELEASE = 0.01
_METAL = (1.0, 1.342, 1.523, 1.927, 2.547, 2.703)
_INAUDIBLE = 7  # time constants after which a sound is over: -61 dB
_NOT_NEGATIVE = validators.ge(0)


@frozen
class Drum:
    """
    How one drum sounds; each part has its loudness and the seconds in which it falls to 1/e, 0 = it has none.

    Attributes:
        tone: Of its skin or body.
        hertz: Where its pitch ends.
        sweep: How many times higher it starts.
        noise: Of snares, skins and shells.
        darkness: Samples over which the noise is smoothed; 0 = it is bright.
        metal: Of cymbals and bells.
        metal_hertz: Lowest pitch of the metal.
        strokes: How many in quick succession, as hands clap.
    """

    tone: tuple[float, float] = (0.0, 0.0)
    hertz: float = field(default=100.0, validator=validators.gt(0))
    sweep: float = field(default=1.0, validator=validators.ge(1))
    noise: tuple[float, float] = (0.0, 0.0)
    darkness: int = field(default=0, validator=_NOT_NEGATIVE)
    metal: tuple[float, float] = (0.0, 0.0)
    metal_hertz: float = field(default=420.0, validator=validators.gt(0))
    strokes: int = field(default=1, validator=validators.ge(1))

    @property
    def samples(self) -> int:
        """How long it rings."""
        seconds = max(self.tone[1], self.noise[1], self.metal[1])
        return min(round(_INAUDIBLE * seconds * SAMPLE_RATE), LONGEST)

    def sound(self) -> Samples:
        """One stroke, (samples,)."""
        out = np.zeros(self.samples, dtype=np.float32)
        level, seconds = self.tone
        if level:
            body = swept_sine(self.hertz, self.sweep, 0.03, len(out))
            out += np.float32(level) * body * decay(seconds)[: len(out)]
        level, seconds = self.noise
        if level:
            hiss = noise(0)[: len(out)]
            hiss = dark(hiss, self.darkness) if self.darkness else bright(hiss)
            fall = np.empty(len(out), dtype=np.float32)
            for stroke in range(self.strokes):
                at = stroke * round(0.011 * SAMPLE_RATE)
                fall[at:] = decay(seconds if stroke == self.strokes - 1 else 0.005)[: len(out) - at]
            out += np.float32(level) * hiss * fall
        level, seconds = self.metal
        if level:
            ring = bright(squares(_METAL, self.metal_hertz, len(out)))
            out += np.float32(level) * ring * decay(seconds)[: len(out)]
        return out


def _tom(hertz: float) -> Drum:
    return Drum(tone=(0.9, 0.16), hertz=hertz, sweep=1.6, noise=(0.12, 0.02), darkness=6)


def _skin(hertz: float) -> Drum:
    """A small hand drum."""
    return Drum(tone=(0.7, 0.07), hertz=hertz, sweep=1.25, noise=(0.15, 0.008), darkness=3)


def _wood(hertz: float) -> Drum:
    return Drum(tone=(0.6, 0.025), hertz=hertz, noise=(0.1, 0.004), darkness=2)


def _bell(hertz: float, seconds: float) -> Drum:
    return Drum(tone=(0.3, seconds), hertz=hertz, metal=(0.5, seconds / 2), metal_hertz=hertz)


def _shaker(seconds: float) -> Drum:
    return Drum(noise=(0.5, seconds))


def _cymbal(seconds: float, level: float) -> Drum:
    return Drum(noise=(level, seconds), metal=(level * 1.2, seconds * 0.8))


_KICK = Drum(tone=(1.5, 0.12), hertz=50, sweep=4.5, noise=(0.3, 0.004), darkness=4)
_SNARE = Drum(tone=(0.5, 0.07), hertz=185, sweep=1.4, noise=(0.75, 0.075), darkness=2)
_CLAP = Drum(noise=(0.9, 0.09), darkness=2, strokes=3)
_RIDE = Drum(noise=(0.12, 0.25), metal=(0.5, 0.3), metal_hertz=520)
_TOMS = {41: 75, 43: 92, 45: 110, 47: 132, 48: 158, 50: 185, 65: 220, 66: 165, 86: 85, 87: 70}  # in hertz, as below
_SKINS = {60: 330, 61: 240, 62: 270, 63: 220, 64: 165, 78: 420, 79: 300}
_WOODS = {37: 1700, 71: 2300, 72: 2300, 75: 2500, 76: 1100, 77: 800, 85: 2000}
_BELLS = {53: (700, 0.3), 56: (560, 0.09), 67: (900, 0.12), 68: (650, 0.12), 80: (2100, 0.03), 81: (2100, 0.5)}
_SHAKERS = {54: 0.07, 58: 0.2, 69: 0.03, 70: 0.015, 73: 0.04, 74: 0.12, 82: 0.03}  # in seconds
_CYMBALS = {42: (0.022, 0.55), 44: (0.03, 0.4), 46: (0.17, 0.5)}  # in seconds, and loudness
_CYMBALS |= {49: (0.5, 0.6), 52: (0.4, 0.6), 55: (0.2, 0.6), 57: (0.5, 0.6)}

KIT = {
    **dict.fromkeys((35, 36), _KICK),
    **dict.fromkeys((38, 40), _SNARE),
    **dict.fromkeys((51, 59), _RIDE),
    39: _CLAP,
    **{number: _tom(hertz) for number, hertz in _TOMS.items()},
    **{number: _skin(hertz) for number, hertz in _SKINS.items()},
    **{number: _wood(hertz) for number, hertz in _WOODS.items()},
    **{number: _bell(*what) for number, what in _BELLS.items()},
    **{number: _shaker(seconds) for number, seconds in _SHAKERS.items()},
    **{number: _cymbal(*what) for number, what in _CYMBALS.items()},
}
"""Drums of General MIDI by number."""
OTHER = _wood(800)
"""What a number without a drum sounds like."""


def drum_of(number: int) -> Drum:
    """The drum of a number of the drum channel, 0 to 127."""
    return KIT.get(number, OTHER)
