"""Typed parameters: what they take, and where their values lie between 0 and 1."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from latentknobs.core.parameter import Parameter
from latentknobs.errors import AmountError, UsageError

finite = st.floats(-1e6, 1e6)


@st.composite
def numbers(draw):
    """Parameters of numbers whose range has at least one of their steps."""
    low, high = sorted((draw(st.floats(-1000, 1000)), draw(st.floats(-1000, 1000))))
    assume(high - low > 1e-3)
    step = draw(st.none() | st.sampled_from([0.1, 0.25, 1.0, 2.0, 12.0]))
    assume(step is None or math.ceil(low / step) <= math.floor(high / step))
    return Parameter("knob/x", "number", "Turns x.", 0.0, low, high, step)


@given(numbers(), finite)
def test_the_nearest_number_is_one_that_the_parameter_takes(one, value):
    """In its range and on its steps, and it is its own nearest."""
    near = one.nearest(value)

    assert one.low <= near <= one.high
    assert one.checked(near) == near == one.nearest(near)
    assert one.step is None or abs(near / one.step - round(near / one.step)) < 1e-6


@given(numbers(), finite, finite)
def test_of_two_numbers_the_nearest_is_no_farther_than_any_other(one, value, other):
    """Nothing that the parameter takes is nearer."""
    rival = one.nearest(other)

    assert abs(one.nearest(value) - value) <= abs(rival - value) + 1e-6


@given(numbers(), finite)
def test_a_number_is_found_again_at_its_place(one, value):
    """Normalized and back it is the same."""
    near = one.nearest(value)
    place = one.normalized(near)

    assert 0.0 <= place <= 1.0
    assert one.denormalized(place) == pytest.approx(near, abs=1e-6)


@given(numbers(), st.floats(0, 1), st.floats(0, 1))
def test_a_place_further_up_is_no_lower_number(one, place, other):
    """Controllers and numbers go the same way."""
    low, high = sorted((place, other))

    assert one.denormalized(low) <= one.denormalized(high)


def test_the_middle_of_a_range_around_0_is_0():
    """However far it goes to either side."""
    one = Parameter("knob/x", "number", "Turns x.", 0.0, -3.0, 12.0)

    assert (one.normalized(0.0), one.denormalized(0.5)) == (0.5, 0.0)
    assert (one.denormalized(0.0), one.denormalized(1.0), one.denormalized(7.0)) == (-3.0, 12.0, 12.0)


def test_a_number_of_32_bits_is_the_one_that_was_meant():
    """A controller's 0.3 is not beside the step, and its 0.7 not past the end."""
    one = Parameter("knob/x", "number", "Turns x.", 0.0, 0.0, 0.7, 0.1)

    assert one.checked(0.30000001192092896) == pytest.approx(0.3, abs=1e-12)
    assert one.checked(0.699999988079071) == one.checked(0.7000000476837158) == pytest.approx(0.7, abs=1e-12)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("number", math.nan),
        ("number", math.inf),
        ("number", "1"),
        ("number", 2.0),
        ("number", 0.3),
        ("whole", 0.5),
        ("switch", 0.5),
        ("switch", "on"),
        ("text", 1.0),
        ("text", "a\nb"),
        ("text", "a" * 121),
        ("trigger", "\x00"),
    ],
)
def test_what_is_no_value_is_refused_in_a_sentence(kind, value):
    """That names the parameter."""
    one = Parameter("this/one", kind, "One.", 0.0, 0.0, 1.0, 0.25 if kind == "number" else None)

    with pytest.raises(UsageError, match=r"this/one .*\.$"):
        one.checked(value)


def test_a_place_that_is_no_number_is_refused():
    """Not-a-number never becomes a value, and a text has no place."""
    with pytest.raises(AmountError, match="finite"):
        Parameter("knob/x", "number", "Turns x.", 0.0, 0.0, 1.0).denormalized(math.nan)
    with pytest.raises(UsageError, match="no number"):
        Parameter("loop/bars", "text", "Bars.", "").denormalized(0.5)


def test_a_switch_has_its_ends_as_places():
    """A button of a controller turns it on and off."""
    one = Parameter("play", "switch", "Whether it sounds.", default=False)

    assert [one.checked(one.denormalized(place)) for place in (0.0, 0.4, 0.6, 1.0)] == [False, False, True, True]
    assert (one.normalized(False), one.normalized(True)) == (0.0, 1.0)
