"""The MIDI files of a folder as a corpus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from attrs import frozen

from latentknobs.core.arrays import ClipBatch
from latentknobs.core.clip import Piece
from latentknobs.core.corpus import CorpusRequest, Song
from latentknobs.core.melody_format import HOLD, MELODY, REST, STEPS
from latentknobs.corpora.deduplication import read_songs
from latentknobs.corpora.windowing import BAR
from latentknobs.errors import ClipError, CorpusError, MidiError

_SUFFIXES = frozenset((".mid", ".midi", ".kar", ".rmi"))


@frozen
class MidiFolder:
    """
    Every MIDI file (``.mid``, ``.midi``, ``.kar``, ``.rmi``) of a folder and the folders in it.

    A song is a file, named "midi/sub/tune.mid" by its place in the folder. Files are read as
    :func:`latentknobs.scores.read_pieces` reads them by itself, two bars of 2/4 joined: a file that is no single
    melody in 4/4, 2/2 or 2/4, or cannot be read, is left out and counted. Every bar starts a clip of two bars.
    """

    name: str = "midi"
    doc: str = "The melodies in a folder of MIDI files."
    licence: str = "That of the files."
    clip_format: str = MELODY.name
    takes: str = "a folder of MIDI files"

    def songs(self, request: CorpusRequest, argument: str = "") -> Iterator[Song]:
        """
        The files that have clips, in an order fixed by the seed.

        Raises:
            CorpusError: No such folder, no MIDI file in it, or none that has clips.
        """
        if not argument:
            raise CorpusError(f"The corpus {self.name} needs {self.takes}: write {self.name}:FOLDER.")
        folder = Path(argument).expanduser()
        if not folder.is_dir():
            raise CorpusError(f"{folder} is not a folder: give {self.takes} after {self.name!r} and a colon.")
        paths = {
            f"{self.name}/{path.relative_to(folder).as_posix()}": path
            for path in sorted(folder.rglob("*"))
            if path.suffix.lower() in _SUFFIXES and path.is_file()
        }
        if not paths:
            raise CorpusError(f"{folder} holds no .mid or .midi file: give another folder.")
        faults: list[str] = []

        def clips_of(name: str) -> tuple[ClipBatch, Counter[str]]:
            try:
                return _read(paths[name])
            except (MidiError, ClipError, OSError) as error:
                faults.append(str(error))
                return np.zeros((0, STEPS), dtype=np.int16), Counter({"files that cannot be read as a melody": 1})

        try:
            sieve = read_songs(f"{self.name}:{argument}", paths, clips_of, request)
        except CorpusError as error:
            if len(faults) < len(paths):
                raise
            raise CorpusError(f"None of the {len(paths)} files of {folder} can be read, as: {faults[0]}") from error
        yield from sieve.songs()


def _read(path: Path) -> tuple[ClipBatch, Counter[str]]:
    from latentknobs.scores import read_pieces

    counts: Counter[str] = Counter()
    parts = [_windows(piece, counts) for piece in read_pieces(path, regroup=True)]
    return np.concatenate(parts), counts


def _windows(piece: Piece, counts: Counter[str]) -> ClipBatch:
    """The clips of a piece, one from each bar on: int16 (n, 32)."""
    bars = max(-(-piece.steps // BAR), 2)
    tokens = np.full(bars * BAR, REST, dtype=np.int16)
    for note in piece.notes:
        tokens[note.onset] = note.pitch
        tokens[note.onset + 1 : note.end] = HOLD
    clips = np.lib.stride_tricks.sliding_window_view(tokens, STEPS)[::BAR]
    held = clips[:, 0] == HOLD
    silent = ~(clips < HOLD).any(axis=1) & ~held
    for what, where in (("windows that start with a held note", held), ("windows without a note", silent)):
        if where.any():
            counts[what] += int(where.sum())
    return np.array(clips[~held & ~silent])
