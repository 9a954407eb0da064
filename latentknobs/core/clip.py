"""
Clips and their format.

A *clip format* says what a clip's token array means: its shape and vocabulary, its output groups, which
arrays are valid, and how tokens become notes and notes tokens. The engine, the registry and the front
ends know formats only by this protocol; the built-in ``melody-2bar`` is in :mod:`latentknobs.core.melody_format`.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Protocol, runtime_checkable

import numpy as np
from attrs import field, frozen, validators
from numpy.random import Generator
from numpy.typing import NDArray

from latentknobs.core.arrays import Bools, ClipBatch
from latentknobs.core.capability import capability
from latentknobs.errors import ClipError


@frozen(order=True)
class Note:
    """
    One note on the grid.

    Attributes:
        onset: Step on which it starts, from 0.
        pitch: MIDI pitch, 0 to 127 (60 = middle C), or the drum's number in a format of drums.
        length: Steps it lasts, at least 1.
        voice: Which voice plays it, from 0.
    """

    onset: int = field(validator=validators.ge(0))
    pitch: int = field(validator=[validators.ge(0), validators.le(127)])
    length: int = field(default=1, validator=validators.ge(1))
    voice: int = field(default=0, validator=validators.ge(0))

    @property
    def end(self) -> int:
        """The first step on which it no longer sounds."""
        return self.onset + self.length

    @property
    def row(self) -> tuple[int, int, int, int]:
        """Onset, pitch, length and voice, as files and messages carry a note: ``Note(*row)`` is the same note."""
        return self.onset, self.pitch, self.length, self.voice


@frozen(eq=False)
class OutputGroup:
    """
    One named view of a format's tokens: which class a token belongs to.

    Attributes:
        name: Name of the group ("onset", "pitch").
        classes: Names of the classes.
        table: int16, (V,) or (*shape, V): the class of each token (at each position), -1 = not in this group.
    """

    name: str
    classes: tuple[str, ...]
    table: NDArray[np.int16]

    def of(self, clips: ClipBatch) -> NDArray[np.int16]:
        """The class at each position, int16 (N, *shape), -1 where the token is not in this group."""
        if self.table.ndim == 1:
            return self.table[clips]
        index = np.indices(clips.shape)[1:]
        out: NDArray[np.int16] = self.table[(*index, clips)]
        return out


@runtime_checkable
class ClipFormat(Protocol):
    """
    Shape, vocabulary and meaning of a clip's tokens.

    Attributes:
        name: Unique name, stored in the registry ("melody-2bar").
        shape: Shape of one clip's token array.
        vocabulary: Number of tokens V; tokens are 0 to V - 1.
        groups: The named output groups.
        steps: Steps of the grid in one clip.
        steps_per_beat: Steps in a quarter note.
        beats_per_bar: Quarter notes in a bar; a fraction where they are not whole. What its bars are beside that, as
            the dotted beats of 6/8, a format may say as its ``time_signature``.
    """

    @property
    def name(self) -> str: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def vocabulary(self) -> int: ...
    @property
    def groups(self) -> tuple[OutputGroup, ...]: ...
    @property
    def steps(self) -> int: ...
    @property
    def steps_per_beat(self) -> int: ...
    @property
    def beats_per_bar(self) -> int | Fraction: ...

    def valid(self, clips: ClipBatch) -> Bools:
        """Which clips obey the format's rule, bool (N,)."""
        ...

    def repair(self, clips: ClipBatch) -> ClipBatch:
        """The nearest valid clips, int16 (N, *shape): what is done with a decoder's raw output."""
        ...

    def notes(self, clip: NDArray[np.int16]) -> tuple[Note, ...]:
        """The notes of one clip (*shape), by onset."""
        ...

    def tokens(self, notes: Iterable[Note]) -> NDArray[np.int16]:
        """
        One clip (*shape) with these notes.

        Raises:
            ClipError: They do not fit the format (two at a time in one voice, past the end, ...).
        """
        ...


@frozen
class DrumVoice:
    """
    One voice of a drum kit.

    Attributes:
        name: For people ("closed hat").
        numbers: The drums of General MIDI that are read as it; it is written and drawn as the first.
    """

    name: str
    numbers: tuple[int, ...] = field(validator=validators.min_len(1))


@runtime_checkable
class DrumFormat(Protocol):
    """
    What a format of drums has besides: it is read from and written to MIDI's drum channel, several hits at a time.

    Its notes have a voice's number as their ``voice``, that voice's first drum as their ``pitch`` and length 1.

    Attributes:
        drums: Its voices, the lowest row first.
    """

    @property
    def drums(self) -> tuple[DrumVoice, ...]: ...


class WithNotes(Protocol):
    """Optional: a format whose clips hold more than their notes, chords say, which an edit of the notes leaves."""

    def with_notes(self, clip: NDArray[np.int16], notes: Iterable[Note]) -> NDArray[np.int16]:
        """
        The clip (*shape) with these notes in place of its own, and what else it holds.

        Raises:
            ClipError: As ``tokens``.
        """
        ...


class JoinableClips(Protocol):
    """Optional: a format whose clips can begin as one clip and go on as another; training pairs are made of them."""

    def joined(self, first: ClipBatch, second: ClipBatch, rng: Generator) -> ClipBatch:
        """Valid clips (N, *shape) that begin as the first and end as the second, with a draw of where they change."""
        ...


def with_notes(clip_format: ClipFormat, clip: NDArray[np.int16], notes: Iterable[Note]) -> NDArray[np.int16]:
    """
    A clip (*shape) with these notes in place of its own; what else it holds stays where it can.

    Raises:
        ClipError: They do not fit the format.
    """
    able = capability(clip_format, WithNotes)
    return clip_format.tokens(notes) if able is None else able.with_notes(clip, notes)


def check_clips(clips: object, clip_format: ClipFormat, what: str = "clips") -> ClipBatch:
    """
    ``clips`` as a ClipBatch of the format, or an error that says what is wrong with it.

    Raises:
        ClipError: Not an integer array (N, *shape), or a token outside the vocabulary.
    """
    array = np.asarray(clips)
    if not np.issubdtype(array.dtype, np.integer):
        raise ClipError(f"{what}: tokens must be integers, not {array.dtype}.")
    if array.shape[1:] != clip_format.shape or array.ndim != len(clip_format.shape) + 1:
        wanted = ("N", *map(str, clip_format.shape))
        raise ClipError(f"{what}: {clip_format.name} needs shape ({', '.join(wanted)}), not {array.shape}.")
    if array.size and (array.min() < 0 or array.max() >= clip_format.vocabulary):
        raise ClipError(
            f"{what}: {clip_format.name} has tokens 0 to {clip_format.vocabulary - 1}; "
            f"found {int(array.min())} to {int(array.max())}."
        )
    return array.astype(np.int16, copy=False)
