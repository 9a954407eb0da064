"""Intervals, degenerate data and what every metric has in common."""

import json

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from latentknobs.core.metric_specs import LabelledCodes, Traversals
from latentknobs.errors import UsageError
from latentknobs.metrics.block_bootstrap import Blocks, interval
from latentknobs.metrics.interpretability import interpretability
from latentknobs.metrics.mig import mig
from latentknobs.metrics.plugin import register_metrics

CODES, TRAVERSALS = ([m for m in register_metrics() if m.needs == needs] for needs in ("codes", "traversals"))
CODE_METRICS = pytest.mark.parametrize("metric", CODES, ids=lambda metric: metric.name)
TURN_METRICS = pytest.mark.parametrize("metric", TRAVERSALS, ids=lambda metric: metric.name)


@pytest.fixture
def turns():
    """Makes traversals of two controls on forty clips of ten songs."""

    def make(**settings):
        rng = np.random.default_rng(0)
        values = rng.normal(size=(2, 2, 40, 6)) + np.arange(6) * np.eye(2)[:, :, None, None]
        chosen = {"groups": np.arange(40) // 4, "resamples": 20, **settings}
        return Traversals(np.tile(np.arange(6.0), (2, 1)), values, ("k", "l"), ("a", "b"), ("a", "b"), [1, 1], **chosen)

    return make


def plain(result):
    """A result as JSON text, which NaN would not pass."""
    return json.dumps(result.as_dict(), allow_nan=False)


@CODE_METRICS
def test_the_same_seed_gives_the_same_bytes(metric, noise):
    """A result is decided by its input, and says how many rows, which seed and how many resamplings it is of."""
    values = noise(300, resamples=20, seed=7)
    found = metric.compute(values)

    assert plain(found) == plain(metric.compute(values))
    assert (found.rows, found.seed, found.resamples) == (300, 7, 20)
    assert set(found.parts) == {"number", "label"}
    assert np.isfinite([found.overall.low, found.overall.high]).all()
    assert found.overall.low <= found.overall.high


@TURN_METRICS
def test_controls_have_intervals_over_songs(metric, turns):
    """The same of measures of controls; as many clips of one song leave nothing to resample."""
    found = metric.compute(turns())
    alone = metric.compute(turns(groups=np.zeros(40)))

    assert plain(found) == plain(metric.compute(turns()))
    assert (found.rows, found.facts["blocks"]) == (40, 10)
    assert found.overall.low < found.overall.value < found.overall.high
    assert alone.overall.value == pytest.approx(found.overall.value)
    assert np.isnan([alone.overall.low, alone.overall.high]).all()


@CODE_METRICS
def test_no_resampling_no_interval(metric, noise):
    """Without resamplings the value is the same to rounding, and there is no interval."""
    with_, without = metric.compute(noise(300, resamples=5)), metric.compute(noise(300))

    assert without.overall.value == pytest.approx(with_.overall.value, abs=1e-5, nan_ok=True)
    assert np.isnan([without.overall.low, without.overall.high]).all()
    assert without.facts["bias"] is None


@CODE_METRICS
def test_a_constant_or_hardly_defined_factor_has_no_value_and_a_reason(metric, noise):
    """It is NaN, is named as left out of the mean, and changes no other factor's value."""
    values = noise(200, resamples=3)
    rare = np.full((200, 1), np.nan)
    rare[:9] = np.arange(9)[:, None]
    more = evolve(
        values,
        factors=np.hstack([values.factors, np.full((200, 1), 3.0), rare]),
        names=("number", "label", "flat", "rare"),
        discrete=(False, True, False, False),
    )

    found, before = metric.compute(more), metric.compute(values)

    assert np.isnan([found.parts["flat"].value, found.parts["rare"].value]).all()
    assert found.parts["flat"].why == "it is constant"
    assert found.parts["rare"].why == "it is defined on 9 rows, fewer than 10"
    assert "flat: it is constant" in found.overall.why
    assert found.overall.why.startswith("left out: ")
    assert [found.parts[name].value for name in values.names] == pytest.approx(
        [before.parts[name].value for name in values.names], nan_ok=True
    )
    assert found.overall.value == pytest.approx(before.overall.value, nan_ok=True)
    assert "null" in plain(found)


@CODE_METRICS
def test_rows_without_a_factor_do_not_count_for_it(metric, noise):
    """A factor that is NaN on some rows has a value from the others, and so has the other factor."""
    values = noise(400, resamples=3)
    factors = values.factors.copy()
    factors[::3, 0] = np.nan

    found = metric.compute(evolve(values, factors=factors))

    assert np.isfinite(found.overall.value)
    assert found.rows == 400


@CODE_METRICS
def test_codes_that_are_all_constant_score_no_better_than_chance(metric, noise):
    """Nothing can be read from them: no value with a reason, or the metric's value for chance."""
    values = noise(100)
    found = metric.compute(evolve(values, codes=np.ones((100, 3)))).overall

    # 0.5 is a coin's area under the curve; below 0 is a line on rows it was not fitted to.
    assert found.why or found.value == pytest.approx(0.5) or found.value <= 1e-9


@CODE_METRICS
def test_rows_are_measured_whatever_their_order(metric, noise):
    """With groups given, the order of the rows changes nothing."""
    values = noise(200, groups=np.arange(200) // 5)
    order = np.random.default_rng(1).permutation(200)
    mixed = evolve(values, codes=values.codes[order], factors=values.factors[order], groups=values.groups[order])

    assert metric.compute(mixed).overall.value == pytest.approx(
        metric.compute(values).overall.value, abs=1e-3, nan_ok=True
    )


@settings(max_examples=15)
@given(
    rows=st.integers(1, 16),
    dims=st.integers(1, 3),
    count=st.integers(1, 2),
    discrete=st.booleans(),
    songs=st.integers(1, 16),
    seed=st.integers(0, 2**31),
)
def test_however_little_is_there_a_number_or_a_reason_comes_out(rows, dims, count, discrete, songs, seed):
    """Few rows, one dimension, one factor, one song: no metric warns, fails or leaves a NaN without its reason."""
    rng = np.random.default_rng(seed)
    factors = rng.integers(0, 3, (rows, count)).astype(float)
    factors[rng.random(factors.shape) < 0.1] = np.nan
    labels = ("a", "b")[:count]
    codes = LabelledCodes(
        rng.normal(size=(rows, dims)), factors, labels, [discrete] * count, groups=np.arange(rows) % songs, resamples=3
    )
    values = rng.normal(size=(1, count, rows, 2 + dims))
    values[rng.random(values.shape) < 0.2] = np.nan
    turns = Traversals([np.arange(2 + dims)], values, ("k",), labels, ("a",), np.ones(count), resamples=3)

    for metric in (*CODES, *TRAVERSALS):
        found = metric.compute({"codes": codes, "traversals": turns}[metric.needs])
        assert all(np.isfinite(one.value) or one.why for one in (found.overall, *found.parts.values())), metric.name


def test_blocks_keep_groups_whole_and_are_few():
    """Rows of a group share a block, blocks are 256 at most and none is empty, and each draw has as many blocks."""
    groups = np.random.default_rng(0).integers(0, 1000, 5000) * 17
    blocks = Blocks.make(LabelledCodes(np.ones((5000, 1)), np.ones((5000, 1)), ("a",), (False,), groups=groups))

    assert all(len(set(blocks.of[groups == group])) == 1 for group in np.unique(groups)[:50])
    assert sorted(set(blocks.of)) == list(range(256))
    assert set(blocks.weights.sum(axis=1)) == {256}
    assert blocks.weights.shape == (201, 256)


def test_an_interval_is_the_draws_turned_about_the_value():
    """Draws that lie 0.1 above the value on average give an interval as far below it, within the metric's range."""
    draws = np.append([0.5], 0.6 + np.linspace(-0.05, 0.05, 1001))

    assert interval(draws, (0.0, 1.0)) == pytest.approx((0.3525, 0.4475), abs=1e-3)
    assert interval(draws, (0.4, 1.0))[0] == 0.4
    assert interval(np.asarray([0.5, np.nan, np.nan]), (0.0, 1.0)) == pytest.approx((np.nan, np.nan), nan_ok=True)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    """Of 80 samples of a hundred songs of three alike rows, nearly all intervals hold the squared correlation."""
    rng = np.random.default_rng(0)
    songs = np.repeat(np.arange(100), 3)
    hits = 0
    for _ in range(80):
        z, e = (rng.normal(size=100)[songs] * 0.8 + rng.normal(size=300) * 0.6 for _ in range(2))
        values = LabelledCodes(z[:, None], (0.6 * z + 0.8 * e)[:, None], ("a",), (False,), groups=songs, resamples=100)
        found = interpretability(values).overall
        hits += found.low <= 0.36 <= found.high

    # 92 to 93 % over many more samples; 84 % is more than two deviations of 80 samples below.
    assert 0.84 <= hits / 80 < 1


def test_the_interval_takes_the_bias_of_counting_out():
    """On few rows MIG of a code that is the factor is too small; the interval lies between it and the true value 1."""
    rng = np.random.default_rng(0)
    factor = rng.normal(size=(400, 1))
    values = LabelledCodes(np.hstack([factor, rng.normal(size=(400, 3))]), factor, ("a",), (False,), resamples=100)

    found = mig(values)

    assert found.facts["bias"] < 0
    assert found.overall.value < found.overall.low < found.overall.high <= 1


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"codes": np.zeros(4)}, "array \\(N, D\\) with rows in it"),
        ({"codes": np.zeros((0, 2))}, "array \\(N, D\\) with rows in it"),
        ({"factors": np.zeros((3, 2))}, "Factors must be an array \\(20, F\\)"),
        ({"codes": np.full((20, 4), np.nan)}, "leave their rows out"),
        ({"factors": np.full((20, 2), np.inf)}, "Some factors are infinite"),
        ({"names": ("a", "a")}, "2 different names of factors"),
        ({"discrete": (True,)}, "Say of each of the 2 factors"),
        ({"groups": np.zeros(3)}, "give one number for each"),
        ({"resamples": -2}, "cannot be -2 resamplings"),
        ({"bins": 1}, "with 2 bins or more"),
        ({"binning": "even"}, "must be 'width' or 'quantile'"),
        ({"seed": -1}, "A seed must be a whole number"),
    ],
)
def test_codes_that_cannot_be_read_are_refused(noise, change, match):
    """Each shape and range is checked with a sentence."""
    with pytest.raises(UsageError, match=match):
        evolve(noise(20), **change)
