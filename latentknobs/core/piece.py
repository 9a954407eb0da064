"""Pieces: melodies of any length in any time signatures, cut into clips and joined again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from functools import cached_property
from typing import Protocol

import numpy as np
from attrs import evolve, field, frozen, validators

from latentknobs.core.arrays import Bools, ClipBatch, Ints, frozen_array
from latentknobs.core.clip import ClipFormat, Note
from latentknobs.core.melody_format import MelodyFormat
from latentknobs.core.meter import signature_of, steps_per_bar
from latentknobs.core.time_signature import TimeSignature
from latentknobs.errors import ClipError

RULE_BARS = 2
"""Bars of a clip in a time signature that the format in use does not have."""


def _by_onset(notes: Iterable[Note]) -> tuple[Note, ...]:
    return tuple(sorted(notes))


def _frozen_bools(array: object) -> Bools:
    return frozen_array(array, np.bool_)


def _frozen_ints(array: object) -> Ints:
    return frozen_array(array, np.int64)


class PieceSource(Protocol):
    """The file that a piece was read from, which can be written again with other notes in the piece's place."""

    def with_notes(self, notes: Sequence[Note], text: str = "") -> bytes:
        """The file with these notes, by onset, and a text that says where they come from ("" = none)."""
        ...


@frozen
class PieceStretch:
    """
    Consecutive bars in one time signature.

    Attributes:
        start: Its first step in the piece.
        steps: Its length, at least 1; the last bar may be incomplete.
        signature: Its time signature.
        bar: Number of its first bar, as people count in the file, from 1.
    """

    start: int = field(validator=validators.ge(0))
    steps: int = field(validator=validators.ge(1))
    signature: TimeSignature = field(factory=TimeSignature)
    bar: int = 1

    @property
    def end(self) -> int:
        """The first step after it."""
        return self.start + self.steps


