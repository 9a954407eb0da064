"""
Magenta's tokens and ours, of melodies and of drums.

Melodies, theirs: 0 = no event, 1 = note off, 2 + n = a note of the lowest pitch + n starts. "No event" goes on with
what is: the note while one sounds, silence else; so a rest is one "note off" and then "no event". They count the
silence before the first note as silence without a "note off".

Drums: their 512 tokens are those of our ``drums-2bar``. Their encoder reads a step as 10 numbers: 1 for each voice that
is hit, and a last 1 where none is. (So the networks were trained; magenta.js 1.23.1 sets that 1 a step too early.)
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from attrs import field, frozen, validators
from numpy.typing import NDArray

from latentknobs.core.arrays import Bools, ClipBatch, Ints
from latentknobs.core.clip import ClipFormat
from latentknobs.core.drum_format import DRUMS, DrumKitFormat, hits_of
from latentknobs.core.melody_format import HOLD, MELODY, REST, MelodyFormat, in_range
from latentknobs.errors import ClipError

NO_EVENT, NOTE_OFF, FIRST_PITCH = 0, 1, 2


class Vocabulary(Protocol):
    """
    The tokens of one of their data converters.

    Attributes:
        clip_format: Our clips that they stand for.
        size: Number of tokens.
        encoder_inputs: How many numbers of a step their encoder reads.
    """

    @property
    def clip_format(self) -> ClipFormat: ...
    @property
    def size(self) -> int: ...
    @property
    def encoder_inputs(self) -> int: ...

    def read_by_encoder(self) -> NDArray[np.float32] | None:
        """What the encoder reads of each token, float32 (size, encoder_inputs); None = the token's one-hot vector."""
        ...

    def carries(self, clips: ClipBatch) -> Bools:
        """Which clips int16 (N, steps) are valid and can be written in these tokens, bool (N,)."""
        ...

    def theirs(self, clips: ClipBatch) -> Ints:
        """
        Their tokens, int64 (N, steps), of clips int16 (N, steps).

        Raises:
            ClipError: They have no tokens for them.
        """
        ...

    def ours(self, tokens: Ints) -> ClipBatch:
        """The valid clips, int16 (N, steps), of their tokens (N, steps)."""
        ...

    def columns(self, tokens: Ints) -> Ints | None:
        """
        Which of their tokens each of ours would be after those before it, int64 (N, steps, V), -1 = none.

        None = the same numbers.
        """
        ...


@frozen
class MelodyVocabulary:
    """
    The tokens of a MelodyConverter.

    Attributes:
        low: Lowest MIDI pitch.
        high: Highest MIDI pitch.
        clip_format: The clips.
    """

    low: int = field(validator=[validators.ge(0), validators.le(127)])
    high: int = field(validator=[validators.ge(0), validators.le(127)])
    clip_format: MelodyFormat = MELODY

    @property
    def size(self) -> int:
        """Number of tokens: 90 for pitches 21 to 108."""
        return self.high - self.low + 1 + FIRST_PITCH

    @property
    def encoder_inputs(self) -> int:
        """As many as there are tokens."""
        return self.size

    def read_by_encoder(self) -> None:
        """The one-hot vector of each token."""

    def carries(self, clips: ClipBatch) -> Bools:
        """Which clips int16 (N, steps) are valid and have no pitch outside the range, bool (N,)."""
        out: Bools = self.clip_format.valid(clips) & in_range(clips, (self.low, self.high))
        return out

    def theirs(self, clips: ClipBatch) -> Ints:
        """
        Their tokens, int64 (N, steps), of clips int16 (N, steps); a hold with nothing to hold is read as a rest.

        Raises:
            ClipError: A pitch is outside the range.
        """
        clips = self.clip_format.repair(clips)
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

    def ours(self, tokens: Ints) -> ClipBatch:
        """The valid clips, int16 (N, steps), of their tokens (N, steps)."""
        hold = np.where(self.sounding(tokens), HOLD, REST)
        out = np.where(tokens >= FIRST_PITCH, tokens - FIRST_PITCH + self.low, np.where(tokens == NO_EVENT, hold, REST))
        return out.astype(np.int16)

    def columns(self, tokens: Ints) -> Ints:
        """
        Which of their tokens each of ours would be after those before it, int64 (N, steps, 130), -1 = none.

        While a note sounds "no event" is hold and "note off" is rest. In silence both are a rest: "no event" is our
        rest, and "note off", which they do not write there, our hold with nothing to hold, which is one. So each of
        their tokens keeps its own probability, and the likeliest of ours is the likeliest of theirs.
        """
        silent = np.full(self.clip_format.vocabulary, -1, dtype=np.int64)
        silent[self.low : self.high + 1] = np.arange(FIRST_PITCH, self.size)
        sounding = silent.copy()
        silent[[HOLD, REST]] = NOTE_OFF, NO_EVENT
        sounding[[HOLD, REST]] = NO_EVENT, NOTE_OFF
        return np.stack([silent, sounding])[self.sounding(tokens).astype(np.int64)]

    def sounding(self, tokens: Ints) -> Bools:
        """Whether a note sounds as each of their tokens (N, steps) comes, bool (N, steps): never on the first step."""
        step = np.arange(tokens.shape[1])
        event = np.maximum.accumulate(np.where(tokens != NO_EVENT, step, -1), axis=1)
        on = (event >= 0) & (np.take_along_axis(tokens, np.maximum(event, 0), axis=1) >= FIRST_PITCH)
        return np.concatenate([np.zeros((len(tokens), 1), dtype=bool), on[:, :-1]], axis=1)


@frozen
class DrumVocabulary:
    """
    The tokens of a DrumsConverter with its default voices.

    Attributes:
        clip_format: The clips.
    """

    clip_format: DrumKitFormat = DRUMS

    @property
    def size(self) -> int:
        """Number of tokens: 512."""
        return self.clip_format.vocabulary

    @property
    def encoder_inputs(self) -> int:
        """One for each voice, and one for silence."""
        return len(self.clip_format.drums) + 1

    def read_by_encoder(self) -> NDArray[np.float32]:
        """The voices that each token hits, and 1 where it hits none, float32 (512, 10)."""
        hit = hits_of(np.arange(self.size, dtype=np.int16), len(self.clip_format.drums))
        return np.concatenate([hit, ~hit.any(axis=1, keepdims=True)], axis=1).astype(np.float32)

    def carries(self, clips: ClipBatch) -> Bools:
        """All clips int16 (N, steps), bool (N,)."""
        return self.clip_format.valid(clips)

    def theirs(self, clips: ClipBatch) -> Ints:
        """The same tokens, int64 (N, steps)."""
        return clips.astype(np.int64)

    def ours(self, tokens: Ints) -> ClipBatch:
        """The same tokens, int16 (N, steps)."""
        return tokens.astype(np.int16)

    def columns(self, tokens: Ints) -> None:
        """The same numbers."""


PIANO = MelodyVocabulary(21, 108)
"""The pitches of magenta's own checkpoints of melodies: those of a piano."""
