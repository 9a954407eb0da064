"""
The LSTM network of MusicVAE's flat melody model (Roberts et al., ICML 2018), to be trained.

Its tokens are magenta's 90, not our 130: there "no event" is one token, which goes on with a note or with silence. A
decoder that reads our hold and our rest as two tokens computes something that no weights of theirs can, so that only
the model that was trained on theirs can be exported exactly. Weights have their names, shapes and gate order, and
export is a copy (:mod:`latentknobs.backends.magenta_js.network` has the equations and runs the trained model). Here
whole layers go through torch's LSTM, which is what training needs.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentknobs.backends.magenta_js.network import DECODER, ENCODER, FIRST, FORGET_BIAS, TINY, Sizes, advance
from latentknobs.backends.magenta_js.vocabulary import PIANO
from latentknobs.backends.network import Network, NetworkConfig

OUT = "decoder/output_projection/"


def sizes_of(config: NetworkConfig) -> Sizes:
    """The sizes of the network of a config with ``cell = "lstm"``, which has both heads."""
    layers = (config.decoder_hidden,) * config.decoder_layers
    vocabulary = config.vocabulary
    return Sizes(vocabulary, vocabulary, config.encoder_hidden, config.latent_size, layers, sigma=True)


class LstmMusicVae(Network):
    """The network of a config; its tokens are magenta's, of MIDI pitches 21 to 108."""

    cell = "lstm"

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        for name, shape in sizes_of(config).shapes().items():
            tensor = torch.zeros(shape)
            if len(shape) == 2:
                # A cell's columns are its 4 gates; torch draws by its units, and a dense layer by what it reads.
                fan = shape[1] // 4 if "lstm_cell" in name else shape[0]
                nn.init.uniform_(tensor, -(fan**-0.5), fan**-0.5)
            self.register_parameter(name, nn.Parameter(tensor))

    def tokens(self, clips: Tensor) -> Tensor:
        return torch.from_numpy(PIANO.theirs(clips.cpu().numpy().astype("int16"))).to(clips.device)

    def encode(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        entering = self._one_hot(tokens)
        state = entering.new_zeros(2, len(tokens), self.config.encoder_hidden)
        weights = [part for way in ("fw", "bw") for part in self._torch_cell(ENCODER.format(way))]
        _, last, _ = torch.lstm(entering, (state, state), weights, True, 1, 0.0, self.training, True, True)
        hidden = torch.cat([last[0], last[1]], dim=-1)
        scale = functional.softplus(self._dense("encoder/sigma/", hidden)).clamp_min(TINY)
        return self._dense("encoder/mu/", hidden), scale

    def decode_given(self, z: Tensor, given: Tensor, keep: Tensor | None = None) -> Tensor:
        before = functional.pad(self._one_hot(given[:, :-1]), (0, 0, 1, 0)).transpose(0, 1)
        if keep is not None:
            before = before * keep.t().unsqueeze(-1)
        x = torch.cat([before, z.expand(len(before), *z.shape)], dim=-1)
        for layer, (c, h) in enumerate(self._first(z)):
            weights = self._torch_cell(DECODER.format(layer))
            states = (h.unsqueeze(0), c.unsqueeze(0))
            x, _, _ = torch.lstm(x, states, weights, True, 1, 0.0, self.training, False, False)
        return self._dense(OUT, x).transpose(0, 1)

    def decode_steps(
        self, z: Tensor, given: Tensor | None = None, known: Tensor | None = None, keep: Tensor | None = None
    ) -> Tensor:
        states = self._first(z)
        before = z.new_zeros(len(z), self.config.vocabulary)
        out = []
        for step in range(self.config.steps):
            if keep is not None:
                before = before * keep[:, step : step + 1]
            x = torch.cat([before, z], dim=-1)
            for layer, (c, h) in enumerate(states):
                states[layer] = advance(self._dense(DECODER.format(layer), torch.cat([x, h], dim=-1)), c)
                x = states[layer][1]
            logits = self._dense(OUT, x)
            out.append(logits)
            token = logits.detach().argmax(dim=-1)
            if given is not None:
                token = given[:, step] if known is None else torch.where(known[:, step], given[:, step], token)
            before = self._one_hot(token)
        return torch.stack(out, dim=1)

    def _one_hot(self, tokens: Tensor) -> Tensor:
        return functional.one_hot(tokens, self.config.vocabulary).float()

    def _dense(self, prefix: str, rows: Tensor) -> Tensor:
        weight, bias = self.get_parameter(prefix + "kernel"), self.get_parameter(prefix + "bias")
        return functional.linear(rows, weight.t(), bias).float()

    def _first(self, z: Tensor) -> list[tuple[Tensor, Tensor]]:
        """First c and h of each layer, each (N, H)."""
        parts = torch.tanh(self._dense(FIRST, z)).chunk(2 * self.config.decoder_layers, dim=-1)
        return [(parts[2 * layer], parts[2 * layer + 1]) for layer in range(self.config.decoder_layers)]

    def _torch_cell(self, prefix: str) -> list[Tensor]:
        """A cell's weights as torch's LSTM takes them: gates i, f, j, o in rows, the forget bias in the bias."""
        kernel, bias = self.get_parameter(prefix + "kernel"), self.get_parameter(prefix + "bias")
        i, j, f, o = kernel.t().chunk(4)
        hidden = len(i)
        weight = torch.cat([i, f, j, o])
        b_i, b_j, b_f, b_o = bias.chunk(4)
        ours = torch.cat([b_i, b_f + FORGET_BIAS, b_j, b_o])
        return [weight[:, :-hidden], weight[:, -hidden:], ours, torch.zeros_like(ours)]
