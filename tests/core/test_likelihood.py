"""How likely a model finds clips, and what that is held against."""

from __future__ import annotations

import math

import numpy as np
import pytest
from attrs import evolve, field, frozen
from hypothesis import given
from hypothesis import strategies as st

from latentknobs.core.backend import BackendSpec, Posterior
from latentknobs.core.likelihood import TrainingLikelihood
from latentknobs.core.melody_format import MELODY
from latentknobs.core.model_calls import LIKELIHOOD_CHUNK, negative_elbo
from latentknobs.errors import BackendError

SPEC = BackendSpec("even", MELODY, 2, "0" * 64, prior="standard-normal")
CLIPS = np.full((3, 32), 129, dtype=np.int16)
POSTERIOR = Posterior(np.float32([[1, 0], [0, 0], [0, 3]]), np.float32([[1, 2], [1, 1], [0.5, 1]]))
REST_OR_HOLD = 2
"""Tokens among which the decoder of these tests shares all probability."""


@frozen(eq=False)
class Even:
    """A decoder to which a hold and a rest are equally likely at every step, and nothing else is possible."""

    spec: BackendSpec = field(default=SPEC)
    steps: int = 32

    def decode_log_probs(self, z, given=None):
        out = np.full((len(z), self.steps, MELODY.vocabulary), -np.inf, dtype=np.float32)
        out[..., 128:] = -math.log(REST_OR_HOLD)
        return out


def test_nats_are_cross_entropy_and_divergence():
    """Golden: 32 ln 2 nats of tokens, and (m^2 + s^2 - 1) / 2 - ln s of each dimension."""
    tokens = 32 * math.log(2)
    divergences = [0.5 + 1.5 - math.log(2), 0.0, (0.25 - 1) / 2 + math.log(2) + 4.5]

    np.testing.assert_allclose(negative_elbo(Even(), CLIPS, POSTERIOR), np.add(tokens, divergences), rtol=1e-6)


def test_a_condition_has_no_divergence():
    """What the decoder is conditioned on was drawn from no prior."""
    spec = BackendSpec(
        "even", MELODY, 2, "0" * 64, prior="standard-normal", blocks={"tune": 1, "style": 1}, condition="style"
    )
    far = evolve(POSTERIOR, scale=POSTERIOR.scale * np.float32([1, 0]))

    nats = negative_elbo(Even(spec), CLIPS, far)

    np.testing.assert_allclose(nats - 32 * math.log(2), [0.5, 0.0, -0.375 + math.log(2)], rtol=1e-5, atol=1e-5)


def test_a_token_that_cannot_be_produced_is_infinitely_unlikely():
    """Where the decoder gives a token no probability, there are infinitely many nats."""
    assert negative_elbo(Even(), np.full((1, 32), 60, dtype=np.int16), Posterior(*_row(0))) == [math.inf]


@pytest.mark.parametrize(
    ("spec", "posterior"),
    [(evolve(SPEC, prior="aggregate"), POSTERIOR), (SPEC, Posterior(POSTERIOR.mean))],
    ids=("no declared prior", "no posterior"),
)
def test_a_model_may_have_no_likelihood(spec, posterior):
    """Without a declared prior, or a posterior, there is no bound."""
    assert negative_elbo(Even(spec), CLIPS, posterior) is None


def test_nats_do_not_depend_on_the_other_clips():
    """More clips than are computed at a time have the nats that each has alone."""
    rows = np.arange(LIKELIHOOD_CHUNK + 5) % 3
    many = negative_elbo(Even(), CLIPS[rows], Posterior(POSTERIOR.mean[rows], POSTERIOR.scale[rows]))

    assert many.tolist() == negative_elbo(Even(), CLIPS, POSTERIOR)[rows].tolist()


def test_log_probabilities_of_another_shape_are_told():
    """A model that gives other log-probabilities is named."""
    with pytest.raises(BackendError, match=r"even gave log-probabilities of shape \(3, 31, 130\)"):
        negative_elbo(Even(steps=31), CLIPS, POSTERIOR)


def _row(k):
    return POSTERIOR.mean[k : k + 1], POSTERIOR.scale[k : k + 1]


numbers = st.floats(min_value=-1e6, max_value=1e6).map(lambda x: round(x, 3))


@given(st.lists(numbers, min_size=1, max_size=60), st.lists(numbers, min_size=2, max_size=20))
def test_percentiles_fall_with_the_nats(training, clips):
    """More nats never have a higher percentile; it is 100 up to the likeliest training clip, 0 beyond the last."""
    known = TrainingLikelihood.of(np.asarray(training))

    percentiles = known.percentile(np.sort(np.asarray(clips)))

    assert (np.diff(percentiles) <= 0).all()
    low, high = min(known.nats), max(known.nats)
    assert known.percentile(np.asarray([low - 1, low, high + 1, math.inf])).tolist() == [100, 100, 0, 0]


def test_percentiles_are_shares_of_training_clips_at_most_as_likely():
    """Of evenly spread training clips as many have at least a clip's nats as its percentile says."""
    training = np.linspace(0, 200, 2001)
    clips = np.asarray([0.3, 20, 77, 150, 199.9])
    shares = 100 * (training >= clips[:, None]).mean(axis=1)

    np.testing.assert_allclose(TrainingLikelihood.of(training).percentile(clips), shares, atol=0.06)


def test_equal_training_clips_are_at_most_as_likely():
    """A clip as likely as a half of the training clips, which all have the same nats, has their share too."""
    known = TrainingLikelihood.of(np.repeat([1.0, 2.0], [50, 50]))

    assert known.percentile(np.asarray([1.0, 2.0, 2.001])).tolist() == pytest.approx([100, 50, 0], abs=10)


def test_quantiles_come_back_from_their_json():
    """A card's form of the quantiles reads as the same quantiles, in a model's spec."""
    known = TrainingLikelihood.of(np.arange(5.0))

    assert evolve(SPEC, training={"likelihood": known.as_dict()}).likelihood == known
    assert SPEC.likelihood is None


GOOD = {"clips": 3, "percent": [0, 50, 100], "nats": [1, 2.5, 4]}


@pytest.mark.parametrize(
    "damage",
    [
        {"clips": 0},
        {"clips": True},
        {"percent": [0, 50]},
        {"percent": [0, 50, 99]},
        {"percent": [0, 100, 50]},
        {"nats": [1, 4, 2.5]},
        {"nats": [1, 2, math.nan]},
        {"nats": "123"},
        {"nats": [1, "2", 3]},
        {"more": 1},
    ],
    ids=str,
)
def test_damaged_quantiles_are_told_and_left_out(damage, caplog):
    """A model whose card has damaged quantiles works, without them, and says so."""
    spec = evolve(SPEC, training={"likelihood": {**GOOD, **damage}})

    assert spec.likelihood is None
    assert "even: how likely it finds its training clips is left out" in caplog.text
