"""The coordinate systems of a run, on a model whose Fisher metric is known in closed form."""

import numpy as np
import pytest
from numpy.random import default_rng

from latentknobs.augmentations.transpose import Transpose
from latentknobs.core.backend import BackendSpec
from latentknobs.core.experiment import Experiment
from latentknobs.core.melody_format import MELODY
from latentknobs.core.method_specs import Basis, CodeSample, FitInput
from latentknobs.discovery import plugin
from latentknobs.discovery.bases import of_fisher, of_weights, standard
from latentknobs.discovery.code_sample import CodeReservoir
from latentknobs.discovery.coordinate_systems import coordinate_systems, difference_moments
from latentknobs.discovery.fisher_metric import fisher_metric
from latentknobs.testing.tiny import TinyBackend

SIZE = 3
STEPS, VOCABULARY = MELODY.shape[0], MELODY.vocabulary


class Softmax:
    """Log-probabilities are log softmax(W z), whatever came before: J and the Fisher metric follow by hand."""

    def __init__(self):
        self.weights = default_rng(0).normal(size=(STEPS, VOCABULARY, SIZE)) * [0.3, 0.1, 0.02]
        self.spec = BackendSpec("softmax", MELODY, SIZE, "0" * 64)

    def accepts(self, clips):
        raise AssertionError("no basis asks for this")

    def encode(self, clips):
        raise AssertionError("no basis asks for this")

    def decode(self, z):
        return MELODY.repair(self.decode_log_probs(z).argmax(axis=-1).astype(np.int16))

    def decode_log_probs(self, z, given=None):
        logits = np.einsum("tvd,nd->ntv", self.weights, z)
        return (logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))).astype(np.float32)

    def latent_weights(self):
        return {"all": self.weights.reshape(-1, SIZE).astype(np.float32)}

    def jvp(self, z, given, vectors):
        raise AssertionError("no basis asks for this")

    def vjp(self, z, given, vectors):
        p = np.exp(self.decode_log_probs(z))
        centred = vectors - p * vectors.sum(axis=-1, keepdims=True)
        return np.einsum("ntv,tvd->nd", centred, self.weights).astype(np.float32)

    def fisher(self, z):
        """Mean over codes of the sum over steps of W' (diag p - p p') W."""
        out = np.zeros((SIZE, SIZE))
        for p in np.exp(self.decode_log_probs(z).astype(np.float64)):
            for step in range(STEPS):
                out += self.weights[step].T @ (np.diag(p[step]) - np.outer(p[step], p[step])) @ self.weights[step]
        return out / len(z)


@pytest.fixture(scope="module")
def codes():
    """Forty seeded codes."""
    return default_rng(1).normal(size=(40, SIZE)).astype(np.float32)


def _sample(codes, amounts=(1.0,)):
    knots = (0.0, *amounts)
    moved = np.stack([codes + np.float32(a) * np.arange(codes.shape[1], dtype=np.float32) for a in knots], axis=1)
    there = np.ones(moved.shape[:2], bool)
    return CodeSample(knots, moved, there, {a: ((0, i + 1),) for i, a in enumerate(amounts)})


def _fit_input(codes, amounts=(1.0,)):
    size, count = codes.shape[1], len(amounts)
    gram, cross = np.zeros((count, size + 1, size + 1)), np.zeros((count, size + 1, size))
    sample = _sample(codes, amounts)
    return FitInput(size, amounts, np.zeros((count, size)), gram, cross, gram, cross, np.zeros(count), sample)


def test_the_fisher_metric_agrees_with_its_closed_form(codes):
    """The mean of 4,000 scores' products is W' (diag p - p p') W within four of its own standard errors."""
    model = Softmax()
    exact = model.fisher(codes)

    result = fisher_metric(model, codes, model.decode(codes), 100, default_rng(0))

    # The product of two nearly normal scores has variance F_ii F_jj + F_ij^2 (Isserlis 1918).
    error = np.sqrt((np.outer(np.diag(exact), np.diag(exact)) + exact**2) / 4000)
    assert (np.abs(result - exact) < 4 * error).all()
    np.testing.assert_array_equal(result, result.T)


def test_the_seed_decides_the_scores(codes):
    """The same seed gives the same metric, and few draws no negative eigenvalue."""
    model = Softmax()
    first, again, other = (
        fisher_metric(model, codes[:2], model.decode(codes[:2]), 1, default_rng(seed)) for seed in (0, 0, 1)
    )

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.linalg.eigvalsh(first).min() > -1e-12


def test_bases_of_the_decoder_are_computed_where_it_can_tell(codes):
    """A model with both capabilities leaves nothing out, and its loudest direction comes first in both bases."""
    result = coordinate_systems(
        Softmax(), np.eye(SIZE), _fit_input(codes), {b.name: b for b in plugin.register_bases()}
    )

    assert result.left_out == {}
    assert list(result.by_basis) == [b.name for b in plugin.register_bases()]
    for name in ("decoder-weights", "decoder-fisher"):
        assert np.abs(result.by_basis[name].columns).argmax(axis=0).tolist() == [0, 1, 2]


def test_bases_that_the_model_cannot_give_are_left_out_with_a_sentence():
    """A model without the capabilities still has the other bases; each that is missing says why."""
    codes = np.zeros((2, 24), np.float32)
    bases = [
        Basis("plain", "Plain.", standard),
        Basis("weights", "Weights.", of_weights, ("LatentWeights",)),
        Basis("both", "Both.", of_fisher, ("LatentWeights", "LatentGradient")),
    ]

    result = coordinate_systems(TinyBackend(), np.eye(24), _fit_input(codes), {b.name: b for b in bases})

    assert list(result.by_basis) == ["plain"]
    assert result.left_out == {
        "weights": "The basis weights is left out: the model tiny has no LatentWeights.",
        "both": "The basis both is left out: the model tiny has no LatentWeights and no LatentGradient.",
    }


def test_a_model_is_asked_only_for_what_a_basis_needs(codes):
    """No Jacobian product is computed where no basis is made of it."""

    class Silent(Softmax):
        def vjp(self, z, fit_input, vectors):
            raise AssertionError

    result = coordinate_systems(Silent(), np.eye(SIZE), _fit_input(codes), {"weights": plugin.register_bases()[5]})

    assert list(result.by_basis) == ["weights"]


def test_moments_of_differences_are_of_the_clips_own_pairs():
    """Mean of d d' over clips that have a pair, from the clip itself and not between two edits of it."""
    codes = np.zeros((3, 3, 2), np.float32)
    codes[:, 1] = [[1, 0], [3, 0], [99, 99]]
    codes[:, 2] = [[1, 2], [1, 2], [1, 2]]
    there = np.asarray([[True, True, True], [True, True, True], [True, False, True]])
    routes = {1.0: ((0, 1), (1, 2)), 2.0: ((0, 2),), -1.0: ((1, 0),), 5.0: ()}
    sample = CodeSample((0.0, 1.0, 2.0), codes, there, routes)

    result = difference_moments(sample, (1.0, 2.0, -1.0, 5.0, 6.0), 2)

    assert result[0].tolist() == result[2].tolist() == [[5, 0], [0, 0]]
    assert result[1].tolist() == [[1, 2], [2, 4]]
    assert not result[3:].any()


def test_moments_of_no_sample_are_zeros():
    """Without sampled clips there are no differences, and nothing breaks."""
    empty = CodeReservoir(Experiment.without_methods(TinyBackend(), Transpose()), 4).sample(adds_up=False)

    assert not difference_moments(empty, (1.0,), 2).any()
