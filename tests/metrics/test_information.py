"""Bins, mutual information, MIG and modularity."""

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy

from latentknobs.core.metric_specs import LabelledCodes
from latentknobs.metrics.block_bootstrap import Blocks
from latentknobs.metrics.mig import mig
from latentknobs.metrics.modularity import modularity, modularity_active
from latentknobs.metrics.mutual_information import binned, information, joint, shared_information

SEEDS = st.integers(0, 2**31)


def test_information_of_four_rows_by_hand():
    """Rows (0,0) (0,0) (1,0) (1,1) share 0.5 ln(4/3) + 0.25 ln(2/3) + 0.25 ln 2 nats."""
    shared, alone = information(np.asarray([[2.0, 0.0], [1.0, 1.0]]))

    assert shared == pytest.approx(0.5 * np.log(4 / 3) + 0.25 * np.log(2 / 3) + 0.25 * np.log(2))
    assert shared == pytest.approx(0.2157615543)
    assert alone == pytest.approx(-0.75 * np.log(0.75) - 0.25 * np.log(0.25))


@settings(max_examples=30)
@given(seed=SEEDS)
def test_information_is_scipys(seed):
    """H(x) + H(y) - H(x, y) with scipy's entropies gives the same; independent and equal labels give 0 and H."""
    counts = np.random.default_rng(seed).integers(0, 6, (3, 4)).astype(float) + np.eye(3, 4)
    shared, alone = information(counts)

    assert alone == pytest.approx(entropy(counts.sum(axis=0)))
    assert shared == pytest.approx(entropy(counts.sum(axis=1)) + alone - entropy(counts.ravel()))
    assert information(np.outer([1.0, 3.0], [2.0, 5.0]))[0] == pytest.approx(0, abs=1e-12)
    assert information(np.diag([1.0, 2.0]))[0] == pytest.approx(entropy([1, 2]))


def test_bins_of_equal_width_are_numpys():
    """They count as numpy's histogram does; a constant column is in one bin."""
    values = np.random.default_rng(0).normal(size=(500, 2))
    values[:, 1] = 3.0

    result = binned(values, 20, "width")

    assert np.bincount(result[:, 0], minlength=20).tolist() == np.histogram(values[:, 0], 20)[0].tolist()
    assert set(result[:, 1]) == {0}


def test_bins_of_quantiles_are_even_and_keep_equal_values_together():
    """Different values are shared out evenly; few different ones have a bin each."""
    rng = np.random.default_rng(0)
    few = rng.integers(0, 3, 1000) * 10.0

    result = binned(np.stack([np.exp(rng.normal(size=1000)), few], axis=1), 10, "quantile")

    assert np.bincount(result[:, 0]).tolist() == [100] * 10
    assert result[:, 1].tolist() == (few / 10).tolist()


@settings(max_examples=20)
@given(seed=SEEDS)
def test_resampled_counts_are_those_of_rows_that_are_there_more_than_once(seed):
    """Weights times the counts of blocks are the counts of the rows as often as their block was drawn."""
    rng = np.random.default_rng(seed)
    codes, labels = rng.integers(0, 3, (30, 2)), rng.integers(0, 4, 30)
    there = rng.random(30) < 0.8
    values = LabelledCodes(codes, labels[:, None], ("a",), (True,), groups=rng.integers(0, 6, 30), resamples=3)
    blocks = Blocks.make(values)
    ((dims, drawn),) = list(joint(codes, 3, labels, there, blocks))
    counts = np.concatenate([part for _, part in drawn])

    assert dims == slice(0, 2)
    for times, result in zip(blocks.weights, counts, strict=True):
        for row, label in enumerate(labels):
            for dim in range(2):
                if there[row]:
                    result[dim, codes[row, dim], label] -= times[blocks.of[row]]
    assert not counts.any()


def test_counting_in_parts_changes_nothing(monkeypatch, noise):
    """The same numbers come out where memory is for one dimension and one resampling at a time."""
    values = noise(200, resamples=5)
    whole = shared_information(values, Blocks.make(values))
    monkeypatch.setattr("latentknobs.metrics.mutual_information.CELLS", 1)

    np.testing.assert_array_equal(shared_information(values, Blocks.make(values)).shared, whole.shared)


