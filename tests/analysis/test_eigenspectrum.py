"""The spectrum of a map whose turns are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentknobs.analysis.eigenspectrum import along, by_character, on_plane, one_step, plane, spectrum
from latentknobs.core.knob import Operator
from latentknobs.errors import UsageError

VARIANCE = np.asarray([4.0, 4.0, 1.0, 1.0, 2.0])


def _matrix():
    """Turns by 150 (modulus 1) and 35 degrees (modulus 0.5), and a dimension that stays."""
    out = np.eye(5)
    for k, (size, degrees) in zip((0, 2), ((1.0, 150.0), (0.5, 35.0)), strict=True):
        c, s = size * np.cos(np.radians(degrees)), size * np.sin(np.radians(degrees))
        out[k : k + 2, k : k + 2] = [[c, -s], [s, c]]
    return out


def _knob():
    offset = np.asarray([1.0, 0.0, 0.0, 0.0, 0.5])
    return Operator("group", {"step": np.asarray([2.0]), "matrix": _matrix(), "offset": offset})


def test_the_modes_of_a_known_map():
    """Each has its modulus, angle, nearest twelfth of the circle, distance from it, and share: 8, 2 and 2 of 12."""
    modes = spectrum(_knob(), VARIANCE, 12)
    facts = [(m.dimensions, m.character, round(m.modulus, 4), round(m.angle, 3), round(m.distance, 3)) for m in modes]

    assert facts[0] == (2, 5, 1.0, 150.0, 0.0)
    assert sorted(facts[1:]) == [(1, 0, 1.0, 0.0, 0.0), (2, 1, 0.5, 35.0, 5.0)]
    assert [round(mode.share, 4) for mode in modes] == [0.6667, 0.1667, 0.1667]


@pytest.mark.parametrize(("divisions", "character", "distance"), [(12, 5, 0.0), (7, 3, 150 - 3 * 360 / 7), (1, 0, 150)])
def test_the_circle_has_as_many_parts_as_asked_for(divisions, character, distance):
    """The nearest character is a multiple of the circle's part, up to half a circle."""
    mode = spectrum(_knob(), VARIANCE, divisions)[0]

    assert mode.character == character
    assert mode.distance == pytest.approx(abs(distance), abs=1e-4)


@settings(max_examples=25)
@given(seed=st.integers(0, 2**31))
def test_a_change_of_coordinates_changes_no_eigenvalue_and_parts_add_up(seed):
    """In askew coordinates the eigenvalues are the same, and the characters' parts of the variance add up to 1."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.normal(size=(5, 5)))[0] @ np.diag(rng.uniform(0.5, 2.0, size=5))
    matrix = basis @ _matrix() @ np.linalg.inv(basis)
    root = rng.normal(size=(5, 5))
    covariance = root @ root.T
    knob = Operator("group", {"step": np.ones(1), "matrix": matrix, "offset": np.zeros(5)})
    modes = spectrum(knob, covariance, 12)

    assert sorted(round(mode.angle, 2) for mode in modes) == [0.0, 35.0, 150.0]
    assert all(0 <= mode.share <= 1 + 1e-9 for mode in modes)
    parts = by_character(modes, covariance)
    assert {k: count for k, (count, _) in parts.items()} == {0: 1, 1: 2, 5: 2}
    assert sum(part for _, part in parts.values()) == pytest.approx(1.0, abs=1e-4)


def test_a_step_multiplies_the_plane_by_the_eigenvalue():
    """On its plane a code that is turned once is the code times the eigenvalue, about the fixed point."""
    modes = spectrum(_knob(), VARIANCE, 12)
    mode = plane(modes, 140.0, within=1.0)
    _, matrix, offset = one_step(_knob())
    z = np.random.default_rng(0).normal(size=(50, 5))
    # Both at once, so that both have the same unit.
    at = on_plane(mode, offset, np.concatenate([z, z @ matrix.T + offset]))

    assert mode.angle == pytest.approx(150, abs=1e-4)
    np.testing.assert_allclose(at[50:], at[:50] * mode.value, atol=1e-5)


def test_a_plane_that_shrinks_is_not_shown():
    """Of the planes that hardly shrink the nearest is taken, and there is none where none turns."""
    modes = spectrum(_knob(), VARIANCE, 12)

    assert plane(modes, 35.0, within=5.0).angle == pytest.approx(150, abs=1e-4)
    assert plane(tuple(mode for mode in modes if mode.dimensions == 1), 35.0, within=5.0) is None


def test_the_way_that_does_not_turn_is_told_in_steps():
    """The last dimension goes up by 0.5 a step: a code 1 above the mean lies two steps along."""
    modes = spectrum(_knob(), VARIANCE, 12)
    z = np.zeros((2, 5), np.float32)
    z[:, 4] = -1, 1

    np.testing.assert_allclose(along(modes, _knob(), z), [-2.0, 2.0], atol=1e-5)


def test_of_an_affine_knob_the_smallest_positive_amount_speaks():
    """Its map is that amount's; other kinds, and affine knobs without a positive amount, are refused."""
    arrays = {"amounts": [-1.0, 0.5, 2.0], "matrices": [np.eye(2), 3 * np.eye(2), np.eye(2)], "offsets": np.eye(3, 2)}
    step, matrix, offset = one_step(Operator("affine", arrays))

    assert (step, matrix.tolist(), offset.tolist()) == (0.5, [[3, 0], [0, 3]], [0, 1])
    with pytest.raises(UsageError, match="kind shift has no spectrum"):
        one_step(Operator("shift", {"direction": np.ones(2)}))
    with pytest.raises(UsageError, match="no positive amount"):
        one_step(Operator("affine", {name: array[:1] for name, array in arrays.items()}))


def test_what_has_no_modes_is_refused():
    """A shear's eigenvectors are one, and a circle has parts."""
    shear = Operator("group", {"step": np.ones(1), "matrix": [[1.0, 1.0], [0.0, 1.0]], "offset": np.zeros(2)})

    with pytest.raises(UsageError, match="shears"):
        spectrum(shear, np.ones(2), 12)
    with pytest.raises(UsageError, match="at least 1 part"):
        spectrum(_knob(), VARIANCE, 0)
