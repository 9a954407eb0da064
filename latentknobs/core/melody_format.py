"""
Clip formats of melodies: one voice on a grid, in any time signature. ``melody-2bar`` is two bars of 4/4 in sixteenths.

Tokens, one a step: 0 to 127 = a note of that MIDI pitch starts, 128 = it is held, 129 = rest. A hold with
nothing to hold (first, or after a rest) is not valid; in a decoder's output it is read as a rest.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from fractions import Fraction
from numbers import Rational
from typing import Any, ClassVar

import numpy as np
from attrs import field, frozen
from numpy.random import Generator
from numpy.typing import NDArray

from latentknobs.core.arrays import Bools, ClipBatch
from latentknobs.core.clip import Note, OutputGroup
from latentknobs.core.time_signature import TimeSignature
from latentknobs.errors import ClipError

HOLD = 128
REST = 129
STEPS = 32
MOST_STEPS = 4096
"""Most steps of a clip."""
MOST_STEPS_PER_BEAT = 24


def _groups() -> tuple[OutputGroup, ...]:
    onset = np.zeros(130, dtype=np.int16)
    onset[HOLD], onset[REST] = 1, 2
    pitch = np.full(130, -1, dtype=np.int16)
    pitch[:128] = np.arange(128)
    return (
        OutputGroup("onset", ("onset", "hold", "rest"), onset),
        OutputGroup("pitch", tuple(str(p) for p in range(128)), pitch),
    )


# Converters and not validators check these: what is made of them is made before validators run.


def _as_signature(value: TimeSignature | str) -> TimeSignature:
    return value if isinstance(value, TimeSignature) else TimeSignature.parse(str(value))


def _as_bars(value: int | Fraction) -> Fraction:
    if not isinstance(value, Rational) or value <= 0:
        raise ClipError(f"A format of melodies has a number of bars, above 0 (2, Fraction(1, 2)), not {value!r}.")
    return Fraction(int(value.numerator), int(value.denominator))


def _as_steps_per_beat(value: int) -> int:
    try:
        number = 0 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = 0
    if not 1 <= number <= MOST_STEPS_PER_BEAT:
        raise ClipError(
            f"A format of melodies has 1 to {MOST_STEPS_PER_BEAT} whole steps a quarter note, not {value!r}."
        )
    return number


def _is_a_name(_format: object, _attribute: object, name: Any) -> None:
    if not isinstance(name, str) or not name or not name.isprintable():
        raise ClipError(f"A format's name must be words on one line, not {name!r}: give it another or none.")


@frozen
class MelodyFormat:
    """
    Melodies of so many bars in a time signature, on a grid; see the module's text for the tokens.

    Two bars of a jig: ``MelodyFormat("6/8")``.

    Attributes:
        time_signature: Of its bars.
        bars: How many, at least one step's worth; a fraction where its last bar is not whole.
        steps_per_beat: Steps in a quarter note, 1 to 24.
        name: Unique name, by default made of the others: "melody-2bar-6-8", in 4/4 "melody-2bar".
        steps: Steps in a clip.
        divisions: Into how many parts a bar divides, and each part of it, down to the steps.

    Raises:
        ClipError: It has no whole number of steps, none at all or more than 4096; or the name is none.
        UsageError: The time signature is none.
    """

    time_signature: TimeSignature = field(default=TimeSignature(), converter=_as_signature)
    bars: Fraction = field(default=Fraction(2), converter=_as_bars)
    steps_per_beat: int = field(default=4, converter=_as_steps_per_beat)
    name: str = field(validator=_is_a_name)
    steps: int = field(init=False, eq=False)
    divisions: tuple[int, ...] = field(init=False, eq=False, repr=False)
    vocabulary: ClassVar[int] = 130
    groups: ClassVar[tuple[OutputGroup, ...]] = _groups()

    @name.default
    def _of_its_parts(self) -> str:
        signature = self.time_signature
        size = f"{self.bars}bar" if self.bars.denominator == 1 else f"{float(self.bars):.4g}bar"
        meter = "" if signature == TimeSignature() else f"-{signature.beats}-{signature.unit}"
        grid = "" if self.steps_per_beat == 4 else f"-in-{self.steps_per_beat}"
        return f"melody-{size}{meter}{grid}"

    @steps.default
    def _whole_steps(self) -> int:
        exact = self.bars * self.time_signature.quarters * self.steps_per_beat
        if exact.denominator != 1 or not 1 <= exact <= MOST_STEPS:
            raise ClipError(
                f"{self.bars} bars of {self.time_signature} in {self.steps_per_beat} steps a quarter note are "
                f"{float(exact):g} steps: a format has a whole number of them, 1 to {MOST_STEPS}."
            )
        return int(exact)

    @divisions.default
    def _of_the_meter(self) -> tuple[int, ...]:
        return self.time_signature.divisions(self.steps_per_beat)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one clip's token array, (steps,)."""
        return (self.steps,)

    @property
    def beats_per_bar(self) -> int | Fraction:
        """Quarter notes in a bar; a fraction where they are not whole, as in 9/8."""
        quarters = self.time_signature.quarters
        return int(quarters) if quarters.denominator == 1 else quarters

    def valid(self, clips: ClipBatch) -> Bools:
        """Which clips have no hold without a note to hold, bool (N,)."""
        bad = (clips == HOLD) & (self._before(clips) == REST)
        out: Bools = ~bad.any(axis=-1)
        return out

    def repair(self, clips: ClipBatch) -> ClipBatch:
        """Every hold that has nothing to hold becomes a rest, int16 (N, steps)."""
        return np.where((clips == HOLD) & (self.sounding(clips) < 0), np.int16(REST), clips).astype(np.int16)

    def joined(self, first: ClipBatch, second: ClipBatch, rng: Generator) -> ClipBatch:
        """Clips (N, steps) that begin as the first and from some beat on are the second; of one beat the first."""
        beats = self.steps // self.steps_per_beat
        change = (
            self.steps_per_beat * rng.integers(1, beats, len(first)) if beats > 1 else np.full(len(first), self.steps)
        )
        return self.repair(np.where(np.arange(self.steps) < change[:, None], first, second))

    def sounding(self, clips: ClipBatch) -> NDArray[np.int16]:
        """The pitch that sounds on each step, int16 (N, steps), -1 = silence."""
        step = np.arange(clips.shape[-1])
        started = np.maximum.accumulate(np.where(clips != HOLD, step, -1), axis=-1)
        token = np.take_along_axis(clips, np.maximum(started, 0), axis=-1)
        silent = (started < 0) | (token >= HOLD)
        return np.where(silent, np.int16(-1), token).astype(np.int16)

    def onsets(self, clips: ClipBatch) -> Bools:
        """Where a note starts, bool (N, steps)."""
        out: Bools = clips < HOLD
        return out

    def notes(self, clip: NDArray[np.int16]) -> tuple[Note, ...]:
        """The notes of one clip (steps,), by onset."""
        out: list[tuple[int, int, int]] = []
        sounds = False
        for step, token in enumerate(clip.tolist()):
            if token < HOLD:
                out.append((step, token, 1))
                sounds = True
            elif token == HOLD and sounds:
                onset, pitch, length = out[-1]
                out[-1] = (onset, pitch, length + 1)
            else:
                sounds = False
        return tuple(Note(onset, pitch, length) for onset, pitch, length in out)

    def tokens(self, notes: Iterable[Note]) -> NDArray[np.int16]:
        """
        One clip (steps,) with these notes.

        Raises:
            ClipError: Two notes sound at a time, or one ends past the clip.
        """
        out = np.full(self.shape, REST, dtype=np.int16)
        end = 0
        for note in sorted(notes):
            if note.onset < end:
                raise ClipError(
                    f"{self.name} carries one voice: the note on step {note.onset} starts before "
                    f"the one before it ends on step {end}."
                )
            if note.end > self.steps:
                raise ClipError(
                    f"{self.name} has {self.steps} steps: a note on step {note.onset} ends on step {note.end}."
                )
            out[note.onset] = note.pitch
            out[note.onset + 1 : note.end] = HOLD
            end = note.end
        return out

    @staticmethod
    def _before(clips: ClipBatch) -> ClipBatch:
        first = np.full((*clips.shape[:-1], 1), REST, dtype=np.int16)
        return np.concatenate([first, clips[..., :-1]], axis=-1)


