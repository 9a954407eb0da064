"""
Sines, decays, ramps and noise that are the same to the bit on every machine.

What a mathematical library computes is rounded to a grid far above its last bits, once and for all; everything after
that is integers, and sums and products, which IEEE 754 fixes.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

SAMPLE_RATE = 44_100
LONGEST = 2**18
"""Samples after which a steady tone repeats itself, and a struck one has died away: 5.9 seconds."""
_TURN = 2**32  # of a phase
_TABLE_BITS = 15
_FINE = 2.0**22
_FINER = 2.0**36


@lru_cache(maxsize=1)
def sines() -> Samples:
    """One period of a sine."""
    turns = np.arange(2**_TABLE_BITS) / 2**_TABLE_BITS
    return _fixed(np.round(np.sin(2 * np.pi * turns) * _FINE) / _FINE)


def sine(hertz: float, samples: int, *, looped: bool = False) -> Samples:
    """
    A sine of amplitude 1 that starts at 0.

    Args:
        hertz: Below half of SAMPLE_RATE.
        samples: How many, at most LONGEST.
        looped: Whether the frequency is moved (by less than 0.1 hertz) so that LONGEST samples are whole periods.
    """
    grid = _TURN // LONGEST if looped else 1
    step = round(hertz / SAMPLE_RATE * _TURN / grid) * grid
    phase = np.arange(samples, dtype=np.uint32) * np.uint32(step)
    out: Samples = sines()[phase >> (32 - _TABLE_BITS)]
    return out


def swept_sine(hertz: float, sweep: float, seconds: float, samples: int) -> Samples:
    """A sine that starts ``sweep`` times as high as it ends, which it nears as e^(-t / seconds)."""
    fall = seconds * SAMPLE_RATE
    turns = np.arange(samples) + (sweep - 1) * fall * (1 - decay(seconds)[:samples].astype(np.float64))
    at = np.floor(turns * (hertz / SAMPLE_RATE * 2**_TABLE_BITS)).astype(np.int64)
    out: Samples = sines()[at & (2**_TABLE_BITS - 1)]
    return out


@lru_cache(maxsize=64)
def decay(seconds: float) -> Samples:
    """e^(-t / seconds) over LONGEST samples."""
    factor = round(math.exp(-1 / (seconds * SAMPLE_RATE)) * _FINER) / _FINER
    out = np.ones(LONGEST)
    done = 1
    while done < LONGEST:
        np.multiply(out[:done], factor, out=out[done : 2 * done])
        factor *= factor
        done *= 2
    return _fixed(out)


@lru_cache(maxsize=256)
def rise(samples: int) -> Samples:
    """Half a cosine from 0 up to 1."""
    return _fixed(np.round((0.5 - 0.5 * np.cos(np.pi * np.arange(samples) / max(samples, 1))) * _FINE) / _FINE)


@lru_cache(maxsize=8)
def noise(seed: int) -> Samples:
    """White noise between -1 and 1 over LONGEST samples; the generator's integers are fixed by numpy for ever."""
    raw = np.random.PCG64(seed).random_raw(LONGEST)
    return _fixed((raw >> np.uint64(40)).astype(np.float64) / 2**23 - 1)


def squares(multiples: tuple[float, ...], hertz: float, samples: int) -> Samples:
    """Square waves together, within -1 and 1: the sound of metal where their pitches have nothing in common."""
    total = np.zeros(samples, dtype=np.int32)
    for multiple in multiples:
        step = round(multiple * hertz / SAMPLE_RATE * _TURN)
        phase = np.arange(samples, dtype=np.uint32) * np.uint32(step)
        total += 1 - 2 * (phase >> 31).astype(np.int32)
    return total.astype(np.float32) / np.float32(len(multiples))


def bright(sound: Samples) -> Samples:
    """The band around 11 kHz: each sample less the one before the last."""
    out = sound.copy()
    out[2:] -= sound[:-2]
    return out / np.float32(2)


def dark(sound: Samples, width: int) -> Samples:
    """The mean of each sample and those before it, ``width`` in all: treble out."""
    fine = np.cumsum(np.round(sound.astype(np.float64) * _FINE).astype(np.int64))
    fine[width:] -= fine[:-width].copy()
    return (fine / (_FINE * width)).astype(np.float32)


def _fixed(values: NDArray[np.float64]) -> Samples:
    out = values.astype(np.float32)
    out.setflags(write=False)
    return out
