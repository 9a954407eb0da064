"""
Generated melodies whose true factors are known: a yardstick for how well a model keeps them apart.

A song is eight clips that share all their factors and nothing else. Everything about song i of seed s
comes from one generator seeded by (s, i), so the songs are endless, and any of them can be made alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import attrs
import numpy as np
from attrs import frozen
from numpy.random import Generator
from numpy.typing import NDArray

from latentknobs.core.arrays import Bools, ClipBatch, Floats, Ints
from latentknobs.core.corpus import Song
from latentknobs.core.melody_format import HOLD, MELODY, MELODY_FORMATS, REST, MelodyFormat
from latentknobs.corpora.generated_songs import GeneratedMelodies, song_generator, song_in_split, song_name
from latentknobs.errors import CorpusError

Degrees: TypeAlias = NDArray[np.int64]
_Table: TypeAlias = tuple[tuple[str, ...], ...]

CLIPS_PER_SONG: Final = 8
NAME: Final = "factors"
MODES: Final = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "pentatonic": (0, 2, 4, 7, 9),
}
"""Semitones above the tonic."""

CONTOURS: Final[Mapping[str, Callable[[Floats], Floats]]] = {
    "level": np.zeros_like,
    "rising": lambda at: 7 * at - 3.5,
    "falling": lambda at: 3.5 - 7 * at,
    "arch": lambda at: 5 * np.sin(np.pi * at) - 2.5,
    "valley": lambda at: 2.5 - 5 * np.sin(np.pi * at),
    "wave": lambda at: 3 * np.sin(2 * np.pi * at),
}
"""Scale degrees above the middle of the clip, by the place in it, 0 = its first step to 1 = its last."""

_PLAIN: Final = (
    ("x.......", "x......."),
    ("x...x...", "x.....x.", "x..."),
    ("x...x.x.", "x.x.x...", "x..xx...", "x.x...x."),
    ("x.x.x.x.", "x..xx.x.", "x..xx..x", "x.xxx..."),
    ("x.xxx.x.", "xxx.x.x.", "x.x.xxx.", "xxx.xxx.", "x.xxx.xx"),
    ("xxxxx.xx", "xxxxxxxx", "x.xxxxxx", "xxxxxxx."),
)
"""Rhythms of two quarter notes by density, ``x`` = a note starts."""
_SYNCOPATED: Final = (
    ("..x.....", "....x...", "...x...."),
    ("..x...x.", "x.....x.", "..x..x.."),
    ("x.x..x..", "x..x..x.", "..x.x.x.", "x..x...x"),
    (".x.x.x.x", "x.xx..x.", ".xx.x.x.", "x..x.xx."),
    ("x.xx.xx.", ".xx.xxx.", "xx.xx.x.", ".xxx.xx."),
    (".xxxxxxx", "xx.xxxxx", "xxxx.xxx", ".xxx.xxx"),
)
_PLAIN_QUARTERS: Final = (
    ("x...", "....", "x..."),
    ("x...", "x...", "x..x"),
    ("x...", "x.x.", "x.x."),
    ("x.x.", "x.xx", "xxx."),
    ("x.xx", "xxx.", "xxxx"),
    ("xxxx", "xxxx", "x.xx"),
)
_SYNCOPATED_QUARTERS: Final = (
    ("....", "..x.", "...x"),
    ("..x.", ".x..", "x..x"),
    ("..x.", ".x.x", "x..x"),
    (".x.x", ".xx.", "x..x", "..xx"),
    (".xxx", ".xx.", ".x.x"),
    (".xxx", ".xxx", "xx.x"),
)
_PLAIN_DOTTED: Final = (
    ("x.....", "......", "x....."),
    ("x.....", "x...x.", "x....."),
    ("x...x.", "x.x.x.", "x.x..."),
    ("x.x.x.", "x.xxx.", "x.x.xx"),
    ("x.xxx.", "xxx.x.", "xxxxx."),
    ("xxxxxx", "xxxxx.", "x.xxxx"),
)
_SYNCOPATED_DOTTED: Final = (
    ("......", "..x...", "....x."),
    ("..x...", "....x.", ".x..x."),
    ("..x.x.", "x..x..", ".x..x."),
    ("..xxx.", ".x.x.x", "x..x.x"),
    (".xxx.x", "..xxxx", ".xx.xx"),
    (".xxxxx", "xx.xxx", ".xxxx."),
)
"""Rhythms of a quarter note for simple time, and of a dotted one for compound time."""
_REPETITIONS: Final = ("none", "rhythm", "sequence")


def _templates(plain: _Table, syncopated: _Table) -> dict[bool, list[Bools]]:
    def of(table: _Table) -> list[Bools]:
        size = max(map(len, table[-1]))
        return [np.array([[c == "x" for c in line.ljust(size, ".")] for line in lines]) for lines in table]

    return {False: of(plain), True: of(syncopated)}


_HALVES = _templates(_PLAIN, _SYNCOPATED)
_QUARTERS = _templates(_PLAIN_QUARTERS, _SYNCOPATED_QUARTERS)
_DOTTED = _templates(_PLAIN_DOTTED, _SYNCOPATED_DOTTED)


def _rhythms(clip_format: MelodyFormat) -> dict[bool, list[Bools]]:
    """Rhythms of what a format's bars are made of."""
    if clip_format.time_signature.compound:
        return _DOTTED
    return _HALVES if (clip_format.steps / clip_format.bars) % 8 == 0 else _QUARTERS


