import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import default_rng
from scipy.stats import linregress, spearmanr

from latentknobs.evaluation.bootstrap import SongDraws
from latentknobs.evaluation.response_curve import response


def _draws(n):
    return SongDraws(np.arange(n), default_rng(0))


def test_response_by_hand():
    """One clip goes up by 2 a unit, one stays: slope 1, half of the variance of the changes, R2 of a clip 1 and 0."""
    values = {0.0: {0: 5.0, 1: 7.0}, 1.0: {0: 7.0, 1: 7.0}, 2.0: {0: 9.0, 1: 7.0}}

    result = response(values, _draws(2))

    # Changes 0 2 4 and 0 0 0 about their mean 1: sum of squares 1 + 1 + 9 + 1 + 1 + 1 = 14; the line 0 1 2 has 4 of it.
    assert result.slope.value == pytest.approx(1)
    assert result.r2.value == pytest.approx(4 / 14)
    assert result.r2_clips.value == pytest.approx(0.5)
    assert result.spearman.value == pytest.approx(0.5)
    assert result.clips == 2
    assert result.slope.low == pytest.approx(0)
    assert result.slope.high == pytest.approx(2)


def test_a_clip_with_two_amounts_does_not_count():
    """Three amounts are the least, 0 included; clips with fewer leave the result as it is, and without any is none."""
    values = {0.0: {0: 0.0, 1: 0.0}, 1.0: {0: 1.0, 1: 9.0}, 2.0: {0: 2.0, 1: np.nan}}

    result = response(values, _draws(2))

    assert (result.clips, result.slope.value, result.r2.value) == (1, pytest.approx(1), pytest.approx(1))
    assert response({0.0: {0: 0.0}, 1.0: {0: 1.0}}, _draws(1)) is None


def test_a_target_that_stays_is_explained_by_nothing():
    """Where no clip changes, slope, R2 and Spearman are 0."""
    result = response({a: {0: 3.25, 1: 4.1} for a in (-1.0, 0.0, 1.0)}, _draws(2))

    for x in (result.slope, result.r2, result.r2_clips, result.spearman):
        assert (x.value, x.low, x.high) == (0, 0, 0)


@settings(max_examples=60)
@given(st.integers(1, 12), st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_response_is_that_of_scipy(clips, amounts, seed):
    """Pooled slope and R2 and those of each clip are linregress's, and Spearman's is spearmanr's."""
    rng = default_rng(seed)
    x = np.arange(-1, amounts, dtype=np.float64)
    y = np.round(rng.normal(size=(clips, len(x))), 2) + 0.3 * x
    change = y - y[:, [1]]

    result = response({a: dict(enumerate(column)) for a, column in zip(x, y.T, strict=True)}, _draws(clips))

    pooled = linregress(np.tile(x, clips), change.ravel())
    assert result.slope.value == pytest.approx(pooled.slope, abs=1e-9)
    assert result.r2.value == pytest.approx(pooled.rvalue**2, abs=1e-9)
    assert result.r2_clips.value == pytest.approx(np.mean([linregress(x, row).rvalue ** 2 for row in change]), abs=1e-9)
    assert result.spearman.value == pytest.approx(np.mean([spearmanr(x, row).statistic for row in y]), abs=1e-9)
