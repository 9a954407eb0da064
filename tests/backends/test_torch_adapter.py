"""Any torch module as a model."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import nn

from latentknobs.backends.torch_adapter import TorchBackend
from latentknobs.core.backend import LatentGradient, Posterior
from latentknobs.core.capability import capability
from latentknobs.core.clip import Note
from latentknobs.core.melody_format import MELODY
from latentknobs.errors import BackendError, ModelError
from latentknobs.testing.contracts import BackendContract


class Plain(nn.Module):
    """A linear VAE of melodies whose decoder reads nothing."""

    def __init__(self, size=5):
        super().__init__()
        self.table = nn.Embedding(130, 3)
        self.into, self.out = nn.Linear(96, size), nn.Linear(size, 32 * 130)
        self.noise = nn.Dropout(0.5)

    def encode(self, tokens):
        return self.noise(self.into(self.table(tokens).flatten(1)))

    def decode(self, z):
        return self.out(z).reshape(-1, 32, 130)


class Reading(Plain):
    """One whose decoder reads the token before, and which has a standard deviation."""

    def encode(self, tokens):
        mean = super().encode(tokens)
        return {"mean": mean, "std": torch.exp(mean)}

    def decode(self, z, given=None):
        steps, before = self.out(z).reshape(-1, 32, 130), None
        logits = []
        for step in range(32):
            own = steps[:, step] if before is None else steps[:, step] + self.table(before) @ self.table.weight.T
            logits.append(own)
            before = own.argmax(-1) if given is None else given[:, step]
        return torch.stack(logits, dim=1)


def made(kind=Plain, **more):
    """A seeded module as a model."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return TorchBackend(kind(), MELODY, name="mine", device="cpu", **more)


@pytest.fixture
def clips(clips_of):
    """Six seeded clips."""
    return clips_of(6)


class TestPlainContract(BackendContract):
    """A module whose decoder reads nothing keeps the contract."""

    @pytest.fixture
    def backend(self):
        """The plain module."""
        return made()


class TestReadingContract(BackendContract):
    """A module whose decoder reads the tokens before keeps the contract."""

    @pytest.fixture
    def backend(self):
        """The reading module."""
        return made(Reading)


class TestDecoderContract(BackendContract):
    """A module without an encoder keeps the contract where its latent size is told."""

    @pytest.fixture
    def backend(self):
        """A decoder alone."""

        class Decoder(Plain):
            encode = None

        return made(Decoder, latent_size=5)


def test_the_identity_is_that_of_weights_and_config():
    """The same weights and config are the same model; another weight or config is another one."""
    ids = [made().spec.model_id, made().spec.model_id, made(config={"layers": 2}).spec.model_id]

    assert ids[0] == ids[1] != ids[2]
    assert made(training={"corpus": "x"}).spec.model_id == ids[0]


def test_gradients_where_there_are_any():
    """A module that torch can differentiate twice gives Jacobian products, another one does not."""

    class Rounded(Plain):
        def decode(self, z):
            with torch.no_grad():
                return super().decode(z)

    assert capability(made(), LatentGradient) is not None
    assert capability(made(Rounded), LatentGradient) is None


def test_only_what_is_carried_is_accepted(clips):
    """What the author says of clips is asked besides the format's own rule."""
    model = made(carries=lambda given: (given != 128).all(axis=1))
    short = MELODY.tokens([Note(0, 60)])[None]

    assert model.accepts(short).tolist() == [True]
    assert not model.accepts(clips).any()


def _wrong(**methods):
    return type("Wrong", (Plain,), methods)


LOADED = {
    "no decode": (_wrong(decode=None), r"mine: the module has no method 'decode': wrap one"),
    "a mean of another shape": (
        _wrong(encode=lambda _self, t: torch.zeros(7)),
        r"encode of Wrong gave a tensor .* \(2, D\)",
    ),
    "an array": (_wrong(encode=lambda _self, t: np.zeros((2, 3))), "gave a ndarray as the mean of 2 clips"),
    "two parts without a name": (
        _wrong(encode=lambda self, t: (Plain.encode(self, t), Plain.encode(self, t).relu() + 1)),
        r"encode of Wrong gave 2 parts .*must give the mean as a tensor.* posterior='mean-logvar' names",
    ),
    "parts of other names": (_wrong(encode=lambda self, t: {"mu": Plain.encode(self, t)}), "gave parts named mu; "),
    "an encoder that draws": (
        _wrong(encode=lambda self, t: (z := Plain.encode(self, t)) + torch.randn_like(z)),
        "encode of Wrong gave other numbers for the same input .*must give the posterior mean",
    ),
    "a decoder that draws": (
        _wrong(decode=lambda self, z: Plain.decode(self, z + torch.randn_like(z))),
        "decode of Wrong gave other numbers for the same input",
    ),
    "a decoder with a condition": (_wrong(decode=lambda self, z, c: Plain.decode(self, z)), "decode needs c besides"),
    "logits of another shape": (
        _wrong(decode=lambda _self, z: torch.zeros(2, 32, 5)),
        r"decode of Wrong gave a tensor of shape \(2, 32, 5\); it must give logits of shape \(2, 32, 130\)",
    ),
}


