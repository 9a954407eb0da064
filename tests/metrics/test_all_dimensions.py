"""Explicitness and DCI, which read a factor from all dimensions together."""

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy, mannwhitneyu

from latentknobs.core.metric_specs import LabelledCodes
from latentknobs.metrics import dci
from latentknobs.metrics.block_bootstrap import Blocks
from latentknobs.metrics.explicitness import explicitness
from latentknobs.metrics.lasso import lasso
from latentknobs.metrics.logistic import areas, one_versus_rest

SEEDS = st.integers(0, 2**31)


def test_logistic_regression_by_hand():
    """Three of four hits at 1 and one of four at -1, without a penalty: slope ln 3, intercept 0."""
    x = np.repeat([1.0, -1.0], 4)[:, None]
    hits = np.asarray([1, 1, 1, 0, 1, 0, 0, 0.0])[:, None]

    result = one_versus_rest(x, np.hstack([hits, 1 - hits]), penalty=0.0)

    assert result == pytest.approx(np.asarray([[np.log(3), -np.log(3)], [0, 0]]), abs=2e-3)


def test_a_penalty_keeps_the_weights_of_separated_classes():
    """The weights meet the condition of the minimum: the gradient is the penalty's."""
    x = np.linspace(-1.7, 1.7, 40)[:, None]
    hits = (x > 0).astype(float)

    weights = one_versus_rest(x, hits, penalty=1.0)
    chance = 1 / (1 + np.exp(-(x @ weights[:-1] + weights[-1])))

    assert x.T @ (chance - hits) + weights[:-1] == pytest.approx(0, abs=0.02)
    assert (chance - hits).sum() == pytest.approx(0, abs=0.02)


def test_areas_by_hand():
    """Of four pairs three are in order: 0.75; equal scores count a half; without a miss there is none."""
    of, once = np.arange(4), np.ones((1, 4))

    assert areas(np.asarray([0.1, 0.4, 0.35, 0.8]), np.asarray([0, 0, 1, 1]) > 0, of, once) == pytest.approx([0.75])
    assert areas(np.asarray([1.0, 1, 1, 2]), np.asarray([0, 0, 1, 1]) > 0, of, once) == pytest.approx([0.75])
    assert np.isnan(areas(np.ones(4), np.ones(4) > 0, of, once)).all()


@settings(max_examples=20)
@given(seed=SEEDS)
def test_resampled_areas_are_scipys(seed):
    """The area is Mann-Whitney's U over the number of pairs, of the rows as often as their block was drawn."""
    rng = np.random.default_rng(seed)
    scores, hit, of = rng.integers(0, 9, 40).astype(float), rng.random(40) < 0.5, rng.integers(0, 5, 40)
    hit[:10] = np.arange(10) % 2 == 0
    of[:10] = np.arange(10) // 2
    weights = np.asarray([[1.0, 1, 1, 1, 1], [0, 2, 1, 0, 2]])

    for times, result in zip(weights, areas(scores, hit, of, weights), strict=True):
        rows = np.repeat(np.arange(40), times[of].astype(int))
        hits, misses = scores[rows[hit[rows]]], scores[rows[~hit[rows]]]
        assert result == pytest.approx(mannwhitneyu(hits, misses).statistic / len(hits) / len(misses))


@pytest.mark.parametrize("degrees", [0, 45])
def test_explicitness_knows_no_axes(grid, degrees):
    """The two ends of a factor of four numbers are read fully at any angle; those between, by no linear rule."""
    values = grid(degrees, discrete=(True, True))
    rng = np.random.default_rng(0)
    bits = evolve(values, factors=rng.integers(0, 2, (160, 2)).astype(float))
    turned = evolve(bits, codes=bits.factors @ np.asarray([[1, -1], [1, 1]]) if degrees else bits.factors)

    assert explicitness(turned).overall.value == pytest.approx(1)
    assert explicitness(turned).facts["classes"] == [2, 2]
    assert 0.5 < explicitness(values).overall.value < 0.9


def test_explicitness_of_noise_is_a_half(noise):
    """Chance is 0.5, for numbers cut at deciles and for labels."""
    result = explicitness(noise(1500))

    assert result.overall.value == pytest.approx(0.5, abs=0.04)
    assert result.facts["classes"] == [10, 3]
    assert explicitness(noise(200, options={"classes": 4})).facts["classes"] == [4, 3]


def test_the_lasso_on_orthonormal_columns_is_a_soft_threshold():
    """Each coefficient is the correlation, shortened by the penalty, and 0 where it is smaller (Tibshirani 1996)."""
    cross = np.asarray([[[0.8], [-0.3], [0.05]]])

    result = lasso(np.eye(3)[None], cross, np.asarray([0.1]))

    assert result[0, :, 0] == pytest.approx([0.7, -0.2, 0.0])


