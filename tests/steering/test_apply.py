from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentknobs.core.knob import Knob, Operator
from latentknobs.errors import AmountError
from latentknobs.steering.apply import apply, displacement
from latentknobs.steering.turning import turn

D = 6
SEEDS = st.integers(0, 2**31)
AMOUNTS = (-2.0, -0.5, 1.0, 3.0)


def _codes(seed, count=5):
    return np.random.default_rng(seed).normal(size=(count, D)).astype(np.float32)


def _shift(seed, **more):
    return Operator("shift", {"direction": np.random.default_rng(seed).normal(size=D), **more})


def _affine(seed, amounts=AMOUNTS, **more):
    rng = np.random.default_rng(seed)
    matrices = np.eye(D) + 0.3 * rng.normal(size=(len(amounts), D, D))
    offsets = rng.normal(size=(len(amounts), D))
    return Operator("affine", {"amounts": np.asarray(amounts), "matrices": matrices, "offsets": offsets, **more})


def _knob(name, operator, augmentation=None, *, step=None, low=-2.0, high=3.0):
    return Knob(
        name,
        "0" * 64,
        "model",
        augmentation,
        operator.kind,
        "mean",
        "",
        step,
        low,
        high,
        "accepted",
        (),
        operator=operator,
    )


@settings(max_examples=25)
@given(seed=SEEDS, kind=st.sampled_from([_shift, _affine]))
def test_amount_0_changes_nothing(seed, kind):
    """T(z, 0) is z to the bit, for every kind."""
    z = _codes(seed)

    assert apply(kind(seed), z, 0.0).tobytes() == z.tobytes()
    assert turn(z, [(_knob("still", kind(seed)), 0.0)]).tobytes() == z.tobytes()


@settings(max_examples=25)
@given(seed=SEEDS, a=st.integers(0, len(AMOUNTS) - 1))
def test_at_a_fitted_amount_an_affine_knob_is_its_matrix(seed, a):
    """T(z, amounts[a]) = matrices[a] z + offsets[a]."""
    operator, z = _affine(seed), _codes(seed)

    turned = apply(operator, z, AMOUNTS[a])

    expected = z.astype(np.float64) @ operator.arrays["matrices"][a].T + operator.arrays["offsets"][a]
    np.testing.assert_allclose(turned, expected, atol=1e-5)


@settings(max_examples=50)
@given(seed=SEEDS, amounts=st.lists(st.floats(0.01, 5000), min_size=1, max_size=4, unique_by=np.float32))
def test_a_fitted_amount_that_float32_rounds_is_still_that_amount(seed, amounts):
    """Amounts such as 0.1 or 1000.1 find their own matrix, at the ends too, as their float32 does."""
    amounts = sorted(amounts)
    operator, z = _affine(seed, amounts), _codes(seed)

    for a, amount in enumerate(amounts):
        moved = displacement(operator, z, amount)
        assert moved.tobytes() == displacement(operator, z, float(np.float32(amount))).tobytes()
        own = z @ operator.arrays["matrices"][a].T + operator.arrays["offsets"][a] - z
        np.testing.assert_allclose(moved, own, atol=1e-6)


@settings(max_examples=50)
@given(seed=SEEDS, amount=st.floats(-2, 3))
def test_between_fitted_amounts_displacements_are_interpolated(seed, amount):
    """Between two neighbours, 0 among them, the displacement is their mean by distance."""
    operator, z = _affine(seed), _codes(seed)
    knots = sorted([*AMOUNTS, 0.0])
    k = next(k for k in range(len(knots) - 1) if knots[k] <= amount <= knots[k + 1])
    low, high = (displacement(operator, z, knots[i]).astype(np.float64) for i in (k, k + 1))
    share = (amount - knots[k]) / (knots[k + 1] - knots[k])

    moved = displacement(operator, z, amount)

    np.testing.assert_allclose(moved, (1 - share) * low + share * high, atol=1e-5)


@settings(max_examples=25)
@given(seed=SEEDS, amount=st.floats(-100, 100, width=32))
def test_a_shift_is_linear_in_the_amount_and_the_same_for_every_code(seed, amount):
    """A shift moves every code by amount times its direction."""
    operator, z = _shift(seed), _codes(seed)

    moved = displacement(operator, z, amount)

    np.testing.assert_array_equal(moved, np.tile(np.float32(amount) * operator.arrays["direction"], (len(z), 1)))


