"""
Fast inference; computes the same as :mod:`.network`, which states the equations.

A token's input to a GRU is looked up in a table instead of multiplied. Clips with a common prefix (or, backwards, a
common suffix) share their states until they differ (:mod:`.prefix_sharing`). The contribution of z to the decoder's
gates is computed before the first step, biases are added where they cost nothing, and a new state is multiplied once
for both its readers: its own layer's gates at the next step and the gates of the layer above.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from latentknobs.backends.gru_musicvae import mirrors, pitch_height
from latentknobs.backends.gru_musicvae.network import GruMusicVae
from latentknobs.backends.gru_musicvae.prefix_sharing import in_order, shared_steps
from latentknobs.backends.precision import Float32, Precision, Product, enough

ROWS = 512
"""Clips encoded at a time: their states stay in the processor's caches."""
LONE_HIDDEN = 1024
"""Up to this size of an encoder's state both directions' weights are kept once more, for lone clips: 25 MB at most."""
PARTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
"""torch's names of a GRU's weights and biases, of the input and of the state."""
Gates: TypeAlias = Callable[[Tensor, Tensor, Tensor], Tensor]
"""From :func:`mix`'s arguments to the next state."""


def mix(entering: Tensor, kept: Tensor, state: Tensor) -> Tensor:
    """
    A GRU's next state (Cho et al., 2014, with torch's reset gate on the hidden product).

    Args:
        entering: The input's part of the reset and update gates and twice that of the new one, (N, 3H); written over.
        kept: The state's part of them, likewise, (N, 3H).
        state: (N, H).
    """
    # Of a lone clip, calls take longer than arithmetic: these are few and run no Python.
    parts = [2 * state.shape[-1], state.shape[-1]]
    both, new = entering.split_with_sizes(parts, 1)
    kept_both, kept_new = kept.split_with_sizes(parts, 1)
    both.add_(kept_both).sigmoid_()
    reset, update = both.chunk(2, 1)
    # tanh(a) = 2 sigmoid(2a) - 1, and torch's sigmoid takes a third of its tanh's time or less.
    new.addcmul_(reset, kept_new).sigmoid_()
    return torch.lerp(torch.rsub(new, -1, alpha=-2), state, update)


