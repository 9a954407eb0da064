"""
MusicVAE's flat models (Roberts et al., ICML 2018), of melodies and of drums, as magenta.js runs them, in torch.

An LSTM as TensorFlow's: one product of [input, h] gives the gates i, j, f, o; c' = sigmoid(f + 1) c + sigmoid(i)
tanh(j); h' = sigmoid(o) tanh(c'). The encoder reads the clip both ways; from the last state of each come the mean and,
where its weights are there, the standard deviation (softplus). The decoder's first states are tanh of a map of z (c and
h of layer 0, then those of layer 1, ...); each step reads [the token before, z], the first one zeros.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np
import torch
from attrs import frozen
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from latentknobs.backends.magenta_js.vocabulary import Vocabulary
from latentknobs.backends.state_dict import common_size
from latentknobs.backends.weights import check_no_codebook
from latentknobs.errors import ModelError

FORGET_BIAS = 1.0
LSTM = "multi_rnn_cell/cell_{}/lstm_cell/"
ENCODER = "encoder/cell_0/bidirectional_rnn/{}/" + LSTM.format(0)
DECODER = "decoder/" + LSTM
FIRST = "decoder/z_to_initial_state/"
_LAYER = re.compile(r"decoder/multi_rnn_cell/cell_(\d{1,2})/")
TINY = float(np.finfo(np.float32).tiny)


@frozen
class Sizes:
    """
    What a checkpoint's tensors say of its network.

    Attributes:
        vocabulary: Number of tokens.
        inputs: How many numbers of a step the encoder reads.
        encoder: Units of the encoder, each way; 0 = there is none.
        latent: D.
        decoder: Units of each layer of the decoder.
        sigma: Whether it has a standard deviation.
    """

    vocabulary: int
    inputs: int
    encoder: int
    latent: int
    decoder: tuple[int, ...]
    sigma: bool

    @classmethod
    def of(cls, tensors: Mapping[str, NDArray[np.float32]], vocabulary: Vocabulary, where: str) -> Sizes:
        """
        The sizes that most tensors agree on.

        Raises:
            ModelError: A tensor that they need is missing; names it.
        """
        check_no_codebook(tensors, where)
        shapes = {name: tensor.shape for name, tensor in tensors.items()}

        def size(*places: tuple[str, int, int]) -> int:
            found = common_size(shapes, places)
            if found is None:
                raise ModelError(f"{where}: tensor {places[0][0]!r} is missing: is it the folder of a flat MusicVAE?")
            return found

        def cell(prefix: str) -> list[tuple[str, int, int]]:
            return [(prefix + "bias", 0, 4), (prefix + "kernel", 1, 4)]

        numbers = [int(found[1]) for name in tensors if (found := _LAYER.match(name))]
        layers = range(1 + max(numbers, default=0))
        encodes = any(name.startswith("encoder/") for name in tensors)
        heads = [head for head in ("mu", "sigma") if any(name.startswith(f"encoder/{head}/") for name in tensors)]
        parts = [(f"encoder/{head}/{part}", axis, 1) for head in heads for part, axis in (("bias", 0), ("kernel", 1))]
        return cls(
            vocabulary=vocabulary.size,
            inputs=vocabulary.encoder_inputs,
            encoder=size(*(place for way in ("fw", "bw") for place in cell(ENCODER.format(way)))) if encodes else 0,
            latent=size((FIRST + "kernel", 0, 1), *parts),
            decoder=tuple(size(*cell(DECODER.format(layer))) for layer in layers),
            sigma="sigma" in heads,
        )

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Every tensor of such a network with its shape."""
        out: dict[str, tuple[int, ...]] = {}

        def dense(prefix: str, rows: int, columns: int) -> None:
            out[prefix + "kernel"] = (rows, columns)
            out[prefix + "bias"] = (columns,)

        if self.encoder:
            for way in ("fw", "bw"):
                dense(ENCODER.format(way), self.inputs + self.encoder, 4 * self.encoder)
            for head in ("mu", "sigma") if self.sigma else ("mu",):
                dense(f"encoder/{head}/", 2 * self.encoder, self.latent)
        dense(FIRST, self.latent, 2 * sum(self.decoder))
        entering = self.vocabulary + self.latent
        for layer, hidden in enumerate(self.decoder):
            dense(DECODER.format(layer), entering + hidden, 4 * hidden)
            entering = hidden
        dense("decoder/output_projection/", self.decoder[-1], self.vocabulary)
        return out


