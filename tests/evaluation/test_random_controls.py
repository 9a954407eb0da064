import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentknobs.evaluation.random_controls import Whitening, direction, rotated, rotation

D = 7
INACTIVE = [2, 5]
ACTIVE = [d for d in range(D) if d not in INACTIVE]
SEEDS = st.integers(0, 2**31)


def _covariance(seed=0):
    root = np.random.default_rng(seed).normal(size=(D, D))
    out = root @ root.T + 0.5 * np.eye(D)
    out[INACTIVE] = out[:, INACTIVE] = 0.0
    out[INACTIVE, INACTIVE] = 1e-4
    return out


def _length(d, covariance, dims=ACTIVE):
    inverse = np.linalg.inv(covariance[np.ix_(dims, dims)])
    return np.sqrt(np.einsum("ni,ij,nj->n", d[:, dims], inverse, d[:, dims]))


@settings(max_examples=50)
@given(seed=SEEDS)
def test_a_control_moves_every_clip_as_far_as_the_knob(seed):
    """A rotated displacement has the same Mahalanobis length, clip by clip, and stays in the active dimensions."""
    rng = np.random.default_rng(seed)
    covariance = _covariance(seed)
    d = rng.normal(size=(9, D)).astype(np.float32)

    moved = rotated(d, Whitening.of(covariance), rng)

    assert moved.dtype == np.float32
    np.testing.assert_allclose(_length(moved, covariance), _length(d, covariance), rtol=1e-3)
    assert not moved[:, INACTIVE].any()


def test_one_rotation_turns_all_clips():
    """Clips that move alike still do, and the angles between moves are kept; another control goes elsewhere."""
    rng = np.random.default_rng(1)
    covariance = _covariance()
    inverse = np.linalg.inv(covariance[np.ix_(ACTIVE, ACTIVE)])
    whitening = Whitening.of(covariance)
    d = rng.normal(size=(4, D)).astype(np.float32)
    d[3] = d[2]

    first, second = (rotated(d, whitening, rng) for _ in range(2))

    np.testing.assert_array_equal(first[2], first[3])
    between = [x[:, ACTIVE] @ inverse @ x[:, ACTIVE].T for x in (d, first, second)]
    np.testing.assert_allclose(between[1], between[0], rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(between[2], between[0], rtol=1e-3, atol=1e-3)
    assert np.abs(first - second).max() > 0.1


def test_whitened_codes_have_the_identity_as_covariance():
    """Whitening codes of that covariance leaves variance 1 in each active dimension and no correlation."""
    covariance = _covariance(3)
    whitening = Whitening.of(covariance)
    part = covariance[np.ix_(ACTIVE, ACTIVE)]
    codes = np.zeros((4000, D), np.float32)
    codes[:, ACTIVE] = np.random.default_rng(0).multivariate_normal(np.zeros(len(ACTIVE)), part, 4000)

    white = whitening.whiten(codes)

    np.testing.assert_allclose(np.cov(white.T), np.eye(len(ACTIVE)), atol=0.1)
    np.testing.assert_allclose(whitening.colour(white, D), codes, atol=1e-3)


@settings(max_examples=20)
@given(seed=SEEDS, size=st.integers(1, 12))
def test_a_rotation_is_orthogonal(seed, size):
    """Its columns are orthonormal."""
    q = rotation(size, np.random.default_rng(seed))

    np.testing.assert_allclose(q @ q.T, np.eye(size), atol=1e-10)


def test_rotations_prefer_no_direction():
    """Over many, each entry has mean 0 and mean square 1 / k, and both orientations come up as often."""
    rng = np.random.default_rng(0)
    many = np.stack([rotation(3, rng) for _ in range(1500)])

    assert np.abs(many.mean(axis=0)).max() < 0.06
    np.testing.assert_allclose((many**2).mean(axis=0), 1 / 3, atol=0.04)
    np.testing.assert_allclose((many[:, 0, 0] ** 4).mean(), 1 / 5, atol=0.03)  # of a uniform point on the sphere
    assert 0.45 < (np.linalg.det(many) > 0).mean() < 0.55


@settings(max_examples=30)
@given(seed=SEEDS, length=st.floats(0.01, 100))
def test_a_random_direction_has_the_length_asked_for(seed, length):
    """It has that Mahalanobis length, inside the dimensions that it may use."""
    covariance, among = _covariance(seed), np.asarray([0, 2, 3, 6])
    used = [0, 3, 6]

    moved = direction(length, Whitening.of(covariance, among), D, np.random.default_rng(seed))

    assert _length(moved[None].astype(np.float64), covariance, used)[0] == pytest.approx(length, rel=1e-3)
    assert not np.delete(moved, used).any()


def test_without_an_active_dimension_a_control_does_not_move():
    """Where the model uses no dimension, controls are zero."""
    whitening = Whitening.of(np.zeros((D, D)))
    rng = np.random.default_rng(0)

    assert not rotated(np.ones((3, D), np.float32), whitening, rng).any()
    assert not direction(1.0, whitening, D, rng).any()
