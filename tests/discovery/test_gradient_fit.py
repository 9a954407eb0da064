"""The shift that is fitted through the decoder: on decoders whose likelihood is known."""

from __future__ import annotations

import numpy as np
import pytest
from attrs import evolve
from numpy.testing import assert_allclose

from latentknobs.core.method_specs import CodeSample, Decoder, FitInput
from latentknobs.discovery.fits.gradient_fit import decoder_of, shift_by_gradient
from latentknobs.errors import NotFittedError
from latentknobs.testing.tiny import TinyBackend
from tests.discovery.test_coordinate_systems import SIZE, STEPS, Softmax

HEARD = np.array([1.0, 0.0])


def _near(z, clips):
    """Log-probability -(heard coordinate - token / 100)^2: only the first of two dimensions is heard."""
    return -((z @ HEARD - clips[:, 0] / 100) ** 2).astype(np.float64)


DECODER = Decoder(
    lambda z: np.rint(100 * (z @ HEARD))[:, None].astype(np.int16),
    _near,
    lambda z, clips: (-2 * (z @ HEARD - clips[:, 0] / 100)[:, None] * HEARD).astype(np.float32),
)


def _fit_input(move, change, decoder=DECODER, count=300):
    """Clips moved by ``move`` for each unit, 1 and 2; ``change`` is told as their mean change at 1."""
    z = np.random.default_rng(0).normal(size=(count, 2)).astype(np.float32)
    codes = np.stack([z, z + np.float32(move), z + 2 * np.float32(move)], axis=1)
    sample = CodeSample((0.0, 1.0, 2.0), codes, np.ones((count, 3), bool), {1.0: ((0, 1), (1, 2)), 2.0: ((0, 2),)})
    none = np.zeros((2, 3, 3)), np.zeros((2, 3, 2))
    means = np.outer([1.0, 2.0], change)
    return FitInput(2, (1.0, 2.0), means, *none, *none, np.zeros(2), sample, decoder=decoder)


def test_what_is_heard_is_fitted():
    """Told a mean change of half the true one, it finds the whole where it is heard, and leaves the rest as it was."""
    operator, kept = shift_by_gradient(_fit_input([0.6, 0.4], [0.45, 0.2]))

    assert_allclose(operator.arrays["direction"], [0.6, 0.2], atol=0.02)
    assert kept["log_probability"] > kept["mean_shift"] > kept["unmoved"]
    assert kept["steps"] > 0


def test_it_is_never_worse_than_the_mean_shift():
    """Where the mean change is right already, it stays."""
    operator, kept = shift_by_gradient(_fit_input([0.6, 0.4], [0.6, 0.4]))

    assert_allclose(operator.arrays["direction"], [0.6, 0.4], atol=0.01)
    assert kept["log_probability"] >= kept["mean_shift"]


def test_the_number_of_steps_is_chosen_on_validation_clips():
    """Where validation clips are moved as the mean change says, no step is taken, whatever training clips say."""
    fit_input = _fit_input([0.9, 0.0], [0.45, 0.0])
    judged = _fit_input([0.45, 0.0], [0.45, 0.0]).sample

    assert shift_by_gradient(evolve(fit_input, validation_sample=judged))[1]["steps"] == 0


def test_the_same_seed_gives_the_same():
    """Two fits of one seed agree to the last bit; another seed draws other clips."""
    fit_input = _fit_input([0.6, 0.4], [0.3, 0.2])
    one, again, other = (
        shift_by_gradient(x)[0].arrays["direction"] for x in (fit_input, fit_input, evolve(fit_input, seed=1))
    )

    assert one.tobytes() == again.tobytes() != other.tobytes()


def test_without_a_gradient_or_pairs_it_declines():
    """A model without gradients, and a sample without pairs, are told in a sentence."""
    fit_input = _fit_input([0.6, 0.4], [0.6, 0.4])
    empty = CodeSample((0.0,), np.zeros((3, 1, 2), np.float32), np.ones((3, 1), bool), {})

    assert decoder_of(TinyBackend()) is None
    with pytest.raises(NotFittedError, match="LatentGradient"):
        shift_by_gradient(evolve(fit_input, decoder=None))
    with pytest.raises(NotFittedError, match="no clip"):
        shift_by_gradient(evolve(fit_input, sample=empty))


def test_a_models_decoder():
    """Log-probability and gradient are those of the model: the one is the other's derivative, by finite differences."""
    decoder = decoder_of(Softmax())
    assert decoder is not None
    z = np.random.default_rng(2).normal(size=(4, SIZE)).astype(np.float32)
    clips = decoder.plain(z)
    step = 1e-2
    slopes = [
        (decoder.log_probability(z + step * e, clips) - decoder.log_probability(z - step * e, clips)) / (2 * step)
        for e in np.eye(SIZE, dtype=np.float32)
    ]

    assert clips.shape == (4, STEPS)
    assert_allclose(decoder.gradient(z, clips), np.stack(slopes, axis=1), atol=2e-3)
