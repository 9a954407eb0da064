"""
Clip formats of melodies: one voice on a grid. The built-in ``melody-2bar`` is two bars of 4/4 in sixteenth steps.

Tokens, one a step: 0 to 127 = a note of that MIDI pitch starts, 128 = it is held, 129 = rest. A hold with
nothing to hold (first, or after a rest) is not valid; in a decoder's output it is read as a rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from latentknobs.core.arrays import Bools, ClipBatch
from latentknobs.core.clip import ClipFormat, Note, OutputGroup
from latentknobs.core.time_signature import TimeSignature
from latentknobs.errors import ClipError

HOLD = 128
REST = 129
STEPS = 32


def _groups() -> tuple[OutputGroup, ...]:
    onset = np.zeros(130, dtype=np.int16)
    onset[HOLD], onset[REST] = 1, 2
    pitch = np.full(130, -1, dtype=np.int16)
    pitch[:128] = np.arange(128)
    return (
        OutputGroup("onset", ("onset", "hold", "rest"), onset),
        OutputGroup("pitch", tuple(str(p) for p in range(128)), pitch),
    )


@frozen
class MelodyFormat:
    """
    A format's facts and its vectorised views; see the module's text for the tokens.

    Two bars of a waltz: ``MelodyFormat(name="waltz-2bar", shape=(24,), steps=24, beats_per_bar=3)``.

    Attributes:
        divisions: Into how many parts a bar divides, and each part of it, down to the steps: (2, 3, 2) for 6/8 in
            sixteenths. () = the beats of a bar by the smallest factors first, and then the steps of a beat.
        time_signature: Of its bars, where ``beats_per_bar`` holds several of them, as 9/8 has no whole quarter notes.
    """

    name: str = "melody-2bar"
    shape: tuple[int, ...] = (STEPS,)
    vocabulary: int = 130
    groups: tuple[OutputGroup, ...] = _groups()
    steps: int = STEPS
    steps_per_beat: int = 4
    beats_per_bar: int = 4
    divisions: tuple[int, ...] = ()
    time_signature: TimeSignature | None = None

    def valid(self, clips: ClipBatch) -> Bools:
        """Which clips have no hold without a note to hold, bool (N,)."""
        bad = (clips == HOLD) & (self._before(clips) == REST)
        out: Bools = ~bad.any(axis=-1)
        return out

    def repair(self, clips: ClipBatch) -> ClipBatch:
        """Every hold that has nothing to hold becomes a rest, int16 (N, steps)."""
        return np.where((clips == HOLD) & (self.sounding(clips) < 0), np.int16(REST), clips).astype(np.int16)

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
"""Two bars of 4/4, the format of the built-in models and corpora."""
MELODY_4BAR = MelodyFormat(name="melody-4bar", shape=(2 * STEPS,), steps=2 * STEPS)
"""Four bars of 4/4."""


def is_compound(clip_format: ClipFormat) -> bool:
    """Whether the beats of a format's bars are dotted, as its ``divisions`` say: (2, 3, 2) for 6/8 in sixteenths."""
    return 3 in getattr(clip_format, "divisions", ())[1:]


@lru_cache(1024)
def format_for(signature: TimeSignature, steps: int, steps_per_beat: int = 4) -> MelodyFormat:
    """
    The format of clips of that many steps in a time signature.

    Where a bar has no whole number of quarter notes, as in 9/8, two or more are counted as one.
    """
    bars = signature.quarters.denominator
    quarters = int(bars * signature.quarters)
    beats = (signature.beats // 3, 3) if signature.compound else (signature.beats,)
    unit = Fraction(4 * steps_per_beat, signature.unit)  # steps in one
    divisions = [number for number in (bars, *beats) if number > 1]
    if unit.denominator != 1:
        divisions = []  # steps longer than a unit: the format's own order
    elif unit > 1:
        divisions.append(int(unit))
    factors = [factor for number in divisions for factor in prime_factors(number)]
    return MelodyFormat(
        name=f"melody-{steps}-steps-{signature.beats}-{signature.unit}",
        shape=(steps,),
        steps=steps,
        steps_per_beat=steps_per_beat,
        beats_per_bar=quarters,
        divisions=tuple(factors),
        time_signature=signature,
    )


def prime_factors(number: int) -> tuple[int, ...]:
    """Prime factors, ascending; none of 1."""
    first = next((n for n in range(2, number + 1) if number % n == 0), None)
    return () if first is None else (first, *prime_factors(number // first))


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
