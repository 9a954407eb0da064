import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentknobs.core.method_specs import Basis, BasisInput, Coordinates
from latentknobs.discovery.bases import (
    _rounds,
    of_codes,
    of_differences,
    of_fisher,
    of_weights,
    simple_structure,
    varimax,
    whitened,
)


def _covariance(size, seed=0):
    rng = np.random.default_rng(seed)
    return np.cov(rng.normal(size=(size, size)) @ rng.normal(size=(size, 40)))


def _rotation(size, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))[0]


def _criterion(loadings):
    return (loadings**2).var(axis=0).sum()


def test_principal_components_are_the_axes_that_were_planted():
    """Codes with variances 9, 4 and 1 along known axes give these, largest first, up to sign."""
    axes = _rotation(3)

    result = of_codes(BasisInput(3, axes @ np.diag([4.0, 1.0, 9.0]) @ axes.T))

    np.testing.assert_allclose(np.abs(result.T @ axes[:, [2, 0, 1]]), np.eye(3), atol=1e-9)


def test_the_same_moments_give_the_same_signs():
    """The largest entry of each direction is positive, however the eigenvectors come out."""
    result = of_codes(BasisInput(6, _covariance(6)))

    assert (result[np.abs(result).argmax(axis=0), np.arange(6)] > 0).all()


def test_directions_of_differences_count_every_amount_alike():
    """An edit a hundred times as long moves the directions no more than a short one."""
    short, long = np.diag([3.0, 1.0, 0.0]), np.diag([0.0, 100.0, 300.0])

    result = of_differences(BasisInput(3, np.eye(3), np.stack([short, long])))

    # 3/4 of a half in axis 0 and in axis 2, 1/4 of a half twice in axis 1.
    assert np.abs(result[:, 2]).argmax() == 1
    assert np.allclose(np.abs(result[1, :2]), 0)


def test_directions_are_about_0_and_not_about_the_mean():
    """A common move of all clips is the first direction."""
    d = np.array([1.0, 2.0, 2.0])

    result = of_differences(BasisInput(3, np.eye(3), np.outer(d, d)[None]))

    np.testing.assert_allclose(result[:, 0], d / 3, atol=1e-9)


def test_closed_form_weights_are_the_right_singular_vectors():
    """Eigenvectors of W'W are right singular vectors of all matrices stacked, largest first."""
    rng = np.random.default_rng(2)
    weights = {"a": rng.normal(size=(7, 4)).astype(np.float32), "b": 3 * rng.normal(size=(2, 4)).astype(np.float32)}
    right = np.linalg.svd(np.concatenate(list(weights.values())).astype(np.float64))[2]

    result = of_weights(BasisInput(4, np.eye(4), weights=weights))

    np.testing.assert_allclose(np.abs(right @ result), np.eye(4), atol=1e-9)


def test_the_most_audible_direction_comes_first():
    """The Fisher metric's eigenvectors are ordered by how much the decoder hears of them."""
    result = of_fisher(BasisInput(3, np.eye(3), fisher=np.diag([0.1, 0.0, 5.0])))

    assert np.abs(result).argmax(axis=0).tolist() == [2, 0, 1]


@settings(max_examples=40)
@given(st.integers(0, 2**31), st.integers(1, 8))
def test_whitened_codes_have_covariance_i(seed, size):
    """Coordinates of the whitened basis have variance 1 and no correlation, and its dual undoes its columns."""
    covariance = _covariance(size, seed).reshape(size, size) + 0.05 * np.eye(size)

    result = whitened(BasisInput(size, covariance))

    np.testing.assert_allclose(result.of_covariance(covariance), np.eye(size), atol=1e-7)
    np.testing.assert_allclose(result.dual.T @ result.columns, np.eye(size), atol=1e-9)
    # Its own metric is the inverse covariance.
    np.testing.assert_allclose(result.dual @ result.dual.T @ covariance, np.eye(size), atol=1e-6)


def test_whitening_leaves_unused_dimensions_alone():
    """A dimension of no variance keeps its axis, and nothing is divided by 0."""
    covariance = np.diag([4.0, 0.0, 0.005])

    result = whitened(BasisInput(3, covariance))

    np.testing.assert_allclose(result.columns, np.diag([2.0, 1.0, 1.0]), atol=1e-12)


def test_whitening_stays_as_near_to_the_axes_as_it_can():
    """No rotation of the whitened coordinates correlates more with the model's own, dimension by dimension."""
    covariance = _covariance(5) + np.eye(5)
    result = whitened(BasisInput(5, covariance))
    spread = np.sqrt(np.diag(covariance))

    def agreement(dual):
        return np.trace(covariance @ dual / spread[:, None])

    assert all(agreement(result.dual) > agreement(result.dual @ _rotation(5, seed)) for seed in range(50))


