"""
Magenta's melody tokens and ours.

Theirs: 0 = no event, 1 = note off, 2 + n = a note of the lowest pitch + n starts. "No event" goes on with what is: the
note while one sounds, silence else; so a rest is one "note off" and then "no event". They count the silence before
the first note as silence without a "note off".
"""

from __future__ import annotations

import numpy as np
from attrs import field, frozen, validators
from numpy.typing import NDArray

from latentknobs.core.arrays import Bools, ClipBatch
from latentknobs.core.melody_format import HOLD, MELODY, REST, in_range
from latentknobs.errors import ClipError

NO_EVENT, NOTE_OFF, FIRST_PITCH = 0, 1, 2


@frozen
class Vocabulary:
    """
    The tokens of a MelodyConverter.

    Attributes:
        low: Lowest MIDI pitch.
        high: Highest MIDI pitch.
    """

    low: int = field(validator=[validators.ge(0), validators.le(127)])
    high: int = field(validator=[validators.ge(0), validators.le(127)])

    @property
    def size(self) -> int:
        """Number of tokens: 90 for pitches 21 to 108."""
        return self.high - self.low + 1 + FIRST_PITCH

    def carries(self, clips: ClipBatch) -> Bools:
        """Which clips int16 (N, 32) are valid and have no pitch outside the range, bool (N,)."""
        out: Bools = MELODY.valid(clips) & in_range(clips, (self.low, self.high))
        return out

    def theirs(self, clips: ClipBatch) -> NDArray[np.int64]:
        """
        Their tokens, int64 (N, 32), of clips int16 (N, 32); a hold with nothing to hold is read as a rest.

        Raises:
            ClipError: A pitch is outside the range.
        """
        clips = MELODY.repair(clips)
        notes = clips < HOLD
        pitches = clips[notes]
        if pitches.size and not self.low <= pitches.min() <= pitches.max() <= self.high:
            raise ClipError(
                f"The model has pitches {self.low} to {self.high}, the clips {pitches.min()} to {pitches.max()}: "
                "leave out those that it does not accept."
            )
        before = np.concatenate([np.full((len(clips), 1), REST), clips[:, :-1]], axis=1)
        events = np.where((clips == REST) & (before != REST), NOTE_OFF, NO_EVENT)
        return np.where(notes, clips.astype(np.int64) - self.low + FIRST_PITCH, events).astype(np.int64)

    def ours(self, tokens: NDArray[np.int64]) -> ClipBatch:
        """The valid clips, int16 (N, 32), of their tokens (N, 32)."""
        hold = np.where(self.sounding(tokens), HOLD, REST)
        out = np.where(tokens >= FIRST_PITCH, tokens - FIRST_PITCH + self.low, np.where(tokens == NO_EVENT, hold, REST))
        return out.astype(np.int16)

    def sounding(self, tokens: NDArray[np.int64]) -> Bools:
        """Whether a note sounds as each of their tokens (N, 32) comes, bool (N, 32): never on the first step."""
        step = np.arange(tokens.shape[1])
        event = np.maximum.accumulate(np.where(tokens != NO_EVENT, step, -1), axis=1)
        on = (event >= 0) & (np.take_along_axis(tokens, np.maximum(event, 0), axis=1) >= FIRST_PITCH)
        return np.concatenate([np.zeros((len(tokens), 1), dtype=bool), on[:, :-1]], axis=1)


PIANO = Vocabulary(21, 108)
"""The pitches of magenta's own checkpoints of melodies: those of a piano."""
