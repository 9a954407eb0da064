"""One file of music to the clips of its melody, and the counts of what is left out of it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from attrs import Factory, frozen

from latentknobs.core.arrays import ClipBatch
from latentknobs.core.melody_format import HOLD, MELODY, REST, STEPS
from latentknobs.core.piece import Piece, PieceStretch, fits
from latentknobs.corpora.windowing import BAR
from latentknobs.errors import ClipError, MidiError
from latentknobs.scores import MAX_BYTES, read_piece
from latentknobs.scores.midi_file import load

NO_CLIPS: ClipBatch = np.zeros((0, STEPS), dtype=np.int16)


@frozen(eq=False)
class FileClips:
    """
    What a file gives.

    Attributes:
        clips: int16 (n, 32), one from each bar on; n may be 0.
        counts: What was left out of them.
        fault: The kind of files to which it belongs that give none ("damaged files"); "" = none.
        reason: What the reader says of it.
    """

    clips: ClipBatch = NO_CLIPS
    counts: Counter[str] = Factory(Counter)
    fault: str = ""
    reason: str = ""


def read_clips(path: Path) -> FileClips:
    """The clips of the melody of a file; whatever is wrong with it is told, and nothing raised."""
    try:
        with path.open("rb"):
            pass
        if path.stat().st_size > MAX_BYTES:
            return FileClips(fault=f"files over {MAX_BYTES // 10**6} MB", reason=f"{path} is too large.")
        counts: Counter[str] = Counter()
        piece = read_piece(path)
        parts = [_windows(piece, stretch, counts) for stretch in _usable(piece, counts)]
    except OSError as error:
        return FileClips(fault="files that cannot be opened", reason=f"{path}: {error.strerror}.")
    except (MidiError, ClipError) as error:
        return FileClips(fault=_kind(path), reason=str(error))
    except Exception as error:  # noqa: BLE001 - of thousands of files, none may stop the others
        return FileClips(fault="files on which the reader fails", reason=f"{path}: {type(error).__name__}: {error}")
    return FileClips(np.concatenate([NO_CLIPS, *parts]), counts)


def _usable(piece: Piece, counts: Counter[str]) -> Iterator[PieceStretch]:
    """The stretches of a piece that have bars of the clips; those of the others are counted."""
    for stretch in piece.stretches:
        if fits(stretch, MELODY):
            yield stretch
        else:
            counts[f"bars in {stretch.signature}"] += math.ceil(stretch.steps / (4 * stretch.signature.quarters))


def _kind(path: Path) -> str:
    """The kind of a file that has no melody to read."""
    try:
        load(path)
    except MidiError:
        return "damaged files"
    return "files in which no melody stands out"


def _windows(piece: Piece, stretch: PieceStretch, counts: Counter[str]) -> ClipBatch:
    """The clips of a stretch, one from each bar on: int16 (n, 32)."""
    bars = max(-(-stretch.steps // BAR), 2)
    tokens = np.full(bars * BAR, REST, dtype=np.int16)
    for note in piece.notes:
        onset, end = note.onset - stretch.start, min(note.end, stretch.end) - stretch.start
        if end > 0 and onset < stretch.steps:
            tokens[max(onset, 0) : end] = HOLD
            if onset >= 0:
                tokens[onset] = note.pitch
    clips = np.lib.stride_tricks.sliding_window_view(tokens, STEPS)[::BAR]
    held = clips[:, 0] == HOLD
    silent = ~(clips < HOLD).any(axis=1) & ~held
    for what, where in (("windows that start with a held note", held), ("windows without a note", silent)):
        if where.any():
            counts[what] += int(where.sum())
    return np.array(clips[~held & ~silent])
