"""Shifts from an attribute alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from latentknobs.core.method_specs import CodeSample, FitInput
from latentknobs.discovery.fits.attribute_directions import attribute_vector, discriminant, ridge_reading, shrunk
from latentknobs.errors import NotFittedError

D = 3
EVERY = [attribute_vector, ridge_reading, discriminant]


def _fit_input(codes, values, held_out=None):
    """What a fit sees of clips with these codes (n, D) and attribute (n,): no edit moves anything."""

    def sample(z, target):
        return CodeSample(
            (0.0,), np.asarray(z, np.float32)[:, None], np.ones((len(z), 1), bool), {}, np.asarray(target, float)
        )

    size = np.asarray(codes).shape[1]
    none = np.zeros((1, size + 1, size + 1)), np.zeros((1, size + 1, size))
    judged = sample(*held_out) if held_out else CodeSample((0.0,), np.zeros((0, 1, size)), np.zeros((0, 1), bool), {})
    change = np.zeros((1, size))
    return FitInput(size, (1.0,), change, *none, *none, np.zeros(1), sample(codes, values), judged)


def test_the_attribute_vector_by_hand():
    """Of eight clips the outer two at each side: (5, 0) less (-1, 2), over 8.5 less 0.5."""
    codes = [[-2, 2], [0, 2], [9, 9], [9, 9], [9, 9], [9, 9], [4, 0], [6, 0]]
    values = [0, 1, 3, 4, 5, 6, 8, 9]

    operator, kept = attribute_vector(_fit_input(codes, values))

    assert_allclose(operator.arrays["direction"], [6 / 8, -2 / 8])
    assert (kept["low"], kept["high"]) == (0.5, 8.5)


def test_a_reading_by_hand():
    """Where the attribute is 2 x - y, the shortest way to raise it by 1 is (2, -1) / 5."""
    z = np.random.default_rng(0).normal(size=(200, 2))

    operator, kept = ridge_reading(_fit_input(z, z @ [2.0, -1.0]))

    assert_allclose(operator.arrays["direction"], [0.4, -0.2], atol=1e-5)
    assert kept["r2"] == pytest.approx(1.0)


def test_the_penalty_is_chosen_on_validation_clips():
    """With as many dimensions as clips, a reading of chance is penalised more when judged on others than on itself."""
    rng = np.random.default_rng(1)
    z, noise = rng.normal(size=(20, 20)), rng.normal(size=20)
    others = rng.normal(size=(50, 20)), rng.normal(size=50)

    alone = ridge_reading(_fit_input(z, noise))[1]
    judged = ridge_reading(_fit_input(z, noise, others))[1]

    assert judged["penalty"] > alone["penalty"]
    assert judged["r2"] < 0.5 < alone["r2"]


def test_the_discriminant_disregards_what_varies_within():
    """A dimension that follows another's noise does not turn it: w is along the one that tells the quartiles apart."""
    rng = np.random.default_rng(2)
    values = rng.uniform(-1, 1, size=20_000)
    noise = rng.normal(size=20_000) * 3
    codes = np.stack([values + noise, noise], axis=1)

    w = discriminant(_fit_input(codes, values))[0].arrays["direction"]

    assert_allclose(w / w[0], [1.0, -1.0], atol=0.05)
    # The reading values = x - y rises by 1 along the shortest way (1, -1) / 2.
    assert_allclose(w, [0.5, -0.5], atol=0.02)


@settings(max_examples=25)
@given(seed=st.integers(0, 2**31), factor=st.floats(0.1, 10), offset=st.floats(-5, 5))
@pytest.mark.parametrize("fit", EVERY)
def test_one_unit_is_one_unit_of_the_attribute(fit, seed, factor, offset):
    """The same attribute in a unit that is k times larger, from any zero, gives a direction k times as long."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(100, D))
    values = z @ rng.normal(size=D) + 0.1 * rng.normal(size=100)

    one = fit(_fit_input(z, values))[0].arrays["direction"]
    other = fit(_fit_input(z, values / factor + offset))[0].arrays["direction"]

    assert_allclose(other, one * np.float32(factor), rtol=1e-3, atol=1e-4 * float(np.abs(one).max()) * factor)


@pytest.mark.parametrize("fit", EVERY)
def test_codes_that_carry_the_attribute_in_one_dimension_are_found(fit):
    """Where one dimension is the attribute and the others are noise, the shift goes along it by 1."""
    rng = np.random.default_rng(3)
    z = rng.normal(size=(5_000, D))

    v = fit(_fit_input(z, z[:, 1]))[0].arrays["direction"]

    assert_allclose(v, [0, 1, 0], atol=0.06)


@pytest.mark.parametrize("fit", EVERY)
@pytest.mark.parametrize("values", [np.full(20, np.nan), np.ones(20), np.r_[1.0, 2.0, np.full(18, np.nan)]])
def test_without_an_attribute_that_varies_nothing_is_fitted(fit, values):
    """No target, one value alone, or hardly a clip that has it: the fit says that it cannot be made."""
    z = np.random.default_rng(4).normal(size=(20, D))
    with pytest.raises(NotFittedError, match=r"names no target|training clips"):
        fit(_fit_input(z, values))


@pytest.mark.parametrize("fit", EVERY)
def test_codes_that_are_all_alike_tell_nothing(fit):
    """A model that gives every clip the same code has no such shift, and the fit says so."""
    with pytest.raises(NotFittedError, match="the same code"):
        fit(_fit_input(np.full((20, D), 0.3), np.arange(20.0)))


@pytest.mark.parametrize("fit", [ridge_reading, discriminant])
def test_codes_without_the_attribute_tell_nothing(fit):
    """Where each code comes with every value alike, the reading is 0, and the fit says so."""
    z = np.repeat(np.eye(D) - 1 / D, 8, axis=0)
    values = np.tile(np.r_[0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0], D)
    with pytest.raises(NotFittedError, match="tell nothing"):
        fit(_fit_input(np.round(8 * z), values))


@pytest.mark.parametrize("fit", EVERY)
def test_clips_without_the_attribute_do_not_count(fit):
    """A clip where the attribute is not defined changes nothing, wherever its code lies."""
    rng = np.random.default_rng(5)
    z = rng.normal(size=(40, D))
    values = z[:, 0] + 0.1 * rng.normal(size=40)
    more = np.r_[z, np.full((3, D), 100.0)], np.r_[values, np.full(3, np.nan)]

    assert_allclose(fit(_fit_input(*more))[0].arrays["direction"], fit(_fit_input(z, values))[0].arrays["direction"])


def test_shrinkage_by_hand():
    """Rows (1, 0), (-1, 0), (0, 2), (0, -2): S = diag(0.5, 2), d2 = 1.125, noise = (34 - 17) / 16 = 1.0625."""
    centred = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 2.0], [0.0, -2.0]])

    covariance, share = shrunk(centred)

    assert share == pytest.approx(1.0625 / 1.125)
    assert_allclose(covariance, np.diag([0.5 * (1 - share) + 1.25 * share, 2 * (1 - share) + 1.25 * share]))


def test_shrinkage_vanishes_with_clips():
    """The more clips there are, the nearer the covariance is to the sample's."""
    rng = np.random.default_rng(6)
    spread = np.array([1.0, 2.0, 4.0])
    shares = [shrunk(rng.normal(size=(n, 3)) * spread)[1] for n in (10, 100, 10_000)]

    assert shares[0] > shares[1] > shares[2]
    assert shares[2] < 0.01
