import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentknobs.core.method_specs import FitInput
from latentknobs.core.ridge import PENALTIES
from latentknobs.discovery.fits.closed_form import affine_by_ridge, residual_square, shift_by_mean
from latentknobs.discovery.pair_statistics import PairMoments

D = 4


def _moments(pairs):
    out = PairMoments.empty(len(pairs), D)
    for a, (before, after) in enumerate(pairs):
        out.add(a, before, after)
    return out


def _fit_input(amounts, train, validation=None):
    mine = _moments(train)
    held = _moments(validation) if validation else PairMoments.empty(len(train), D)
    change = np.stack([(after.astype(np.float64) - before).mean(axis=0) for before, after in train])
    return FitInput(D, amounts, change, mine.gram, mine.cross, held.gram, held.cross, held.square.sum(axis=1))


def _affine_pairs(rng, count, matrix, offset, noise=0.0):
    before = rng.normal(0.3, 1.0, size=(count, D))
    after = before @ matrix.T + offset + noise * rng.normal(size=(count, D))
    return before.astype(np.float32), after.astype(np.float32)


def _map(seed):
    rng = np.random.default_rng(seed)
    return rng, np.eye(D) + 0.3 * rng.normal(size=(D, D)), rng.normal(size=D)


@settings(max_examples=30)
@given(seed=st.integers(0, 2**31))
def test_a_shift_finds_the_direction(seed):
    """Where every amount n moves all codes by n v, the shift is v and the line explains everything."""
    rng = np.random.default_rng(seed)
    v, z = rng.normal(size=D), rng.normal(size=(20, D)).astype(np.float32)
    amounts = (-3.0, -1.0, 2.0)

    operator, kept = shift_by_mean(_fit_input(amounts, [(z, (z + n * v).astype(np.float32)) for n in amounts]))

    assert operator.kind == "shift"
    np.testing.assert_allclose(operator.arrays["direction"], v, atol=1e-5)
    assert kept["linearity"] == pytest.approx(1.0, abs=1e-6)


def test_a_shift_by_hand():
    """Changes of 1 and 3 at amounts 1 and 2 give (1 + 6) / 5 a unit, and R2 = 1 - (0.16 + 0.04) / 10."""
    z = np.zeros((1, D), np.float32)
    operator, kept = shift_by_mean(_fit_input((1.0, 2.0), [(z, z + np.float32(1)), (z, z + np.float32(3))]))

    np.testing.assert_allclose(operator.arrays["direction"], [1.4] * D, rtol=1e-6)
    assert kept["linearity"] == pytest.approx(0.98)


def test_a_shift_of_nothing_is_zero():
    """Where nothing moves, the direction is 0 and so is the linearity."""
    z = np.ones((3, D), np.float32)
    operator, kept = shift_by_mean(_fit_input((1.0,), [(z, z)]))

    assert not operator.arrays["direction"].any()
    assert kept["linearity"] == 0.0


@settings(max_examples=20)
@given(seed=st.integers(0, 2**31))
def test_ridge_finds_a_known_affine_map(seed):
    """Noiseless pairs of an affine map give that map, and an r2 of 1, at each amount."""
    rng, matrix, offset = _map(seed)
    maps = [(matrix, offset), (matrix @ matrix, 2 * offset)]
    train = [_affine_pairs(rng, 60, *m) for m in maps]
    validation = [_affine_pairs(rng, 30, *m) for m in maps]

    operator, kept = affine_by_ridge(_fit_input((1.0, 2.0), train, validation))

    assert operator.arrays["amounts"].tolist() == [1, 2]
    for a, (m, b) in enumerate(maps):
        np.testing.assert_allclose(operator.arrays["matrices"][a], m, atol=2e-4)
        np.testing.assert_allclose(operator.arrays["offsets"][a], b, atol=2e-4)
    assert kept["r2"] == pytest.approx([1.0, 1.0], abs=1e-6)


@settings(max_examples=20)
@given(seed=st.integers(0, 2**31))
def test_rounding_does_not_choose_the_penalty(seed):
    """Where many penalties fit alike, the same pairs summed in another order give the same one, and the same map."""
    rng, matrix, offset = _map(seed)
    train, validation = (_affine_pairs(rng, n, matrix, offset) for n in (60, 30))
    order = rng.permutation(60)
    given_again = _fit_input((1.0,), [tuple(codes[order] for codes in train)], [validation])

    operator, kept = affine_by_ridge(_fit_input((1.0,), [train], [validation]))
    again, kept_again = affine_by_ridge(given_again)

    assert kept["penalty"] == kept_again["penalty"]
    np.testing.assert_allclose(again.arrays["matrices"], operator.arrays["matrices"], atol=1e-6)


def _explicit(before, after, penalty):
    """The same ridge by least squares on rows: the displacement on [1, z], every weight but the first held down."""
    z = before.astype(np.float64)
    held = np.sqrt(penalty * z.var(axis=0).mean() * len(z)) * np.eye(D + 1)[1:]
    x = np.concatenate([np.concatenate([np.ones((len(z), 1)), z], axis=1), held])
    y = np.concatenate([after - z, np.zeros((D, D))])
    weights = np.linalg.lstsq(x, y, rcond=None)[0]
    return np.eye(D) + weights[1:].T, weights[0]