@pytest.mark.parametrize("fault", sorted(LOADED))
def test_a_module_that_does_not_fit_is_found_when_it_is_wrapped(fault):
    """It names the model, the method, what it gave and what it must give."""
    kind, wanted = LOADED[fault]

    with pytest.raises((ModelError, BackendError), match=wanted):
        made(kind)


class Named(NamedTuple):
    """A posterior with names."""

    mean: torch.Tensor
    logvar: torch.Tensor


SAID = {
    "a distribution": (lambda mean: torch.distributions.Normal(mean, 0.5), {}),
    "a wrapped distribution": (
        lambda mean: torch.distributions.Independent(torch.distributions.Normal(mean, 0.5), 1),
        {},
    ),
    "our own value": (lambda mean: Posterior(mean, torch.full_like(mean, 0.5)), {}),
    "a dictionary": (lambda mean: {"mean": mean, "std": torch.full_like(mean, 0.5)}, {}),
    "a named tuple": (lambda mean: Named(mean, torch.full_like(mean, 2 * np.log(0.5))), {}),
    "two tensors": (lambda mean: (mean, torch.full_like(mean, 0.5)), {"posterior": "mean-std"}),
    "with the logarithm": (lambda mean: (mean, torch.full_like(mean, 2 * np.log(0.5))), {"posterior": "mean-logvar"}),
}


@pytest.mark.parametrize("spelling", SAID)
def test_a_posterior_is_known_by_its_type_or_by_what_the_author_says(clips, spelling):
    """Each spelling gives the same mean and standard deviation."""
    given, options = SAID[spelling]
    model = made(_wrong(encode=lambda self, tokens: given(Plain.encode(self, tokens))), **options)

    posterior = model.encode(clips)

    np.testing.assert_array_equal(posterior.mean, made().encode(clips).mean)
    np.testing.assert_allclose(posterior.scale, 0.5, rtol=1e-6)


@pytest.mark.parametrize(
    ("posterior", "encode", "wanted"),
    [
        ("mean-var", Plain.encode, "posterior must be one of 'mean', 'mean-std', 'mean-logvar', not 'mean-var'"),
        ("mean-std", Plain.encode, "gave one tensor where posterior='mean-std' is stated"),
        ("mean", lambda self, t: (Plain.encode(self, t),) * 2, "gave 2 parts .* where posterior='mean' is stated"),
        ("mean-std", lambda self, t: (Plain.encode(self, t),) * 2, "deviations down to -.*'mean-logvar' if they are"),
    ],
)
def test_what_the_author_says_must_be_true(posterior, encode, wanted):
    """A wrong word, another number of tensors, or deviations below 0 are refused."""
    with pytest.raises((ModelError, BackendError), match=wanted):
        made(_wrong(encode=encode), posterior=posterior)


def test_weights_that_are_no_numbers_are_refused():
    """A NaN names file and tensor, how many there are, and what to do."""
    module = Plain()
    with torch.no_grad():
        module.out.bias[:3] = torch.nan

    wanted = r"^mine\.pt: tensor 'out\.bias' must be finite; 3 of its 4160 numbers are NaN .*: load the weights"
    with pytest.raises(ModelError, match=wanted):
        TorchBackend(module, MELODY, name="mine", file="mine.pt")


def test_codes_that_are_no_numbers_are_refused(clips):
    """A code that is not finite names the model, the method and the first clip, with what to look for."""

    class Dividing(Plain):
        def encode(self, tokens):
            return super().encode(tokens) / (tokens != 60).all(1, keepdim=True)

    clips[:, 0] = 62
    clips[clips == 60] = 61
    model = made(Dividing)
    clips[4, 0] = 60

    with pytest.raises(
        BackendError, match=r"mine: encode of Dividing gave .* 1 of 6 clips \(the first is clip 4 .*look"
    ):
        model.encode(clips)