def check_shapes(tensors: Mapping[str, NDArray[np.float32]], wanted: Mapping[str, tuple[int, ...]], where: str) -> None:
    """
    See that the tensors are those of the network.

    Raises:
        ModelError: Names the first tensor that is missing, unknown or of another shape.
    """
    for name in sorted({*wanted, *tensors}):
        if name not in tensors:
            raise ModelError(f"{where}: tensor {name!r} of shape {wanted[name]} is missing: download the folder whole.")
        if name not in wanted:
            raise ModelError(
                f"{where}: there is a tensor {name!r}, which a flat MusicVAE does not have: models with chords, "
                "controls, NADE or several levels are not read; choose a flat checkpoint."
            )
        if tensors[name].shape != wanted[name]:
            raise ModelError(
                f"{where}: tensor {name!r} must have shape {wanted[name]}, it has {tensors[name].shape}: manifest and "
                "config.json must be of one checkpoint; download both again."
            )


def advance(gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """One step of an LSTM: gates (..., 4H) and c (..., H) to the new c and h."""
    i, j, f, o = gates.chunk(4, dim=-1)
    c = torch.sigmoid(f + FORGET_BIAS) * c + torch.sigmoid(i) * torch.tanh(j)
    return c, torch.sigmoid(o) * torch.tanh(c)


def likeliest(logits: Tensor) -> Tensor:
    """The likeliest tokens int64 (N,) of logits (N, V)."""
    return logits.argmax(dim=-1)


class MagentaNetwork(nn.Module):
    """
    The network; its buffers are the checkpoint's tensors under their own names.

    Args:
        tensors: By name, checked (:func:`check_shapes`).
        sizes: Their sizes.
        vocabulary: The tokens.
    """

    def __init__(self, tensors: Mapping[str, NDArray[np.float32]], sizes: Sizes, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.sizes = sizes
        self.vocabulary = vocabulary
        for name in sorted(tensors):
            self.register_buffer(name, torch.tensor(tensors[name]))
        if sizes.encoder:
            self._prepare_encoder()

    def _prepare_encoder(self) -> None:
        sizes = self.sizes
        # Both ways of the encoder run as one batched product; what a token adds to a cell's gates is a row of a table.
        ways = [[self._tensor(ENCODER.format(way) + part) for part in ("kernel", "bias")] for way in ("fw", "bw")]
        read = self.vocabulary.read_by_encoder()
        rows = [kernel[: sizes.inputs] for kernel, _ in ways]
        if read is not None:
            rows = [torch.from_numpy(read) @ kernel for kernel in rows]
        self._keep("encoder_of_token", torch.stack([row + bias for row, (_, bias) in zip(rows, ways, strict=True)]))
        self._keep("encoder_of_state", torch.stack([kernel[sizes.inputs :] for kernel, _ in ways]))

    def _keep(self, name: str, tensor: Tensor) -> None:
        self.register_buffer(name, tensor.contiguous(), persistent=False)

    def _tensor(self, name: str) -> Tensor:
        return self.get_buffer(name)

    def _dense(self, prefix: str, rows: Tensor) -> Tensor:
        return torch.addmm(self._tensor(prefix + "bias"), rows, self._tensor(prefix + "kernel"))

    def encode(self, tokens: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Mean (N, D), and standard deviation where there is one, of clips int64 (N, steps) in our tokens."""
        theirs = self._theirs(tokens)
        of_token, of_state = self.get_buffer("encoder_of_token"), self.get_buffer("encoder_of_state")
        h = of_state.new_zeros(2, len(theirs), self.sizes.encoder)
        c = h
        ahead, back = of_token
        for step in range(theirs.shape[1]):
            entering = torch.stack([ahead[theirs[:, step]], back[theirs[:, -1 - step]]])
            c, h = advance(torch.baddbmm(entering, h, of_state), c)
        state = torch.cat([h[0], h[1]], dim=-1)
        mean = self._dense("encoder/mu/", state)
        if not self.sizes.sigma:
            return mean
        return mean, functional.softplus(self._dense("encoder/sigma/", state)).clamp_min(TINY)

    def decode(self, z: Tensor, given: Tensor | None = None) -> Tensor:
        """Logits (N, steps, V) of our tokens at codes (N, D): reading clips int64 (N, steps), or its own likeliest."""
        tokens, logits = self.run(z, None if given is None else self._theirs(given))
        columns = self.vocabulary.columns(tokens.cpu().numpy())
        if columns is None:
            return logits
        impossible = logits.new_full((*logits.shape[:-1], 1), -torch.inf)
        # -1 is the last column.
        where = torch.from_numpy(columns % (self.sizes.vocabulary + 1)).to(z.device)
        return torch.cat([logits, impossible], dim=-1).gather(-1, where)

    def draw(self, z: Tensor, choose: Callable[[Tensor], Tensor]) -> Tensor:
        """Clips int64 (N, steps) of our tokens at codes (N, D); ``choose`` takes a step's logits (N, V) to theirs."""
        tokens, _ = self.run(z, choose=choose)
        return torch.from_numpy(self.vocabulary.ours(tokens.cpu().numpy()).astype(np.int64))

    def run(
        self, z: Tensor, given: Tensor | None = None, choose: Callable[[Tensor], Tensor] = likeliest
    ) -> tuple[Tensor, Tensor]:
        """
        The decoder in its own vocabulary.

        Args:
            z: Codes (N, D).
            given: Tokens int64 (N, steps) that it reads; None = its own.
            choose: Takes the logits (N, V) of a step to its own tokens, int64 (N,).

        Returns:
            The tokens read, int64 (N, steps), and the logits, float32 (N, steps, V).
        """
        vocabulary, latent, hidden = self.sizes.vocabulary, self.sizes.latent, self.sizes.decoder
        first = torch.tanh(self._dense(FIRST, z))
        states = list(torch.split_with_sizes(first, [size for layer in hidden for size in (layer, layer)], dim=-1))
        kernels = [self._tensor(DECODER.format(layer) + "kernel") for layer in range(len(hidden))]
        biases = [self._tensor(DECODER.format(layer) + "bias") for layer in range(len(hidden))]
        of_token, of_z, of_state = torch.split_with_sizes(kernels[0], [vocabulary, latent, hidden[0]])
        from_z = torch.addmm(biases[0], z, of_z)
        tokens: list[Tensor] = []
        every: list[Tensor] = []
        for step in range(self.vocabulary.clip_format.steps):
            gates = from_z + states[1] @ of_state
            if step:
                gates = gates + of_token[tokens[-1]]
            for layer, kernel in enumerate(kernels):
                if layer:
                    gates = torch.addmm(
                        biases[layer], torch.cat([states[2 * layer - 1], states[2 * layer + 1]], 1), kernel
                    )
                states[2 * layer], states[2 * layer + 1] = advance(gates, states[2 * layer])
            every.append(self._dense("decoder/output_projection/", states[-1]))
            tokens.append(choose(every[-1]) if given is None else given[:, step])
        return torch.stack(tokens, dim=1), torch.stack(every, dim=1)

    def _theirs(self, tokens: Tensor) -> Tensor:
        clips = tokens.cpu().numpy().astype(np.int16)
        return torch.from_numpy(self.vocabulary.theirs(clips)).to(tokens.device)
