"""
Clip formats of drums: which voices of a kit are hit on each step.

The built-in ``drums-2bar`` is two bars of 4/4 in sixteenth steps, ``drums-4bar`` four. A token is the set of voices
that are hit on its step, as a number: voice v adds 2^v, and 0 is silence. The 9 voices, and the drums of General MIDI
that are read as each, are those of MusicVAE's drum models (Roberts et al., ICML 2018).
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from latentknobs.core.arrays import Bools, ClipBatch
from latentknobs.core.clip import DrumVoice, Note, OutputGroup
from latentknobs.errors import ClipError

VOICES = (
    DrumVoice("kick", (36, 35)),
    DrumVoice("snare", (38, 27, 28, 31, 32, 33, 34, 37, 39, 40, 56, 65, 66, 75, 85)),
    DrumVoice("closed hat", (42, 44, 54, 68, 69, 70, 71, 73, 78, 80)),
    DrumVoice("open hat", (46, 67, 72, 74, 79, 81)),
    DrumVoice("low tom", (45, 29, 41, 61, 64, 84)),
    DrumVoice("mid tom", (48, 47, 60, 63, 77, 86, 87)),
    DrumVoice("high tom", (50, 30, 43, 62, 76, 83)),
    DrumVoice("crash", (49, 55, 57, 58)),
    DrumVoice("ride", (51, 52, 53, 59, 82)),
)


def hits_of(tokens: NDArray[np.int16], voices: int = len(VOICES)) -> Bools:
    """Which voices are hit, bool (*shape, voices), for tokens (*shape)."""
    out: Bools = (tokens[..., None] >> np.arange(voices) & 1).astype(np.bool_)
    return out


def _groups() -> tuple[OutputGroup, ...]:
    hit = hits_of(np.arange(2 ** len(VOICES), dtype=np.int16)).astype(np.int16)
    return tuple(OutputGroup(drum.name, ("none", "hit"), hit[:, v]) for v, drum in enumerate(VOICES))


@frozen
class DrumKitFormat:
    """A format's facts; see the module's text for the tokens."""

    name: str = "drums-2bar"
    shape: tuple[int, ...] = (32,)
    vocabulary: int = 2 ** len(VOICES)
    groups: tuple[OutputGroup, ...] = _groups()
    steps: int = 32
    steps_per_beat: int = 4
    beats_per_bar: int | Fraction = 4
    drums: tuple[DrumVoice, ...] = VOICES

    def valid(self, clips: ClipBatch) -> Bools:
        """Any sets of voices are a pattern, bool (N,)."""
        return np.ones(len(clips), dtype=np.bool_)

    def repair(self, clips: ClipBatch) -> ClipBatch:
        """Nothing to repair."""
        return clips

    def notes(self, clip: NDArray[np.int16]) -> tuple[Note, ...]:
        """The hits of one clip (steps,), by step and voice: each a note of one step, its pitch the voice's drum."""
        where = np.argwhere(hits_of(clip)).tolist()
        return tuple(Note(step, self.drums[voice].numbers[0], 1, voice) for step, voice in where)

    def tokens(self, notes: Iterable[Note]) -> NDArray[np.int16]:
        """
        One clip (steps,) with these hits, however long they last.

        Raises:
            ClipError: There is no such step or voice.
        """
        out = np.zeros(self.shape, dtype=np.int16)
        for note in notes:
            if note.onset >= self.steps or note.voice >= len(self.drums):
                raise ClipError(
                    f"{self.name} has {self.steps} steps and {len(self.drums)} voices, and no step {note.onset} of "
                    f"voice {note.voice}."
                )
            out[note.onset] |= 1 << note.voice
        return out


DRUMS = DrumKitFormat()
"""Two bars."""
DRUMS_4BAR = DrumKitFormat(name="drums-4bar", shape=(64,), steps=64)
"""Four bars."""
