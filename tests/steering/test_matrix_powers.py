"""Powers of one map: whole steps, their inverse, and what lies between them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentknobs.core.knob import Operator
from latentknobs.errors import AmountError
from latentknobs.steering.apply import apply, displacement
from latentknobs.steering.matrix_powers import has_path, homogeneous

D = 4


def _group(matrix, offset=None, step=1.0, **more):
    offset = np.zeros(len(matrix)) if offset is None else offset
    return Operator("group", {"step": np.asarray([step]), "matrix": matrix, "offset": offset, **more})


def _turning(seed):
    """A rigid motion: an orthogonal matrix, a reflection half of the time, and an offset."""
    rng = np.random.default_rng(seed)
    return _group(np.linalg.qr(rng.normal(size=(D, D)))[0], rng.normal(size=D))


def _codes(seed, count=6):
    return np.random.default_rng(seed).normal(size=(count, D)).astype(np.float32)


def test_a_power_by_hand():
    """Twice z -> 2 z + 1 is 4 z + 3, thrice 8 z + 7; back once it is (z - 1) / 2."""
    knob = _group(2.0 * np.eye(1), np.ones(1))
    z = np.asarray([[5.0]], np.float32)

    assert [float(apply(knob, z, n)[0, 0]) for n in (1.0, 2.0, 3.0, -1.0)] == [11.0, 23.0, 47.0, 2.0]


@settings(max_examples=25)
@given(seed=st.integers(0, 2**31), a=st.integers(-12, 12), b=st.integers(-12, 12))
def test_amounts_add_up(seed, a, b):
    """Turning by a and then by b is turning by a + b, so turning back undoes it; 0 changes nothing to the bit."""
    knob, z = _turning(seed), _codes(seed)

    np.testing.assert_allclose(apply(knob, apply(knob, z, a), b), apply(knob, z, a + b), atol=2e-4)
    np.testing.assert_allclose(apply(knob, apply(knob, z, a), -a), z, atol=2e-4)
    assert apply(knob, z, 0.0).tobytes() == z.tobytes()


def test_a_half_turn_has_no_path_between():
    """A reflection comes back after two steps, and half a step of it is refused with a sentence."""
    knob, z = _group(np.diag([-1.0, 1.0, 1.0, 1.0])), _codes(0)

    np.testing.assert_array_equal(apply(knob, z, 2.0), z)
    np.testing.assert_array_equal(apply(knob, z, -1.0)[:, 0], -z[:, 0])
    assert not has_path(knob)
    with pytest.raises(AmountError, match="between whole steps of 1"):
        displacement(knob, z, 0.5)


def test_a_turn_has_no_path_between():
    """A turn by 150 degrees may as well be one by 510: a step and a half is refused."""
    angle = np.radians(150.0)
    matrix = np.eye(D)
    matrix[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    knob = _group(matrix, step=0.5)

    np.testing.assert_allclose(apply(knob, _codes(1), 6.0), _codes(1), atol=1e-5)
    with pytest.raises(AmountError, match=r"multiple of 0\.5"):
        apply(knob, _codes(1), 0.75)


@settings(max_examples=25)
@given(seed=st.integers(0, 2**31), amount=st.floats(-3, 3))
def test_positive_eigenvalues_identify_the_path(seed, amount):
    """Where a step stretches, shears and shifts, any part of it is known: z2 goes by n, z0 by exp, z1 by n z3."""
    matrix = np.diag([1.5, 1.0, 1.0, 1.0])
    matrix[1, 3] = 0.4
    knob, z = _group(matrix, np.asarray([0.0, 0.0, 0.7, 0.0])), _codes(seed)

    wanted = z.astype(np.float64)
    wanted[:, 0] *= 1.5**amount
    wanted[:, 1] += 0.4 * amount * z[:, 3]
    wanted[:, 2] += 0.7 * amount

    assert has_path(knob)
    np.testing.assert_allclose(apply(knob, z, amount), wanted, atol=1e-4)


def test_a_map_without_an_inverse_is_not_turned_back():
    """Forward it can be turned; back it cannot, and a sentence says so."""
    knob = _group(np.diag([0.0, 1.0, 1.0, 1.0]))

    assert not apply(knob, _codes(0), 1.0)[:, 0].any()
    with pytest.raises(AmountError, match="no inverse"):
        apply(knob, _codes(0), -1.0)


def test_a_step_that_float32_rounds_is_still_a_step():
    """Steps such as 0.1 are kept as float32; whole multiples of them are whole all the same."""
    knob = _group(-np.eye(D), step=0.1)

    for count in range(-30, 31):
        np.testing.assert_array_equal(apply(knob, _codes(2), 0.1 * count), _codes(2) * (-1) ** count)


def test_a_projection_limits_a_group_as_well():
    """With a projection only its span moves."""
    moved = displacement(_group(-np.eye(D), projection=np.eye(D)[:, [1]]), _codes(3), 1.0)

    np.testing.assert_allclose(moved, np.where(np.arange(D) == 1, -2 * _codes(3), 0), atol=1e-6)


def test_codes_stay_float32():
    """Float32 codes give float32 codes, for no code too; the map itself is worked out in float64."""
    for z in (_codes(0), _codes(0, count=0)):
        assert apply(_turning(0), z, 3.0).dtype == np.float32
        assert apply(_turning(0), z, 3.0).shape == z.shape
    assert homogeneous(_turning(0)).dtype == np.float64
