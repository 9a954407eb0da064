from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentknobs.errors import UsageError
from latentknobs.steering.interpolation import NEARLY_OPPOSITE, RESTS, angle, assign, coefficients, one_way, two_way

D = 8
SEEDS = st.integers(0, 2**31)


def _pair(seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(2, D)).astype(np.float32)


def _groups(seed):
    return np.random.default_rng(seed).integers(0, 3, D).astype(np.int8)


def _f32(*values):
    return np.asarray(values, dtype=np.float32)


@settings(max_examples=50)
@given(seed=SEEDS, size=st.integers(2, 6), rest=st.sampled_from(RESTS))
def test_the_corners_are_the_two_codes(seed, size, rest):
    """Top left is a and bottom right is b, to the bit, for every way the rest may go."""
    a, b = _pair(seed)

    grid = two_way(a, b, _groups(seed), size, rest)

    assert grid.shape == (size, size, D)
    assert grid.dtype == np.float32
    assert grid[0, 0].tobytes() == a.tobytes()
    assert grid[-1, -1].tobytes() == b.tobytes()


@settings(max_examples=50)
@given(seed=SEEDS, size=st.integers(2, 6), rest=st.sampled_from(RESTS))
def test_the_other_corners_hold_one_knobs_dimensions_each(seed, size, rest):
    """Top right has b's columns and a's rows, bottom left the reverse: no dimension is moved by both ways."""
    a, b = _pair(seed)
    groups = _groups(seed)
    rows, columns = groups == 0, groups == 1

    grid = two_way(a, b, groups, size, rest)

    for corner, moved, still in ((grid[0, -1], columns, rows), (grid[-1, 0], rows, columns)):
        assert corner[moved].tobytes() == b[moved].tobytes()
        assert corner[still].tobytes() == a[still].tobytes()


@settings(max_examples=50)
@given(seed=SEEDS, size=st.integers(2, 5), rest=st.sampled_from(RESTS))
def test_every_dimension_goes_one_way_and_is_counted_once(seed, size, rest):
    """Each number of the grid is A(t) a + B(t) b for one t, that of its dimension's way: nothing is added twice."""
    a, b = _pair(seed)
    groups = _groups(seed)
    w = angle(a, b)

    grid = two_way(a, b, groups, size, rest)

    for i in range(size):
        for j in range(size):
            down, across = i / (size - 1), j / (size - 1)
            corner = float(i == j == size - 1)
            other = {"mean": (down + across) / 2, "rows": down, "columns": across, "source": corner}[rest]
            for d in range(D):
                first, second = coefficients(w, np.asarray([down, across, other][groups[d]]))
                assert grid[i, j, d] == pytest.approx(first * a[d] + second * b[d], rel=1e-5, abs=1e-6)


def test_the_rest_by_manhattan_distance():
    """By default the rest is as far along as the mean of both ways: the same on every line from corner to corner."""
    a, b = _f32(1, 0), _f32(0, 1)

    grid = two_way(a, b, np.full(2, 2, np.int8), 3)

    for k in range(3):
        distances = {(i, j) for i in range(3) for j in range(3) if i + j == k}
        assert len({grid[i, j].tobytes() for i, j in distances}) == 1
    np.testing.assert_allclose(grid[0, 1], [np.cos(np.pi / 8), np.sin(np.pi / 8)], rtol=1e-6)


def test_the_rest_stays_at_the_source_until_the_last_corner():
    """With the policy "source" the other dimensions stay a's everywhere but in the last corner, which is b."""
    a, b = _pair(0)

    grid = two_way(a, b, np.full(D, 2, np.int8), 4, "source")

    assert all(cell.tobytes() == a.tobytes() for row in grid for cell in row[:-1])
    assert all(grid[i, -1].tobytes() == a.tobytes() for i in range(3))


def test_slerp_by_hand():
    """Half way between codes at 60 degrees both count sin 30 / sin 60; a third of a right angle is 30 degrees."""
    half = one_way(_f32(1, 0), _f32(0.5, np.sqrt(3) / 2), 3)[1]
    third = one_way(_f32(1, 0), _f32(0, 1), 4)[1]

    np.testing.assert_allclose(half, [np.sqrt(3) / 2, 0.5], rtol=1e-6)
    np.testing.assert_allclose(third, [np.sqrt(3) / 2, 0.5], rtol=1e-6)


def test_slerp_keeps_its_coefficients_for_codes_of_any_length():
    """At a right angle, half way, both codes count 1 / sqrt 2, whatever their lengths."""
    np.testing.assert_allclose(one_way(_f32(10, 0), _f32(0, 2), 3)[1], _f32(10, 2) / np.sqrt(2), rtol=1e-6)


def test_the_angle_is_that_of_the_whole_pair():
    """One angle, of the whole codes, serves any choice of dimensions: neither pi / 2 nor an angle of their own."""
    a, b = _f32(1, 0, 0), _f32(0.5, np.sqrt(3) / 2, 0)
    chosen = one_way(a, b, 3, dims=[0])[1]
    grid = two_way(a, b, np.asarray([0, 1, 2], np.int8), 3)

    assert angle(a, b) == pytest.approx(np.pi / 3)
    np.testing.assert_allclose(chosen, [np.sqrt(3) / 2, 0, 0], rtol=1e-6)  # pi / 2 would give 1.06, one's own 0.75
    np.testing.assert_allclose(grid[1, 0], [np.sqrt(3) / 2, 0, 0], rtol=1e-6)
    np.testing.assert_allclose(grid[0, 1], [1, 0.5, 0], rtol=1e-6)