@frozen
class MelodyFactors:
    """
    The true factors of a song, shared by all its clips.

    Attributes:
        tonic: Pitch class, 0 = C to 11 = B.
        mode: A key of ``MODES``.
        register: MIDI pitch, 54 to 78; the melody moves around the tonic nearest to it.
        density: 0 (about one onset a half bar) to 5 (about seven).
        syncopated: Whether notes start off the beat and sound over it.
        contour: A key of ``CONTOURS``.
        leap: Largest step from note to note, in scale degrees, 1 to 4.
        repeated: Probability that a note repeats the pitch before it: 0, 0.3 or 0.6.
        rests: Probability that a note is a rest instead: 0, 0.1 or 0.25.
        repetition: What the second bar takes from the first: "none", "rhythm", or "sequence" (rhythm, and
            the melody some degrees higher or lower).
    """

    tonic: int
    mode: str
    register: int
    density: int
    syncopated: bool
    contour: str
    leap: int
    repeated: float
    rests: float
    repetition: str

    def numbers(self) -> dict[str, float]:
        """Each factor as a number; a named one as its place in its list."""
        places = {"mode": tuple(MODES), "contour": tuple(CONTOURS), "repetition": _REPETITIONS}
        return {
            name: float(places[name].index(value) if name in places else value)
            for name, value in attrs.asdict(self).items()
        }


def factors_of(song: str) -> MelodyFactors:
    """
    The true factors of a song, by its name ("factors/0/17").

    Raises:
        CorpusError: Not the name of a song of this corpus.
    """
    parts = song.split("/")
    clip_format = MELODY_FORMATS.get(parts.pop(1)) if len(parts) == 4 else MELODY
    if len(parts) != 3 or parts[0] != NAME or clip_format is None or not all(map(str.isdecimal, parts[1:])):
        raise CorpusError(f"{song!r} is no song of the corpus {NAME}: its songs are named '{NAME}/SEED/INDEX'.")
    return _draw(song_generator(int(parts[1]), int(parts[2]), clip_format))


def make_song(seed: int, index: int, clip_format: MelodyFormat = MELODY) -> Song | None:
    """
    Song ``index`` of the seed: eight distinct clips, or as many as were found.

    None where none was found in its split: the barest factors allow only some dozens of clips.
    """
    rng = song_generator(seed, index, clip_format)
    factors = _draw(rng)

    def draw(size: int) -> ClipBatch:
        return _melodies(factors, size, clip_format, rng)

    return song_in_split(song_name(NAME, seed, index, clip_format), CLIPS_PER_SONG, draw)


def _draw(rng: Generator) -> MelodyFactors:
    return MelodyFactors(
        tonic=int(rng.integers(12)),
        mode=tuple(MODES)[rng.integers(len(MODES))],
        register=int(rng.integers(54, 79)),
        density=int(rng.integers(len(_PLAIN))),
        syncopated=bool(rng.random() < 1 / 3),
        contour=tuple(CONTOURS)[rng.integers(len(CONTOURS))],
        leap=int(rng.integers(1, 5)),
        repeated=(0.0, 0.3, 0.6)[rng.integers(3)],
        rests=(0.0, 0.1, 0.25)[rng.integers(3)],
        repetition=_REPETITIONS[rng.integers(3)],
    )


