"""Each check of a model finds its fault in a model that is right but for one thing."""

import random

import numpy as np
import pytest
from attrs import evolve

from latentknobs.core.backend import Posterior
from latentknobs.core.melody_format import HOLD, REST
from latentknobs.errors import PluginError
from latentknobs.testing.checks import BACKEND_CHECKS, BackendFixtures, run_checks
from latentknobs.testing.checks.backends import checked_model, sample_clips, sample_codes
from latentknobs.testing.tiny import TinyBackend

TINY = TinyBackend()
CONDITIONAL = evolve(TINY.spec, blocks={"notes": 16, "style": 8}, condition="style")
"""Of a model whose condition is 0 for all clips."""
KIT = BackendFixtures(sample_clips(TINY), sample_codes(TINY, sample_clips(TINY)))


class Model:
    """The tiny model with some of its functions replaced."""

    def __init__(self, **odd):
        self.spec = TINY.spec
        for name in ("accepts", "encode", "decode", "decode_log_probs"):
            setattr(self, name, getattr(TINY, name))
        self.__dict__.update(odd)


def mean(z):
    """A posterior of these means."""
    return Posterior(z, None)


SEEDS = iter(range(100))


def drawn(clips):
    """Codes with another random number added each time."""
    return mean(TINY.encode(clips).mean + np.float32(np.random.default_rng(next(SEEDS)).normal()))


def by_batch(clips):
    """Codes that depend on the clips beside a clip."""
    z = TINY.encode(clips).mean
    return mean(z - z.mean(axis=0) if len(z) else z)


def writes(clips):
    """Writes into its input."""
    clips[:, 0] = REST
    return TINY.encode(clips)


def draws(clips):
    """Draws from a global generator."""
    random.random()
    return TINY.encode(clips)


def loud(z, given=None):
    """Probabilities of 1.1."""
    return (TINY.decode_log_probs(z, given) + np.float32(np.log(1.1))).astype(np.float32)


def silent(z, given=None):
    """Probabilities of 1 for rests."""
    out = np.full((len(z), 32, 130), -np.inf, np.float32)
    out[..., REST] = 0
    return out


def jvp(z, given, v):
    """A Jacobian product that is always 0."""
    return np.zeros((len(z), 32, 130), np.float32)


def by_last_bits(z):
    """A clip that codes within rounding do not share."""
    out = np.full((len(z), 32), HOLD, np.int16)
    out[:, ::2] = 60 + np.abs(z.astype(np.float32).view(np.int32)[:, :16]) % 12
    return out


FAULTY = {
    "accepts is a mask": Model(accepts=lambda clips: np.ones(len(clips))),
    "codes are finite": Model(encode=lambda clips: mean(np.full((len(clips), 24), np.nan, np.float32))),
    "codes are deterministic": Model(encode=drawn),
    "codes do not depend on the batch": Model(encode=by_batch),
    "the input is not changed": Model(encode=writes),
    "global random state is untouched": Model(encode=draws),
    "decoding gives valid clips": Model(decode=lambda z: np.full((len(z), 32), HOLD, np.int16)),
    "log probabilities sum to one": Model(decode_log_probs=loud),
    "likelihoods are finite": Model(decode_log_probs=silent),
    "decoding takes the most likely token": Model(decode=lambda z: np.full((len(z), 32), REST, np.int16)),
    "latent weights are all": Model(latent_weights=lambda: {"one": np.eye(24, dtype=np.float32)[3:]}),
    "jacobian products are slopes": Model(jvp=jvp, vjp=lambda z, _given, _u: np.zeros_like(z)),
    "sampled clips are valid": Model(decode_sampled=lambda z, _temperature, _seed: TINY.decode(z)),
    "the condition travels with the code": Model(spec=CONDITIONAL),
    "units do not matter": Model(decode=by_last_bits),
}


def test_every_check_has_a_fault_that_it_finds():
    """No check is without a test of its finding."""
    assert [check.__name__.replace("_", " ") for check in BACKEND_CHECKS] == list(FAULTY)


@pytest.mark.parametrize("check", FAULTY)
def test_a_check_finds_its_fault(check):
    """A broken promise fails its check with a sentence."""
    (found,) = [one for one in run_checks(checked_model(FAULTY[check]), KIT, BACKEND_CHECKS) if one.name == check]

    assert found.state == "failed"
    assert found.message.endswith((".", "?"))


def test_a_sound_model_passes():
    """What it does not offer is left out, with the reason."""
    found = run_checks(checked_model(Model()), KIT, BACKEND_CHECKS)

    assert {one.name: one.message for one in found if one.state != "passed"} == {
        "latent weights are all": "it does not give the matrices through which z enters its decoder.",
        "jacobian products are slopes": "it gives no Jacobian products.",
        "sampled clips are valid": "it samples no tokens.",
        "the condition travels with the code": "its spec names no condition.",
    }


def test_a_model_that_accepts_nothing_cannot_be_checked():
    """It is said what to override."""
    with pytest.raises(PluginError, match="hardly any sample clip: override the fixture"):
        sample_clips(Model(accepts=lambda clips: np.zeros(len(clips), bool)))


@pytest.mark.parametrize("thing", [TinyBackend, object(), Model(spec="tiny")])
def test_what_is_no_model_is_refused(thing):
    """A class, another object, and a model without a spec."""
    with pytest.raises(PluginError, match="A model must be a VAEBackend"):
        checked_model(thing)
