"""Coordinates whose first ones are knobs: golden readings by hand, and what holds of any covariance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentknobs.analysis.knob_coordinates import AmountRange, knob_coordinates, read_amount
from latentknobs.core.code_units import CodeUnits
from latentknobs.errors import DiscoveryError


def _turns(own, other, moves, amounts=(1.0, 2.0)):
    """Pairs of clips whose code is [own height, something else], turned up by ``moves`` a unit of the amount."""
    before = np.stack([own, other], axis=1)
    turns = AmountRange.empty(2)
    for amount in amounts:
        turns.add(amount, before, before + amount * np.asarray(moves))
    return turns


def test_the_sums_are_of_both_sides():
    """The gram counts every clip before and after, the other sums have the amounts, by hand."""
    turns = AmountRange.empty(1)
    turns.add(2.0, np.array([[1.0], [3.0]]), np.array([[2.0], [6.0]]))

    assert turns.pairs == 2
    assert turns.gram.tolist() == [[4.0, 12.0], [12.0, 50.0]]
    assert turns.cross.tolist() == [4.0, 16.0]
    assert (turns.square, turns.along.tolist()) == (8.0, [8.0])


def test_sums_in_units_are_those_of_codes_in_units():
    """Converting the sums gives what summing converted codes gives, and with it the same reading."""
    rng = np.random.default_rng(2)
    units = CodeUnits([1.0, -2.0], [0.01, 30.0])
    before = rng.normal(size=(60, 2))
    plain, own = AmountRange.empty(2), AmountRange.empty(2)
    plain.add(2.0, units.outward(before), units.outward(before + 1.0))
    own.add(2.0, before, before + 1.0)

    converted = plain.in_units(units)

    np.testing.assert_allclose(converted.gram, own.gram, atol=1e-3)
    np.testing.assert_allclose(converted.along, own.along, atol=1e-3)
    np.testing.assert_allclose(read_amount(converted, converted).weights, read_amount(own, own).weights, atol=1e-4)


def test_r2_of_a_reading_by_hand():
    """The reading 0 + 1 z of amounts 0, 0, 2, 2 at z 0, 0, 2, 1 leaves 1 of 4 unexplained."""
    turns = AmountRange.empty(1)
    turns.add(2.0, np.zeros((2, 1)), np.array([[2.0], [1.0]]))

    assert turns.r2(np.array([0.0, 1.0])) == pytest.approx(0.75)
    assert turns.r2(np.array([1.0, 0.0])) == pytest.approx(0.0)


def test_what_the_edit_does_not_move_is_not_read():
    """Where only the first dimension moves, by half a unit, its weight is 2 and the other's 0."""
    rng = np.random.default_rng(0)
    other = rng.normal(size=400)
    turns = _turns(np.zeros(400), other - other.mean(), [0.5, 0.0])

    found = read_amount(turns, turns)

    assert found.weights == pytest.approx([2.0, 0.0], abs=1e-6)
    assert found.r2 == pytest.approx(1.0, abs=1e-6)


def test_a_clips_own_height_does_not_shrink_the_reading():
    """The clips' own heights make the regression shrink; turning by n still raises the reading by n."""
    rng = np.random.default_rng(1)
    turns = _turns(rng.normal(size=4000), rng.normal(size=4000), [0.5, 0.3])

    found = read_amount(turns, turns)

    assert found.weights @ [0.5, 0.3] == pytest.approx(1.0)
    assert 0.1 < found.r2 < 0.9


def test_only_the_dimensions_asked_for_are_read():
    """Two dimensions move alike; where one of them is asked for, the other's weight is 0."""
    rng = np.random.default_rng(2)
    turns = _turns(rng.normal(size=50), rng.normal(size=50), [1.0, 1.0])

    found = read_amount(turns, AmountRange.empty(2), [1])

    assert found.weights[0] == 0
    assert found.weights[1] == pytest.approx(1.0)


@pytest.mark.parametrize("moves", [None, [0.0, 0.0]])
def test_nothing_to_read(moves):
    """Without pairs, or where no code moves, there is no reading, and that is said."""
    turns = AmountRange.empty(2) if moves is None else _turns(np.arange(5.0), np.arange(5.0) ** 2, moves)

    with pytest.raises(DiscoveryError, match="tell nothing"):
        read_amount(turns, turns)


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(2, 7), st.integers(1, 2))
def test_the_first_coordinates_are_the_readings(seed, size, count):
    """The coordinates can be undone, begin with the readings, and the others are uncorrelated with all."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(size, size + 3))
    covariance = root @ root.T / size
    own = rng.normal(size=(count, size))

    found = knob_coordinates(list(own), covariance)
    inside = found.of_covariance(covariance)

    assert np.allclose(found.dual.T @ found.columns, np.eye(size), atol=1e-6)
    assert np.allclose(found.dual[:, :count].T, own)
    spread = np.sqrt(np.diag(inside))
    others = inside[:, count:] / np.outer(spread, spread[count:])
    assert np.allclose(others[:count], 0, atol=1e-6)
    assert np.allclose(others[count:], np.eye(size - count), atol=1e-6)


def test_the_others_keep_the_models_scale():
    """With the reading along the first axis of independent dimensions the others are the other axes, largest first."""
    found = knob_coordinates([np.array([2.0, 0.0, 0.0])], np.diag([1.0, 0.001, 9.0]))

    assert np.allclose(found.dual, [[2, 0, 0], [0, 0, 1], [0, 1, 0]])


def test_readings_that_depend_on_each_other():
    """Two knobs with one reading have no coordinates, and that is said."""
    with pytest.raises(DiscoveryError, match="not independent"):
        knob_coordinates([np.array([1.0, 0.0]), np.array([2.0, 0.0])], np.eye(2))
