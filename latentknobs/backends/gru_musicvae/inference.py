"""
Fast paths of the network for use without training; they compute what :mod:`.network` writes plainly.

A token's way into a GRU is looked up in a table instead of multiplied, the part of z in the decoder's gates is
computed once a clip, both directions of the encoder run as one batched product, and where all tokens are known
a layer's input gates are one product over all steps.
"""

from __future__ import annotations

from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentknobs.backends.gru_musicvae.network import GruMusicVae

Laid: TypeAlias = tuple[Tensor, Tensor]
"""
Weights, transposed and contiguous (..., in, out), and bias (..., out). Laid out like this the sums of a product
run in the same order for any number of rows from 2 on (measured with MKL), so a clip's code does not depend on
its company.
"""


def advance(entering: Tensor, state: Tensor, recurrent: Laid) -> Tensor:
    """
    One step of a GRU (Cho et al., 2014, with torch's reset gate on the hidden product).

    Args:
        entering: Input gates, bias included, (..., N, 3H).
        state: (..., N, H).
        recurrent: The recurrent weights.
    """
    weight, bias = recurrent
    hidden = state.shape[-1]
    gates = torch.matmul(state, weight).add_(bias)
    both = (entering[..., : 2 * hidden] + gates[..., : 2 * hidden]).sigmoid_()
    new = torch.addcmul(entering[..., 2 * hidden :], both[..., :hidden], gates[..., 2 * hidden :]).tanh_()
    return torch.lerp(new, state, both[..., hidden:])


def _laid_out(linear: nn.Linear) -> Laid:
    return linear.weight.t().contiguous(), linear.bias.clone()


def _linear(rows: Tensor, laid: Laid) -> Tensor:
    weight, bias = laid
    return torch.addmm(bias, rows, weight)


class FastNetwork:
    """
    A network's weights, laid out for speed.

    Args:
        network: The network, float32; its weights are copied.
    """

    def __init__(self, network: GruMusicVae) -> None:
        config = network.config
        self._config = config
        with torch.no_grad():
            table = network.token_table()
            size = config.token_size
            weights = network.gru_0.state_dict()
            sides = [
                [weights[f"{name}_l0{side}"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
                for side in ("", "_reverse")
            ]
            self._encoder_table = torch.stack([table @ side[0].t() + side[2] for side in sides])
            self._encoder = (
                torch.stack([side[1].t() for side in sides]).contiguous(),
                torch.stack([side[3] for side in sides]).unsqueeze(1),
            )
            first, *above = network.cells
            self._decoder_table = (table @ first.weight_ih[:, :size].t()).contiguous()
            self._of_z = (first.weight_ih[:, size:].t().contiguous(), first.bias_ih.clone())
            self._above = [(cell.weight_ih.t().contiguous(), cell.bias_ih.clone()) for cell in above]
            self._recurrent: list[Laid] = [
                (cell.weight_hh.t().contiguous(), cell.bias_hh.clone()) for cell in network.cells
            ]
            self._mean, self._log_variance, self._initial, self._out = map(
                _laid_out, (network.linear_mu, network.linear_var, network.linear_init, network.linear_out)
            )

    def encode(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation, each float32 (N, D), of tokens int64 (N, T)."""
        ahead, back = self._encoder_table
        state = ahead.new_zeros(2, len(tokens), self._config.encoder_hidden)
        for step in range(self._config.steps):
            entering = torch.stack([ahead[tokens[:, step]], back[tokens[:, -1 - step]]])
            state = advance(entering, state, self._encoder)
        hidden = torch.cat([state[0], state[1]], dim=-1)
        return _linear(hidden, self._mean), torch.exp(0.5 * _linear(hidden, self._log_variance))

    def greedy(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens int64 (N, T) and their logits float32 (N, T, V), each step reading the likeliest token before it."""
        states: list[Tensor] = []
        of_z = _linear(z, self._of_z)
        token = torch.full((len(z),), self._config.vocabulary - 1, dtype=torch.int64, device=z.device)
        tokens, every = [], []
        for step in range(self._config.steps):
            entering = of_z + self._decoder_table[token]
            for layer, recurrent in enumerate(self._recurrent):
                if layer:
                    entering = _linear(states[layer - 1], self._above[layer - 1])
                if step == 0:
                    states.append(torch.tanh(_linear(z, self._initial)) if layer == 0 else states[layer - 1])
                states[layer] = advance(entering, states[layer], recurrent)
            logits = _linear(states[-1], self._out)
            token = logits.argmax(dim=-1)
            tokens.append(token)
            every.append(logits)
        return torch.stack(tokens, dim=1), torch.stack(every, dim=1)

    def given(self, z: Tensor, tokens: Tensor) -> Tensor:
        """Logits float32 (N, T, V) where each step reads the true token before it, tokens int64 (N, T)."""
        before = functional.pad(tokens[:, :-1], (1, 0), value=self._config.vocabulary - 1).t()
        entering = self._decoder_table[before] + _linear(z, self._of_z)
        state = torch.tanh(_linear(z, self._initial))
        outputs = state
        for layer, recurrent in enumerate(self._recurrent):
            if layer:
                weight, bias = self._above[layer - 1]
                entering = torch.matmul(outputs, weight).add_(bias)
                state = outputs[0]
            steps = []
            for gates in entering:
                state = advance(gates, state, recurrent)
                steps.append(state)
            outputs = torch.stack(steps)
        return torch.matmul(outputs, self._out[0]).add_(self._out[1]).transpose(0, 1)
