"""The residual fit: what it learns, that it is repeatable, and that numpy turns it as torch trained it."""

import numpy as np
import pytest
import torch
from attrs import evolve

from latentknobs.core.method_specs import CodeSample, FitInput
from latentknobs.discovery.fits import matrix_power_fit, residual_mlp
from latentknobs.discovery.fits.closed_form import affine_by_ridge
from latentknobs.discovery.pair_statistics import PairMoments
from latentknobs.discovery.plugin import register_fits
from latentknobs.errors import AmountError
from latentknobs.steering.apply import apply, displacement

D = 6
AMOUNTS = (-1.0, 1.0)

TRAINED = {"network": (residual_mlp, "residual_network"), "powers": (matrix_power_fit, "group_powers")}


def _moved(z, amount):
    """A move that no affine map makes: dimension 0 goes by the square of dimension 1."""
    out = z.copy()
    out[:, 0] += amount * (1.0 + z[:, 1] ** 2)
    return out


def _sample(n, seed):
    z = np.random.default_rng(seed).standard_normal((n, D)).astype(np.float32)
    codes = np.stack([_moved(z, -1.0), z, _moved(z, 1.0)], axis=1)
    routes = {-1.0: ((1, 0), (2, 1)), 1.0: ((1, 2), (0, 1))}
    return CodeSample((-1.0, 0.0, 1.0), codes, np.ones((n, 3), dtype=bool), routes)


def _fit_input(n=1000, held=200, steps=150, seed=0):
    sample, other = _sample(n, 1), _sample(held, 2)
    moments = []
    for part in (sample, other):
        m = PairMoments.empty(2, D)
        for a, j in enumerate((0, 2)):
            m.add(a, part.codes[:, 1], part.codes[:, j])
        moments.append(m)
    change = np.stack([(sample.codes[:, j] - sample.codes[:, 1]).mean(axis=0) for j in (0, 2)])
    mine, theirs = moments
    return FitInput(
        D, AMOUNTS, change, mine.gram, mine.cross, theirs.gram, theirs.cross, theirs.square.sum(axis=1),
        sample=sample, validation_sample=other, seed=seed, options={"steps": steps},
    )  # fmt: skip


@pytest.fixture(scope="module")
def fitted():
    """The fit of the bent move."""
    return residual_mlp.residual_network(_fit_input())


def test_it_learns_what_no_affine_map_can(fitted):
    """On codes it has not seen, its error is a small part of the ridge map's."""
    operator, result = fitted
    ridge, _ = affine_by_ridge(_fit_input())
    z = np.random.default_rng(9).standard_normal((500, D)).astype(np.float32)
    error, before = (np.mean((apply(o, z, 1.0) - _moved(z, 1.0)) ** 2) for o in (operator, ridge))

    assert error < 0.3 * before
    assert result["error"] < 0.3 * result["error_ridge"]
    assert 0 < result["step"] <= result["steps"] == 300


def test_further_pairs_teach_it_what_few_clips_cannot():
    """With 40 clips it learns them by heart; the same clips and 2,000 that are made of them generalize."""
    few = _fit_input(n=40, steps=60)
    alone, result = residual_mlp.residual_network(few)
    helped, more = residual_mlp.residual_network(evolve(few, recombined=lambda: _sample(2000, 3)))
    z = np.random.default_rng(9).standard_normal((500, D)).astype(np.float32)
    error, before = (np.mean((apply(o, z, 1.0) - _moved(z, 1.0)) ** 2) for o in (helped, alone))

    assert error < 0.5 * before
    assert (result["pairs"], more["pairs"]) == (2 * 2 * 40, 2 * 2040)


def test_further_pairs_are_of_unedited_clips():
    """From 0 to 1 and from 0 to 2, not from 1 to 2: the map of amount 1 is used on clips as they are."""
    z = np.random.default_rng(4).standard_normal((50, D)).astype(np.float32)
    codes = np.stack([z, _moved(z, 1.0), _moved(z, 2.0)], axis=1)
    routes = {1.0: ((0, 1), (1, 2)), 2.0: ((0, 2),)}
    sample = CodeSample((0.0, 1.0, 2.0), codes, np.ones((50, 3), dtype=bool), routes)
    usual = evolve(_fit_input(steps=2), amounts=(1.0, 2.0), sample=sample, validation_sample=sample)

    alone, more = (residual_mlp.residual_network(evolve(usual, recombined=made))[1] for made in (None, lambda: sample))

    assert (alone["pairs"], more["pairs"]) == (150, 200)


