"""
What generated corpora have in common: endless songs by number, and splits that no clip crosses.

The split of a song is that of its name, and the split of a clip is that of its content: a hash of its tokens,
up to transposition. A song keeps only clips of its own split (more are drawn until it has enough), so no
clip equals, up to transposition, a clip of another split, exactly and with no memory of what went before.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from itertools import count
from typing import Final

import attrs
import numpy as np
from attrs import frozen
from numpy.random import Generator

from latentknobs.core.arrays import ClipBatch, Ints
from latentknobs.core.corpus import SPLITS, CorpusRequest, Song, split_of
from latentknobs.core.melody_format import MELODY, MELODY_FORMATS, MOST_STEPS, MelodyFormat, in_range, untransposed
from latentknobs.corpora.deduplication import no_argument, requested_format
from latentknobs.errors import CorpusError

_TRIES: Final = 4
_EMPTY: Final = 1000
"""Songs in a row without a clip in the pitch range after which the range is said to hold hardly any."""
_HASH: Final = np.random.default_rng(20190603).integers(1, 2**63, MOST_STEPS, dtype=np.uint64) | np.uint64(1)


def song_name(corpus: str, seed: int, index: int, clip_format: MelodyFormat) -> str:
    """The name of a generated song: "broad/0/17"; other formats than the first are named in it."""
    return "/".join([corpus, *([] if clip_format == MELODY else [clip_format.name]), str(seed), str(index)])


def song_generator(seed: int, index: int, clip_format: MelodyFormat, *more: int) -> Generator:
    """What everything about a song is drawn from, the same for seed, index and format."""
    signature = clip_format.time_signature
    meter = () if clip_format == MELODY else (signature.beats, signature.unit, clip_format.steps)
    return np.random.default_rng([seed, index, *more, *meter])


def song_in_split(name: str, clips: int, draw: Callable[[int], ClipBatch]) -> Song | None:
    """
    A song of distinct clips whose content is in the song's split, None where none was found.

    Args:
        name: Of the song, which fixes its split.
        clips: How many, or as many as are found.
        draw: Draws so many clips, int16 (n, steps).
    """
    split = split_of(name)
    rank = SPLITS.index(split)
    size = 2 * clips if rank == 0 else 12 * clips
    distinct: dict[bytes, ClipBatch] = {}
    for _ in range(_TRIES):
        drawn = draw(size)
        for clip in drawn[_ranks(drawn) == rank]:
            distinct.setdefault(clip.tobytes(), clip)
        if len(distinct) >= clips:
            break
    if not distinct:
        return None
    return Song(name=name, clips=np.stack(list(distinct.values())[:clips]), split=split)


def _ranks(clips: ClipBatch) -> Ints:
    """The split of each clip's content, as its place in ``SPLITS``, int64 (N,)."""
    mixed = (untransposed(clips).astype(np.uint64) * _HASH[: clips.shape[1]]).sum(axis=1, dtype=np.uint64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # the finish of splitmix64
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    percent = (mixed ^ (mixed >> np.uint64(31))) % np.uint64(100)
    ranks: Ints = np.searchsorted(np.array([80, 90]), percent, side="right").astype(np.int64)
    return ranks


@frozen
class GeneratedMelodies(ABC):
    """
    An endless corpus: songs 0, 1, 2, ... of the request's seed, as many as give the clips asked for.

    Attributes:
        name: Of the corpus.
        doc: One sentence.
    """

    name: str
    doc: str
    licence: str = "Made by rule: free of rights."
    clip_format: str = MELODY.name
    clip_formats: tuple[str, ...] = tuple(MELODY_FORMATS)
    takes: str = ""

    @abstractmethod
    def song(self, seed: int, index: int, clip_format: MelodyFormat) -> Song | None:
        """Song ``index`` of a seed in a format, None where it has no clip."""

    def songs(self, request: CorpusRequest, argument: str = "") -> Iterator[Song]:
        """
        The songs, one at a time; memory does not grow with their number.

        Raises:
            CorpusError: No limit was given, or the pitch range leaves no clips.
        """
        no_argument(self.name, argument)
        if request.clips is None:
            raise CorpusError(f"The corpus {self.name} is endless: say how many clips you want (--clips 2048).")
        done = empty = 0
        for index in count():
            song = self.song(request.seed, index, requested_format(request))
            if song is None:
                request.tally("songs without a clip in their split", 1)
                continue
            inside = in_range(song.clips, request.pitch_range)
            if not inside.all():
                request.tally("clips outside the pitch range", int((~inside).sum()))
            if inside.any():
                empty = 0
                done += int(inside.sum())
                request.progress("making melodies", min(done, request.clips), request.clips)
                yield attrs.evolve(song, clips=song.clips[inside])
                if done >= request.clips:
                    return
            elif (empty := empty + 1) >= _EMPTY:
                low, high = request.pitch_range
                raise CorpusError(
                    f"The corpus {self.name} has hardly a clip with all pitches from {low} to {high}: "
                    "choose a model with a wider range."
                )
