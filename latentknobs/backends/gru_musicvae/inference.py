"""
Fast paths of the network for use without training; they compute what :mod:`.network` writes plainly.

A token's way into a GRU is looked up in a table instead of multiplied, clips that begin (or, backwards, end) alike
share their states until they part (:mod:`.beginnings`), the part of z in the decoder's gates is computed once a clip,
biases of the first two gates are added where they cost nothing, a state is rounded once for all products that read it
(:mod:`.arithmetic`), and where all tokens are known a layer's input gates are one product over all steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from latentknobs.backends.gru_musicvae.arithmetic import Arithmetic, Float32, Product, Recurrent
from latentknobs.backends.gru_musicvae.beginnings import in_order, steps
from latentknobs.backends.gru_musicvae.network import GruMusicVae

ROWS = 512
"""Clips read at a time: their states stay in the processor's caches."""
Gates: TypeAlias = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""From :func:`mix`'s arguments to the next state."""


def mix(both: Tensor, new: Tensor, hidden: Tensor, state: Tensor) -> Tensor:
    """
    What a GRU makes of its gates (Cho et al., 2014, with torch's reset gate on the hidden product).

    Args:
        both: Reset and update before their sigmoid, (N, 2H); written over.
        new: The input's part of the new gate, (N, H); written over.
        hidden: The state's part of the new gate, (N, H).
        state: (N, H).
    """
    both.sigmoid_()
    size = state.shape[-1]
    new.addcmul_(both[:, :size], hidden).tanh_()
    return torch.lerp(new, state, both[:, size:])


class _Cell:
    """One layer: its state's way through it; ``gates`` is :func:`mix` or something that computes the same."""

    def __init__(self, recurrent: Recurrent, gates: Gates) -> None:
        self._recurrent = recurrent
        self._gates = gates

    def __call__(self, entering: Tensor, state: Tensor, operand: Tensor) -> Tensor:
        """
        The next state.

        Args:
            entering: The input's part of the gates, (N, 3H), with the biases that :func:`_folded` puts there; written
                over.
            state: (N, H).
            operand: The state as products take it.
        """
        size = 2 * state.shape[-1]
        both, new = entering[:, :size], entering[:, size:]
        return self._gates(both, new, self._recurrent(both, operand), state)


def _folded(bias_ih: Tensor, bias_hh: Tensor) -> Tensor:
    """Biases of the input's part of the gates, with those of the state's part that may be added there, (3H,)."""
    size = len(bias_ih) // 3 * 2
    return torch.cat([bias_ih[:size] + bias_hh[:size], bias_ih[size:]])


def _for_any(product: Product) -> Product:
    """The same for a lone row, as arithmetics that need no second one have it."""
    return lambda rows: product(rows) if len(rows) > 1 else product(rows.expand(Float32.fewest, -1))[:1]


