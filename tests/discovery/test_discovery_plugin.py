import numpy as np
import pytest

from latentknobs.core.method_specs import BasisInput, CodeSample, Coordinates, Decoder, FitInput, SelectInput
from latentknobs.hooks.manager import Plugins


@pytest.fixture(scope="module")
def plugins():
    """The plugin of methods alone, as a stranger's would be loaded."""
    return Plugins.build(["latentknobs.discovery.plugin"], plugins_dir=None, entry_points=False, strict=True)


def test_it_offers_the_papers_methods_and_the_projects_own(plugins):
    """Names are what people write on the command line and find in the registry; simpler fits come first."""
    shifts = ["mean", "attribute-vector", "ridge-reading", "discriminant", "gradient"]
    assert list(plugins.fits()) == [*shifts, "ridge", "network", "powers"]
    assert [fit.kind for fit in plugins.fits().values()] == ["shift"] * 5 + ["affine", "residual", "group"]
    assert list(plugins.selectors()) == [
        "effect",
        "threshold",
        "max-t",
        "placebo",
        "knee",
        "participation",
        "energy",
    ]
    assert {name: basis.needs for name, basis in plugins.bases().items()} == {
        "standard": (),
        "pca": (),
        "pca-differences": (),
        "whitened": (),
        "varimax": (),
        "decoder-weights": ("LatentWeights",),
        "decoder-fisher": ("LatentGradient",),
    }


def test_every_method_says_what_it_is(plugins):
    """Each has one sentence."""
    offers = [*plugins.fits().values(), *plugins.selectors().values(), *plugins.bases().values()]

    assert all(offer.doc.endswith(".") for offer in offers)


def test_fits_give_operators_of_their_kind(plugins):
    """What a fit says of its kind is what its operator is."""
    z = np.random.default_rng(0).normal(size=(40, 3))
    x = np.concatenate([np.ones((40, 1)), z], axis=1)
    gram, cross, square = (x.T @ x)[None], (x.T @ (z + 1))[None], ((z + 1) ** 2).sum(keepdims=True)[0]
    both = np.stack([z, z + 1], axis=1).astype(np.float32)
    sample = CodeSample((0.0, 1.0), both, np.ones((40, 2), dtype=bool), {1.0: ((0, 1),)}, z[:, 0])
    decoder = Decoder(lambda z: z.astype(np.int16), lambda z, _: z.sum(axis=1), lambda z, _: np.ones_like(z))
    fit_input = FitInput(3, (1.0,), np.ones((1, 3)), gram, cross, gram, cross, square, sample, sample, decoder=decoder)
    trained = ("network", "powers")  # they have tests of their own

    for fit in (fit for name, fit in plugins.fits().items() if name not in trained):
        operator, kept = fit.fit(fit_input)
        assert operator.kind == fit.kind
        assert kept


@pytest.mark.parametrize("full", [False, True])
def test_every_basis_has_an_inverse(plugins, full):
    """Whatever a basis is given, nothing included, its dual is the inverse; all but whitening are orthonormal."""
    covariance = np.cov(np.random.default_rng(3).normal(size=(5, 50)) * np.arange(1, 6)[:, None])
    data = (covariance[None], {"in": covariance[:3].astype(np.float32)}, covariance) if full else ()

    for name, basis in plugins.bases().items():
        result = Coordinates.of(basis.compute(BasisInput(5, covariance, *data)))
        np.testing.assert_allclose(result.dual.T @ result.columns, np.eye(5), atol=1e-10)
        assert (name == "whitened") != np.allclose(result.columns, result.dual)


def test_selectors_give_dimensions(plugins):
    """Every selector gives distinct whole numbers, most important first."""
    sums = np.random.default_rng(0).normal([0.0, 3.0, 1.0], 0.1, size=(40, 3))
    select_input = SelectInput(
        np.asarray([[0.1, 3.0, 1.0]]),
        np.asarray([0.0, 0.6, 0.4]),
        lambda dims: len(dims) / 2,
        active=np.asarray([False, True, True]),
        counts=np.ones(40),
        sums=sums,
    )

    for name, selector in plugins.selectors().items():
        assert sorted(np.asarray(selector.select(select_input)).tolist()) == [1, 2], name