@settings(max_examples=30)
@given(seed=SEEDS, amounts=st.tuples(*[st.floats(-2, 3)] * 2))
def test_the_order_in_which_knobs_are_named_does_not_matter(seed, amounts):
    """On/off knobs are turned first and then the others, by their augmentations, to the byte."""
    z = _codes(seed)
    mirror = _knob("zz", _affine(seed, (1.0,)), "z-edit", step=1.0, low=0.0, high=1.0)
    late, early = _knob("a", _affine(seed + 1), "y-edit"), _knob("b", _affine(seed + 2), "x-edit")
    moves = [(late, amounts[0]), (early, amounts[1]), (mirror, 1.0)]

    results = {turn(z, order).tobytes() for order in permutations(moves)}

    mirrored = apply(mirror.operator, z, 1.0)
    assert results == {apply(late.operator, apply(early.operator, mirrored, amounts[1]), amounts[0]).tobytes()}


def test_turning_leaves_the_codes_that_it_is_given():
    """The result is a new array, for no knob and for one, and one knob alone is apply."""
    z = _codes(1)
    kept = z.copy()

    still, moved = turn(z, []), turn(z, [(_knob("one", _affine(1)), 1.0)])
    still[:] = 0

    np.testing.assert_array_equal(z, kept)
    assert moved.tobytes() == apply(_affine(1), z, 1.0).tobytes()


@settings(max_examples=25)
@given(seed=SEEDS, rank=st.integers(1, D - 1), kind=st.sampled_from([_shift, _affine]))
def test_a_projection_limits_the_move(seed, rank, kind):
    """With a projection P the knob moves by P P' of what it would do, so nothing outside its span."""
    z = _codes(seed)
    columns = np.linalg.qr(np.random.default_rng(seed).normal(size=(D, D)))[0]
    inside, outside = columns[:, :rank], columns[:, rank:]

    moved = displacement(kind(seed, projection=inside), z, 1.0)

    np.testing.assert_allclose(moved @ outside, 0, atol=1e-5)
    np.testing.assert_allclose(moved, displacement(kind(seed), z, 1.0) @ inside @ inside.T, atol=1e-5)


def test_a_projection_on_dimensions_leaves_the_others_to_the_bit():
    """A projection made of unit vectors moves those dimensions alone."""
    z = _codes(4)

    turned = apply(_affine(4, projection=np.eye(D)[:, [1, 3]]), z, 1.0)

    others = [0, 2, 4, 5]
    assert turned[:, others].tobytes() == z[:, others].tobytes()
    assert (turned[:, [1, 3]] != z[:, [1, 3]]).all()


@pytest.mark.parametrize("amount", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("kind", [_shift, _affine])
def test_an_amount_that_is_no_number_is_refused(kind, amount):
    """NaN and infinity are refused by every kind, alone and among other knobs."""
    with pytest.raises(AmountError, match="finite"):
        apply(kind(0), _codes(0), amount)
    with pytest.raises(AmountError, match="finite"):
        turn(_codes(0), [(_knob("a", _shift(1)), 1.0), (_knob("b", kind(0)), amount)])


@pytest.mark.parametrize("amount", [-2.001, 3.001, 1e39])
def test_an_affine_knob_does_not_reach_beyond_its_fitted_amounts(amount):
    """Beyond the fitted amounts an affine knob is refused, with the range in the message."""
    with pytest.raises(AmountError, match="-2 to 3"):
        apply(_affine(0), _codes(0), amount)


def test_on_one_side_an_affine_knob_reaches_from_0():
    """With positive amounts alone, everything from 0 up is reached and nothing below."""
    operator, z = _affine(0, (1.0, 2.0)), _codes(0)

    np.testing.assert_allclose(displacement(operator, z, 0.5), displacement(operator, z, 1.0) / 2, atol=1e-6)
    with pytest.raises(AmountError, match="0 to 2"):
        apply(operator, z, -0.5)


@pytest.mark.parametrize("kind", [_shift, _affine])
def test_codes_stay_float32(kind):
    """Float32 codes give float32 codes of the same shape, for no code too."""
    for z in (_codes(0), _codes(0, count=0)):
        both = turn(z, [(_knob("a", kind(0)), 0.7), (_knob("b", kind(1)), -0.3)])
        for turned in (apply(kind(0), z, 0.7), both, displacement(kind(0), z, 0)):
            assert turned.dtype == np.float32
            assert turned.shape == z.shape
