"""FaderNets' and Latte's measures of a control, on attribute values along traversals."""

import numpy as np
import pytest
from attrs import evolve

from latentknobs.core.metric_specs import Traversals
from latentknobs.errors import UsageError
from latentknobs.metrics.fadernets import consistency, linearity, restrictiveness
from latentknobs.metrics.latte import monotonicity, smoothness

LINE = np.arange(6.0)


def turned(target, others=(), **settings):
    """Traversals of one control from 0 upwards; target and others are (n, S), with spread 2 and 1."""
    values = np.stack([np.atleast_2d(np.asarray(one, dtype=float)) for one in (target, *others)])[None]
    count, steps = values.shape[1], values.shape[3]
    names = tuple(f"a{i}" for i in range(count))
    spread = np.asarray([2.0] + [1.0] * (count - 1))
    chosen = {"resamples": 0, **settings}
    return Traversals(np.arange(steps)[None], values, ("knob",), names, ("a0",), spread, **chosen)


def test_consistency_by_hand():
    """Two clips 2 apart at every step deviate by 1, half a spread; equal ones by nothing."""
    assert consistency(turned([LINE, LINE + 2])).overall.value == pytest.approx(0.5)
    assert consistency(turned([LINE, LINE])).overall.value == pytest.approx(1)


def test_restrictiveness_by_hand():
    """Other attributes that stay score 1; one that goes 0, 1, 0, 1 deviates by a half, on one clip of two."""
    zigzag = np.arange(6) % 2
    values = turned([LINE, LINE], [[zigzag, zigzag * 0 + 4], np.full((2, 6), 3.0)])

    result = restrictiveness(values)

    assert result.overall.value == pytest.approx(1 - 0.5 / 2 / 2)
    assert result.facts["moved"] == [0.25]
    assert restrictiveness(turned([LINE], [LINE * 0])).overall.value == 1
    assert restrictiveness(turned([LINE])).overall.why == "knob: there is no other attribute"


def test_linearity_by_hand():
    """A line has R2 1 either way; V has 0; and a clip that stays as it is counts 0 and is told."""
    v = np.abs(np.arange(5) - 2.0)
    line = np.arange(5.0)

    assert linearity(turned([line, -3 * line])).overall.value == pytest.approx(1)
    assert linearity(turned([v])).overall.value == pytest.approx(0)
    # 0 0 1 over -1 0 1: covariance 1/3, variances 2/3 and 2/9.
    assert linearity(turned([[0, 0, 1]])).overall.value == pytest.approx(0.75)
    half = linearity(turned([line, line * 0 + 7]))
    assert (half.overall.value, half.facts["still"], half.facts["left-out"]) == (pytest.approx(0.5), [1], [0])


def test_a_control_that_does_nothing_has_no_linearity():
    """Where no clip moves there is no line, and no value."""
    result = linearity(turned(np.full((3, 5), 2.0)))

    assert np.isnan(result.overall.value)
    assert result.overall.why == "knob: its target moves on no clip"


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        (0.1 * LINE + 3, 1),
        (-7 * LINE, 1),
        (np.where(LINE > 2, 5, 0), 0),
        (LINE**2, 1 - 1 / 4),
        # Differences 0 1 1 0 1: bends 1 0 1 1, Lehmer mean 1, range 1.
        (np.cumsum([0, 0, 1, 1, 0, 1]), 0),
        # Differences 0 1 3 3 3: bends 1 2 0 0, Lehmer mean 5/3, range 3.
        (np.cumsum([0, 0, 1, 3, 3, 3]), 1 - 5 / 9),
    ],
)
def test_smoothness_by_hand(target, wanted):
    """1 - Lehmer mean of bends over the range of slopes; the control's and the attribute's units do not matter."""
    values = turned([target])

    assert smoothness(values).overall.value == pytest.approx(wanted)
    assert smoothness(evolve(values, controls=values.controls / 4 - 1)).overall.value == pytest.approx(wanted)
    assert smoothness(evolve(values, values=values.values * 1e3)).overall.value == pytest.approx(wanted)


def test_monotonicity_by_hand():
    """Steps up less steps down over both; steps below the threshold and clips without a step do not count."""
    values = turned([[0, 1, 2, 1], [0, 1e-4, 1, 1], [5, 5, 5, 5]])

    result = monotonicity(values)

    assert result.overall.value == pytest.approx((1 / 3 + 1) / 2)
    assert result.facts["left-out"] == [1]
    assert monotonicity(evolve(values, options={"threshold": 1e-5})).overall.value == pytest.approx((1 / 3 + 1) / 2)
    assert monotonicity(turned([-LINE])).overall.value == -1
    assert np.isnan(monotonicity(turned([LINE * 0])).overall.value)


def test_what_is_not_defined_does_not_count():
    """A clip with a NaN is left out of Latte's measures and keeps its other steps in FaderNets'."""
    holed = np.asarray([LINE, LINE, LINE])
    holed[2, 3] = np.nan
    values = turned(holed, [holed * 0])

    assert smoothness(values).facts["left-out"] == [1]
    assert monotonicity(values).facts["left-out"] == [1]
    assert [metric(values).overall.value for metric in (consistency, restrictiveness, linearity)] == [1, 1, 1]
    holed[1, 3] = np.nan
    assert "fewer than 2 clips" in consistency(turned(holed)).overall.why
    assert "at least 4 steps" in smoothness(turned([[0, 1, 2]])).overall.why


def test_every_control_has_its_own_target():
    """Two controls, each with the other's target as the other attribute: values by control, their mean overall."""
    still, line = np.zeros((2, 5)), np.tile(np.arange(5.0), (2, 1))
    values = np.asarray([[line, still], [line, line + np.asarray([[0.0], [2.0]])]])
    both = Traversals(np.tile(np.arange(5.0), (2, 1)), values, ("k", "l"), ("a", "b"), ("a", "b"), [1, 1])

    assert [part.value for part in restrictiveness(both).parts.values()] == pytest.approx([1, 1 - np.sqrt(2)])
    assert [part.value for part in consistency(both).parts.values()] == pytest.approx([1, 0])
    assert consistency(both).overall.value == pytest.approx(0.5)


def test_latte_needs_even_steps():
    """Differences over uneven steps are no derivatives: refused with a sentence."""
    values = evolve(turned([LINE]), controls=[[0, 1, 2, 3, 4, 9]])

    for metric in (smoothness, monotonicity):
        with pytest.raises(UsageError, match="evenly spaced"):
            metric(values)
    assert 0 < linearity(values).overall.value < 1


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"values": np.zeros((1, 2, 3))}, "Values must be finite or NaN"),
        ({"values": np.full((1, 1, 2, 6), np.inf)}, "Values must be finite or NaN"),
        ({"controls": np.zeros((1, 6))}, "which ascend"),
        ({"controls": np.zeros((1, 5))}, "Controls must be finite numbers of shape"),
        ({"targets": ("b",)}, "one of the attributes as its target"),
        ({"spread": [0.0]}, "standard deviation over the corpus"),
        ({"names": ("a", "b")}, "1 different names of controls"),
        ({"groups": [1]}, "The groups have shape"),
        ({"resamples": -1}, "cannot be -1 resamplings"),
    ],
)
def test_traversals_that_are_none_are_refused(change, match):
    """Each shape and range is checked with a sentence."""
    with pytest.raises(UsageError, match=match):
        evolve(turned([LINE, LINE]), **change)
