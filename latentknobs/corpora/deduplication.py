"""
What all corpora of songs share: the seeded order, the pitch range, duplicates, and clips seen in an earlier split.

A clip is left out where the same clip came earlier in its split. A validation or test clip is left out where
it equals, up to transposition, a clip of an earlier split (train, then validation, then test) among the
songs that are used for the request: the songs are read first, until enough clips are there, and sifted
then, so the order of songs does not matter for it. So is one that equals a clip of an earlier split in another
format of as many steps (3/4 and 6/8), among all songs: the same tokens are in one split, whatever they are read as.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

import numpy as np
from attrs import Factory, define, frozen

from latentknobs.core.arrays import ClipBatch, clip_digests
from latentknobs.core.corpus import SPLITS, CorpusRequest, Song, split_of
from latentknobs.core.melody_format import MELODY_FORMATS, MelodyFormat, in_range, untransposed
from latentknobs.errors import CorpusError


def seeded_order(names: Iterable[str], seed: int) -> list[str]:
    """The names in an order fixed by the seed: by a hash of seed and name, the same everywhere."""
    return sorted(names, key=lambda name: (hashlib.sha256(f"order\0{seed}\0{name}".encode()).digest(), name))


def no_argument(name: str, argument: str) -> None:
    """
    Refuse an argument to a corpus that takes none.

    Raises:
        CorpusError: There is one.
    """
    if argument:
        raise CorpusError(f"The corpus {name} takes nothing after a colon: write {name!r}, not '{name}:{argument}'.")


@frozen(eq=False)
class _Kept:
    name: str
    rank: int
    clips: ClipBatch
    shapes: tuple[bytes, ...]


@define(eq=False)
class Deduplicator:
    """
    Collects songs until enough clips are left, then gives them back sifted.

    Attributes:
        request: What is wanted; its ``tally`` is told what is left out.
        clips: How many clips are left so far.
        elsewhere: The earliest split of clips in other formats of as many steps, by digest up to transposition.
    """

    request: CorpusRequest
    clips: int = 0
    elsewhere: Mapping[bytes, int] = Factory(dict)
    _songs: list[_Kept] = Factory(list)
    _seen: set[tuple[int, bytes]] = Factory(set)
    _shapes: dict[bytes, list[int]] = Factory(dict)

    @property
    def full(self) -> bool:
        """Whether as many clips are left as were asked for."""
        return self.request.clips is not None and self.clips >= self.request.clips

    def add(self, name: str, clips: ClipBatch) -> None:
        """Take a song's clips, int16 (n, steps), n may be 0."""
        inside = in_range(clips, self.request.pitch_range)
        self._tell("clips outside the pitch range", int((~inside).sum()))
        clips = clips[inside]
        rank = SPLITS.index(split_of(name))
        if self.elsewhere:
            first = [self.elsewhere.get(shape, rank) >= rank for shape in clip_digests(untransposed(clips))]
            self._tell("clips seen in an earlier split", len(clips) - sum(first))
            clips = clips[np.asarray(first, dtype=bool)]
        kept: list[int] = []
        shapes: list[bytes] = []
        for i, (clip, shape) in enumerate(zip(clip_digests(clips), clip_digests(untransposed(clips)), strict=True)):
            if (rank, clip) in self._seen:
                continue
            self._seen.add((rank, clip))
            kept.append(i)
            shapes.append(shape)
            counts = self._shapes.setdefault(shapes[-1], [0, 0, 0])
            self.clips -= _left(counts)
            counts[rank] += 1
            self.clips += _left(counts)
        self._tell("duplicate clips", len(clips) - len(kept))
        if kept:
            self._songs.append(_Kept(name, rank, clips[kept], tuple(shapes)))

    def songs(self) -> Iterator[Song]:
        """The songs that still have clips, in the order in which they came."""
        for song in self._songs:
            alone = np.array([not any(self._shapes[shape][: song.rank]) for shape in song.shapes])
            self._tell("clips seen in an earlier split", int((~alone).sum()))
            if alone.any():
                yield Song(name=song.name, clips=song.clips[alone], split=SPLITS[song.rank])

    def _tell(self, what: str, count: int) -> None:
        if count:
            self.request.tally(what, count)


def requested_format(request: CorpusRequest) -> MelodyFormat:
    """
    The format of melodies that a corpus of them is asked for.

    Raises:
        CorpusError: It is none of those that are known by name.
    """
    wanted = request.clip_format
    if (known := MELODY_FORMATS.get(wanted.name)) is None or known != wanted:
        raise CorpusError(
            f"Built-in corpora have clips of {', '.join(MELODY_FORMATS)}, not of {wanted.name} ({wanted.steps} steps): "
            "ask for one of these formats."
        )
    return known


ClipsOf: TypeAlias = Callable[[str, MelodyFormat], tuple[ClipBatch, Counter[str]]]
"""The name of a song and a format to its clips, int16 (n, steps), and the counts of what was left out."""


def read_songs(
    corpus: str, names: Callable[[MelodyFormat], Iterable[str]], clips_of: ClipsOf, request: CorpusRequest
) -> Deduplicator:
    """
    Read the songs of a finite corpus, in the seeded order, until enough clips are left.

    Args:
        corpus: Its name, for messages.
        names: The names of all its songs that may have clips of a format.
        clips_of: Their clips.
        request: What is wanted.

    Raises:
        CorpusError: No song has a clip.
    """
    clip_format = requested_format(request)
    elsewhere = _elsewhere(names, clips_of, request)
    sieve = Deduplicator(request, elsewhere=elsewhere)
    order = seeded_order(names(clip_format), request.seed)
    what = f"reading {corpus}"
    for done, name in enumerate(order, start=1):
        clips, counts = clips_of(name, clip_format)
        for left_out, count in counts.items():
            request.tally(left_out, count)
        sieve.add(name, clips)
        if request.clips is None:
            request.progress(what, done, len(order))
        else:
            request.progress(what, min(sieve.clips, request.clips), request.clips)
        if sieve.full:
            break
    if not sieve.clips:
        low, high = request.pitch_range
        raise CorpusError(
            f"The corpus {corpus} has no clip of {clip_format.bars} bars in {clip_format.time_signature} with pitches "
            f"from {low} to {high}: "
            "choose another corpus, or a model with a wider range."
        )
    return sieve


def _elsewhere(
    names: Callable[[MelodyFormat], Iterable[str]], clips_of: ClipsOf, request: CorpusRequest
) -> dict[bytes, int]:
    """The earliest split of each clip of other formats of as many steps, by digest up to transposition."""
    out: dict[bytes, int] = {}
    for other in MELODY_FORMATS.values():
        if other.steps == request.clip_format.steps and other != request.clip_format:
            songs = list(names(other))
            for done, name in enumerate(songs, start=1):
                request.progress(f"comparing with {other.time_signature}", done, len(songs))
                rank = SPLITS.index(split_of(name))
                for shape in clip_digests(untransposed(clips_of(name, other)[0])):
                    out[shape] = min(out.get(shape, rank), rank)
    return out


def _left(counts: list[int]) -> int:
    return next((count for count in counts if count), 0)
