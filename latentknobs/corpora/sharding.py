"""Shards: clips of whole songs of one split, and those that a model can carry."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

import numpy as np
from attrs import evolve, frozen

from latentknobs.core.arrays import ClipBatch, Ints
from latentknobs.core.augmentation import Augmentation
from latentknobs.core.backend import VAEBackend
from latentknobs.core.clip import ClipFormat
from latentknobs.core.composition import wants_context
from latentknobs.core.corpus import Song, Tally
from latentknobs.core.edit_context import EditContext, chosen, contexts_of
from latentknobs.core.model_calls import accepted
from latentknobs.core.seed import priority

BLOCKS = 256
WHOLE_SONG = -1
"""In place of a clip's number: what is drawn for all clips of a song."""


def block_of(song: str) -> int:
    """The block of a song, 0 to 255, by a hash of its name: the same everywhere."""
    return hashlib.sha256(f"block\0{song}".encode()).digest()[0]


@frozen(eq=False)
class Shard:
    """
    Clips of whole songs of one split.

    Attributes:
        clips: int16 (n, *shape).
        songs: Name of each clip's song.
        split: The split.
        contexts: Where each clip stands in its song, for an edit that asks for it; else none.
    """

    clips: ClipBatch
    songs: tuple[str, ...]
    split: str
    contexts: tuple[EditContext, ...] = ()

    @property
    def blocks(self) -> Ints:
        """The block of each clip's song, (n,)."""
        return np.asarray([block_of(song) for song in self.songs], dtype=np.int64)

    def first(self, n: int) -> Shard:
        """Its first n clips."""
        return Shard(self.clips[:n], self.songs[:n], self.split, self.contexts[:n])


SongContexts: TypeAlias = Callable[[Song], tuple[EditContext, ...]]


def no_contexts(_song: Song) -> tuple[EditContext, ...]:
    """For an edit that asks for no context."""
    return ()


def song_contexts(augmentations: Iterable[Augmentation], clip_format: ClipFormat, seed: int) -> SongContexts:
    """What gives augmentations the contexts of a song's clips, if any asks for them; the same for a seed."""
    if not any(map(wants_context, augmentations)):
        return no_contexts
    return lambda song: contexts_of(song.clips, clip_format, priority(seed, song.name, WHOLE_SONG), song.key)


def shards(songs: Iterable[Song], size: int, contexts: SongContexts = no_contexts) -> Iterator[Shard]:
    """Gather songs into shards of at least ``size`` clips, one split each; the last ones are smaller."""
    waiting: dict[str, list[Song]] = {}
    for song in songs:
        group = waiting.setdefault(song.split, [])
        group.append(song)
        if sum(len(s.clips) for s in group) >= size:
            yield _shard(waiting.pop(song.split), contexts)
    for split in sorted(waiting):
        yield _shard(waiting[split], contexts)


def _shard(group: list[Song], contexts: SongContexts) -> Shard:
    names = tuple(song.name for song in group for _ in song.clips)
    told = tuple(context for song in group for context in contexts(song))
    return Shard(np.concatenate([song.clips for song in group]), names, group[0].split, told)


def carried_songs(backend: VAEBackend, songs: Iterable[Song], tally: Tally) -> Iterator[Song]:
    """Songs with the clips that the model can carry, maybe none; the others are tallied."""
    for song in songs:
        mask = accepted(backend, song.clips)
        tally.add("not accepted by the model", int((~mask).sum()))
        yield evolve(song, clips=song.clips[mask])


def carried_part(backend: VAEBackend, shard: Shard, tally: Tally) -> Shard:
    """A shard of the clips that the model can carry, maybe none; the others are tallied."""
    mask = accepted(backend, shard.clips)
    tally.add("not accepted by the model", int((~mask).sum()))
    songs = tuple(np.asarray(shard.songs)[mask].tolist())
    return Shard(shard.clips[mask], songs, shard.split, chosen(shard.contexts, np.flatnonzero(mask)))


def carried_shards(
    backend: VAEBackend, songs: Iterable[Song], size: int, tally: Tally, contexts: SongContexts = no_contexts
) -> Iterator[tuple[Shard, int]]:
    """Shards of the clips that the model can carry, maybe none, and how many clips were looked at; tallied."""
    for gathered in shards(songs, size, contexts):
        shard = carried_part(backend, gathered, tally)
        tally.add(f"clips of {shard.split} songs", len(shard.clips))
        yield shard, len(gathered.clips)