@settings(max_examples=50)
@given(seed=SEEDS, size=st.integers(2, 9))
def test_between_codes_of_equal_length_the_path_is_an_arc(seed, size):
    """Codes on a sphere are joined on it, at even angles."""
    a, b = (code / np.linalg.norm(code) for code in _pair(seed).astype(np.float64))
    w = angle(a, b)
    if w > NEARLY_OPPOSITE:
        return

    path = one_way(a, b, size).astype(np.float64)

    np.testing.assert_allclose(np.linalg.norm(path, axis=1), 1.0, rtol=1e-5)
    steps = [angle(p, q) for p, q in pairwise(path)]
    np.testing.assert_allclose(steps, w / (size - 1), atol=1e-3)


@settings(max_examples=30)
@given(seed=SEEDS, size=st.integers(2, 6), dims=st.lists(st.integers(0, D - 1), max_size=D))
def test_a_path_moves_the_dimensions_it_is_given(seed, size, dims):
    """The chosen dimensions go from a to b, to the bit at both ends, and the others never leave a."""
    a, b = _pair(seed)
    moving = np.isin(np.arange(D), dims)

    path = one_way(a, b, size, dims)

    assert path.shape == (size, D)
    assert path.dtype == np.float32
    assert path[0].tobytes() == a.tobytes()
    assert path[-1, moving].tobytes() == b[moving].tobytes()
    assert all(code[~moving].tobytes() == a[~moving].tobytes() for code in path)
    assert one_way(a, b, size)[-1].tobytes() == b.tobytes()


@pytest.mark.parametrize("factor", [1.0, 3.0, -1.0, -0.5, 0.0])
def test_the_path_is_a_line_between_parallel_and_opposite_codes(factor):
    """Where the codes span no plane to turn in, the path is the straight line."""
    a = _pair(2)[0]
    b = (np.float32(factor) * a).astype(np.float32)
    t = np.linspace(0, 1, 5)[:, None]

    path = one_way(a, b, 5)

    np.testing.assert_allclose(path, (1 - t) * a + t * b, atol=1e-6)
    assert path[-1].tobytes() == b.tobytes()


@settings(max_examples=100)
@given(degrees=st.floats(0, 180), length=st.floats(0.01, 100))
def test_no_code_on_the_way_is_far_longer_than_the_ends(degrees, length):
    """Whatever the angle and the lengths, codes on the way stay within a few times the longer end."""
    w = np.deg2rad(degrees)
    a, b = _f32(1, 0), (length * _f32(np.cos(w), np.sin(w))).astype(np.float32)

    path = one_way(a, b, 9)

    assert np.isfinite(path).all()
    assert np.linalg.norm(path, axis=1).max() <= 6 * max(1.0, length)


def test_the_coefficients_are_exact_at_the_ends():
    """A and B are 1 and 0 at t = 0, 0 and 1 at t = 1, for every angle."""
    for w in (0.0, 1e-9, 0.3, np.pi / 2, 3.0, np.pi):
        first, second = coefficients(w, np.asarray([0.0, 1.0]))
        assert first.tolist() == [1, 0]
        assert second.tolist() == [0, 1]


def test_the_angle_of_a_code_and_nothing_is_0():
    """The angle to the zero code is 0, where there is none."""
    assert angle(_f32(0, 0), _f32(1, 2)) == 0.0


def test_a_contested_dimension_goes_to_the_larger_share():
    """A dimension of both knobs goes to the one of the larger share, to the rows in a tie and without shares."""
    row_share, column_share = np.asarray([0.5, 0.3, 0.2, 0.0]), np.asarray([0.0, 0.4, 0.2, 0.4])

    groups = assign([0, 1, 2], [1, 2, 3], 5, np.append(row_share, 0), np.append(column_share, 0))

    assert groups.tolist() == [0, 1, 0, 1, 2]
    assert assign([0, 1], [1, 3], 4).tolist() == [0, 0, 2, 1]
    assert assign([], [], 3).tolist() == [2, 2, 2]


@settings(max_examples=50)
@given(rows=st.sets(st.integers(0, D - 1)), columns=st.sets(st.integers(0, D - 1)), seed=SEEDS)
def test_every_dimension_has_one_way(rows, columns, seed):
    """A dimension of one knob goes its way, one of both goes one of them, any other is the rest."""
    shares = np.random.default_rng(seed).random((2, D))

    groups = assign(sorted(rows), sorted(columns), D, *shares)

    for d in range(D):
        allowed = {way for way, dims in ((0, rows), (1, columns)) if d in dims} or {2}
        assert groups[d] in allowed


@pytest.mark.parametrize("size", [1, 0, -3])
def test_fewer_than_2_steps_are_refused(size):
    """A path or grid needs both ends."""
    a, b = _pair(0)
    with pytest.raises(UsageError, match="at least 2"):
        one_way(a, b, size)
    with pytest.raises(UsageError, match="at least 2"):
        two_way(a, b, _groups(0), size)


def test_an_unknown_way_of_the_rest_is_refused():
    """A policy that does not exist is refused with those that do."""
    a, b = _pair(0)
    with pytest.raises(UsageError, match="mean, source, rows, columns, not 'both'"):
        two_way(a, b, _groups(0), 3, "both")
