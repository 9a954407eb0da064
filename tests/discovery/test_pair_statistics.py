import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentknobs.corpora.sharding import BLOCKS, block_of
from latentknobs.discovery.pair_statistics import PairStatistics

D = 5


def _pairs(count, seed):
    rng = np.random.default_rng(seed)
    before = rng.normal(size=(count, D)).astype(np.float32)
    after = (before + rng.normal(0.5, 1.0, size=(count, D))).astype(np.float32)
    return before, after, rng.integers(0, BLOCKS, count)


def _folded(before, after, blocks, amounts=1):
    out = PairStatistics.empty(amounts, D)
    for a in range(amounts):
        out.add_training(a, before, after, blocks)
        out.validation.add(a, after, before)
    out.codes.add(0, before, before)
    return out


def _arrays(deltas):
    parts = (deltas.codes, deltas.train, deltas.validation)
    return [deltas.counts, deltas.sums, deltas.energy, *(x for m in parts for x in (m.gram, m.cross, m.square))]


@settings(max_examples=40)
@given(seed=st.integers(0, 2**31), cuts=st.lists(st.integers(0, 60), min_size=1, max_size=4))
def test_merged_parts_equal_the_whole(seed, cuts):
    """Statistics of disjoint parts, folded together, are those of the whole to 1e-12."""
    before, after, blocks = _pairs(60, seed)
    whole = _folded(before, after, blocks, amounts=2)

    merged = PairStatistics.empty(2, D)
    for part in np.split(np.arange(60), sorted(cuts)):
        merged.merge(_folded(before[part], after[part], blocks[part], amounts=2))

    for mine, theirs in zip(_arrays(merged), _arrays(whole), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-12 * np.abs(theirs).max())


@settings(max_examples=40)
@given(seed=st.integers(0, 2**31), count=st.integers(1, 50))
def test_mean_change_and_coherence_follow_their_formulas(seed, count):
    """The mean change is mean d, the coherence ||mean d||^2 / mean ||d||^2."""
    before, after, blocks = _pairs(count, seed)
    d = after.astype(np.float64) - before

    deltas = _folded(before, after, blocks)

    np.testing.assert_allclose(deltas.mean_change()[0], d.mean(axis=0), rtol=1e-9, atol=1e-12)
    expected = (d.mean(axis=0) ** 2).sum() / (d**2).sum(axis=1).mean()
    assert deltas.coherence()[0] == pytest.approx(expected, rel=1e-9)


def test_coherence_tells_a_common_move_from_none():
    """Clips that all move alike have coherence 1, clips that move apart 0, clips that stay 0."""
    z = np.zeros((4, D), np.float32)
    alike, apart = z + 1, z + np.asarray([[1], [-1], [1], [-1]], np.float32)
    blocks = np.arange(4)

    values = [_folded(z, after, blocks).coherence()[0] for after in (alike, apart, z)]

    assert values == [1.0, 0.0, 0.0]


@settings(max_examples=40)
@given(seed=st.integers(0, 2**31), songs=st.integers(2, 12))
def test_the_error_is_the_jackknife_over_blocks(seed, songs):
    """The error of the mean change is that of leaving out one block of songs at a time."""
    before, after, _ = _pairs(40, seed)
    blocks = np.random.default_rng(seed).integers(0, songs, 40) * 7
    d = after.astype(np.float64) - before
    there = np.unique(blocks)
    left = np.stack([d[blocks != b].mean(axis=0) for b in there]) if len(there) > 1 else np.zeros((1, D))
    expected = np.sqrt((len(there) - 1) / len(there) * ((left - left.mean(axis=0)) ** 2).sum(axis=0))

    error = _folded(before, after, blocks).mean_change_error()[0]

    np.testing.assert_allclose(error, expected, rtol=1e-9, atol=1e-12)


def test_with_one_clip_a_block_the_error_is_that_of_a_mean():
    """Blocks of one clip each give the standard deviation over the root of n, as for any mean."""
    before, after, _ = _pairs(30, 1)
    d = after.astype(np.float64) - before

    error = _folded(before, after, np.arange(30)).mean_change_error()[0]

    np.testing.assert_allclose(error, d.std(axis=0, ddof=1) / np.sqrt(30), rtol=1e-9)


def test_one_block_has_no_error_and_nothing_has_zeros():
    """With one block, or no pair at all, the error is 0 and nothing is divided by 0."""
    before, after, _ = _pairs(10, 2)

    assert not _folded(before, after, np.zeros(10, np.int64)).mean_change_error().any()
    empty = PairStatistics.empty(2, D)
    for values in (empty.mean_change(), empty.coherence(), empty.mean_change_error(), empty.covariance()):
        assert not values.any()


@settings(max_examples=40)
@given(seed=st.integers(0, 2**31), count=st.integers(2, 50))
def test_covariance_is_numpys(seed, count):
    """The covariance of the codes is numpy's, divided by n."""
    before, after, blocks = _pairs(count, seed)

    covariance = _folded(before, after, blocks).covariance()

    np.testing.assert_allclose(covariance, np.cov(before.T, bias=True), rtol=1e-5, atol=1e-9)


def test_second_moments_are_sums_over_pairs():
    """Gram, cross and square are the sums of [1, z][1, z]', [1, z] z_after' and z_after^2, by hand."""
    deltas = PairStatistics.empty(1, 1)
    deltas.train.add(0, np.asarray([[2.0], [3.0]], np.float32), np.asarray([[5.0], [7.0]], np.float32))

    assert deltas.train.gram[0].tolist() == [[2, 5], [5, 13]]
    assert deltas.train.cross[0].tolist() == [[12], [31]]
    assert deltas.train.square.tolist() == [[74]]
    assert deltas.train.counts().tolist() == [2]


def test_a_song_keeps_its_block_for_ever():
    """The block of a song is the first byte of SHA-256 of its name, marked: golden values, the same everywhere."""
    names = ("folk/oneills1850/0123", "a", "ä", "")

    assert [block_of(name) for name in names] == [219, 4, 254, 220]


def test_songs_spread_over_all_blocks():
    """Thousands of songs leave no block empty, and none with a crowd."""
    counts = np.bincount([block_of(f"song {i}") for i in range(5120)], minlength=BLOCKS)

    assert len(counts) == BLOCKS
    assert counts.min() >= 5
    assert counts.max() <= 50


def test_statistics_of_some_amounts_are_theirs_alone():
    """Leaving amounts out leaves the others, and the codes' own moments, as they are."""
    first, second = _folded(*_pairs(20, 1)), _folded(*_pairs(30, 2))
    both = PairStatistics.empty(2, D)
    for a, (pairs, seed) in enumerate([(20, 1), (30, 2)]):
        before, after, blocks = _pairs(pairs, seed)
        both.add_training(a, before, after, blocks)
        both.validation.add(a, after, before)
    both.codes.merge(second.codes)

    kept = both.only(np.asarray([False, True]))

    for mine, theirs in zip(_arrays(kept), _arrays(second), strict=True):
        assert np.array_equal(mine, theirs)
    assert np.array_equal(both.only(np.asarray([True, False])).sums, first.sums)
