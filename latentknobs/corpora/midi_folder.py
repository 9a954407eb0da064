"""The files of music in a folder as a corpus."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from attrs import Factory, define, frozen

from latentknobs.core.arrays import ClipBatch
from latentknobs.core.corpus import CorpusRequest, Song
from latentknobs.core.melody_format import MELODY
from latentknobs.corpora.corpus_spec import storable
from latentknobs.corpora.deduplication import Deduplicator, read_songs
from latentknobs.corpora.reading_process import ReadingProcess
from latentknobs.errors import CorpusError

_SUFFIXES = frozenset((".mid", ".midi", ".kar", ".rmi", ".smf"))
_OTHERS = frozenset((".abc", ".musicxml", ".mxl", ".krn", ".mscz", ".mscx", ".gp", ".gp3", ".gp4", ".gp5", ".gpx"))
"""Files of music that are not read."""
_LONGEST = 60


@frozen
class MidiFolder:
    """
    Every MIDI file (``.mid``, ``.midi``, ``.kar``, ``.rmi``, ``.smf``) of a folder and the folders in it.

    A song is a file, named "midi/sub/tune.mid" by its place in the folder. Files are read as
    :func:`latentknobs.scores.read_piece` reads them by itself. Every bar starts a clip of two
    bars. A file that gives no clips is left out and counted by what is wrong with it, with the name of the first one;
    links to folders are not followed.
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
        folder = _folder(argument)
        if not folder.is_dir():
            raise CorpusError(f"{folder} is not a folder: give {self.takes} after {self.name!r} and a colon.")
        reading = _FolderReading.of(folder, self.name)
        if not reading.paths:
            raise CorpusError(f"{folder} holds no .mid or .midi file: give another folder. {reading.told()}")
        sieve = reading.sieved(f"{self.name}:{argument}", request)
        for what, count in reading.counts().items():
            request.tally(what, count)
        for song in sieve.songs():
            request.tally("songs with clips", 1)
            yield song


@define(eq=False)
class _FolderReading:
    """
    A folder's files and what became of them.

    Attributes:
        folder: The folder.
        paths: Name of song to file, by name.
        faults: Kind of files that give nothing, to the names of the files.
        read: How many were read before there were clips enough.
    """

    folder: Path
    paths: dict[str, Path] = Factory(dict)
    faults: dict[str, list[str]] = Factory(dict)
    left_out: Counter[str] = Factory(Counter)
    reasons: list[str] = Factory(list)
    read: int = 0

    @classmethod
    def of(cls, folder: Path, corpus: str) -> _FolderReading:
        """Look through a folder and those in it, in the same order on every file system."""
        out = cls(folder)
        for parent, folders, files in os.walk(folder, onerror=out._closed):
            folders.sort(key=os.fsencode)
            for name in folders:
                if (path := Path(parent, name)).is_symlink():
                    out._fault("links to folders, not followed", path)
            for name in sorted(files, key=os.fsencode):
                path = Path(parent, name)
                suffix = path.suffix.lower()
                if suffix in _OTHERS:
                    out._fault(f"{suffix} files, not read", path)
                elif suffix not in _SUFFIXES:
                    continue
                elif path.is_file():
                    out.paths[_unused(f"{corpus}/{out._name(path)}", out.paths)] = path
                else:
                    out._fault("broken links" if path.is_symlink() else "pipes and devices", path)
        return out

    def sieved(self, corpus: str, request: CorpusRequest) -> Deduplicator:
        """
        Read them until there are clips enough.

        Raises:
            CorpusError: There are none.
        """
        with ReadingProcess() as process:

            def clips_of(name: str) -> tuple[ClipBatch, Counter[str]]:
                result = process.read(self.paths[name])
                self.read += 1
                self.left_out += result.counts
                if result.fault:
                    self._fault(result.fault, self.paths[name])
                    self.reasons.append(result.reason)
                return result.clips, result.counts

            try:
                return read_songs(corpus, self.paths, clips_of, request)
            except CorpusError as error:
                raise CorpusError(" ".join([str(error), self.told(), *self.reasons[:1]])) from error

    def counts(self) -> dict[str, int]:
        """Files by what became of them."""
        first = {f"{kind}, as {_short(names[0])}": len(names) for kind, names in self.faults.items()}
        return {"MIDI files in the folder": len(self.paths), "MIDI files read": self.read, **first}

    def told(self) -> str:
        """What was read and left out, as a sentence."""
        counts = {**self.counts(), **self.left_out}
        return f"{'; '.join(f'{what}: {count}' for what, count in counts.items())}."

    def _name(self, path: Path) -> str:
        """
        What a file is called: by its place in the folder, the same on every file system.

        Some keep accents apart from their letters, some keep bytes that are no text.
        """
        return storable(unicodedata.normalize("NFC", path.relative_to(self.folder).as_posix()))

    def _fault(self, kind: str, path: Path) -> None:
        self.faults.setdefault(kind, []).append(self._name(path))

    def _closed(self, error: OSError) -> None:
        self._fault("folders that cannot be opened", Path(error.filename))


def _folder(argument: str) -> Path:
    """The folder that an argument names, also as :func:`storable` writes it."""
    folder = Path(argument).expanduser()
    if not folder.exists() and "\\x" in argument:
        raw = re.sub(rb"\\x([0-9a-f]{2})", lambda one: bytes.fromhex(one[1].decode()), os.fsencode(folder))
        return Path(os.fsdecode(raw))
    return folder


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"…{name[1 - _LONGEST :]}"


def _unused(name: str, taken: dict[str, Path]) -> str:
    if name not in taken:
        return name
    return next(other for k in range(2, len(taken) + 3) if (other := f"{name} ({k})") not in taken)
