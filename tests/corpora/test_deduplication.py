"""Rules for order, duplicates, splits and the pitch range of a corpus."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentknobs.core.corpus import CorpusRequest, split_of
from latentknobs.core.melody_format import HOLD, MELODY_FORMATS, REST, in_range, untransposed
from latentknobs.corpora.deduplication import Deduplicator, read_songs, seeded_order
from latentknobs.errors import CorpusError


def clip(*pitches):
    """A clip with these pitches, evenly spread."""
    out = np.full(32, HOLD, dtype=np.int16)
    out[:: 32 // len(pitches)][: len(pitches)] = pitches
    return out


def name_in(split, start=0):
    """A song name of a split."""
    return next(name for k in range(start, 10_000) if split_of(name := f"song-{k}") == split)


def read(songs, **wanted):
    """The songs left of {name: clips}, and what was told to the tally."""
    told = Counter()
    request = CorpusRequest(tally=lambda what, count: told.update({what: count}), **wanted)
    sieve = read_songs("made", lambda _: songs, lambda name, _: (np.stack(songs[name]), Counter()), request)
    return {song.name: song for song in sieve.songs()}, dict(told)


def test_order_depends_on_seed_and_names_alone():
    """The order of songs does not depend on the order in which they were found."""
    names = [f"tune {k}" for k in range(50)]
    assert seeded_order(names, 3) == seeded_order(reversed(names), 3)
    assert seeded_order(names, 3) != seeded_order(names, 4)


@given(
    st.lists(st.one_of(st.integers(30, 80), st.just(HOLD), st.just(REST)), min_size=32, max_size=32),
    st.integers(-20, 20),
)
def test_untransposed_is_the_same_for_every_transposition(tokens, by):
    """Transposing a clip does not change its shape; changing one note against the others does."""
    one = np.array([tokens], dtype=np.int16)
    other = np.where(one < HOLD, one + by, one).astype(np.int16)
    assert np.array_equal(untransposed(one), untransposed(other))
    if (one < HOLD).sum() > 1:
        other[0, np.flatnonzero(one[0] < HOLD)[-1]] += 1
        assert not np.array_equal(untransposed(one), untransposed(other))


def test_duplicates_in_a_split_are_left_out():
    """The same clip is kept once in a split, wherever it comes from."""
    a, b = name_in("train"), name_in("train", 100)
    songs, told = read({a: [clip(60, 62), clip(60, 62), clip(60, 64)], b: [clip(60, 62), clip(70, 60)]})
    assert sum(len(song.clips) for song in songs.values()) == 3
    assert told == {"duplicate clips": 2}


def test_clips_of_an_earlier_split_are_left_out_up_to_transposition():
    """Test and validation songs lose what train songs have, test songs what validation songs have."""
    train, validation, test = (name_in(split) for split in ("train", "validation", "test"))
    songs, told = read(
        {
            test: [clip(70, 72), clip(50, 55), clip(50, 51)],
            validation: [clip(61, 63), clip(60, 65)],
            train: [clip(60, 62), clip(67, 69)],
        }
    )
    assert [song.clips[:, [0, 16]].tolist() for song in (songs[train], songs[validation], songs[test])] == [
        [[60, 62], [67, 69]],
        [[60, 65]],
        [[50, 51]],
    ]
    assert told == {"clips seen in an earlier split": 3}
    assert all(song.split == split_of(name) for name, song in songs.items())


@given(st.lists(st.lists(st.integers(0, 8), min_size=1, max_size=6), min_size=1, max_size=30), st.integers(1, 60))
def test_running_count_is_what_is_left(songs, wanted):
    """At every point, the sieve's count is the number of clips it would give; it never falls short of the request."""
    sieve = Deduplicator(CorpusRequest(clips=wanted))
    for k, intervals in enumerate(songs):
        sieve.add(f"song {k}", np.stack([clip(60 + k % 3, 60 + k % 3 + step) for step in intervals]))
        assert sieve.clips == sum(len(song.clips) for song in sieve.songs())
        if sieve.full:
            break
    kept = [song.clips for song in sieve.songs()]
    assert sieve.full == (sum(map(len, kept)) >= wanted)


def test_no_shape_is_in_two_splits():
    """Over many random songs, no clip equals, up to transposition, one of another split."""
    rng = np.random.default_rng(0)
    songs = {f"s{k}": [clip(*rng.integers(60, 64, 4)) for _ in range(6)] for k in range(300)}
    kept, _ = read(songs)
    splits = {}
    for song in kept.values():
        for shape in untransposed(song.clips):
            assert splits.setdefault(shape.tobytes(), song.split) == song.split


def test_reading_stops_when_enough_clips_are_there():
    """No song is read after the one with which the clips are there."""
    asked = []

    def clips_of(name, _format):
        asked.append(name)
        k = int(name)
        return np.stack([clip(40 + k, 60), clip(40 + k, 61)]), Counter({"told": 1})

    told = []
    request = CorpusRequest(clips=5, tally=lambda what, count: told.append((what, count)))
    sieve = read_songs("made", lambda _: map(str, range(40)), clips_of, request)
    assert 5 <= sieve.clips <= 6
    assert asked == seeded_order(map(str, range(40)), 0)[: len(asked)]
    assert len(told) == len(asked) < 40


def test_pitch_range_is_kept():
    """A clip with a pitch outside the range is left out and counted; with none left, a sentence says so."""
    assert in_range(np.stack([clip(60, 72), clip(60, 73), clip(59, 60)]), (60, 72)).tolist() == [True, False, False]
    songs, told = read({"a": [clip(60, 72), clip(60, 90)]}, pitch_range=(60, 72))
    assert len(songs["a"].clips) == 1
    assert told == {"clips outside the pitch range": 1}
    with pytest.raises(CorpusError, match="no clip of 2 bars"):
        read({"a": [clip(60, 72)]}, pitch_range=(0, 10))


def test_the_same_tokens_are_in_one_split_whatever_they_are_read_as():
    """A test clip of 6/8 that a training song of 3/4 has, at another height, is left out."""
    waltz, jig = (MELODY_FORMATS[f"melody-2bar-{meter}"] for meter in ("3-4", "6-8"))
    line = clip(60, 62, 64)[:24]
    both = {name_in("train"): (waltz, line), name_in("test"): (jig, np.where(line < HOLD, line + 5, line))}
    both[name_in("test", 200)] = (jig, clip(60, 65, 64)[:24])

    sieve = read_songs(
        "made",
        lambda wanted: [name for name, (own, _) in both.items() if own == wanted],
        lambda name, _format: (np.stack([both[name][1]]), Counter()),
        CorpusRequest(clip_format=jig),
    )

    assert [song.name for song in sieve.songs()] == [name_in("test", 200)]