def test_limiting_in_a_skewed_basis_is_orthogonal_in_its_metric():
    """What is left out has no product, in the basis' metric, with what is kept, and twice is once."""
    covariance = _covariance(6) + np.eye(6)
    result = whitened(BasisInput(6, covariance))
    moves = np.random.default_rng(1).normal(size=(4, 6))
    dims = np.array([0, 4])

    kept = result.limited(moves, dims)

    np.testing.assert_allclose(kept @ np.linalg.inv(covariance) @ (moves - kept).T, 0, atol=1e-9)
    np.testing.assert_allclose(result.limited(kept, dims), kept, atol=1e-12)
    np.testing.assert_allclose(result.limited(moves, np.arange(6)), moves, atol=1e-12)
    np.testing.assert_allclose(result.of_moves(kept)[:, [1, 2, 3, 5]], 0, atol=1e-12)


def test_orthonormal_columns_are_their_own_dual():
    """For an orthonormal basis limiting is the ordinary projection."""
    columns = _rotation(4)
    result = Coordinates.of(columns)
    moves = np.random.default_rng(1).normal(size=(3, 4))

    assert result.dual is columns
    np.testing.assert_allclose(result.limited(moves, np.array([1])), np.outer(moves @ columns[:, 1], columns[:, 1]))
    assert Coordinates.of(result) is result


def test_varimax_finds_a_planted_simple_structure():
    """Columns on disjoint rows, turned at random, are turned back, up to order and sign."""
    simple = np.zeros((12, 3))
    for column in range(3):
        simple[4 * column : 4 * column + 4, column] = [0.7, -0.5, 0.4, 0.3]

    result = simple @ _rotation(3, 5) @ varimax(simple @ _rotation(3, 5))

    assert (np.abs(np.abs(result).max(axis=0) - 0.7) < 1e-8).all()
    assert ((np.abs(result) > 1e-8).sum(axis=1) == 1).all()


@settings(max_examples=30)
@given(st.integers(0, 2**31), st.integers(1, 7))
def test_varimax_is_a_rotation_that_no_turn_of_two_columns_betters(seed, count):
    """The result is orthogonal, the criterion no less than before, and no planar turn raises it."""
    loadings = np.random.default_rng(seed).normal(size=(10, count))

    turn = varimax(loadings)
    best = _criterion(loadings @ turn)

    np.testing.assert_allclose(turn.T @ turn, np.eye(count), atol=1e-10)
    assert best >= _criterion(loadings) - 1e-9
    for i in range(count - 1):
        for angle in (-0.6, -0.2, -0.01, 0.01, 0.2, 0.6):
            plane = np.eye(count)
            plane[i : i + 2, i : i + 2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
            assert _criterion(loadings @ turn @ plane) <= best + 1e-9


@pytest.mark.parametrize("count", [0, 1, 2, 5, 8])
def test_every_pair_of_columns_meets_once(count):
    """The rounds hold each pair once, and no column twice in a round."""
    rounds = [list(zip(first.tolist(), second.tolist(), strict=True)) for first, second in _rounds(count)]

    met = [frozenset(pair) for one in rounds for pair in one]
    assert sorted(map(sorted, met)) == [[i, j] for i in range(count) for j in range(i + 1, count)]
    assert all(len(set().union(*map(set, one))) == 2 * len(one) for one in rounds if one)


def test_varimax_directions_lie_in_the_leading_span():
    """Of differences that fill two directions, two are rotated to few entries; the rest is at right angles."""
    a, b = np.array([1.0, 1, 0, 0, 0]) / np.sqrt(2), np.array([0, 0, 1.0, 1, 0]) / np.sqrt(2)
    turned = _rotation(2, 3) @ np.stack([a, b])
    moments = 1.2 * np.outer(turned[0], turned[0]) + np.outer(turned[1], turned[1])

    result = simple_structure(BasisInput(5, np.eye(5), moments[None]))

    np.testing.assert_allclose(result.T @ result, np.eye(5), atol=1e-9)
    np.testing.assert_allclose(
        np.sort(np.abs(result[:, :2].T @ np.stack([a, b]).T), axis=0), [[0, 0], [1, 1]], atol=1e-7
    )


def test_a_basis_needs_what_there_is():
    """A capability that no model can have is refused when the basis is made."""
    with pytest.raises(ValueError, match="LatentThoughts"):
        Basis("odd", "Odd.", of_codes, ("LatentThoughts",))
