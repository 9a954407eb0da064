"""A piece whose clips come in the opposite order, stretch by stretch: with clips that run backwards, all of it does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from attrs import evolve, frozen

from latentknobs.core.arrays import ClipBatch
from latentknobs.core.melody_format import MelodyFormat
from latentknobs.core.piece import Cut, Piece, PieceStretch

_Any = TypeVar("_Any")


@frozen
class _Window:
    """Where a clip is: its cut, its place in it, and the steps from start to end."""

    cut: int
    row: int
    start: int
    end: int


def _windows(piece: Piece, cuts: Sequence[Cut]) -> list[tuple[PieceStretch, list[_Window]]]:
    """The clips of each stretch, by start."""
    every = [
        _Window(c, k, int(start), int(start + length))
        for c, cut in enumerate(cuts)
        for k, (start, length) in enumerate(zip(cut.starts, cut.lengths, strict=True))
    ]
    every.sort(key=lambda one: one.start)
    stretches = piece.stretches or (PieceStretch(0, piece.steps),)
    return [(each, [one for one in every if each.start <= one.start < each.end]) for each in stretches]


def with_clips_reversed(piece: Piece, cut: Cut, clips: Sequence[ClipBatch]) -> Piece:
    """
    As :meth:`Piece.with_clips`, with the last clip of each stretch first.

    A clip that is longer than its place in the piece begins with the silence that filled it before it was reversed;
    this silence is left out. Notes that were held over into the next clip are held over from it.

    Args:
        piece: The piece.
        cut: What its :meth:`Piece.cut` gave.
        clips: For it and each of its others, int16 (N, *shape), each clip running backwards.
    """
    cuts = (cut, *cut.others)
    starts = [each.starts.copy() for each in cuts]
    tied = [np.zeros(len(each.clips), dtype=bool) for each in cuts]
    for stretch, windows in _windows(piece, cuts):
        for k, one in enumerate(windows):
            starts[one.cut][one.row] = stretch.start + stretch.end - one.end
            if k + 1 < len(windows):
                after = windows[k + 1]
                tied[one.cut][one.row] = cuts[after.cut].tied[after.row]
    placed, *others = (evolve(each, starts=at, tied=held) for each, at, held in zip(cuts, starts, tied, strict=True))
    return piece.with_clips(evolve(placed, others=tuple(others)), [*map(_from_the_first_step, cuts, clips)])


def _from_the_first_step(cut: Cut, clips: ClipBatch) -> ClipBatch:
    """Clips without the silence at their beginning that would not fit their places."""
    out = clips.copy()
    if isinstance(cut.clip_format, MelodyFormat):
        for k, silence in enumerate((cut.clip_format.steps - cut.lengths).tolist()):
            if silence and not cut.clip_format.onsets(clips[k : k + 1, :silence]).any():
                out[k] = np.roll(clips[k], -silence)
    return out


def in_reversed_order(piece: Piece, cut: Cut, values: Sequence[Sequence[_Any]]) -> tuple[tuple[_Any, ...], ...]:
    """What is known of each clip of a cut and its others, at the place where the clip sounds in the reversed piece."""
    out = [list(own) for own in values]
    for _, windows in _windows(piece, (cut, *cut.others)):
        for here, there in zip(windows, reversed(windows), strict=True):
            out[here.cut][here.row] = values[there.cut][there.row]
    return tuple(map(tuple, out))
