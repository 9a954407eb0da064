"""
Clips of tune books and scores, kept between runs: all of ``folk`` takes 8 seconds, from the cache half a second.

One file per corpus. Its name holds a hash of music21's version and of the source of the modules that cut them;
each song is kept with a hash of its file or text. So what is found is what reading would give, and a file that is
damaged or cannot be written changes nothing.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import json
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from attrs import Factory, define

from latentknobs.core.arrays import ClipBatch
from latentknobs.core.atomic_write import write_file
from latentknobs.core.melody_format import MelodyFormat
from latentknobs.errors import OutputError

Entry = tuple[str, ClipBatch, dict[str, int]]
_CUTTERS = (
    "core/melody_format.py",
    "core/piece.py",
    "core/time_signature.py",
    "scores/abc_reader.py",
    "scores/musicxml_reader.py",
    "scores/notation.py",
    "corpora/music21_parts.py",
    "corpora/windowing.py",
)
_DAMAGE = (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile, zlib.error)


@define(eq=False)
class ClipCache:
    """The cached clips of one corpus in one format."""

    path: Path | None
    _entries: dict[str, Entry] = Factory(dict)
    _changed: bool = False

    @classmethod
    def open(cls, folder: Path | None, corpus: str, clip_format: MelodyFormat) -> ClipCache:
        """The cache of a corpus' clips of a format in a folder, which need not exist; None = nothing is kept."""
        if folder is None:
            return cls(None)
        path = folder / "corpora" / f"{corpus}-{clip_format.name}-{_version()}.npz"
        return cls(path, _load(path, clip_format))

    def get(
        self, name: str, content: bytes, cut: Callable[[], tuple[ClipBatch, Counter[str]]]
    ) -> tuple[ClipBatch, Counter[str]]:
        """What ``cut`` gives for a song of that content."""
        digest = hashlib.sha256(content).hexdigest()[:32]
        entry = self._entries.get(name)
        if entry is not None and entry[0] == digest:
            return entry[1], Counter(entry[2])
        clips, counts = cut()
        self._entries[name] = (digest, clips, dict(counts))
        self._changed = True
        return clips, counts

    def write(self) -> None:
        """Write what is new."""
        if self.path is not None and self._changed:
            # A cache that cannot be written costs time, nothing else.
            with suppress(OSError, OutputError):
                self.path.parent.mkdir(parents=True, exist_ok=True)
                write_file(self.path, _dump(self._entries), overwrite=True)


@define(eq=False)
class ClipCaches:
    """The caches of a corpus by format, opened as they are asked for; a context manager, which writes what is new."""

    folder: Path | None
    corpus: str
    _opened: dict[MelodyFormat, ClipCache] = Factory(dict)

    def __getitem__(self, clip_format: MelodyFormat) -> ClipCache:
        if clip_format not in self._opened:
            self._opened[clip_format] = ClipCache.open(self.folder, self.corpus, clip_format)
        return self._opened[clip_format]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for cache in self._opened.values():
            cache.write()


def _version() -> str:
    digest = hashlib.sha256(importlib.metadata.version("music21").encode())
    for module in _CUTTERS:
        digest.update(files("latentknobs").joinpath(module).read_bytes())
    return digest.hexdigest()[:16]


def _dump(entries: dict[str, Entry]) -> bytes:
    facts = [[name, digest, len(clips), counts] for name, (digest, clips, counts) in entries.items()]
    clips = np.concatenate([clips for _, clips, _ in entries.values()]).astype(np.uint8)
    out = io.BytesIO()
    np.savez_compressed(out, facts=np.frombuffer(json.dumps(facts).encode(), dtype=np.uint8), clips=clips)
    return out.getvalue()


def _load(path: Path, clip_format: MelodyFormat) -> dict[str, Entry]:
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as data:
            facts = json.loads(data["facts"].tobytes())
            clips = data["clips"].astype(np.int16)
        lengths = [length for _, _, length, _ in facts]
        if clips.shape != (sum(lengths), clip_format.steps) or (clips >= clip_format.vocabulary).any():
            return {}
        starts = np.cumsum([0, *lengths])
        return {
            name: (digest, clips[start : start + length], {what: int(n) for what, n in counts.items()})
            for start, (name, digest, length, counts) in zip(starts, facts, strict=False)
        }
    except _DAMAGE:  # not there yet, or damaged: it is read anew and written over
        return {}
