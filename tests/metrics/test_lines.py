"""Moments, SAP, Interpretability and SCC."""

from itertools import combinations, product

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import linregress, spearmanr

from latentknobs.core.metric_specs import LabelledCodes
from latentknobs.metrics.block_bootstrap import Blocks
from latentknobs.metrics.interpretability import interpretability, interpretability_split
from latentknobs.metrics.sap import balanced_accuracy, sap
from latentknobs.metrics.scc import _correlations, scc
from latentknobs.metrics.weighted_moments import BlockMoments

SEEDS = st.integers(0, 2**31)


@settings(max_examples=20)
@given(seed=SEEDS)
def test_resampled_r2_is_that_of_rows_that_are_there_more_than_once(seed):
    """Moments of weighted blocks give numpy's squared correlation of the rows repeated; NaN rows do not count."""
    rng = np.random.default_rng(seed)
    codes, factor = rng.normal(1e4, 1, (60, 2)), rng.normal(size=60)
    factor[rng.random(60) < 0.2] = np.nan
    values = LabelledCodes(codes, factor[:, None], ("a",), (False,), groups=np.arange(60) // 6, resamples=3)
    blocks = Blocks.make(values)

    result = BlockMoments(codes, factor, blocks).of(blocks.weights).r2

    for times, r2 in zip(blocks.weights, result, strict=True):
        rows = np.repeat(np.arange(60), times[blocks.of].astype(int))
        rows = rows[~np.isnan(factor[rows])]
        assert r2 == pytest.approx([np.corrcoef(codes[rows, d], factor[rows])[0, 1] ** 2 for d in range(2)])


@pytest.mark.parametrize("degrees", [0, 20, 30, 45])
def test_codes_turned_by_an_angle(degrees):
    """Uncorrelated factors at angle t: R2 is cos^2 t and sin^2 t, so SAP cos 2t and Interpretability cos^2 t."""
    drawn = np.random.default_rng(0).normal(size=(1000, 2))
    factors = np.linalg.qr(drawn - drawn.mean(axis=0))[0] * np.sqrt(1000)
    angle = np.radians(degrees)
    turn = np.asarray([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    values = LabelledCodes(factors @ turn, factors, ("a", "b"), (False, False), resamples=0)

    assert sap(values).overall.value == pytest.approx(np.cos(2 * angle), abs=1e-9)
    assert interpretability(values).overall.value == pytest.approx(np.cos(angle) ** 2)


def test_a_separated_label_has_sap_1_minus_chance(grid):
    """The dimension of a label with 4 classes is right always; any other is right by chance, a quarter."""
    result = sap(grid(discrete=(True, True)))

    assert result.overall.value == pytest.approx(1 - 0.25)
    assert result.facts["dimensions"] == [0, 1]
    assert result.facts["scores"] == [1, 1]


def test_balanced_accuracy_by_hand():
    """One threshold in A B A: half of A and all of B; classes weigh the same however many rows they have."""
    assert balanced_accuracy(np.asarray([[1.0, 0], [0, 1], [1, 0]])) == pytest.approx(0.75)
    assert balanced_accuracy(np.asarray([[90.0, 0], [10, 1]])) == pytest.approx((0.9 + 1) / 2)
    assert balanced_accuracy(np.asarray([[5.0, 1]])) == pytest.approx(0.5)


@settings(max_examples=25)
@given(counts=st.lists(st.tuples(*[st.integers(0, 4)] * 3), min_size=3, max_size=5))
def test_balanced_accuracy_is_the_best_of_all_ways(counts):
    """Trying every set of cuts and every class of every interval finds nothing better."""
    table = np.asarray(counts, dtype=float) + [[1, 0, 0]] + np.eye(len(counts), 3)[:, ::-1]
    shares = table / table.sum(axis=0) / 3
    best = 0.0
    for cuts in (c for size in range(3) for c in combinations(range(1, len(table)), size)):
        parts = np.split(shares, cuts)
        for labels in product(range(3), repeat=len(parts)):
            best = max(best, sum(part[:, label].sum() for part, label in zip(parts, labels, strict=True)))

    assert balanced_accuracy(table) == pytest.approx(best)


def test_an_inactive_dimension_scores_nothing_in_sap(grid):
    """A dimension of variance 0.01 or less has score 0, as in the paper, unless the limit is lowered."""
    values = grid()
    small = evolve(values, codes=values.codes * [1, 1e-3])

    assert sap(small).facts["dimensions"] == [0, 0]
    assert sap(small).parts["b"].value == pytest.approx(0)
    assert sap(evolve(small, options={"active-variance": 0.0})).overall.value == pytest.approx(1)
    assert "no dimension is active" in sap(evolve(values, codes=values.codes * 1e-3)).overall.why


def test_interpretability_is_scipys_r2():
    """R2 is linregress' rvalue squared, of the dimension that tells most, also where another lies closer to a line."""
    rng = np.random.default_rng(1)
    factor = rng.normal(size=3000)
    bent = factor**2 * np.sign(factor) + rng.normal(0, 0.01, 3000)
    straight = factor + rng.normal(0, 0.8, 3000)
    values = LabelledCodes(np.stack([straight, bent], 1), factor[:, None], ("a",), (False,), resamples=0)

    result = interpretability(evolve(values, binning="quantile"))

    assert result.facts["dimensions"] == [1]
    assert result.overall.value == pytest.approx(linregress(bent, factor).rvalue ** 2)


def test_interpretability_with_a_split_is_of_rows_that_were_not_seen(noise):
    """A related pair scores about the same with and without; noise is above 0 without, and not with, a split."""
    values = noise(150, bins=5)
    related = evolve(values, factors=values.codes[:, :2] * 3 + 7, discrete=(False, False))

    assert interpretability_split(related).overall.value == pytest.approx(1)
    assert interpretability(values).parts["number"].value > 0
    assert interpretability_split(values).parts["number"].value < interpretability(values).parts["number"].value


def test_a_split_keeps_groups_whole():
    """The line is fitted on some songs and tested on the others, by hand: R2 against the mean of the test rows."""
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(10), 8)
    x = rng.normal(size=80)
    y = x + groups * 0.3 + rng.normal(size=80)
    values = LabelledCodes(x[:, None], y[:, None], ("a",), (False,), groups=groups, resamples=0, seed=3)
    train = Blocks.make(values).split(0.6, 3)[0][Blocks.make(values).of]
    line = linregress(x[train], y[train])
    error = y[~train] - line.intercept - line.slope * x[~train]

    result = interpretability_split(values)

    assert all(len(set(train[groups == song])) == 1 for song in range(10))
    assert train.sum() == 48
    assert result.facts["test-rows"] == 32
    assert result.overall.value == pytest.approx(1 - (error**2).mean() / y[~train].var())


@settings(max_examples=20)
@given(seed=SEEDS)
def test_rank_correlations_are_scipys(seed):
    """Weighted mean ranks give scipy's spearmanr of the rows repeated, with ties."""
    rng = np.random.default_rng(seed)
    codes, factors = rng.integers(0, 8, (40, 2)).astype(float), rng.normal(size=(40, 2)).round(1)
    weights = rng.integers(0, 3, (2, 40)).astype(float)
    codes[:2], weights[:, :2] = [[0, 0], [9, 9]], 1

    result = _correlations(codes, factors, weights)

    for times, rho in zip(weights, result, strict=True):
        rows = np.repeat(np.arange(40), times.astype(int))
        for d, k in product(range(2), range(2)):
            assert rho[d, k] == pytest.approx(spearmanr(codes[rows, d], factors[rows, k]).statistic)


def test_scc_by_hand():
    """Any bend that keeps the order, either way, scores 1; a + b against a bit a scores 1 / sqrt 2."""
    a = np.arange(50.0)
    values = LabelledCodes(np.stack([-np.exp(a / 9), a % 7], 1), a[:, None], ("a",), (False,), resamples=0)

    assert scc(values).overall.value == pytest.approx(1)
    assert scc(values).facts["correlations"] == pytest.approx([-1])

    bits = np.repeat([[0.0, 0], [0, 1], [1, 0], [1, 1]], 5, axis=0)
    both = LabelledCodes(bits.sum(axis=1)[:, None], bits, ("a", "b"), (True, True), resamples=0)
    # Ranks of 0 1 1 2 about their mean: -1.5 0 0 1.5; of the bit: -1 -1 1 1. 3 / (sqrt 4.5 * 2).
    assert scc(both).overall.value == pytest.approx(1 / np.sqrt(2))


def test_scc_and_sap_of_noise_are_about_0(noise):
    """Nothing is related: the largest of four correlations stays within chance, and so does the gap."""
    assert scc(noise()).overall.value < 4 / np.sqrt(4000)
    assert sap(noise()).overall.value < 0.05
