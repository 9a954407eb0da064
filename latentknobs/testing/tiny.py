"""
Models made by hand, without training and without torch: what they do to a code is known exactly.

There is one for each format of melodies in sixteenths; what follows is of two bars of 4/4. Each of a clip's eight
quarters is one number for its pitch and one for its activity (-1 rest, 0 hold, 1, 2, 3
= one, two, four equal notes). Dimension 0 is the mean pitch in octaves from middle C and dimension 8 the mean
activity; 1 to 7 and 9 to 15 hold how the beats differ from their mean, in an orthonormal basis; 16 to 23 are
inactive. So transposing by n semitones moves dimension 0 by n / 12 and nothing else, and splitting the notes of
a clip of quarter notes once moves dimension 8 by 1 and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray
from scipy.linalg import helmert

from latentknobs.core.arrays import Bools, ClipBatch, Codes, Floats, sha256_of_arrays
from latentknobs.core.backend import BackendFactory, BackendSpec, Posterior
from latentknobs.core.clip import Note, check_clips
from latentknobs.core.corpus import CorpusRequest, Song, split_of
from latentknobs.core.melody_format import HOLD, MELODY, MELODY_3_4, MELODY_6_8, MELODY_FORMATS, REST, MelodyFormat
from latentknobs.errors import BackendError, CorpusError
from latentknobs.hooks import hookimpl

LATENTKNOBS_API = 1

BEATS, BEAT = 8, 4
UNUSED = 8
"""Dimensions that are inactive."""
LATENT_SIZE = 2 * BEATS + UNUSED
PITCH, ACTIVITY = 0, 8
"""The dimensions of the mean pitch and of the mean activity."""
SCALE = 0.1
"""Standard deviation of the posterior in the active dimensions; 1 in the others."""
BLUR = 1e-3
"""Share of every probability that is spread evenly, so that no log-probability is infinite."""
_TEMPLATES = np.array(
    [
        [[0, 0, 1]] * 4,  # rest
        [[0, 1, 0]] * 4,  # hold
        [[1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 1, 0]],
        [[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 1, 0]],
        [[1, 0, 0]] * 4,
    ],
    dtype=np.float64,
)
"""(5, 4, 3): activity + 1, step of the beat, onset or hold or rest."""


def tiny_spec(clip_format: MelodyFormat = MELODY) -> BackendSpec:
    """
    The tiny model of a format of whole quarters in sixteenths: "tiny", for two bars of 3/4 "tiny-3-4".

    Of n quarters, dimension n is the mean activity, and eight more than 2 n are the dimensions of the code.
    """
    beats = clip_format.steps // BEAT
    weights = {"differences": helmert(beats), "templates": _TEMPLATES}
    other = "" if clip_format == MELODY else f" {clip_format.name}"
    config = f"tiny 1 {2 * beats + UNUSED} {SCALE} {BLUR}{other}".encode()
    return BackendSpec(
        name=clip_format.name.replace(MELODY.name, "tiny"),
        clip_format=clip_format,
        latent_size=2 * beats + UNUSED,
        model_id=sha256_of_arrays(weights, config),
        training={"corpus": "none: made by hand"},
        prior="standard-normal",
    )


@frozen(eq=False)
class TinyBackend:
    """The model; it reconstructs every clip of :func:`tiny_clips` exactly, other clips roughly."""

    spec: BackendSpec = field(factory=tiny_spec)

    @property
    def _format(self) -> MelodyFormat:
        """Its format, or that of the same steps where a test has given it another."""
        own = self.spec.clip_format
        return own if isinstance(own, MelodyFormat) else MELODY

    @property
    def _beats(self) -> int:
        return self._format.steps // BEAT

    def accepts(self, clips: ClipBatch) -> Bools:
        """Every valid clip, bool (N,)."""
        return self._format.valid(check_clips(clips, self._format))

    def encode(self, clips: ClipBatch) -> Posterior:
        """The codes of clips (N, 32)."""
        clips, beats = check_clips(clips, self._format), self._beats
        pitch, activity = _pitch_and_activity(clips, self._format)
        z = np.zeros((len(clips), 2 * beats + UNUSED), dtype=np.float32)
        for first, values in ((PITCH, (pitch - 60) / 12), (beats, activity)):
            z[:, first] = values.mean(axis=1)
            z[:, first + 1 : first + beats] = values @ helmert(beats).T
        scale = np.ones_like(z)
        scale[:, : 2 * beats] = SCALE
        return Posterior(z, scale)

    def decode(self, z: Codes) -> ClipBatch:
        """Greedy decoding of codes (N, 24): the most likely token of each step, then repaired."""
        classes, low, high, share = self._parts(z)
        pitch = np.where(share > 0.5, high, low)
        best = BLUR / 128 + (1 - BLUR) * np.where(low == high, 1.0, np.maximum(share, 1 - share))
        odds = np.stack([classes[..., 0] * best, classes[..., 1], classes[..., 2]], axis=-1)
        tokens = np.stack([pitch, np.full_like(pitch, HOLD), np.full_like(pitch, REST)], axis=-1)
        chosen = np.take_along_axis(tokens, odds.argmax(axis=-1)[..., None], axis=-1)[..., 0]
        return self._format.repair(chosen.astype(np.int16))

    def decode_log_probs(self, z: Codes, given: ClipBatch | None = None) -> NDArray[np.float32]:
        """Log-probabilities, float32 (N, 32, 130); a step does not depend on the steps before it."""
        if given is not None and len(check_clips(given, self._format)) != len(z):
            raise BackendError(f"tiny: {len(z)} codes and {len(given)} clips are given; there must be as many.")
        classes, low, high, share = self._parts(z)
        out = np.full((*classes.shape[:2], self._format.vocabulary), BLUR / 128)
        rows, steps = np.indices(low.shape)
        np.add.at(out, (rows, steps, low), (1 - BLUR) * (1 - share))
        np.add.at(out, (rows, steps, high), (1 - BLUR) * share)
        out[..., :HOLD] *= classes[..., :1]
        out[..., HOLD:] = classes[..., 1:]
        return np.log(out).astype(np.float32)

    def _parts(self, z: Codes) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64], Floats]:
        """Of each step: odds of onset, hold, rest (N, 32, 3), the two nearest pitches, the share of the higher."""
        z, beats = np.asarray(z), self._beats
        size = 2 * beats + UNUSED
        if z.ndim != 2 or z.shape[1] != size or not np.isfinite(z).all():
            raise BackendError(f"tiny decodes finite codes of shape (N, {size}), not {z.shape}.")
        values = z.astype(np.float64)
        pitch, activity = (
            values[:, first, None] + values[:, first + 1 : first + beats] @ helmert(beats) for first in (PITCH, beats)
        )
        low_activity, share = _between(activity + 1, len(_TEMPLATES) - 1)
        near, far = _TEMPLATES[low_activity], _TEMPLATES[np.minimum(low_activity + 1, len(_TEMPLATES) - 1)]
        mixed = near + share[..., None, None] * (far - near)
        classes = (BLUR / 3 + (1 - BLUR) * mixed).reshape(len(z), beats * BEAT, 3)
        low, higher = _between(np.round(60 + 12 * pitch, 4), 127)  # codes are float32: whole pitches stay whole
        low, higher = np.repeat(low, BEAT, axis=1), np.repeat(higher, BEAT, axis=1)
        return classes, low, np.minimum(low + 1, 127), higher


def _between(values: Floats, highest: int) -> tuple[NDArray[np.int64], Floats]:
    """The whole number at or below each value kept within 0 to ``highest``, and the rest."""
    kept = np.clip(values, 0, highest)
    low = np.floor(kept).astype(np.int64)
    return low, kept - low


def _pitch_and_activity(clips: ClipBatch, clip_format: MelodyFormat) -> tuple[Floats, Floats]:
    """Pitch and activity of each beat, float64 (N, beats) each."""
    beats = clip_format.steps // BEAT
    sounding = clip_format.sounding(clips).reshape(-1, beats, BEAT)
    onsets = clip_format.onsets(clips).reshape(-1, beats, BEAT)
    first = np.where(onsets.any(axis=-1), onsets.argmax(axis=-1), 0)
    pitch = np.take_along_axis(sounding, first[..., None], axis=-1)[..., 0].astype(np.float64)
    count = onsets.sum(axis=-1)
    activity = np.where(count > 0, 1 + np.log2(np.maximum(count, 1)), np.where(pitch >= 0, 0.0, -1.0))
    # A beat of rest takes the pitch before it, or the first of the clip: transposing moves all beats alike.
    beat = np.arange(beats)
    last = np.maximum.accumulate(np.where(pitch >= 0, beat, -1), axis=1)
    opening = (pitch >= 0).argmax(axis=1)[:, None]
    filled = np.take_along_axis(pitch, np.where(last >= 0, last, opening), axis=1)
    return np.where(filled >= 0, filled, 60.0), activity


def tiny_clips(
    count: int, *, seed: int = 0, low: int = 48, high: int = 83, clip_format: MelodyFormat = MELODY
) -> ClipBatch:
    """
    Melodies that :class:`TinyBackend` reconstructs exactly, int16 (count, 32).

    One in two is all quarter notes; the others mix rests, held beats, quarters, eighths and sixteenths.

    Args:
        count: How many.
        seed: The same seed gives the same clips.
        low: Lowest MIDI pitch.
        high: Highest MIDI pitch.
        clip_format: Of whole quarters in sixteenths.
    """
    rng, beats = np.random.default_rng(seed), clip_format.steps // BEAT
    out = [clip_format.tokens(_melody(rng, low, high, beats, plain=i % 2 == 0)) for i in range(count)]
    return np.stack(out) if out else np.zeros((0, clip_format.steps), dtype=np.int16)


def _melody(rng: np.random.Generator, low: int, high: int, beats: int, *, plain: bool) -> list[Note]:
    pitch = int(rng.integers(low, high + 1))
    notes: list[Note] = []
    for beat in range(beats):
        onset = beat * BEAT
        activity = 1 if plain or beat == 0 else int(rng.choice([-1, 0, 1, 2, 3], p=[0.1, 0.2, 0.3, 0.25, 0.15]))
        if activity > 0:
            pitch = int(np.clip(pitch + rng.integers(-4, 5), low, high))
            parts = 2 ** (activity - 1)
            notes += [Note(onset + k * BEAT // parts, pitch, BEAT // parts) for k in range(parts)]
        elif activity == 0 and notes[-1].end == onset:
            last = notes.pop()
            notes.append(Note(last.onset, last.pitch, last.length + BEAT))
    return notes


@frozen
class TinyCorpus:
    """Songs of four :func:`tiny_clips` each, without end."""

    name: str = "tiny"
    doc: str = "Seeded melodies that the tiny model reconstructs exactly."
    licence: str = "Made by a program; free to use."
    clip_format: str = MELODY.name
    takes: str = ""

    def songs(self, request: CorpusRequest, argument: str = "") -> Iterator[Song]:
        """
        The songs, in a fixed order for a seed.

        Raises:
            CorpusError: No number of clips is given, an argument is, or the pitch range leaves nothing.
        """
        if request.clips is None or argument:
            raise CorpusError("The corpus tiny takes no argument and has no end: say how many clips are wanted.")
        low, high = max(48, request.pitch_range[0]), min(83, request.pitch_range[1])
        if low > high:
            raise CorpusError(f"The corpus tiny has pitches 48 to 83, and none of {request.pitch_range} is among them.")
        for i in range(-(-request.clips // 4)):
            name = f"tiny/{request.seed}/{i:06d}"
            clips = tiny_clips(4, seed=request.seed * 1_000_003 + i, low=low, high=high)
            yield Song(name, clips, split_of(name))


TINY = BackendFactory(
    name="tiny",
    doc="A model made by hand, for tests.",
    load=lambda _location, _device: TinyBackend(),
    shipped={"tiny": ""},
    formats={"tiny": MELODY},
)
"""What a plugin of tests offers under ``register_backends``."""
TINY_METERS = BackendFactory(
    name="tiny-meters",
    doc="The tiny models of other time signatures.",
    load=lambda location, _device: TinyBackend(tiny_spec(MELODY_FORMATS[location])),
    shipped={tiny_spec(one).name: one.name for one in (MELODY_3_4, MELODY_6_8)},
    formats={tiny_spec(one).name: one for one in (MELODY_3_4, MELODY_6_8)},
)
"""The same for 3/4 and 6/8: the models tiny-3-4 and tiny-6-8."""


@hookimpl
def register_backends() -> list[BackendFactory]:
    """The model: this module is a plugin, which tests register."""
    return [TINY]


@hookimpl
def register_corpora() -> list[TinyCorpus]:
    """Its corpus."""
    return [TinyCorpus()]
