"""The promises of a corpus."""

from __future__ import annotations

import contextlib
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from latentknobs.core.capability import capability
from latentknobs.core.corpus import Corpus, CorpusRequest, Song, needs_argument
from latentknobs.core.format_capabilities import MonophonicFormat, melody_tokens
from latentknobs.core.melody_format import MELODY
from latentknobs.testing.checks.check_fixtures import (
    Check,
    CheckFixtures,
    LeftOut,
    need,
    offer_check,
    untouched_random_state,
)

CLIPS = 24
ENOUGH = 4
"""An endless corpus is read up to this many times the clips requested."""


def _songs(corpus: Corpus, seed: int, pitch_range: tuple[int, int] = (0, 127)) -> list[Song]:
    if needs_argument(corpus):
        raise LeftOut(f"{corpus.name!r} takes {corpus.takes}, and there is none here.")
    # Without a cache: a cached result would hide that a new one differs.
    request = CorpusRequest(clips=CLIPS, seed=seed, pitch_range=pitch_range, cache=None)
    return list(islice(corpus.songs(request), ENOUGH * CLIPS))


def has_a_licence(corpus: Corpus, _kit: CheckFixtures) -> None:
    """It says what may be done with its clips."""
    need(corpus.licence.strip(". "), f"{corpus.name!r} has no licence: say what may be done with its clips.")


def as_many_clips_as_requested(corpus: Corpus, kit: CheckFixtures) -> None:
    """It gives songs, and stops after the one that completes the requested clips."""
    songs = _songs(corpus, kit.seed)
    before_the_last = sum(len(song.clips) for song in songs[:-1])
    need(songs, f"{corpus.name!r} gave no song.")
    need(
        before_the_last < CLIPS,
        f"{corpus.name!r} goes on after the {CLIPS} clips requested: stop after the song that completes them.",
    )


def same_seed_same_songs(corpus: Corpus, kit: CheckFixtures) -> None:
    """The same seed gives the same songs in the same order, without any global random generator."""
    with untouched_random_state(repr(corpus.name)):
        first, second = _songs(corpus, kit.seed), _songs(corpus, kit.seed)
    same = [song.name for song in first] == [song.name for song in second] and all(
        one.split == other.split and np.array_equal(one.clips, other.clips)
        for one, other in zip(first, second, strict=True)
    )
    need(same, f"{corpus.name!r} gives other songs for the same seed.")


def the_pitch_range_is_kept(corpus: Corpus, kit: CheckFixtures) -> None:
    """No clip has a pitch outside the requested range."""
    low, high = 55, 79
    if not capability(kit.clip_format, MonophonicFormat):
        raise LeftOut(f"Clips of {kit.clip_format.name} have no pitches.")
    for song in _songs(corpus, kit.seed, (low, high)):
        sounding = MELODY.sounding(melody_tokens(song.clips, kit.clip_format))
        outside = (sounding >= 0) & ((sounding < low) | (sounding > high))
        need(
            not outside.any(),
            f"{corpus.name!r} has pitches {int(sounding[sounding >= 0].min(initial=127))} to {int(sounding.max())} in "
            f"{song.name!r}, where {low} to {high} are requested: leave such clips out.",
        )


def nothing_is_left_in_the_folder(corpus: Corpus, kit: CheckFixtures) -> None:
    """It writes nothing into the current folder; slow results go into the request's cache."""
    with TemporaryDirectory() as folder:
        with contextlib.chdir(folder):
            _songs(corpus, kit.seed)
        left = sorted(path.name for path in Path(folder).iterdir())
    need(not left, f"{corpus.name!r} writes into the current folder: {', '.join(left)}.")


CORPUS_CHECKS: tuple[Check, ...] = (
    offer_check("corpora"),
    has_a_licence,
    as_many_clips_as_requested,
    same_seed_same_songs,
    the_pitch_range_is_kept,
    nothing_is_left_in_the_folder,
)