@settings(max_examples=20)
@given(seed=SEEDS)
def test_the_lasso_meets_the_condition_of_its_minimum(seed):
    """For b not 0 the gradient c - G b is the penalty with b's sign; for b = 0 it is within the penalty."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(50, 6)) @ rng.normal(size=(6, 6))
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    y = rng.normal(size=(50, 2)) + x[:, :2]
    gram, cross = x.T @ x / 50, x.T @ y / 50

    result = lasso(gram[None], cross[None], np.asarray([0.2, 0.5]))[0]
    slope = (cross - gram @ result) / [0.2, 0.5]

    assert np.abs(slope).max() <= 1 + 1e-3
    np.testing.assert_allclose(slope[result != 0], np.sign(result[result != 0]), atol=1e-3)


@pytest.mark.parametrize("discrete", [(False, False), (True, True)])
def test_dci_of_one_dimension_for_each_factor(grid, discrete):
    """Every dimension is for one factor and every factor has one dimension; a number on a line is read fully."""
    values = grid(discrete=discrete)
    rng = np.random.default_rng(1)
    values = evolve(values, codes=np.tile(values.codes, (20, 1)), factors=np.tile(values.factors, (20, 1)))
    values = evolve(values, groups=rng.permutation(3200))

    result = [metric(values).overall.value for metric in (dci.disentanglement, dci.completeness, dci.informativeness)]

    # The penalty that predicts best leaves the other dimension what chance correlates it with in the split.
    assert result[:2] == pytest.approx([1, 1], abs=0.08 if discrete[0] else 0.01)
    if discrete[0]:
        # An indicator of one of four on a line: the ends have R2 0.6, those between 1/15, summed errors 4 - 4/3 of 4.
        assert result[2] == pytest.approx(1 - np.sqrt((2 * 0.4 + 2 * 14 / 15) / 4), abs=0.03)
    else:
        assert result[2] == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("degrees", [30, 45])
def test_dci_of_codes_turned_by_an_angle(grid, degrees):
    """Importances are |cos t| and |sin t|, so both scores are 1 - their entropy in bits; all can still be read."""
    values = grid(degrees)
    rng = np.random.default_rng(1)
    values = evolve(values, codes=np.tile(values.codes, (40, 1)), factors=np.tile(values.factors, (40, 1)))
    values = evolve(values, groups=rng.permutation(6400))
    t = np.radians(degrees)

    result = [metric(values).overall.value for metric in (dci.disentanglement, dci.completeness, dci.informativeness)]

    assert result[:2] == pytest.approx([1 - entropy([np.cos(t), np.sin(t)], base=2)] * 2, abs=0.02)
    assert result[2] > 0.99


def test_informativeness_is_1_less_the_papers_error():
    """A factor of which half the variance is noise: NRMSE sqrt(1/2) on test rows."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(6000, 3))
    values = LabelledCodes(z, z[:, :1] + rng.normal(size=(6000, 1)), ("a",), (False,), resamples=0)

    assert dci.informativeness(values).overall.value == pytest.approx(1 - np.sqrt(0.5), abs=0.02)


def test_noise_is_read_no_better_than_by_guessing(noise):
    """Informativeness of noise is about 0, and no factor gets a value that is not told apart from it."""
    assert dci.informativeness(noise()).overall.value == pytest.approx(0, abs=0.01)


def test_a_weight_of_all_importance_follows_the_dimensions():
    """Two dimensions share a factor evenly and a third has the other alone: 1 for each; completeness by hand."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(20000, 3))
    factors = np.stack([z[:, 0] + z[:, 1], z[:, 2]], axis=1)
    values = LabelledCodes(z, factors, ("pair", "one"), (False, False), resamples=0)

    assert dci.disentanglement(values).overall.value == pytest.approx(1, abs=0.02)
    result = dci.completeness(values)
    pair = 1 - np.log(2) / np.log(3)
    assert result.parts["pair"].value == pytest.approx(pair, abs=0.02)
    assert result.parts["one"].value == pytest.approx(1, abs=0.02)
    # The pair's coefficients are 1 / sqrt 2 each, so its share of all importance is sqrt 2 / (1 + sqrt 2).
    share = np.sqrt(2) / (1 + np.sqrt(2))
    assert result.overall.value == pytest.approx(share * pair + 1 - share, abs=0.02)
    assert result.facts["needed"][0] >= 2


def test_resampled_regressions_are_of_rows_that_are_there_more_than_once():
    """Moments of weighted blocks are numpy's mean and covariance of the rows repeated."""
    rng = np.random.default_rng(0)
    z, y, of = rng.normal(size=(30, 2)), rng.normal(size=(30, 1)), rng.integers(0, 4, 30)
    of[:4] = np.arange(4)
    weights = np.asarray([[1.0, 1, 1, 1], [2, 0, 3, 1]])
    sums = dci._Sums(z, y, np.ones(30, np.bool_), Blocks(of, weights))
    rows = np.hstack([z, y])
    rows = (rows - rows.mean(axis=0)) / rows.std(axis=0)

    for times, mean, covariance in zip(weights, *sums.moments(weights), strict=True):
        again = np.repeat(rows, times[of].astype(int), axis=0)
        np.testing.assert_allclose(mean, again.mean(axis=0), atol=1e-12)
        np.testing.assert_allclose(covariance, np.cov(again.T, bias=True), atol=1e-12)