def test_a_latent_size_that_changes_is_refused(clips):
    """Codes of another size than at loading name both sizes and the cause."""

    class Growing(Plain):
        def encode(self, tokens):
            mean = super().encode(tokens)
            return mean if len(tokens) < 3 else torch.cat([mean, mean], dim=1)

    with pytest.raises(
        BackendError, match=r"gave 10 numbers as the mean .* loaded with 5; .*must not depend on the clips"
    ):
        made(Growing).encode(clips)


def test_logits_that_are_no_numbers_are_refused():
    """A position without a finite logit is an error, not a token."""

    class Overflowing(Plain):
        def decode(self, z):
            return torch.where(z.sum() > 50, torch.nan, super().decode(z))

    with pytest.raises(BackendError, match="decode of Overflowing gave logits with NaN"):
        made(Overflowing).decode(np.full((2, 5), 100, dtype=np.float32))


class Conditional(Plain):
    """One whose decoder reads two numbers of the condition besides its five latents."""

    def __init__(self):
        super().__init__()
        self.chords = nn.Linear(2, 32 * 130)

    def encode(self, tokens):
        condition = torch.stack([(tokens < 128).sum(1) / 32, tokens[:, 0] / 128], dim=1)
        mean = torch.cat([super().encode(tokens), condition], dim=1)
        return {"mean": mean, "std": torch.cat([torch.ones(len(mean), 5), torch.zeros(len(mean), 2)], dim=1)}

    def decode(self, z):
        return super().decode(z[:, :5]) + self.chords(z[:, 5:]).reshape(-1, 32, 130)


class Sequential(Plain):
    """One whose code is a sequence of three latents of two numbers."""

    def __init__(self):
        super().__init__(6)

    def encode(self, tokens):
        return super().encode(tokens).reshape(-1, 3, 2)

    def decode(self, z):
        assert z.shape[1:] == (3, 2)
        return super().decode(z.flatten(1))


class Discrete(Plain):
    """One whose encoder gives the numbers of entries of a codebook."""

    def encode(self, tokens):
        return super().encode(tokens).abs().long()


class TestConditionalContract(BackendContract):
    """A module that reads its condition from a block of the code keeps the contract."""

    @pytest.fixture
    def backend(self):
        """The conditional module."""
        return made(Conditional, blocks={"latent": 5, "chords": 2}, condition="chords")


class TestSequentialContract(BackendContract):
    """A module with a sequence of latents keeps the contract."""

    @pytest.fixture
    def backend(self):
        """The module with three latents."""
        return made(Sequential, latent_shape=(3, 2))


def test_a_sequence_of_latents_is_flattened_in_order(clips):
    """Codes are the sequence's numbers, the last index fastest; the shape is told."""
    backend = made(Sequential, latent_shape=(3, 2))
    module = backend._module
    mean = module.encode(torch.from_numpy(clips.astype(np.int64))).numpy()
    assert backend.spec.latent_size == 6
    assert np.array_equal(backend.encode(clips).mean, mean.reshape(len(clips), 6))


def test_a_sequence_of_another_shape_is_told():
    """A latent_shape that encode does not give is refused with both shapes."""
    with pytest.raises(BackendError, match=r"shape \(2, 3, 2\).*a tensor \(2, 2, 3\)"):
        made(Sequential, latent_shape=(2, 3))


@pytest.mark.parametrize(
    ("structure", "told"),
    [
        ({"blocks": "ab"}, "give a dict of names and sizes"),
        ({"blocks": {"a": 3.5}}, "whole number above 0"),
        ({"blocks": {"a": 6}, "latent_shape": (3, 2)}, "give one of them"),
        ({"latent_shape": 0}, "whole numbers above 0"),
    ],
)
def test_a_malformed_structure_is_told_before_encoding(structure, told):
    """What no model can have as blocks or shape is one sentence."""
    with pytest.raises(ModelError, match=told):
        made(Sequential, **structure)


def test_numpys_whole_numbers_are_sizes():
    """Sizes counted by numpy are as good as Python's."""
    assert made(Sequential, latent_shape=tuple(np.asarray([3, 2]))).spec.latent_shape == (3, 2)


def test_a_scale_of_0_is_refused_outside_the_condition():
    """Standard deviations of 0 are those of a condition only."""
    with pytest.raises(BackendError, match="down to 0"):
        made(Conditional, blocks={"latent": 5, "chords": 2})


def test_discrete_codes_are_told():
    """Whole numbers from encode are a VQ-VAE's: the message says what to give instead."""
    with pytest.raises(BackendError, match=r"int64 as the mean.*VQ-VAE.*before the quantization"):
        made(Discrete)
