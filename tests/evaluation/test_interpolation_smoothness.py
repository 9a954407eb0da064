import numpy as np
import pytest
from numpy.random import default_rng

from latentknobs.evaluation.interpolation_smoothness import PathSampling, draw_pairs, path_measures, smoothness
from latentknobs.steering.interpolation import one_way
from latentknobs.testing.tiny import TinyBackend, tiny_clips


def _path(*differing):
    """Clips of ten tokens, of which so many differ from the first clip's at each point."""
    return np.stack([np.where(np.arange(10) < n, 62, 60) for n in differing]).astype(np.int16)[None]


@pytest.mark.parametrize(
    ("points", "ends", "path", "jump"),
    [
        (range(11), 1.0, 1.0, 0.1),  # one token a step
        ((0, 0, 0, 4, 4), 0.4, 1.0, 1.0),  # all at once
        ((0, 8, 4), 0.4, 3.0, 2 / 3),  # 0.8 there and 0.4 back, ends 0.4 apart
        ((0, 5, 0), 0.0, np.nan, np.nan),  # no way to go
    ],
)
def test_a_path_by_hand(points, ends, path, jump):
    """Length over the distance of the ends, and the largest step's share of the length; not without a distance."""
    result = path_measures(_path(*points))

    np.testing.assert_allclose(result.ends, [ends])
    np.testing.assert_allclose(result.path, [path])
    np.testing.assert_allclose(result.jump, [jump])


def test_no_path_is_shorter_than_its_ends_distance():
    """Whatever the clips, path is at least 1 and jump between an even step and 1; clips may have any shape."""
    result = path_measures(default_rng(0).integers(0, 3, (200, 5, 2, 4)).astype(np.int16))

    assert np.nanmin(result.path) >= 1
    assert 0.25 <= np.nanmin(result.jump) <= np.nanmax(result.jump) <= 1


def test_pairs_are_of_different_songs_and_songs_of_one_two():
    """Seven songs give three twos that share no song, and take turns."""
    songs = np.asarray([5, 5, 5, 1, 9, 9, 2, 3, 3, 8, 8, 8, 4])

    first, second, two = draw_pairs(songs, 50, default_rng(0))

    twos = {(a, b, k) for a, b, k in zip(songs[first], songs[second], two, strict=True)}
    assert len(twos) == 3
    assert len({song for a, b, _ in twos for song in (a, b)}) == 6
    assert sorted(np.bincount(two)) == [16, 17, 17]


def test_pairs_are_drawn_from_all_clips_of_their_songs():
    """With two songs every clip of both comes, on its own side."""
    first, second, _ = draw_pairs(np.asarray([0, 1, 0, 1, 1]), 200, default_rng(0))

    assert {frozenset(first.tolist()), frozenset(second.tolist())} == {frozenset({0, 2}), frozenset({1, 3, 4})}


def test_the_paths_are_those_of_interpolate():
    """The measures are those of the clips that one_way's codes decode to, each pair's counted once."""
    backend, clips = TinyBackend(), tiny_clips(2)
    codes = backend.encode(clips).mean
    decoded = backend.decode(one_way(codes[0], codes[1], 5))
    by_hand = path_measures(decoded[None])

    result = smoothness(backend, codes, np.asarray([0, 1]), 0, sampling=PathSampling(1, 5))

    assert (result["pairs"], result["song_pairs"], result["points"], result["measured"]) == (1, 1, 5, 1)
    assert result["ends"]["value"] == pytest.approx(by_hand.ends[0])
    # The way back is as long: a pair has no order.
    back = path_measures(backend.decode(one_way(codes[1], codes[0], 5))[None])
    assert result["path"]["value"] in (pytest.approx(by_hand.path[0]), pytest.approx(back.path[0]))


def test_the_seed_fixes_the_pairs():
    """The same seed gives the same numbers, another seed other pairs; the work is told to its end."""
    codes, told = TinyBackend().encode(tiny_clips(40)).mean, []
    songs = np.arange(40) // 4

    def run(seed):
        return smoothness(
            TinyBackend(), codes, songs, seed, sampling=PathSampling(30), progress=lambda *what: told.append(what[1:])
        )

    assert run(0) == run(0) != run(1)
    assert told[-1] == (30, 30)
    assert run(0)["song_pairs"] == 5
    assert run(0)["path"]["low"] < run(0)["path"]["value"] < run(0)["path"]["high"]


def test_equal_ends_have_no_path():
    """Pairs whose ends decode alike are counted, and have neither path nor jump."""
    codes = TinyBackend().encode(tiny_clips(1)[[0, 0]]).mean

    result = smoothness(TinyBackend(), codes, np.asarray([0, 1]), 0, sampling=PathSampling(3))

    assert result["measured"] == 0
    assert result["path"] is None
    assert result["jump"] is None
    assert result["ends"]["value"] == 0


def test_one_song_has_no_pairs():
    """Clips of one song give None."""
    assert smoothness(TinyBackend(), np.zeros((3, 24), np.float32), np.zeros(3, np.int64), 0) is None
