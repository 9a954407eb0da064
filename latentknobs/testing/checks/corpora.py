"""The promises of a corpus."""

from __future__ import annotations

import contextlib
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from latentknobs.core.corpus import Corpus, CorpusRequest, Song
from latentknobs.core.melody_format import MELODY
from latentknobs.testing.checks.check_fixtures import Check, CheckFixtures, LeftOut, is_offer, need, undisturbed_chance

CLIPS = 24
ENOUGH = 4
"""Of an endless corpus that does not stop, so many times the clips that were asked for are read, and no more."""


def _songs(corpus: Corpus, seed: int, pitch_range: tuple[int, int] = (0, 127)) -> list[Song]:
    if corpus.takes:
        raise LeftOut(f"{corpus.name!r} takes {corpus.takes}, and there is none here.")
    # What was made before must not hide that it is made otherwise now, nor be written.
    request = CorpusRequest(clips=CLIPS, seed=seed, pitch_range=pitch_range, cache=None)
    return list(islice(corpus.songs(request), ENOUGH * CLIPS))


def is_a_corpus(corpus: Corpus, _kit: CheckFixtures) -> None:
    """It has everything that register_corpora asks for, and says under what licence its clips are."""
    is_offer("corpora", corpus)
    need(corpus.licence.strip(". "), f"{corpus.name!r} has no licence: say what may be done with its clips.")


def as_many_clips_as_are_asked_for(corpus: Corpus, kit: CheckFixtures) -> None:
    """It gives songs, and stops after the one with which the clips asked for are there."""
    songs = _songs(corpus, kit.seed)
    before_the_last = sum(len(song.clips) for song in songs[:-1])
    need(songs, f"{corpus.name!r} gave no song.")
    need(
        before_the_last < CLIPS,
        f"{corpus.name!r} goes on after the {CLIPS} clips that were asked for: stop after the song with which they "
        "are there.",
    )


def same_seed_same_songs(corpus: Corpus, kit: CheckFixtures) -> None:
    """The same seed gives the same songs in the same order, and no global random generator has a part in it."""
    with undisturbed_chance(repr(corpus.name)):
        first, second = _songs(corpus, kit.seed), _songs(corpus, kit.seed)
    same = [song.name for song in first] == [song.name for song in second] and all(
        one.split == other.split and np.array_equal(one.clips, other.clips)
        for one, other in zip(first, second, strict=True)
    )
    need(same, f"{corpus.name!r} gives other songs for the same seed.")


def the_pitch_range_is_kept(corpus: Corpus, kit: CheckFixtures) -> None:
    """No clip has a pitch outside the range that is asked for."""
    low, high = 55, 79
    for song in _songs(corpus, kit.seed, (low, high)):
        sounding = MELODY.sounding(song.clips)
        outside = (sounding >= 0) & ((sounding < low) | (sounding > high))
        need(
            not outside.any(),
            f"{corpus.name!r} was asked for pitches {low} to {high} and gives {int(sounding.max())} or "
            f"{int(sounding[sounding >= 0].min(initial=127))} in {song.name!r}: leave such clips out.",
        )


def nothing_is_left_in_the_folder(corpus: Corpus, kit: CheckFixtures) -> None:
    """It writes nothing into the current folder; what takes long to make goes into the request's cache."""
    with TemporaryDirectory() as folder:
        with contextlib.chdir(folder):
            _songs(corpus, kit.seed)
        more = sorted(path.name for path in Path(folder).iterdir())
    need(not more, f"{corpus.name!r} writes into the current folder: {', '.join(more)}.")


CORPUS_CHECKS: tuple[Check, ...] = (
    is_a_corpus,
    as_many_clips_as_are_asked_for,
    same_seed_same_songs,
    the_pitch_range_is_kept,
    nothing_is_left_in_the_folder,
)