def _melodies(factors: MelodyFactors, size: int, clip_format: MelodyFormat, rng: Generator) -> ClipBatch:
    onsets, steps = _onsets(factors, size, clip_format, rng), clip_format.steps
    pitches = _pitches(factors, _degrees(factors, onsets, rng))
    step = np.where(onsets, np.arange(steps), -1)
    note = np.maximum.accumulate(step, axis=1)  # the step on which the note of each step starts
    silent = rng.random((size, steps)) < factors.rests
    silent[np.arange(size), onsets.argmax(axis=1)] = False  # at least one note in every clip
    silent = (note < 0) | np.take_along_axis(silent, np.maximum(note, 0), axis=1)
    return np.where(silent, REST, np.where(onsets, pitches, HOLD)).astype(np.int16)


def _onsets(factors: MelodyFactors, size: int, clip_format: MelodyFormat, rng: Generator) -> Bools:
    """Where notes start, bool (size, steps)."""
    rhythms, steps = _rhythms(clip_format), clip_format.steps
    table = rhythms[factors.syncopated][factors.density]
    onsets: Bools = table[rng.integers(len(table), size=(size, steps // table.shape[1]))].reshape(size, steps)
    if factors.repetition != "none":
        onsets[:, steps // 2 :] = onsets[:, : steps // 2]
    if rhythms is not _HALVES:
        onsets[~onsets.any(axis=1), 0] = True
    elif factors.density == 0 and not factors.syncopated:
        half = rng.random((size, int(clip_format.bars))) < 0.5  # half of the bars are one whole note
        onsets[:, 8::16] &= ~half
    return onsets


def _degrees(factors: MelodyFactors, onsets: Bools, rng: Generator) -> Degrees:
    """Scale degrees around the register, int64 (size, steps): a random walk along the contour."""
    size, steps = onsets.shape
    moves = rng.integers(1, factors.leap + 1, (size, steps)) * rng.choice(np.array([-1, 1]), (size, steps))
    still = rng.random((size, steps)) < factors.repeated
    # A note that repeats the one before moves neither with the walk nor with the contour.
    start = np.where(onsets & ~still, np.arange(steps), 0)
    along = CONTOURS[factors.contour](np.linspace(0, 1, steps))[np.maximum.accumulate(start, axis=1)]
    walk = np.zeros((size, steps), dtype=np.int64)
    now = np.zeros(size, dtype=np.int64)
    for step in range(steps):
        moved = now + moves[:, step]
        moved = np.where(np.abs(moved) > 4, now - moves[:, step], moved)
        now = np.where(onsets[:, step] & ~still[:, step], moved, now)
        walk[:, step] = now
    degrees: Degrees = walk + np.rint(along).astype(np.int64)
    if factors.repetition == "sequence":
        degrees[:, steps // 2 :] = degrees[:, : steps // 2] + rng.integers(-2, 3, (size, 1))
    return degrees


def _pitches(factors: MelodyFactors, degrees: Degrees) -> Ints:
    scale = np.array(MODES[factors.mode])
    tonic = factors.register + (factors.tonic - factors.register + 6) % 12 - 6  # the nearest one
    octave, degree = np.divmod(degrees, len(scale))
    pitches: Ints = tonic + 12 * octave + scale[degree]
    return pitches


@frozen
class SyntheticMelodies(GeneratedMelodies):
    """The corpus."""

    def song(self, seed: int, index: int, clip_format: MelodyFormat) -> Song | None:
        """See :func:`make_song`."""
        return make_song(seed, index, clip_format)

    discrete: frozenset[str] = frozenset({"tonic", "mode", "syncopated", "contour", "repetition"})

    def factors(self, song: str) -> Mapping[str, float]:
        """
        The true factors of a song.

        Raises:
            CorpusError: Not the name of a song of this corpus.
        """
        return factors_of(song).numbers()


FACTORS = SyntheticMelodies(
    NAME, "Generated melodies with known true factors (key, mode, register, density, contour, ...), endless."
)
