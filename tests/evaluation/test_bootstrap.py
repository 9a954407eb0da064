import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import default_rng

from latentknobs.core.evidence import Interval
from latentknobs.evaluation.bootstrap import SongDraws, interval
from latentknobs.evaluation.prior_samples import share

SEEDS = st.integers(0, 2**31)


@settings(max_examples=30)
@given(seed=SEEDS, count=st.integers(1, 30), songs=st.integers(1, 8))
def test_means_are_over_the_clips_that_have_a_number(seed, count, songs):
    """The means are numpy's nanmean over clips, a song counting by its clips."""
    rng = default_rng(seed)
    values = rng.normal(size=(count, 3))
    values[rng.random(values.shape) < 0.2] = np.nan
    values[0] = 1.0

    means, draws = SongDraws(rng.integers(0, songs, count), rng, resamples=20).means(values)

    np.testing.assert_allclose(means, np.nanmean(values, axis=0), rtol=1e-9)
    assert draws.shape == (20, 3)


def test_a_resampling_is_a_mean_over_whole_songs_drawn_again():
    """Every resampled mean is that of as many songs, with repeats, clips of a song together."""
    values = np.asarray([1.0, 2.0, 30.0, 400.0])[:, None]
    songs = np.asarray([7, 7, 9, 11])
    by_song = {7: [1.0, 2.0], 9: [30.0], 11: [400.0]}
    possible = {
        round(float(np.mean([v for s in drawn for v in by_song[s]])), 9)
        for drawn in ((a, b, c) for a in by_song for b in by_song for c in by_song)
    }

    draws = SongDraws(songs, default_rng(0), resamples=500).means(values)[1][:, 0]

    assert {round(float(d), 9) for d in draws} == possible


def test_more_clips_of_the_same_songs_do_not_narrow_the_interval():
    """Ten copies of every clip change no resampled mean: songs are drawn, not clips."""
    values, songs = default_rng(1).normal(size=(20, 2)), np.arange(20) // 2

    once = SongDraws(songs, default_rng(5)).means(values)
    ten = SongDraws(np.repeat(songs, 10), default_rng(5)).means(np.repeat(values, 10, axis=0))

    np.testing.assert_allclose(ten[1], once[1], rtol=1e-9)


def test_measures_share_their_draws():
    """Two measures of the same clips are resampled alike, so their difference is too; the seed alone decides."""
    values = default_rng(2).normal(size=(30, 1))
    songs = np.arange(30) // 3
    draws = SongDraws(songs, default_rng(3))

    first, second = draws.means(values)[1], draws.means(values + 5)[1]

    np.testing.assert_allclose(second - first, 5.0)
    np.testing.assert_array_equal(first, SongDraws(songs, default_rng(3)).means(values)[1])


def test_one_song_has_no_interval():
    """With one song there is nothing to draw: both ends are the value, the error is 0."""
    means, draws = SongDraws(np.zeros(6, np.int64), default_rng(0)).means(np.arange(6.0)[:, None])

    result = interval(float(means[0]), draws[:, 0])

    assert result == Interval(2.5, 2.5, 2.5, 0.0)


def test_where_no_clip_counts_there_is_no_mean():
    """A number that no clip has is NaN, as is a draw of songs without it; no clip at all gives NaN too."""
    values = np.asarray([[np.nan, 1.0], [np.nan, np.nan]])
    means, draws = SongDraws(np.asarray([0, 1]), default_rng(0), resamples=100).means(values)

    assert np.isnan(means[0])
    assert np.isnan(draws[:, 0]).all()
    assert means[1] == 1.0
    assert set(draws[~np.isnan(draws[:, 1]), 1]) == {1.0}
    assert np.isnan(draws[:, 1]).any()
    none, of_none = SongDraws(np.zeros(0, np.int64), default_rng(0), resamples=4).means(np.zeros((0, 2)))
    assert np.isnan(none).all()
    assert of_none.shape == (4, 2)
    assert np.isnan(of_none).all()


def test_an_interval_is_the_middle_95_percent_of_the_draws():
    """Its ends are the 2.5 and 97.5 % quantiles, its error the deviation; draws without a value do not count."""
    draws = np.append(np.arange(1001.0), [np.nan, np.inf])

    result = interval(500.0, draws)

    assert (result.low, result.high) == (25.0, 975.0)
    assert result.error == pytest.approx(np.arange(1001).std())
    assert interval(3.0, np.asarray([np.nan])) == Interval(3.0, 3.0, 3.0, 0.0)


def test_intervals_cover_the_truth():
    """In 200 simulated corpora of songs whose clips resemble one another, about 95 % of intervals hold the truth."""
    rng = default_rng(0)
    songs = np.repeat(np.arange(40), 3)
    hits = 0
    for _ in range(200):
        values = rng.normal(1.0, 1.0, 40)[songs] + rng.normal(0, 0.3, 120)
        means, draws = SongDraws(songs, rng, resamples=400).means(values[:, None])
        result = interval(float(means[0]), draws[:, 0])
        hits += result.low <= 1.0 <= result.high

    assert 0.90 <= hits / 200 <= 0.99


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(8, 10, 0.4902, 0.9433), (0, 10, 0, 0.2775), (10, 10, 0.7225, 1), (1, 1, 0.2065, 1)],
)
def test_a_share_has_wilsons_interval(hits, of, low, high):
    """The bounds are Wilson's: (p + zz/2n -+ z sqrt(p(1-p)/n + zz/4nn)) / (1 + zz/n); at 0 and 1 one is the value."""
    result = share(hits, of)

    assert (result.low, result.high) == pytest.approx((low, high), abs=5e-5)
    assert result.value == hits / of
    assert result.low <= result.value <= result.high
    assert result.error == pytest.approx((hits / of * (1 - hits / of) / of) ** 0.5)