class FastNetwork:
    """
    A network's weights, laid out for speed.

    Args:
        network: The network, float32; its weights are copied.
        arithmetic: How states are multiplied; float32 if left out.
        gates: :func:`mix` or what computes the same.
    """

    def __init__(self, network: GruMusicVae, arithmetic: Arithmetic | None = None, gates: Gates = mix) -> None:
        config = network.config
        self._config = config
        exact = Float32()
        self._arithmetic: Arithmetic = arithmetic or exact
        with torch.no_grad():
            table = network.token_table()
            size = config.token_size
            weights = network.gru_0.state_dict()
            self._encoder: list[tuple[Tensor, _Cell]] = []
            for side in ("", "_reverse"):
                read, kept, bias_in, bias = (
                    weights[f"{name}_l0{side}"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
                )
                cell = _Cell(self._arithmetic.recurrent(kept, bias), gates)
                self._encoder.append((table @ read.t() + _folded(bias_in, bias), cell))
            first, *above = network.cells
            self._decoder_table = (table @ first.weight_ih[:, :size].t()).contiguous()
            self._of_z = _for_any(exact.product(first.weight_ih[:, size:], _folded(first.bias_ih, first.bias_hh)))
            self._above = [
                self._arithmetic.product(cell.weight_ih, _folded(cell.bias_ih, cell.bias_hh)) for cell in above
            ]
            self._cells = [
                _Cell(self._arithmetic.recurrent(cell.weight_hh, cell.bias_hh), gates) for cell in network.cells
            ]
            self._mean, self._log_variance, self._initial, self._out = (
                _for_any(exact.product(linear.weight, linear.bias))
                for linear in (network.linear_mu, network.linear_var, network.linear_init, network.linear_out)
            )

    @property
    def fewest(self) -> int:
        """Rows from which on a row's result does not depend on how many there are."""
        return self._arithmetic.fewest

    def encode(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation, each float32 (N, D), of tokens int64 (N, T)."""
        size = self._config.encoder_hidden
        hidden = tokens.new_empty(len(tokens), 2 * size, dtype=torch.float32)
        for side, ((table, cell), sequence) in enumerate(zip(self._encoder, (tokens, tokens.flip(1)), strict=True)):
            order = torch.from_numpy(in_order(sequence.numpy()))
            for rows in torch.split(order, ROWS):
                hidden[rows, side * size : (side + 1) * size] = self._read(table, cell, sequence[rows])
        return self._mean(hidden), torch.exp(0.5 * self._log_variance(hidden))

    def _read(self, table: Tensor, cell: _Cell, tokens: Tensor) -> Tensor:
        """States (N, H) after the last of tokens int64 (N, T), which are in order."""
        *reading, last = steps(tokens.numpy(), self.fewest)
        state = table.new_zeros(len(reading[0].tokens), self._config.encoder_hidden)
        for step in reading:
            if step.origins is not None:
                state = state.index_select(0, torch.from_numpy(step.origins))
            entering = table.index_select(0, torch.from_numpy(step.tokens))
            state = cell(entering, state, self._arithmetic.operand(state))
        return state if last.origins is None else state.index_select(0, torch.from_numpy(last.origins))

    def greedy(self, z: Tensor, chosen: Callable[[Tensor], Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """
        Tokens int64 (N, T) and their logits float32 (N, T, V), each step reading the token before it.

        Args:
            z: Codes (N, D).
            chosen: From a step's logits (N, V) to its tokens (N,); None = the likeliest.
        """
        states = [torch.tanh(self._initial(z))]
        operands = [self._arithmetic.operand(states[0])]
        of_z = self._of_z(z)
        token = torch.full((len(z),), self._config.vocabulary - 1, dtype=torch.int64, device=z.device)
        tokens, every = [], []
        for step in range(self._config.steps):
            entering = of_z + self._decoder_table.index_select(0, token)
            for layer, cell in enumerate(self._cells):
                if layer:
                    entering = self._above[layer - 1](operands[layer - 1])
                    if step == 0:
                        states.append(states[layer - 1])
                        operands.append(operands[layer - 1])
                states[layer] = cell(entering, states[layer], operands[layer])
                operands[layer] = self._arithmetic.operand(states[layer])
            logits = self._out(states[-1])
            token = logits.argmax(dim=-1) if chosen is None else chosen(logits)
            tokens.append(token)
            every.append(logits)
        return torch.stack(tokens, dim=1), torch.stack(every, dim=1)

    def given(self, z: Tensor, tokens: Tensor) -> Tensor:
        """Logits float32 (N, T, V) where each step reads the true token before it, tokens int64 (N, T)."""
        before = functional.pad(tokens[:, :-1], (1, 0), value=self._config.vocabulary - 1).t()
        entering = self._decoder_table[before] + self._of_z(z)
        state = torch.tanh(self._initial(z))
        outputs = state
        for layer, cell in enumerate(self._cells):
            if layer:
                operand = self._arithmetic.operand(outputs.flatten(0, 1))
                entering = self._above[layer - 1](operand).view(*outputs.shape[:2], -1)
                state = outputs[0]
            steps = []
            for gates in entering:
                state = cell(gates, state, self._arithmetic.operand(state))
                steps.append(state)
            outputs = torch.stack(steps)
        return self._out(outputs.flatten(0, 1)).view(*outputs.shape[:2], -1).transpose(0, 1)
