"""The files of music in a folder as a corpus."""

from __future__ import annotations

import itertools
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Container, Iterator
from pathlib import Path

from attrs import Factory, define, frozen

from latentknobs.core.arrays import ClipBatch
from latentknobs.core.corpus import CorpusRequest, Song
from latentknobs.core.melody_format import MELODY, MELODY_FORMATS, MelodyFormat
from latentknobs.corpora.corpus_spec import storable
from latentknobs.corpora.deduplication import Deduplicator, read_songs
from latentknobs.corpora.reading_process import ReadingProcess
from latentknobs.errors import CorpusError
from latentknobs.scores import MAX_BYTES
from latentknobs.scores.abc_reader import split_book

_SUFFIXES = frozenset((".mid", ".midi", ".kar", ".rmi", ".smf", ".abc", ".musicxml", ".xml", ".mxl"))
_OTHERS = frozenset((".krn", ".mscz", ".mscx", ".gp", ".gp3", ".gp4", ".gp5", ".gpx"))
"""Files of music that are not read."""
_LONGEST = 60


@frozen
class MidiFolder:
    """
    Every file of music in a folder and the folders in it.

    These are MIDI (``.mid``, ``.midi``, ``.kar``, ``.rmi``, ``.smf``), MusicXML (``.musicxml``, ``.xml``, ``.mxl``) and
    ABC (``.abc``).

    A song is a file, named "midi/sub/tune.mid" by its place in the folder, or a tune of an ABC file,
    "midi/book.abc/0012". Files are read as :func:`latentknobs.scores.read_piece` reads them by itself, but for the
    track: where none is plainly the melody, the likeliest one is taken. Every bar in a format's meter, as 4/4, 2/2 or
    (two joined) 2/4 for ``melody-2bar``, starts a clip. What gives no clips is left out and counted by what is wrong
    with it, with the name of the first one; links to folders are not followed.
    """

    name: str = "midi"
    doc: str = "The melodies in a folder of MIDI, MusicXML and ABC files."
    licence: str = "That of the files."
    clip_format: str = MELODY.name
    clip_formats: tuple[str, ...] = tuple(MELODY_FORMATS)
    takes: str = "a folder of MIDI, MusicXML or ABC files"

    def songs(self, request: CorpusRequest, argument: str = "") -> Iterator[Song]:
        """
        The files that have clips, in an order fixed by the seed.

        Raises:
            CorpusError: No such folder, no file of music in it, or none that has clips.
        """
        if not argument:
            raise CorpusError(f"The corpus {self.name} needs {self.takes}: write {self.name}:FOLDER.")
        folder = _folder(argument)
        if not folder.is_dir():
            raise CorpusError(f"{folder} is not a folder: give {self.takes} after {self.name!r} and a colon.")
        reading = _FolderReading.of(folder, self.name)
        if not reading.songs:
            raise CorpusError(f"{folder} holds no MIDI, MusicXML or ABC file: give another folder. {reading.told()}")
        sieve = reading.sieved(f"{self.name}:{argument}", request)
        for what, count in reading.counts().items():
            request.tally(what, count)
        for song in sieve.songs():
            request.tally("songs with clips", 1)
            yield song


@define(eq=False)
class _FolderReading:
    """
    A folder's songs and what became of them.

    Attributes:
        folder: The folder.
        files: How many files of music it has.
        songs: Name of song to its file, and its text where it is one of several tunes.
        faults: Kind of what gives nothing, to its names.
        left_out: What was left out of the others.
        reasons: What the reader says of each fault.
        read: How many songs were read before there were clips enough.
    """

    folder: Path
    files: int = 0
    songs: dict[str, tuple[Path, str]] = Factory(dict)
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
                    out._add(path, corpus)
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

            def clips_of(name: str, clip_format: MelodyFormat) -> tuple[ClipBatch, Counter[str]]:
                path, tune = self.songs[name]
                result = process.read(path, tune, clip_format)
                clips = result.clips.reshape(-1, clip_format.steps)  # none has no shape
                if clip_format != request.clip_format:
                    return clips, result.counts
                self.read += 1
                self.left_out += result.counts
                if result.fault:
                    self.faults.setdefault(result.fault, []).append(name.partition("/")[2])
                    self.reasons.append(result.reason)
                return clips, result.counts

            try:
                return read_songs(corpus, lambda _format: self.songs, clips_of, request)
            except CorpusError as error:
                raise CorpusError(" ".join([str(error), self.told(), *self.reasons[:1]])) from error

    def counts(self) -> dict[str, int]:
        """Files and songs by what became of them."""
        first = {f"{kind}, as {_short(names[0])}": len(names) for kind, names in self.faults.items()}
        return {"files in the folder": self.files, "songs in them": len(self.songs), "songs read": self.read, **first}

    def told(self) -> str:
        """What was read and left out, as a sentence."""
        counts = {**self.counts(), **self.left_out}
        return f"{'; '.join(f'{what}: {count}' for what, count in counts.items())}."

    def _add(self, path: Path, corpus: str) -> None:
        """A file, or the tunes of one in ABC."""
        self.files += 1
        name = f"{corpus}/{self._name(path)}"
        tunes = list(split_book(_text(path))) if path.suffix.lower() == ".abc" else []
        for number, tune in tunes:
            self.songs[_unused(f"{name}/{number:04d}", self.songs)] = path, tune
        if not tunes:
            self.songs[_unused(name, self.songs)] = path, ""

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


def _text(path: Path) -> str:
    """A file's text; "" where it cannot be opened or is too large, which reading it tells."""
    try:
        with path.open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)
    except OSError:
        return ""
    return data.decode("utf-8-sig", "replace") if len(data) <= MAX_BYTES else ""


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"…{name[1 - _LONGEST :]}"


def _unused(name: str, taken: Container[str]) -> str:
    if name not in taken:
        return name
    return next(other for k in itertools.count(2) if (other := f"{name} ({k})") not in taken)
