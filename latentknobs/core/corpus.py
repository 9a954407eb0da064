"""Corpora: named sources of clips, song by song, in a fixed order."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from attrs import define, field, frozen, validators

from latentknobs.core.arrays import ClipBatch
from latentknobs.core.capability import capability
from latentknobs.core.clip import ClipFormat
from latentknobs.core.edit_context import Key
from latentknobs.core.melody_format import MELODY
from latentknobs.core.seed import as_seed

Split: TypeAlias = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
Progress: TypeAlias = Callable[[str, int, int | None], None]
"""Told (what is done, how much is done, of how much or None); front ends draw it."""


def no_progress(_what: str, _done: int, _of: int | None) -> None:
    """A progress callback that does nothing."""


def split_of(song: str) -> Split:
    """The split of a song, by a hash of its name: 80 % train, 10 % validation, 10 % test; the same everywhere."""
    value = int.from_bytes(hashlib.sha256(f"split\0{song}".encode()).digest()[:8], "big") % 100
    return "train" if value < 80 else "validation" if value < 90 else "test"


@frozen(eq=False)
class Song:
    """
    The clips of one song; a song is never divided between splits.

    Attributes:
        name: Unique within its corpus, stable ("folk/oneills1850/0123").
        clips: int16 (n, *shape), n at least 1.
        split: Which split it is in.
        key: Its key where the source states one; None = estimated from the clips where an edit asks for it.
    """

    name: str
    clips: ClipBatch
    split: Split
    key: Key | None = None


@frozen(eq=False)
class CorpusRequest:
    """
    What is wanted of a corpus.

    Attributes:
        clips: Stop after the song that completes this many clips of all splits; None = all (which an endless corpus
            refuses).
        seed: Fixes the order of songs, and the songs of a generated corpus.
        pitch_range: Lowest and highest MIDI pitch a clip may have; clips outside are left out and counted.
        clip_format: Of the clips; a corpus of one format need not look.
        progress: Told of long work.
        tally: Told (what, how many) of everything left out or joined, as it happens.
        cache: Folder for what takes long to make, None = no cache. The result never depends on it.
        workers: Processes to parse with; the result never depends on it.
    """

    clips: int | None = field(default=None, validator=validators.optional(validators.ge(1)))
    seed: int = field(default=0, converter=as_seed)
    pitch_range: tuple[int, int] = (0, 127)
    clip_format: ClipFormat = MELODY
    progress: Progress = no_progress
    tally: Callable[[str, int], None] = field(default=lambda _what, _n: None)
    cache: Path | None = None
    workers: int = field(default=1, validator=validators.ge(1))


@runtime_checkable
class Corpus(Protocol):
    """
    A named source of clips.

    Attributes:
        name: Unique name ("folk"); "+" and ":" are not allowed in it.
        doc: One sentence.
        licence: What may be done with the clips, one sentence.
        clip_format: Name of the format of its clips. Of one that has several, as its ``clip_formats`` names them, it is
            the first, and a request says which is wanted.
        takes: What stands after the colon in ``--corpus NAME:ARGUMENT`` ("a folder of MIDI files"), in square brackets
            where it may be left out ("[a composer]"), "" = nothing.
    """

    @property
    def name(self) -> str: ...
    @property
    def doc(self) -> str: ...
    @property
    def licence(self) -> str: ...
    @property
    def clip_format(self) -> str: ...
    @property
    def takes(self) -> str: ...

    def songs(self, request: CorpusRequest, argument: str = "") -> Iterator[Song]:
        """
        The songs, lazily, in a fixed order for a seed.

        Raises:
            CorpusError: The corpus cannot give clips (nothing found, an endless corpus without a limit).
        """
        ...


class ManyFormats(Protocol):
    """
    What a corpus offers besides that has clips of several formats.

    Attributes:
        clip_formats: Names of the formats, ``clip_format`` among them.
    """

    @property
    def clip_formats(self) -> tuple[str, ...]: ...


def formats_of(corpus: Corpus) -> tuple[str, ...]:
    """Names of the formats that a corpus has clips of."""
    able = capability(corpus, ManyFormats)
    return (corpus.clip_format,) if able is None else tuple(able.clip_formats)


def requested_name(corpus: Corpus, request: CorpusRequest) -> str:
    """Name of the format of the clips that a corpus gives for a request; one of a single format need not look at it."""
    wanted = request.clip_format.name
    return wanted if wanted in formats_of(corpus) else corpus.clip_format


def needs_argument(corpus: Corpus) -> bool:
    """Whether something must stand after the colon."""
    return bool(corpus.takes) and not corpus.takes.startswith("[")


class TrueFactors(Protocol):
    """
    What a corpus may offer besides, where the true factors of its songs are known, as of generated ones.

    Attributes:
        discrete: Names of the factors that are class labels; the others are numbers.
    """

    @property
    def discrete(self) -> frozenset[str]: ...

    def factors(self, song: str) -> Mapping[str, float]:
        """
        The factors of a song by name, the same names for every song; a label is its number.

        Raises:
            CorpusError: It is no song of this corpus.
        """
        ...


@define(eq=False)
class Tally:
    """Counts of what was left out, by reason."""

    counts: dict[str, int] = field(factory=dict)

    def add(self, what: str, n: int) -> None:
        """Count n more."""
        if n:
            self.counts[what] = self.counts.get(what, 0) + int(n)

    def add_all(self, counts: Mapping[str, int]) -> None:
        """Count what another has counted."""
        for what, n in counts.items():
            self.add(what, n)

    def by_name(self) -> dict[str, int]:
        """The counts in an order that does not depend on what was read when."""
        return dict(sorted(self.counts.items()))