def _square(before, after, matrix, offset):
    return float(((after - (before.astype(np.float64) @ matrix.T + offset)) ** 2).sum())


@settings(max_examples=30)
@given(seed=st.integers(0, 2**31), count=st.integers(6, 40), noise=st.sampled_from([0.1, 0.5, 2.0]))
def test_ridge_is_least_squares_with_the_penalty_of_the_least_validation_error(seed, count, noise):
    """The map, its penalty and its r2 are those of an explicit solution on the rows, judged on validation pairs."""
    rng, matrix, offset = _map(seed)
    train = _affine_pairs(rng, count, matrix, offset, noise)
    validation = _affine_pairs(rng, 25, matrix, offset, noise)
    errors = [_square(*validation, *_explicit(*train, penalty)) for penalty in PENALTIES]

    operator, kept = affine_by_ridge(_fit_input((1.0,), [train], [validation]))

    chosen = PENALTIES.index(kept["penalty"][0])
    assert errors[chosen] <= min(errors) * (1 + 1e-6)
    m, b = _explicit(*train, kept["penalty"][0])
    np.testing.assert_allclose(operator.arrays["matrices"][0], m, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(operator.arrays["offsets"][0], b, rtol=1e-4, atol=1e-4)
    still = float(((validation[1].astype(np.float64) - validation[0]) ** 2).sum())
    assert kept["r2"][0] == pytest.approx(1 - errors[chosen] / still, abs=1e-5)


def test_with_noise_and_few_pairs_the_map_is_held_towards_the_identity():
    """Where 10 pairs say nothing but a common shift, validation chooses a strong penalty; the shift stays free."""
    rng = np.random.default_rng(3)
    shift = np.full(D, 5.0)
    train, validation = (_affine_pairs(rng, n, np.eye(D), shift, noise=1.0) for n in (10, 200))

    operator, kept = affine_by_ridge(_fit_input((1.0,), [train], [validation]))

    assert kept["penalty"][0] >= 1
    np.testing.assert_allclose(operator.arrays["offsets"][0], shift, atol=1.0)
    plain = _explicit(*train, 0.0)[0]
    fitted = operator.arrays["matrices"][0]
    assert np.abs(fitted - np.eye(D)).max() < 0.5 * np.abs(plain - np.eye(D)).max()


def test_without_validation_pairs_r2_is_not_known():
    """An amount without validation pairs is fitted on training pairs alone, and its r2 is None, not 0."""
    rng, matrix, offset = _map(5)
    train = _affine_pairs(rng, 40, matrix, offset)

    operator, kept = affine_by_ridge(_fit_input((1.0,), [train]))

    np.testing.assert_allclose(operator.arrays["matrices"][0], matrix, atol=2e-4)
    assert kept["r2"] == [None]


def test_where_nothing_moves_r2_is_not_known():
    """An edit that moves no code leaves nothing to explain: r2 is None, not the quotient of two roundings."""
    train, validation = ((z, z) for z in np.random.default_rng(1).normal(size=(2, 50, D)).astype(np.float32))

    operator, kept = affine_by_ridge(_fit_input((1.0,), [train], [validation]))

    np.testing.assert_allclose(operator.arrays["matrices"][0], np.eye(D), atol=1e-6)
    assert kept["r2"] == [None]


def test_r2_is_under_0_where_the_map_does_harm():
    """A map that validation contradicts has a negative r2."""
    rng = np.random.default_rng(7)
    train = _affine_pairs(rng, 40, np.eye(D), np.full(D, 1.0))
    validation = _affine_pairs(rng, 40, np.eye(D), np.full(D, -1.0))

    assert affine_by_ridge(_fit_input((1.0,), [train], [validation]))[1]["r2"][0] == pytest.approx(-3.0, abs=1e-3)


def test_codes_that_never_differ_can_still_be_fitted():
    """Codes without any spread give a shift in disguise, and nothing is divided by 0."""
    z = np.ones((12, D), np.float32)

    operator, _ = affine_by_ridge(_fit_input((1.0,), [(z, z + 1)], [(z, z + 1)]))

    np.testing.assert_allclose(z @ operator.arrays["matrices"][0].T + operator.arrays["offsets"][0], z + 1, atol=1e-3)


@settings(max_examples=20)
@given(seed=st.integers(0, 2**31))
def test_the_residual_from_moments_is_the_residual_of_the_rows(seed):
    """residual_square needs the moments alone and gives what the rows give."""
    rng, matrix, offset = _map(seed)
    pairs = _affine_pairs(rng, 20, matrix, offset, noise=1.0)
    moments = _moments([pairs])
    weights = rng.normal(size=(D + 1, D))

    result = residual_square(weights, moments.gram[0], moments.cross[0], moments.square[0].sum())

    assert result == pytest.approx(_square(*pairs, weights[1:].T, weights[0]), rel=1e-9)
