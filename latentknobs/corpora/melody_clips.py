"""One song, a file or a tune of one, to the clips of its melody, and the counts of what is left out of it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from attrs import Factory, frozen

from latentknobs.core.arrays import ClipBatch
from latentknobs.core.melody_format import HOLD, MELODY, REST, MelodyFormat
from latentknobs.core.piece import Piece, PieceStretch, fits
from latentknobs.corpora.windowing import reads, windows
from latentknobs.errors import ClipError, CorpusError, MidiError
from latentknobs.scores import MAX_BYTES, TrackChoiceError, read_piece
from latentknobs.scores.abc_reader import measures, meter
from latentknobs.scores.midi_file import load

_NO_MELODY = "files without a melody"
_KINDS = {
    "--policy": "files with chords in the melody",
    "--quantize": "files played without a grid",
    "--bars": "files that are too long",
}
"""Files that cannot be read as they are, by the option with which a person would read them."""
NO_CLIPS: ClipBatch = np.zeros((0, 0), dtype=np.int16)


@frozen(eq=False)
class SongClips:
    """
    What a song gives.

    Attributes:
        clips: int16 (n, steps), one from each bar on; (0, 0) where there are none.
        counts: What was left out of them.
        fault: The kind of songs to which it belongs that give none ("files with chords"); "" = none.
        reason: What the reader says of it.
    """

    clips: ClipBatch = NO_CLIPS
    counts: Counter[str] = Factory(Counter)
    fault: str = ""
    reason: str = ""


def read_clips(path: Path, tune: str = "", clip_format: MelodyFormat = MELODY) -> SongClips:
    """The clips of the melody of a file, or of a tune of it in ABC; what is wrong is told, and nothing raised."""
    counts: Counter[str] = Counter()
    try:
        if tune:
            return _of_tune(path, tune, clip_format)
        with path.open("rb"):
            pass
        if path.stat().st_size > MAX_BYTES:
            return SongClips(fault=f"files over {MAX_BYTES // 10**6} MB", reason=f"{path} is too large.")
        piece = _melody(path, clip_format, counts)
        parts = [_windows(piece, stretch, clip_format, counts) for stretch in _usable(piece, clip_format, counts)]
    except OSError as error:
        return SongClips(fault="files that cannot be opened", reason=f"{path}: {error.strerror}.")
    except (MidiError, ClipError) as error:
        return SongClips(fault=_kind(path, error), reason=str(error))
    except Exception as error:  # noqa: BLE001 - of thousands of files, none may stop the others
        return SongClips(fault="files on which the reader fails", reason=f"{path}: {type(error).__name__}: {error}")
    return SongClips(np.concatenate(parts) if parts else NO_CLIPS, counts)


def _of_tune(path: Path, tune: str, clip_format: MelodyFormat) -> SongClips:
    if not reads(meter(tune), clip_format):
        reason = f"{path} has a tune that is not in {clip_format.time_signature}."
        return SongClips(fault="tunes in other time signatures", reason=reason)
    try:
        return SongClips(*windows(measures(tune), clip_format))
    except CorpusError as error:
        return SongClips(fault="damaged tunes", reason=f"{path}: {error}")


def _melody(path: Path, clip_format: MelodyFormat, counts: Counter[str]) -> Piece:
    """The melody of a file; where several tracks may be, the likeliest one."""
    try:
        return read_piece(path, clip_format=clip_format)
    except TrackChoiceError as error:
        if error.likely is None:
            raise
        piece = read_piece(path, clip_format=clip_format, track=error.likely)
        counts["files of which the likeliest track was taken"] += 1
        return piece


def _usable(piece: Piece, clip_format: MelodyFormat, counts: Counter[str]) -> Iterator[PieceStretch]:
    """The stretches of a piece that have bars of the clips; those of the others are counted."""
    for stretch in piece.stretches:
        if fits(stretch, clip_format):
            yield stretch
        else:
            counts[f"bars in {stretch.signature}"] += math.ceil(stretch.steps / (4 * stretch.signature.quarters))


def _kind(path: Path, error: MidiError | ClipError) -> str:
    """The kind of a file that has no melody to read."""
    wanted = error.options[:1] if isinstance(error, MidiError) else ()
    if wanted:
        return _KINDS.get(wanted[0], _NO_MELODY)
    try:
        load(path)
    except MidiError:
        return "files that are damaged or no score"
    return _NO_MELODY


def _windows(piece: Piece, stretch: PieceStretch, clip_format: MelodyFormat, counts: Counter[str]) -> ClipBatch:
    """The clips of a stretch, one from each bar on: int16 (n, steps)."""
    bar = int(clip_format.steps / clip_format.bars)
    bars = max(-(-stretch.steps // bar), int(clip_format.bars))
    tokens = np.full(bars * bar, REST, dtype=np.int16)
    for note in piece.notes:
        onset, end = note.onset - stretch.start, min(note.end, stretch.end) - stretch.start
        if end > 0 and onset < stretch.steps:
            tokens[max(onset, 0) : end] = HOLD
            if onset >= 0:
                tokens[onset] = note.pitch
    clips = np.lib.stride_tricks.sliding_window_view(tokens, clip_format.steps)[::bar]
    held = clips[:, 0] == HOLD
    silent = ~(clips < HOLD).any(axis=1) & ~held
    for what, where in (("windows that start with a held note", held), ("windows without a note", silent)):
        if where.any():
            counts[what] += int(where.sum())
    return np.array(clips[~held & ~silent])