@pytest.mark.parametrize("discrete", [(False, False), (True, True)])
def test_mig_of_one_dimension_for_each_factor_is_1(grid, discrete):
    """The best dimension knows all of its factor, ln 4 nats, and the other one nothing."""
    result = mig(grid(discrete=discrete))

    assert result.overall.value == pytest.approx(1)
    assert {name: part.value for name, part in result.parts.items()} == pytest.approx({"a": 1, "b": 1})
    assert result.facts["dimensions"] == [0, 1]
    assert result.facts["entropy"] == pytest.approx([np.log(4)] * 2)


def test_mig_of_factors_at_45_degrees_is_0(grid):
    """Two dimensions that know the same of a factor leave no gap, however much they know."""
    result = mig(grid(45, bins=7, discrete=(True, True)))

    assert result.overall.value == pytest.approx(0, abs=1e-9)
    # a + b says of a: for each of 7 sums the number of pairs, so H(a) - H(a | a + b) = ln 4 - sum p ln(pairs).
    pairs = np.asarray([1, 2, 3, 4, 3, 2, 1])
    assert result.facts["information"] == pytest.approx([np.log(4) - (pairs / 16 * np.log(pairs)).sum()] * 2)


def test_mig_of_half_a_factor_by_hand():
    """A dimension that knows one of two bits, beside one that knows nothing, has a gap of a half."""
    rows = np.repeat(np.stack(np.meshgrid(np.arange(4.0), np.arange(2.0)), -1).reshape(-1, 2), 5, axis=0)
    codes = np.stack([rows[:, 0] // 2, rows[:, 1]], axis=1)

    assert mig(LabelledCodes(codes, rows[:, :1], ("a",), (True,), resamples=0)).overall.value == pytest.approx(0.5)


def test_mig_and_information_of_noise_are_about_0(noise):
    """Codes without a factor in them have no gap beyond what counting on few rows brings."""
    assert 0 <= mig(noise()).overall.value < 0.01


def test_binning_is_an_argument(noise):
    """Other bins give another value, and the facts say which they were."""
    values = noise(400)
    result = [
        mig(evolve(values, bins=bins, binning=how)) for bins, how in ((20, "width"), (5, "width"), (5, "quantile"))
    ]

    assert len({one.overall.value for one in result}) == 3
    assert [(one.facts["bins"], one.facts["binning"]) for one in result] == [
        (20, "width"), (5, "width"), (5, "quantile"),
    ]  # fmt: skip


def test_modularity_by_hand(grid):
    """Axes: 1. At 45 degrees every dimension knows as much of both factors: 0. ln 4 beside ln 2: 1 - 1/4."""
    assert modularity(grid()).overall.value == pytest.approx(1)
    assert modularity(grid(45, bins=7, discrete=(True, True))).overall.value == pytest.approx(0, abs=1e-9)

    rows = np.repeat(np.stack(np.meshgrid(np.arange(4.0), np.arange(2.0)), -1).reshape(-1, 2), 5, axis=0)
    pair = LabelledCodes(rows[:, :1] + 4 * rows[:, 1:], rows, ("a", "b"), (True, True), bins=8, resamples=0)
    result = modularity(pair)

    assert result.overall.value == pytest.approx(0.75)
    assert result.parts["a"].value == pytest.approx(0.75)
    assert result.parts["b"].why == "it is no dimension's strongest factor"


def test_modularity_over_active_dimensions_leaves_the_others_out(grid):
    """Two pure dimensions, one mixed one that hardly moves and a constant one: 1/2 over all, 1 over active ones."""
    values = grid()
    codes = np.hstack([values.codes, np.zeros((160, 2))])
    codes[:, 3] = 0.05 * (values.factors > 1).sum(axis=1)

    every, some = (metric(evolve(values, codes=codes)) for metric in (modularity, modularity_active))
    most = modularity_active(evolve(values, codes=codes, options={"active-variance": 0.0}))

    assert (every.facts["dimensions"], every.facts["empty"]) == (4, 1)
    assert some.overall.value == pytest.approx(1)
    assert some.facts["dimensions"] == 2
    assert most.facts["dimensions"] == 3
    assert every.overall.value == pytest.approx(1 / 2)
    assert most.overall.value == pytest.approx(2 / 3)


def test_modularity_needs_two_factors(noise):
    """With one factor there is nothing to compare with, and that is said."""
    values = noise(100)
    one = evolve(values, factors=values.factors[:, :1], names=("number",), discrete=(False,))

    assert np.isnan(modularity(one).overall.value)
    assert modularity(one).overall.why == "number: there is no second factor to compare with"