def test_a_deeper_network_turns_as_it_was_trained():
    """The operator of four hidden layers gives the displacements that its own training measured."""
    few = _fit_input(n=200, held=50, steps=20)
    operator, result = residual_mlp.residual_network(evolve(few, options={"steps": 20, "layers": 4}))
    z, after = few.validation_sample.codes[:, 1], few.validation_sample.codes
    scale = operator.arrays["scale"]
    pairs = [(-1.0, after[:, 0]), (1.0, after[:, 2])]
    wrong = sum((((apply(operator, z, a) - y) / scale) ** 2).sum() for a, y in pairs)
    whole = sum((((y - z) / scale) ** 2).sum() for _, y in pairs)

    assert operator.arrays["blocks"].shape == (2, 512, 512)
    assert result["step"] > 0
    assert wrong / whole == pytest.approx(result["error"], rel=1e-3)  # weights are rounded to 8 bits


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes(fitted):
    """Fitting again gives the same operator, and leaves torch's random state as it was."""
    state = torch.get_rng_state()
    again, _ = residual_mlp.residual_network(_fit_input())

    assert again.sha256 == fitted[0].sha256
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("fit", [fit for fit in register_fits() if fit.name in TRAINED], ids=lambda fit: fit.name)
def test_a_fit_uses_one_thread_and_gives_the_others_back(fit, two_threads, monkeypatch):
    """What is fitted does not depend on how many threads there are, for sums of gradients would."""
    home, name = TRAINED[fit.name]
    during = []
    monkeypatch.setattr(home, name, lambda _fit_input: during.append(torch.get_num_threads()))

    fit.fit(_fit_input())

    assert during == [1]
    assert torch.get_num_threads() == 2


def test_gradients_are_the_same_every_time_with_several_threads(two_threads):
    """Amounts that come more than once in a batch add up their gradients in one order, whatever the threads do."""
    torch.manual_seed(0)
    network = residual_mlp._Map(torch.randn(3, 64, 64), torch.randn(3, 64))
    x, amounts = torch.randn(16, 8, 64), torch.tensor([0, 1, 2, 0] * 4)

    def gradients():
        network.zero_grad()
        (network(x, amounts) * x).sum().backward()
        return [parameter.grad.clone() for parameter in network.parameters()]

    first = gradients()
    for _ in range(20):
        assert all(torch.equal(a, b) for a, b in zip(gradients(), first, strict=True))


def test_amount_0_is_exactly_the_code(fitted):
    """T(z, 0) = z to the bit, and halfway to an amount is half its displacement."""
    z = np.random.default_rng(0).standard_normal((5, D)).astype(np.float32)

    np.testing.assert_array_equal(apply(fitted[0], z, 0.0), z)
    np.testing.assert_allclose(displacement(fitted[0], z, 0.5), displacement(fitted[0], z, 1.0) / 2, rtol=1e-5)


def test_it_is_not_turned_beyond_its_amounts(fitted):
    """An amount outside the fitted ones is refused."""
    with pytest.raises(AmountError, match="outside the fitted amounts"):
        displacement(fitted[0], np.zeros((1, D), np.float32), 1.5)


def test_without_a_gain_on_validation_songs_it_is_the_ridge_map():
    """Where the move is affine the network may stay silent: the error is never above the ridge map's."""
    result = residual_mlp.residual_network(_fit_input(n=60, steps=5))[1]

    assert result["error"] <= result["error_ridge"]


def test_a_dimension_that_never_moves_does_no_harm():
    """A dead dimension divides nothing by 0: the operator is finite and leaves it alone."""
    fit_input = _fit_input(n=300, steps=20)
    alive = np.arange(fit_input.latent_size) != 5
    rows = np.concatenate([[True], alive])
    moments = {
        name: getattr(fit_input, name) * (rows[:, None] & columns)
        for name, columns in (
            ("gram", rows),
            ("validation_gram", rows),
            ("cross", alive),
            ("validation_cross", alive),
        )
    }
    samples = {
        name: evolve(getattr(fit_input, name), codes=(getattr(fit_input, name).codes * alive).astype(np.float32))
        for name in ("sample", "validation_sample")
    }
    fit_input = evolve(fit_input, **moments, **samples)
    operator, _ = residual_mlp.residual_network(fit_input)

    assert all(np.isfinite(array).all() for array in operator.arrays.values())


def test_it_is_registered_as_a_residual():
    """The plugin offers it as a residual, behind the affine fit that it refines."""
    assert [(fit.name, fit.kind) for fit in register_fits()][5:7] == [("ridge", "affine"), ("network", "residual")]
