"""
Generated melodies of every style: what a model learns from that is to carry any melody, not one kind of music.

A song is sixteen clips of one style, and a style is a small process whose every choice has a known probability:

- on each step a note starts with the probability of its place in the bar. Places differ by meter, for or against it,
  and by chance, so that there are sparse and dense songs, off-beat ones, dotted and tied figures;
- a note that sounds ends there, without another, with a probability of the song: rests of any length;
- the next pitch comes from a mixture: the same, a step in the scale, a semitone, a chord tone of the bar, any tone
  in the song's register. Shares, scale (or none) and register, anywhere from pitch 21 to 108, are the song's.

So the probability of a clip, given its song's style and its bars' chords, is a product of known numbers, and minus its
logarithm is the clip's information. Its mean is the entropy that is left when style and chords are known, and no more
than the entropy of clips of the corpus.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from attrs import frozen
from numpy.random import Generator

from latentknobs.core.arrays import Bools, ClipBatch, Floats, make_read_only
from latentknobs.core.corpus import Song
from latentknobs.core.melody_format import HOLD, MELODY, REST, MelodyFormat
from latentknobs.core.meter import weights
from latentknobs.corpora.generated_songs import GeneratedMelodies, song_generator, song_in_split, song_name
from latentknobs.corpora.synthetic_melodies import MODES

CLIPS_PER_SONG: Final = 16
NAME: Final = "broad"
LOW: Final = 21
HIGH: Final = 108
_PITCHES: Final = np.arange(LOW, HIGH + 1)
_APART: Final = np.abs(_PITCHES - _PITCHES[:, None])


@frozen(eq=False)
class MelodyStyle:
    """
    The process that the clips of a song are drawn from.

    Attributes:
        starts: float64 (steps,), probability that a note starts on each step of a bar.
        ends: Probability that a note ends on a step on which none starts.
        first: float64 (88,), probability of the first pitch, from pitch 21.
        next: float64 (7, 88, 88), by chord, from a pitch to the next.
    """

    starts: Floats
    ends: float
    first: Floats
    next: Floats

    def __attrs_post_init__(self) -> None:
        make_read_only(self)

    @classmethod
    def draw(cls, rng: Generator, clip_format: MelodyFormat = MELODY) -> MelodyStyle:
        """A style of melodies in a format."""
        density, accent = rng.normal(0.2, 1.0), rng.uniform(-0.4, 0.8)
        bar = int(clip_format.steps / clip_format.bars)
        strength = weights(clip_format)[:bar] - weights(clip_format).min()  # 0 to 4 in 4/4
        logits = density + accent * (strength - 1.5) + rng.normal(0, 0.6, bar)
        ends = float(rng.choice([0.0, rng.uniform(0, 0.2), rng.uniform(0.1, 0.6)]))
        scale = np.zeros(12, dtype=bool)
        modes = [*MODES.values(), range(12)]
        scale[(np.array(modes[rng.integers(len(modes))]) + rng.integers(12)) % 12] = True
        middle, reach = rng.uniform(LOW, HIGH), rng.uniform(5, 22)
        inside = (np.abs(_PITCHES - middle) <= reach) & scale[_PITCHES % 12]
        if inside.sum() < 3:  # near the ends of the keyboard
            inside = np.abs(_PITCHES - np.clip(middle, LOW + 4, HIGH - 4)) <= 4
        shares = rng.dirichlet([0.5, 1.0, 0.5, 3.0, 1.0])
        return cls(1 / (1 + np.exp(-logits)), ends, inside / inside.sum(), _moves(shares, scale, inside))


def _moves(shares: Floats, scale: Bools, inside: Bools) -> Floats:
    """From a pitch to the next, (7, 88, 88), by the shares of repeating, steps, semitones, any tone, chord tones."""
    near = inside & (_APART > 0)
    parts = (_APART == 0, near & (_APART <= 2), _within(inside) & (_APART == 1), near)
    out: Floats = np.stack([_even(part) for part in parts], axis=-1) @ shares[:4]
    degrees = np.flatnonzero(scale)
    tones = np.zeros((7, 12), dtype=bool)
    for chord in range(7):
        tones[chord, degrees[(chord + np.array([0, 2, 4])) % len(degrees)]] = True
    chords: Floats = out + shares[4] * _even((near & (_APART <= 12)) & tones[:, None, _PITCHES % 12])
    return chords


def _even(moves: Bools) -> Floats:
    """Each of the moves from a pitch alike (..., 88, 88); a pitch without one repeats instead."""
    size = moves.sum(axis=-1, keepdims=True)
    out: Floats = np.where(size > 0, moves / np.maximum(size, 1), _APART == 0)
    return out


def _within(inside: Bools) -> Bools:
    """Which pitches lie between the lowest and the highest of those inside, bool (88,)."""
    places = np.flatnonzero(inside)
    out: Bools = (np.arange(len(inside)) >= places[0]) & (np.arange(len(inside)) <= places[-1])
    return out


def melodies(
    style: MelodyStyle, size: int, rng: Generator, clip_format: MelodyFormat = MELODY
) -> tuple[ClipBatch, Floats]:
    """
    Clips of a style, int16 (size, steps), each with a note, and the information of each in nats, float64 (size,).

    The information is minus the logarithm of the clip's probability, given the style and the chords of its bars.
    """
    bars, steps = int(clip_format.bars), clip_format.steps
    starts = np.tile(style.starts, bars)
    onsets = rng.random((size, steps)) < starts
    onsets[~onsets.any(axis=1), 0] = True
    lone = onsets[:, 0] & (onsets.sum(axis=1) == 1)  # also where nothing was drawn: the first step says nothing then
    nats = -np.log(np.where(onsets, starts, 1 - starts))
    nats[lone, 0] = 0.0
    nats = nats.sum(axis=1)
    stops = rng.random((size, steps)) < style.ends
    chords = np.repeat(rng.integers(7, size=(size, bars)), steps // bars, axis=1)
    chances = rng.random((size, steps))
    clips = np.full((size, steps), REST, dtype=np.int16)
    pitch = np.full(size, -1)
    sounding = np.zeros(size, dtype=bool)
    for step in range(steps):
        here = np.flatnonzero(onsets[:, step])
        table = np.where((pitch[here] < 0)[:, None], style.first, style.next[chords[here, step], pitch[here]])
        sums = np.cumsum(table, axis=1)
        drawn = (sums <= (chances[here, step] * sums[:, -1])[:, None]).sum(axis=1)
        nats[here] -= np.log(table[np.arange(len(here)), drawn])
        going = sounding & ~onsets[:, step]
        with np.errstate(divide="ignore"):  # a rate of 0 never happens
            nats[going] -= np.where(stops[going, step], np.log(style.ends), np.log1p(-style.ends))
        sounding = onsets[:, step] | (going & ~stops[:, step])
        clips[:, step] = np.where(sounding, HOLD, REST)
        clips[here, step], pitch[here] = drawn + LOW, drawn
    return clips, nats


def make_song(seed: int, index: int, clip_format: MelodyFormat = MELODY) -> Song | None:
    """Song ``index`` of the seed: sixteen distinct clips, or as many as were found; None where none was."""
    rng = song_generator(seed, index, clip_format, len(NAME))
    style = MelodyStyle.draw(rng, clip_format)

    def draw(size: int) -> ClipBatch:
        return melodies(style, size, rng, clip_format)[0]

    return song_in_split(song_name(NAME, seed, index, clip_format), CLIPS_PER_SONG, draw)


@frozen
class BroadMelodies(GeneratedMelodies):
    """The corpus."""

    def song(self, seed: int, index: int, clip_format: MelodyFormat) -> Song | None:
        """See :func:`make_song`."""
        return make_song(seed, index, clip_format)


BROAD = BroadMelodies(
    NAME, "Generated melodies of every style: any rhythm on the grid, any kind of line, pitches 21 to 108; endless."
)
