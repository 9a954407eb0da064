"""The tests by sign flips, and what significance alone is worth."""

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from latentknobs.core.method_specs import SelectInput
from latentknobs.discovery.selectors import by_max_t, by_placebo
from latentknobs.discovery.sign_flip_test import statistics, step_down

BLOCKS = 64


def _input(sums, counts=None, **facts):
    sums = np.asarray(sums, dtype=np.float64)
    counts = np.ones(len(sums)) if counts is None else counts
    share = np.zeros(sums.shape[1])
    return SelectInput(
        (sums.sum(axis=0) / max(counts.sum(), 1.0))[None], share, lambda _dims: 1.0, counts=counts, sums=sums, **facts
    )


def test_the_statistic_by_hand():
    """Block sums 1, 2, 2 give T = 5 / 3; a flip changes the signs of whole blocks and nothing else."""
    observed, flipped = statistics(_input([[1.0, 0.0], [2.0, 0.0], [2.0, 0.0]]))

    assert observed.tolist() == [pytest.approx(5 / 3), 0]
    # All signs of 1, 2, 2: the absolute sums are 5, 3, 1, 1.
    assert {round(3 * t) for t in flipped[:, 0]} == {5, 3, 1}
    assert not flipped[:, 1].any()


def test_adjusted_p_values_by_hand():
    """Each statistic is held against the largest of those not above it, and p never falls along the order."""
    observed = np.asarray([1.0, 3.0, 2.0])
    flipped = np.asarray([[0.5, 0.1, 4.0], [0.2, 2.5, 0.3], [1.5, 0.1, 0.2]])

    # 3 against the row maxima 4, 2.5, 1.5: one reaches it. 2 against 4, 0.3, 1.5: one. 1 against 0.5, 0.2, 1.5: one.
    assert step_down(observed, flipped).tolist() == [0.5, 0.5, 0.5]
    # With a first that nothing reaches, the others' p are their own, and the last takes over the larger of the two.
    assert step_down(np.asarray([1.0, 5.0, 2.0]), flipped).tolist() == [0.5, 0.25, 0.5]


@settings(max_examples=50)
@given(st.integers(0, 2**31))
def test_adjusted_p_values_keep_the_order(seed):
    """A larger statistic never has a larger p, and no p is below one over the flips and one."""
    rng = np.random.default_rng(seed)
    observed, flipped = rng.exponential(size=6), rng.exponential(size=(40, 6))

    p = step_down(observed, flipped)

    assert (np.diff(p[np.argsort(-observed)]) >= 0).all()
    assert p.min() >= 1 / 41
    assert p.max() <= 1


def test_the_family_wise_error_holds():
    """Where nothing changes, any dimension at all is found in at most about 5 of 100 runs, correlated or not."""
    rng = np.random.default_rng(1)
    mixing = rng.normal(size=(12, 12))
    wrong = sum(
        len(by_max_t(_input(rng.normal(size=(BLOCKS, 12)) @ mixing, options={"flips": 200}))) > 0 for _ in range(400)
    )

    # Binomial(400, 0.05) is above 31 once in 300 times.
    assert wrong <= 31


def test_songs_count_and_not_clips():
    """Forty clips of each of ten songs that all go one way are ten witnesses: flipping clips would find more."""
    rng = np.random.default_rng(6)
    moves = np.repeat(rng.normal(0.0, 1.0, size=(10, 30)), 40, axis=0) + rng.normal(0, 0.1, size=(400, 30))
    by_song = _input(moves.reshape(10, 40, 30).sum(axis=1), np.full(10, 40.0))
    by_clip = _input(moves)

    assert by_max_t(by_song).tolist() == []
    assert len(by_max_t(by_clip)) > 10


def test_dimensions_that_are_not_active_take_no_part():
    """They are not found, and their flips do not raise the bar for others."""
    rng = np.random.default_rng(2)
    sums = rng.normal([5.0, 0.6, 0.0], 1.0, size=(BLOCKS, 3))
    select_input = _input(sums, active=np.asarray([False, True, True]))

    assert by_max_t(select_input).tolist() == [1]
    assert np.array_equal(statistics(select_input)[1][:, 1:], statistics(_input(sums))[1][:, 1:])


@pytest.mark.parametrize("rule", [by_max_t, by_placebo])
def test_without_pairs_nothing_is_found(rule):
    """Where block sums are not known, or all are 0, there is nothing to test."""
    assert rule(_input(np.zeros((0, 3)))).tolist() == []
    assert rule(_input(np.zeros((BLOCKS, 3)))).tolist() == []


@pytest.mark.parametrize("rule", [by_max_t, by_placebo])
def test_the_seed_decides_the_flips(rule):
    """The same seed gives the same choice; flips of another seed are others."""
    select_input = _input(np.random.default_rng(3).normal(0.3, 1.0, size=(BLOCKS, 20)))

    assert rule(select_input).tolist() == rule(select_input).tolist()
    assert not np.array_equal(statistics(select_input)[1], statistics(evolve(select_input, seed=1))[1])


def test_the_placebo_bound_by_hand():
    """A dimension is taken where its change less what flips reach is at least the minimum, in standard deviations."""
    sums = np.random.default_rng(4).normal(0.5, 0.1, size=(BLOCKS, 1))
    select_input = _input(sums, spread=np.asarray([2.0]))
    _, flipped = statistics(select_input)
    reached = np.quantile(flipped[:, 0], 0.95) * np.sqrt((sums**2).sum()) / BLOCKS / 2
    bound = sums.mean() / 2 - reached

    assert by_placebo(evolve(select_input, options={"minimum": bound - 1e-9})).tolist() == [0]
    assert by_placebo(evolve(select_input, options={"minimum": bound + 1e-9})).tolist() == []


def test_significance_alone_is_useless_at_ten_thousand_pairs():
    """
    Of 128 dimensions 4 move by a standard deviation and 124 by a twentieth: all are significant, 4 matter.

    The numbers stand in docs/explanation/methods.md.
    """
    rng = np.random.default_rng(0)
    change = np.full(128, 0.05)
    change[:4] = 1.0
    pairs = np.full(256, 40.0)  # 10,240 in all
    sums = pairs[:, None] * change + rng.normal(size=(256, 128)) * np.sqrt(pairs[:, None]) * 0.5
    result = {}
    for songs in (12, 26, 64, 256):
        select_input = _input(sums[:songs], pairs[:songs])
        result[40 * songs] = len(by_max_t(select_input)), len(by_placebo(select_input))

    assert result == {480: (8, 0), 1040: (34, 4), 2560: (128, 4), 10_240: (128, 4)}
    assert sorted(by_placebo(select_input).tolist()) == [0, 1, 2, 3]