MELODY = MelodyFormat()
"""Two bars of 4/4."""
MELODY_4BAR = MelodyFormat(bars=4)
"""Four bars of 4/4."""
MELODY_3_4 = MelodyFormat("3/4")
"""Two bars of 3/4: a waltz, 24 steps."""
MELODY_6_8 = MelodyFormat("6/8")
"""Two bars of 6/8: a jig, 24 steps."""
MELODY_9_8 = MelodyFormat("9/8")
"""Two bars of 9/8: a slip jig, 36 steps."""
MELODY_FORMATS: Mapping[str, MelodyFormat] = {
    one.name: one for one in (MELODY, MELODY_3_4, MELODY_6_8, MELODY_9_8, MELODY_4BAR)
}
"""The formats of melodies that are known by name; corpora and files of music give clips of each."""


def in_range(clips: ClipBatch, pitch_range: tuple[int, int]) -> Bools:
    """Which clips int16 (N, steps) have all their onsets within the lowest and highest MIDI pitch, bool (N,)."""
    outside = (clips < pitch_range[0]) | (clips > pitch_range[1])
    inside: Bools = ~np.any((clips < HOLD) & outside, axis=-1)
    return inside


def untransposed(clips: ClipBatch) -> NDArray[np.int16]:
    """The clips with their first pitch taken from every pitch: equal where clips are equal up to transposition."""
    notes = clips < HOLD
    first = np.take_along_axis(clips, notes.argmax(axis=-1)[..., None], axis=-1)
    return np.where(notes, clips - first, np.int16(512) + clips).astype(np.int16)


def pitches_in_order(clips: ClipBatch) -> NDArray[np.int16]:
    """The pitches of the notes, one after the other from the left, int16 (N, steps), -1 after the last."""
    notes = clips < HOLD
    order = np.argsort(~notes, axis=-1, kind="stable")
    there = np.arange(clips.shape[-1]) < notes.sum(axis=-1, keepdims=True)
    return np.where(there, np.take_along_axis(clips, order, axis=-1), np.int16(-1)).astype(np.int16)
