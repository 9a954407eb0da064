"""The network and its fast paths against a float64 transcription of the equations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from latentknobs.backends.gru_musicvae.inference import FastNetwork
from latentknobs.backends.gru_musicvae.network import GruMusicVae, flops_of
from latentknobs.backends.network import NetworkConfig
from latentknobs.backends.weights import build

VOCABULARY, STEPS, REST = 130, 32, 129


class Transcription:
    """The paper's network in float64, one clip at a time, from a state dict in its authors' names; tokens one-hot."""

    def __init__(self, weights, layers):
        self.w = weights
        self.layers = layers

    def get(self, name):
        return self.w[name].numpy().astype(np.float64)

    @staticmethod
    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    def gru(self, gates, x, h):
        """One GRU step with the gates in the order reset, update, new."""
        w_ih, w_hh, b_ih, b_hh = gates
        i_r, i_z, i_n = np.split(w_ih @ x + b_ih, 3)
        h_r, h_z, h_n = np.split(w_hh @ h + b_hh, 3)
        reset, update = self.sigmoid(i_r + h_r), self.sigmoid(i_z + h_z)
        new = np.tanh(i_n + reset * h_n)
        return (1 - update) * new + update * h

    def linear(self, name, x):
        return self.get(f"{name}.weight") @ x + self.get(f"{name}.bias")

    def encode(self, clip):
        ends = []
        for suffix, order in (("_l0", clip), ("_l0_reverse", clip[::-1])):
            gates = [self.get(f"gru_0.{part}{suffix}") for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
            h = np.zeros(gates[1].shape[1])
            for token in order:
                h = self.gru(gates, np.eye(VOCABULARY)[token], h)
            ends.append(h)
        both = np.concatenate(ends)
        return self.linear("linear_mu", both), np.exp(0.5 * self.linear("linear_var", both))

    def decode(self, z):
        layers = [
            [self.get(f"grucell_{k}.{part}") for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
            for k in range(self.layers)
        ]
        h = [np.tanh(self.linear("linear_init", z))] + [None] * (self.layers - 1)
        out_weight, out_bias = self.get("linear_out.weight"), self.get("linear_out.bias")
        token, logits = REST, []
        for step in range(STEPS):
            h[0] = self.gru(layers[0], np.concatenate([np.eye(VOCABULARY)[token], z]), h[0])
            for k in range(1, self.layers):
                h[k] = self.gru(layers[k], h[k - 1], h[k - 1] if step == 0 else h[k])
            logits.append(out_weight @ h[-1] + out_bias)
            token = int(np.argmax(logits[-1]))
        return np.stack(logits)


def authors_weights(encoder, decoder, layers, latent, seed=0):
    """Random weights in the names and shapes of the authors' module."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape, fan):
        return (torch.rand(shape, generator=generator) * 2 - 1) / fan**0.5 * 1.5

    out = {}
    for suffix in ("", "_reverse"):
        out[f"gru_0.weight_ih_l0{suffix}"] = draw(3 * encoder, VOCABULARY, fan=encoder)
        out[f"gru_0.weight_hh_l0{suffix}"] = draw(3 * encoder, encoder, fan=encoder)
        out[f"gru_0.bias_ih_l0{suffix}"] = draw(3 * encoder, fan=encoder)
        out[f"gru_0.bias_hh_l0{suffix}"] = draw(3 * encoder, fan=encoder)
    for name, wide, narrow in (
        ("linear_mu", latent, 2 * encoder),
        ("linear_var", latent, 2 * encoder),
        ("linear_init", decoder, latent),
        ("linear_out", VOCABULARY, decoder),
    ):
        out[f"{name}.weight"] = draw(wide, narrow, fan=narrow)
        out[f"{name}.bias"] = draw(wide, fan=narrow)
    for k in range(layers):
        reads = VOCABULARY + latent if k == 0 else decoder
        out[f"grucell_{k}.weight_ih"] = draw(3 * decoder, reads, fan=decoder)
        out[f"grucell_{k}.weight_hh"] = draw(3 * decoder, decoder, fan=decoder)
        out[f"grucell_{k}.bias_ih"] = draw(3 * decoder, fan=decoder)
        out[f"grucell_{k}.bias_hh"] = draw(3 * decoder, fan=decoder)
    return out


def compare(encoder, decoder, layers, latent, clips):
    """Hold network and fast path to the transcription, on random tokens and the codes they get."""
    weights = authors_weights(encoder, decoder, layers, latent)
    config = NetworkConfig(encoder, decoder, layers, 0, latent_size=latent)
    network = build(GruMusicVae, config, weights, "here")
    fast = FastNetwork(network)
    truth = Transcription(weights, layers)
    tokens = torch.from_numpy(np.random.default_rng(1).integers(0, VOCABULARY, (clips, STEPS)))
    means, scales = zip(*(truth.encode(clip) for clip in tokens.numpy()), strict=True)
    with torch.no_grad():
        for mean, scale in (network.encode(tokens), fast.encode(tokens)):
            np.testing.assert_allclose(mean, np.stack(means), rtol=0, atol=1e-5)
            np.testing.assert_allclose(scale, np.stack(scales), rtol=0, atol=1e-5)
        z = torch.from_numpy(np.stack(means).astype(np.float32) * 3)
        plain, quick = network.decode_steps(z).argmax(-1), fast.greedy(z)[0]
    for index in range(clips):
        logits = truth.decode(z[index].numpy().astype(np.float64))
        for got in (plain[index].numpy(), quick[index].numpy()):
            differs = np.flatnonzero(got != logits.argmax(-1))
            if len(differs):
                second, first = np.sort(logits[differs[0]])[-2:]
                assert first - second < 1e-5


