"""Shards: clips of whole songs of one split, and those that a model can carry."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import numpy as np
from attrs import evolve, frozen

from latentknobs.core.arrays import ClipBatch, Ints
from latentknobs.core.backend import VAEBackend
from latentknobs.core.corpus import Song, Tally
from latentknobs.core.model_calls import accepted

BLOCKS = 256


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
    """

    clips: ClipBatch
    songs: tuple[str, ...]
    split: str

    @property
    def blocks(self) -> Ints:
        """The block of each clip's song, (n,)."""
        return np.asarray([block_of(song) for song in self.songs], dtype=np.int64)


def shards(songs: Iterable[Song], size: int) -> Iterator[Shard]:
    """Gather songs into shards of at least ``size`` clips, one split each; the last ones are smaller."""
    waiting: dict[str, list[Song]] = {}
    for song in songs:
        group = waiting.setdefault(song.split, [])
        group.append(song)
        if sum(len(s.clips) for s in group) >= size:
            yield _shard(waiting.pop(song.split))
    for split in sorted(waiting):
        yield _shard(waiting[split])


def _shard(group: list[Song]) -> Shard:
    names = tuple(song.name for song in group for _ in song.clips)
    return Shard(np.concatenate([song.clips for song in group]), names, group[0].split)


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
    return Shard(shard.clips[mask], tuple(np.asarray(shard.songs)[mask].tolist()), shard.split)


def carried_shards(backend: VAEBackend, songs: Iterable[Song], size: int, tally: Tally) -> Iterator[tuple[Shard, int]]:
    """Shards of the clips that the model can carry, maybe none, and how many clips were looked at; tallied."""
    for gathered in shards(songs, size):
        shard = carried_part(backend, gathered, tally)
        tally.add(f"clips of {shard.split} songs", len(shard.clips))
        yield shard, len(gathered.clips)