@frozen(eq=False)
class Cut:
    """
    Clips of a piece.

    Attributes:
        clips: int16 (N, *shape), in order.
        tied: bool (N,), where the clip starts with a note held over from what is before it.
        clip_format: Their format.
        starts: int64 (N,), first step of each in the piece.
        lengths: int64 (N,), steps of the piece in each; silence fills the rest.
        others: What is in other time signatures: in clips of the further formats that it was cut with, one for each of
            them, then in clips of formats of its own.
    """

    clips: ClipBatch
    tied: Bools = field(converter=_frozen_bools)
    clip_format: ClipFormat
    starts: Ints = field(converter=_frozen_ints)
    lengths: Ints = field(converter=_frozen_ints)
    others: tuple[Cut, ...] = ()

    @cached_property
    def sounding(self) -> Bools:
        """Which clips have notes, bool (N,)."""
        if isinstance(self.clip_format, MelodyFormat):
            return np.asarray(self.clip_format.onsets(self.clips).any(axis=-1), dtype=bool)
        return np.array([bool(self.clip_format.notes(clip)) for clip in self.clips], dtype=bool)


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
        stretches: Its parts, each in one time signature, without gaps from step 0 to its end; () = it has that of the
            format that it is cut with, and its bars count from 1.
    """

    notes: tuple[Note, ...] = field(converter=_by_onset)
    steps: int = field(validator=validators.ge(1))
    tempo: float = field(default=120.0, validator=[validators.gt(0), validators.lt(10_000)])
    name: str = "piece"
    remarks: tuple[str, ...] = ()
    source: PieceSource | None = field(default=None, repr=False)
    stretches: tuple[PieceStretch, ...] = ()

    def __attrs_post_init__(self) -> None:
        last = max((note.end for note in self.notes), default=0)
        if last > self.steps:
            raise ClipError(f"{self.name}: a note ends on step {last}, after the piece's end at step {self.steps}.")
        edges = [0, *(stretch.end for stretch in self.stretches)]
        if self.stretches and (
            edges[-1] != self.steps
            or any(stretch.start != edge for stretch, edge in zip(self.stretches, edges, strict=False))
        ):
            raise ClipError(f"{self.name}: the stretches must cover its {self.steps} steps without gaps.")

    def cut(self, clip_format: ClipFormat, *more: ClipFormat) -> Cut:
        """
        Cut it into consecutive clips; the last one of a stretch is filled with silence.

        Each stretch is cut with the format that :func:`format_for` chooses of those given. ``Cut.others`` begins with
        the clips of ``more``, one cut for each, also where it has none.

        Bars of half or a quarter of the format's are taken together, longer ones divided, where that gives its bars. A
        stretch in another time signature is cut into clips of two bars of its own and what is left, in ``Cut.others``,
        where the format is a :class:`~latentknobs.core.melody_format.MelodyFormat`; else it is in no clip.

        A note that sounds over a clip's left edge is struck again there (as a sequencer does when it
        chases notes) and marked in ``Cut.tied``, so that :meth:`join` can tie it again.

        Raises:
            ClipError: The notes do not fit the format.
        """
        formats = (clip_format, *more)
        own: list[list[tuple[int, int]]] = [[] for _ in formats]
        rest: dict[ClipFormat, list[tuple[int, int]]] = {}
        for stretch in self.stretches or (PieceStretch(0, self.steps),):
            chosen = format_for(stretch, formats) if self.stretches else 0
            if chosen is not None:
                own[chosen].extend(_windows(stretch, formats[chosen].steps))
            elif isinstance(clip_format, MelodyFormat):
                bar = stretch.signature.quarters * clip_format.steps_per_beat
                for start, length in _windows(stretch, _rule_steps(bar)):
                    other = MelodyFormat(stretch.signature, length / bar, clip_format.steps_per_beat)
                    rest.setdefault(other, []).append((start, length))
        first, *others = (
            self._clips(each, windows) for each, windows in (*zip(formats, own, strict=True), *rest.items())
        )
        return evolve(first, others=tuple(others))

    def _clips(self, clip_format: ClipFormat, windows: Sequence[tuple[int, int]]) -> Cut:
        """The clips of a format at (start, length), ascending."""
        parts: list[list[Note]] = [[] for _ in windows]
        tied = np.zeros(len(windows), dtype=bool)
        first = 0
        for note in self.notes:
            while first < len(windows) and sum(windows[first]) <= note.onset:
                first += 1
            for k in range(first, len(windows)):
                start, length = windows[k]
                if start >= note.end:
                    break
                onset, end = max(note.onset, start), min(note.end, start + length)
                if end > onset:
                    parts[k].append(Note(onset - start, note.pitch, end - onset, note.voice))
                    tied[k] |= onset != note.onset
        clips = [clip_format.tokens(sorted(part)) for part in parts]
        tokens = np.stack(clips) if clips else np.zeros((0, *clip_format.shape), dtype=np.int16)
        starts, lengths = ([window[i] for window in windows] for i in (0, 1))
        return Cut(tokens, tied, clip_format, starts, lengths)

    def with_clips(self, cut: Cut, clips: Sequence[ClipBatch]) -> Piece:
        """
        This piece with other clips in the place of those that it was cut into.

        Args:
            cut: What :meth:`cut` gave.
            clips: For it and each of its others, int16 (N, *shape).
        """
        parts: list[_PlacedClip] = []
        for each, batch in zip((cut, *cut.others), clips, strict=True):
            notes = (each.clip_format.notes(clip) for clip in batch)
            ties = each.tied.tolist()
            parts.extend(map(_PlacedClip, each.starts.tolist(), each.lengths.tolist(), ties, notes))
        covered = sorted((part.start, part.start + part.steps) for part in parts)
        # What no clip has stays as it is.
        ends = [0, *(end for _start, end in covered)]
        gaps = [
            (end, start)
            for end, start in zip(ends, [*(start for start, _end in covered), self.steps], strict=True)
            if start > end
        ]
        for start, end in gaps:
            inside = [note for note in self.notes if start <= note.onset < end]
            shifted = tuple(evolve(note, onset=note.onset - start) for note in inside)
            parts.append(_PlacedClip(start, end - start, False, shifted))
        return evolve(self, notes=_joined(parts))

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
        ties = [False] * len(clips) if tied is None else list(tied)
        parts = [
            _PlacedClip(k * size, min(size, total - k * size), bool(ties[k]), clip_format.notes(clip))
            for k, clip in enumerate(clips)
            if k * size < total
        ]
        return cls(notes=_joined(parts), steps=max(total, 1), tempo=tempo, name=name)

    def bars_of(self, start: int, steps: int, clip_format: ClipFormat) -> tuple[int, int]:
        """The first and last bar, as people count in the file, of a part of the piece of that many steps."""
        stretches = self.stretches or (PieceStretch(0, self.steps),)
        first, last = (
            max((stretch for stretch in stretches if stretch.start <= step), key=lambda one: one.start)
            for step in (start, max(start + steps - 1, start))
        )
        per_beat = clip_format.steps_per_beat

        def bar(stretch: PieceStretch, step: int) -> int:
            size = stretch.signature.quarters * per_beat if self.stretches else steps_per_bar(clip_format)
            return stretch.bar + int((step - stretch.start) / size)

        return bar(first, start), bar(last, max(start + steps - 1, start))


def fits(stretch: PieceStretch, clip_format: ClipFormat) -> bool:
    """
    Whether a stretch has a format's bars.

    Its bar has as many quarter notes, however they are counted (4/4, 2/2, 8/8); or two or four shorter bars make up one
    of the format (2/4, 1/4; 3/8 of 6/8) or a longer one divides into them between beats (8/4, 12/8, but no 3/2 into
    3/4). Its beats are dotted if the format's are (6/8 is not 3/4), and it has a whole bar of the format.
    """
    return alike(stretch.signature, signature_of(clip_format)) and stretch.steps >= steps_per_bar(clip_format)


def format_for(stretch: PieceStretch, formats: Sequence[ClipFormat]) -> int | None:
    """The number of the format for a stretch: the first of its very time signature, else that it fits; None = none."""
    fitting = [number for number, one in enumerate(formats) if fits(stretch, one)]
    exact = [number for number in fitting if signature_of(formats[number]) == stretch.signature]
    return next(iter((*exact, *fitting)), None)


def alike(signature: TimeSignature, wanted: TimeSignature) -> bool:
    """Whether bars of a time signature make up bars of another, or divide into them; see :func:`fits`."""
    longer, shorter = signature.quarters / wanted.quarters, wanted.quarters / signature.quarters
    if _dotted(signature) != _dotted(wanted):
        return False
    if longer.denominator == 1:
        beats = signature.beats // 3 if _dotted(signature) else signature.beats
        return beats % int(longer) == 0
    return shorter in (2, 4)


def _dotted(signature: TimeSignature) -> bool:
    """Whether its beats are dotted: in compound time, and in 3/8, which is one such beat."""
    return signature.compound or (signature.beats == 3 and signature.unit >= 8)


def _rule_steps(bar: Fraction) -> int:
    """Steps of a clip of two bars of so many steps; of more bars where one has no whole number of steps."""
    return int(RULE_BARS * bar) if (RULE_BARS * bar).denominator == 1 else int(bar * bar.denominator)


def _windows(stretch: PieceStretch, size: int) -> Iterator[tuple[int, int]]:
    for start in range(stretch.start, stretch.end, size):
        yield start, min(size, stretch.end - start)


@frozen(eq=False)
class _PlacedClip:
    """Some notes of a piece: from ``start`` on for ``steps``, the notes counted from ``start``."""

    start: int
    steps: int
    tied: bool
    notes: tuple[Note, ...]


def _joined(parts: Iterable[_PlacedClip]) -> tuple[Note, ...]:
    out: list[Note] = []
    for part in sorted(parts, key=lambda one: one.start):
        held = len(out)  # notes before this part
        for note in part.notes:
            onset, end = note.onset + part.start, min(note.onset + note.length, part.steps) + part.start
            if note.onset >= part.steps:
                continue
            if part.tied and note.onset == 0:
                before = [
                    i
                    for i in range(held)
                    if out[i].end == onset and (out[i].pitch, out[i].voice) == (note.pitch, note.voice)
                ]
                if before:
                    out[before[-1]] = evolve(out[before[-1]], length=end - out[before[-1]].onset)
                    continue
            out.append(Note(onset, note.pitch, end - onset, note.voice))
    return tuple(out)