@pytest.mark.parametrize(("layers", "latent"), [(1, 3), (2, 5), (3, 8)])
def test_network_is_the_papers(layers, latent):
    """Codes agree with float64 to 1e-5 and greedy tokens are equal but where the top two logits tie within 1e-5."""
    compare(24, 16, layers, latent, clips=6)


@pytest.mark.slow
def test_network_is_the_papers_at_its_size():
    """The same at the paper's size: 2048 units, three layers, 128 dimensions."""
    compare(2048, 2048, 3, 128, clips=3)


UNROLLED = {"state_features": 5, "step_features": 4, "step_hidden": 9}


@pytest.fixture(params=[{}, {"embedding": 7}, UNROLLED, {"state_features": 5}, {"decoder_layers": 1, **UNROLLED}])
def sized(request):
    """A network with one-hot tokens, one with an embedding, and some that read every state or step vectors."""
    torch.manual_seed(3)
    config = NetworkConfig(
        **{"encoder_hidden": 12, "decoder_hidden": 10, "decoder_layers": 3, **request.param}, latent_size=6
    )
    network = GruMusicVae(config).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(3)
    return network


@torch.no_grad()
def test_known_tokens_give_the_same_logits_layer_by_layer(sized):
    """With all true tokens known, whole layers at a time, the fast path and the steps one by one agree."""
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(0, VOCABULARY, (5, STEPS), generator=generator)
    z = torch.randn(5, 6, generator=generator)
    keep = (torch.rand(5, STEPS, generator=generator) > 0.3).float()
    steps = sized.decode_steps(z, tokens)
    torch.testing.assert_close(sized.decode_given(z, tokens), steps, rtol=0, atol=1e-5)
    torch.testing.assert_close(FastNetwork(sized).given(z, tokens), steps, rtol=0, atol=1e-5)
    torch.testing.assert_close(
        sized.decode_given(z, tokens, keep), sized.decode_steps(z, tokens, keep=keep), rtol=0, atol=1e-5
    )


@torch.no_grad()
def test_the_fast_path_encodes_alike(sized):
    """Shared states and looked-up tokens give the network's posteriors, of clips that begin alike too."""
    tokens = torch.randint(0, VOCABULARY, (9, STEPS), generator=torch.Generator().manual_seed(0))
    tokens[3:6, :11], tokens[5:, 20:] = tokens[3, :11], tokens[5, 20:]
    for found, wanted in zip(FastNetwork(sized).encode(tokens), sized.encode(tokens), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_scheduled_sampling_goes_from_true_tokens_to_its_own(sized):
    """With every token known sampling is teacher forcing, with none it is greedy decoding."""
    tokens = torch.randint(0, VOCABULARY, (4, STEPS), generator=torch.Generator().manual_seed(0))
    z = torch.randn(4, 6, generator=torch.Generator().manual_seed(1))
    everything = torch.ones(4, STEPS, dtype=torch.bool)
    assert torch.equal(sized.decode_steps(z, tokens, everything), sized.decode_steps(z, tokens))
    assert torch.equal(sized.decode_steps(z, tokens, ~everything), sized.decode_steps(z))
    torch.testing.assert_close(FastNetwork(sized).greedy(z)[1], sized.decode_steps(z), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"embedding": 5},
        {"state_features": 8, "step_features": 16, "step_hidden": 24},
        {"height": True, "state_features": 8, "mirrors": True},
    ],
    ids=" ".join,
)
def test_operations_are_those_of_the_network(options):
    """As torch counts those of the plain network, less the products with tokens, and with z again at each step."""
    config = NetworkConfig(encoder_hidden=12, decoder_hidden=20, decoder_layers=2, latent_size=6, **options)
    network = GruMusicVae(config).eval()
    counted = []
    for work in (lambda: network.encode(torch.full((1, STEPS), 60)), lambda: network.decode_steps(torch.zeros(1, 6))):
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            work()
        counted.append(counter.get_total_flops())
    images = 4 if config.mirrors else 2
    of_tokens = [2 * STEPS * 3 * wide * config.token_size * times for wide, times in ((12, images), (20, 1))]
    again = 0 if config.step_features else 2 * (STEPS - 1) * config.line_size * 3 * 20

    assert flops_of(config) == {"encode": counted[0] - of_tokens[0], "decode": counted[1] - of_tokens[1] - again}
