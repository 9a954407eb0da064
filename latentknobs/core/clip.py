"""
Clips, their format, and pieces made of clips.

A *clip format* says what a clip's token array means: its shape and vocabulary, its output groups, which
arrays are valid, and how tokens become notes and notes tokens. The engine, the registry and the front
ends know formats only by this protocol; the built-in ``melody-2bar`` is in :mod:`latentknobs.core.melody_format`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from attrs import field, frozen, validators
from numpy.typing import NDArray

from latentknobs.core.arrays import Bools, ClipBatch, frozen_array
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
        beats_per_bar: Quarter notes in a bar.
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
    def beats_per_bar(self) -> int: ...

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


def _by_onset(notes: Iterable[Note]) -> tuple[Note, ...]:
    return tuple(sorted(notes))


def _frozen_bools(array: object) -> Bools:
    return frozen_array(array, np.bool_)


class PieceSource(Protocol):
    """The file that a piece was read from, which can be written again with other notes in the piece's place."""

    def with_notes(self, notes: Sequence[Note], text: str = "") -> bytes:
        """The file with these notes, by onset, and a text that says where they come from ("" = none)."""
        ...


@frozen(eq=False)
class Piece:
    """
    A melody of any length, cut into clips and joined again.

    Attributes:
        notes: Its notes on the grid, by onset.
        steps: Its length in steps, at least the end of the last note.
        tempo: Quarter notes a minute.
        name: What people call it (a file's stem).
        remarks: What was changed when it was read, one sentence each ("bar 3: 4 notes below the highest dropped").
        source: The file that it was read from, into which it is written back; None = it came from none.
    """

    notes: tuple[Note, ...] = field(converter=_by_onset)
    steps: int = field(validator=validators.ge(1))
    tempo: float = field(default=120.0, validator=[validators.gt(0), validators.lt(10_000)])
    name: str = "piece"
    remarks: tuple[str, ...] = ()
    source: PieceSource | None = field(default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        last = max((note.end for note in self.notes), default=0)
        if last > self.steps:
            raise ClipError(f"{self.name}: a note ends on step {last}, after the piece's end at step {self.steps}.")

    def cut(self, clip_format: ClipFormat) -> Cut:
        """
        Cut it into consecutive clips; the last one is filled with silence.

        A note that sounds over a clip's left edge is struck again there (as a sequencer does when it
        chases notes) and marked in ``Cut.tied``, so that :meth:`join` can tie it again.

        Raises:
            ClipError: The notes do not fit the format.
        """
        size = clip_format.steps
        count = -(-self.steps // size)
        parts: list[list[Note]] = [[] for _ in range(count)]
        tied = np.zeros(count, dtype=bool)
        for note in self.notes:
            onset = note.onset
            while onset < note.end:
                k = onset // size
                end = min(note.end, (k + 1) * size)
                parts[k].append(Note(onset - k * size, note.pitch, end - onset, note.voice))
                tied[k] |= onset != note.onset
                onset = end
        clips = np.stack([clip_format.tokens(sorted(part)) for part in parts])
        return Cut(clips=clips, tied=tied)

    @classmethod
    def join(
        cls,
        clips: ClipBatch,
        clip_format: ClipFormat,
        *,
        tied: Bools | Sequence[bool] | None = None,
        steps: int | None = None,
        tempo: float = 120.0,
        name: str = "piece",
    ) -> Piece:
        """
        Join consecutive clips (N, *shape).

        Args:
            clips: The clips, in order.
            clip_format: Their format.
            tied: bool (N,): where the clip's first note continues the last note of the clip before, if
                both have the same pitch and voice and meet at the edge. None = nowhere.
            steps: Length of the piece; longer clips are cut there. None = all of it.
            tempo: Quarter notes a minute.
            name: What people call it.
        """
        size = clip_format.steps
        total = len(clips) * size if steps is None else steps
        out: list[Note] = []
        for k, clip in enumerate(clips):
            for note in clip_format.notes(clip):
                onset, end = note.onset + k * size, min(note.end + k * size, total)
                if onset >= total:
                    continue
                if tied is not None and k and tied[k] and note.onset == 0:
                    before = [
                        i
                        for i, o in enumerate(out)
                        if o.end == onset and (o.pitch, o.voice) == (note.pitch, note.voice)
                    ]
                    if before:
                        held = out[before[-1]]
                        out[before[-1]] = Note(held.onset, held.pitch, end - held.onset, held.voice)
                        continue
                out.append(Note(onset, note.pitch, end - onset, note.voice))
        return cls(notes=tuple(out), steps=max(total, 1), tempo=tempo, name=name)


@frozen(eq=False)
class Cut:
    """
    A piece cut into clips.

    Attributes:
        clips: int16 (N, *shape).
        tied: bool (N,), where the clip starts with a note held over from the clip before.
    """

    clips: ClipBatch
    tied: Bools = field(converter=_frozen_bools)