def _for_mix(part: Tensor) -> Tensor:
    """Weights (3H, in) or biases (3H,) of a GRU as :func:`mix` takes them: the new gate's doubled, which is exact."""
    both, new = torch.tensor_split(part, [len(part) // 3 * 2])
    return torch.cat([both, 2 * new])


def _split_biases(bias_ih: Tensor, bias_hh: Tensor) -> tuple[Tensor, Tensor]:
    """Biases (3H,) of the input's part of the gates, with all that can be added there, and of the state's part."""
    size = len(bias_ih) // 3 * 2
    entering = torch.cat([bias_ih[:size] + bias_hh[:size], bias_ih[size:]])
    return entering, torch.cat([torch.zeros_like(bias_hh[:size]), bias_hh[size:]])


def _for_any(product: Product) -> Product:
    """The product for any number of rows, a single one included."""
    return lambda rows: product(rows) if len(rows) > 1 else product(rows.expand(Float32.min_rows, -1))[:1]


class FastNetwork:
    """
    A network's weights, laid out for speed.

    Args:
        network: The network, float32; its weights are copied.
        precision: How states are multiplied; default float32.
        gates: :func:`mix` or its compiled equivalent.
    """

    def __init__(self, network: GruMusicVae, precision: Precision | None = None, gates: Gates = mix) -> None:
        config = network.config
        self._config = config
        exact = Float32()
        self._precision: Precision = precision or exact
        self._gates = gates
        with torch.no_grad():
            table = network.token_table()
            size = config.token_size
            weights = network.gru_0.state_dict()
            self._encoder: list[tuple[Tensor, Product]] = []
            self._features: list[Product] = []  # from the states of a direction to their part of the features
            if config.state_features:
                halves = torch.split(network.linear_states.weight, config.encoder_hidden, dim=1)
                biases = (network.linear_states.bias, torch.zeros_like(network.linear_states.bias))
                self._features = [
                    _for_any(exact.product(half.contiguous(), bias)) for half, bias in zip(halves, biases, strict=False)
                ]
            keeps = []
            for side in ("",) if config.mirrors else ("", "_reverse"):
                read, keep, bias_in, bias = (_for_mix(weights[f"{name}_l0{side}"]) for name in PARTS)
                entering, kept = _split_biases(bias_in, bias)
                self._encoder.append((table @ read.t() + entering, self._precision.product(keep, kept)))
                keeps.append((keep, kept))
            self._lone: tuple[Tensor, Product] | None = None
            if len(keeps) == 2 and config.encoder_hidden <= LONE_HIDDEN:
                tables = torch.stack([each for each, _ in self._encoder])
                both = (torch.cat(part) for part in zip(*keeps, strict=True))
                self._lone = tables, self._precision.product(*both)
            first, *above = ([_for_mix(getattr(cell, name)) for name in PARTS] for cell in network.cells)
            read, weight, bias_in, bias = first
            entering, kept = _split_biases(bias_in, bias)
            self._decoder_table = (table @ read[:, :size].t()).contiguous()
            # From what the decoder reads of z to its part of the gates, of the first layer and of those above.
            self._of_z = [_for_any(exact.product(read[:, size:].contiguous(), entering))]
            # A new state is read by the layer above now and by its own layer at the next step: one product for both.
            self._joined: list[Product] = []
            for read, keep, bias_in, bias in above:
                entering, own = _split_biases(bias_in, bias)
                below, vectors = torch.split(read, [config.decoder_hidden, config.step_features], dim=1)
                if config.step_features:
                    self._of_z.append(_for_any(exact.product(vectors.contiguous(), torch.zeros_like(entering))))
                joined = torch.cat([weight, below]), torch.cat([kept, entering])
                self._joined.append(self._precision.product(*joined))
                weight, kept = keep, own
            self._last = self._precision.product(weight, kept)
            self._vectors: list[Product] = []
            if config.step_features:
                unrolled = (network.linear_hidden, network.linear_steps)
                self._vectors = [_for_any(exact.product(linear.weight, linear.bias)) for linear in unrolled]
            self._mean, self._log_variance, self._initial, self._out = (
                _for_any(exact.product(linear.weight, linear.bias))
                for linear in (network.linear_mu, network.linear_var, network.linear_init, network.linear_out)
            )

    def enough(self, rows: int) -> int:
        """How many rows to compute where ``rows`` are needed, so that a row's result does not depend on the number."""
        return enough(rows, self._precision.min_rows)

    def encode(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation, each float32 (N, D), of tokens int64 (N, T)."""
        if not self._config.height:
            return self._encode(tokens)
        _, height = pitch_height.middle_of(tokens)
        seen = mirrors.images(tokens) if self._config.mirrors else tokens
        line = pitch_height.line_of(seen, pitch_height.middle_of(seen)[0])
        return pitch_height.beside(*self._encode(line), height)

    def _encode(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self._features_of(tokens) if self._features else self._last_states(tokens)
        parts = torch.split(hidden, ROWS)
        mean, log_variance = (torch.cat([head(part) for part in parts]) for head in (self._mean, self._log_variance))
        if self._config.mirrors:
            mean, log_variance = mirrors.posterior(mean, log_variance)
        return mean, torch.exp(0.5 * log_variance)

    def _last_states(self, tokens: Tensor) -> Tensor:
        """The last states of both directions, (N, 2H)."""
        size = self._config.encoder_hidden
        if self._lone is not None and len(tokens) == 1:
            return self._both_ways(*self._lone, tokens[0])
        hidden = tokens.new_empty(len(tokens), 2 * size, dtype=torch.float32)
        for side, (rows, reading) in self._directions(tokens):
            for state, owners in reading:
                last = state, owners
            hidden[rows, side * size : (side + 1) * size] = last[0].index_select(0, last[1])
        return hidden

    def _both_ways(self, tables: Tensor, keep: Product, tokens: Tensor) -> Tensor:
        """
        The last states (1, 2H) of a lone clip, tokens int64 (T,).

        A product takes two rows (see :meth:`enough`), and each call takes time: the rows are the directions' states, by
        both directions' weights, and the halves that belong together are used.
        """
        entering = torch.stack([tables[0].index_select(0, tokens), tables[1].index_select(0, tokens.flip(0))], 1)
        state = entering.new_zeros(2, self._config.encoder_hidden)
        for step in entering.unbind():
            kept = keep(self._precision.operand(state)).view(2, 2, -1).diagonal().t()
            state = self._gates(step, kept, state)
        return state.view(1, -1)

    def _features_of(self, tokens: Tensor) -> Tensor:
        """The features of all steps, (N, T * features), computed once for all clips that share a state."""
        out = tokens.new_zeros(*tokens.shape, self._config.state_features, dtype=torch.float32)
        for side, (rows, reading) in self._directions(tokens):
            for step, (state, owners) in enumerate(reading):
                place = tokens.shape[1] - 1 - step if side else step
                out[rows, place] += self._features[side](state).index_select(0, owners)
        return out.flatten(1)

    def _directions(self, tokens: Tensor) -> Iterator[tuple[int, tuple[Tensor, Iterator[tuple[Tensor, Tensor]]]]]:
        """Of tokens int64 (N, T), each direction (0 forward, 1 backward) and part: its rows, and how they are read."""
        for side, ((table, keep), sequence) in enumerate(zip(self._encoder, (tokens, tokens.flip(1)), strict=False)):
            order = torch.from_numpy(in_order(sequence.numpy()))
            for rows in torch.split(order, ROWS):
                yield side, (rows, self._read(table, keep, sequence[rows]))

    def _read(self, table: Tensor, keep: Product, tokens: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Distinct states (M, H), and each clip's, int64 (N,), after each of sorted tokens int64 (N, T)."""
        state = table.new_zeros(0)
        for run in shared_steps(tokens.numpy(), self.enough):
            read, owners = torch.from_numpy(run.tokens).unbind(), torch.from_numpy(run.owners)
            if not len(state):
                state = table.new_zeros(len(read[0]), self._config.encoder_hidden)
            if run.origins is not None:
                state = state.index_select(0, torch.from_numpy(run.origins))
            for step in read:
                state = self._gates(table.index_select(0, step), keep(self._precision.operand(state)), state)
                yield state, owners

    def _entering(self, z: Tensor) -> list[Sequence[Tensor]]:
        """What z adds to the gates of each layer that reads it, at each step (N, 3H)."""
        if not self._vectors:
            return [[self._of_z[0](z)] * self._config.steps]
        into, out = self._vectors
        vectors = out(functional.silu(into(z))).view(-1, self._config.step_features)
        gates = (product(vectors).view(len(z), self._config.steps, -1) for product in self._of_z)
        return [list(of_layer.transpose(0, 1).contiguous()) for of_layer in gates]

    def greedy(self, z: Tensor, chosen: Callable[[Tensor], Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """
        Tokens int64 (N, T) and their logits float32 (N, T, V), each step reading the token before it.

        Args:
            z: Codes (N, D).
            chosen: From a step's logits (N, V) to its tokens (N,); None = the likeliest.
        """
        if not self._config.height:
            return self._greedy(z, chosen)
        line, logits = self._greedy(z[:, :-1].contiguous(), chosen)
        middle = pitch_height.from_code(z, line)
        return pitch_height.placed(line, middle), pitch_height.placed_logits(logits, middle)

    def _greedy(self, z: Tensor, chosen: Callable[[Tensor], Tensor] | None) -> tuple[Tensor, Tensor]:
        decoder = self._decoder(z)
        entering = self._entering(z)
        token = torch.full((len(z),), self._config.vocabulary - 1, dtype=torch.int64, device=z.device)
        tokens, every = [], []
        for first, *above in zip(*entering, strict=True):
            logits = self._out(decoder(first + self._decoder_table.index_select(0, token), above))
            token = logits.argmax(dim=-1) if chosen is None else chosen(logits)
            tokens.append(token)
            every.append(logits)
        return torch.stack(tokens, dim=1), torch.stack(every, dim=1)

    def given(self, z: Tensor, tokens: Tensor) -> Tensor:
        """Logits float32 (N, T, V) where each step reads the true token before it, tokens int64 (N, T)."""
        if not self._config.height:
            return self._given(z, tokens)
        middle, _ = pitch_height.middle_of(tokens)
        logits = self._given(z[:, :-1].contiguous(), pitch_height.line_of(tokens, middle))
        return pitch_height.placed_logits(logits, middle)

    def _given(self, z: Tensor, tokens: Tensor) -> Tensor:
        decoder = self._decoder(z)
        before = functional.pad(tokens[:, :-1], (1, 0), value=self._config.vocabulary - 1)
        states = [
            decoder(first + self._decoder_table.index_select(0, token), above)
            for token, (first, *above) in zip(before.t(), zip(*self._entering(z), strict=True), strict=True)
        ]
        outputs = torch.stack(states, dim=1)
        return self._out(outputs.flatten(0, 1)).view(*outputs.shape[:2], -1)

    def _decoder(self, z: Tensor) -> _Decoder:
        return _Decoder(self._joined, self._last, self._precision, self._gates, torch.tanh(self._initial(z)))


class _Decoder:
    """
    The layers' states while a batch is decoded.

    Args:
        joined: For each layer but the last, from its state to its own gates and those of the layer above, (N, 6H).
        last: From the last layer's state to its own gates, (N, 3H).
        precision: How they multiply.
        gates: :func:`mix` or its compiled equivalent.
        state: The first layer's first state, (N, H).
    """

    def __init__(self, joined: list[Product], last: Product, precision: Precision, gates: Gates, state: Tensor) -> None:
        self._joined, self._last = joined, last
        self._operand, self._gates = precision.operand, gates
        self._states = [state]
        self._kept: list[Tensor] = []

    def __call__(self, entering: Tensor, above: Sequence[Tensor] = ()) -> Tensor:
        """
        The last layer's next state (N, H).

        Args:
            entering: The input's part of the first layer's gates, (N, 3H), written over.
            above: What is added to those of the layers above, each (N, 3H); none = nothing.
        """
        wide = entering.shape[-1]
        for layer, leaving in enumerate(self._joined):
            if layer == len(self._kept):
                self._kept.append(leaving(self._operand(self._states[layer])))
            state = self._gates(entering, self._kept[layer][:, :wide], self._states[layer])
            parts = leaving(self._operand(state))
            if layer + 1 == len(self._states):  # at the first step a layer goes on from the one below
                self._states.append(state)
            self._states[layer], self._kept[layer], entering = state, parts, parts[:, wide:]
            if above:
                entering = entering + above[layer]
        self._states[-1] = self._gates(entering, self._last(self._operand(self._states[-1])), self._states[-1])
        return self._states[-1]
