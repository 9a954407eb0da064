"""
The network: a bidirectional GRU encoder, a stack of GRU cells as decoder.

Source: Yang, Chen, Zhang and Xia (NIME 2019) and its authors' released weights, whose state-dict names are
kept (gru_0, linear_mu, linear_var, grucell_0, grucell_1, ..., linear_init, linear_out), so that those weights
load as they are. With V tokens, T steps and the token x_t entering as e(x_t), one-hot or embedded:

    encoder   mean, log variance = linear(last hidden states of both directions over e(x_0), ..., e(x_{T-1}))
    decoder   h^0_{-1} = tanh(linear_init(z));  h^k_{-1} = h^{k-1}_0 for the layers k above
              h^0_t = GRU_0([e(x_{t-1}), z], h^0_{t-1});  h^k_t = GRU_k(h^{k-1}_t, h^k_{t-1})
              logits_t = linear_out(h^K_t);  x_{-1} = V - 1 (rest)

Four options are ours. With ``state_features`` the posterior is read from the states at every step, so that nothing has
to be remembered to the end of the clip; with ``step_features`` z is unrolled into a vector for each step, read by every
layer, so that the decoder need not count:

    encoder   mean, log variance = linear(f_0, ..., f_{T-1});  f_t = linear_states([forward_t, backward_t])
    decoder   s_0, ..., s_{T-1} = linear_steps(silu(linear_hidden(z)))
              h^0_t = GRU_0([e(x_{t-1}), s_t], h^0_{t-1});  h^k_t = GRU_k([h^{k-1}_t, s_t], h^k_{t-1})

With ``height`` all of this is said of the clip's line, and the last dimension of z is its height
(:mod:`.pitch_height`). Outside, tokens and their logits are those of the clip nevertheless. With ``mirrors`` one GRU
without directions reads a clip's mirror images, and the posterior is their average (:mod:`.mirrors`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentknobs.backends.gru_musicvae import mirrors, pitch_height
from latentknobs.backends.network import Network, NetworkConfig


def flops_of(config: NetworkConfig) -> dict[str, float]:
    """
    Multiplications and additions of the products of one clip, encoded and decoded by itself.

    Tokens are looked up, and what z adds to the gates is computed once, as :mod:`.inference` does.
    """
    ways, images = (1, mirrors.IMAGES) if config.mirrors else (2, 1)
    steps, wide, reads = config.steps, config.encoder_hidden, ways * config.encoder_hidden
    encode = steps * ways * 3 * wide * wide
    if config.state_features:
        encode += steps * reads * config.state_features
        reads = steps * config.state_features
    encode += 2 * reads * config.line_size
    wide, layers, latent = config.decoder_hidden, config.decoder_layers, config.line_size
    decode = steps * ((2 * layers - 1) * 3 * wide * wide + wide * config.vocabulary) + latent * wide
    if config.step_features:
        decode += config.step_hidden * (latent + steps * config.step_features)
        decode += steps * layers * config.step_features * 3 * wide
    else:
        decode += latent * 3 * wide
    return {"encode": 2.0 * images * encode, "decode": 2.0 * decode}


class GruMusicVae(Network):
    """The network of a config; its tokens are those of ``melody-2bar``."""

    cell = "gru"

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        two_ways = not config.mirrors
        both, latent = (1 + two_ways) * config.encoder_hidden, config.line_size
        if config.embedding:
            self.embedding = nn.Embedding(config.vocabulary, config.embedding)
        self.gru_0 = nn.GRU(config.token_size, config.encoder_hidden, batch_first=True, bidirectional=two_ways)
        if config.state_features:
            self.linear_states = nn.Linear(both, config.state_features)
            both = config.steps * config.state_features
        self.linear_mu = nn.Linear(both, latent)
        self.linear_var = nn.Linear(both, latent)
        if config.step_features:
            self.linear_hidden = nn.Linear(latent, config.step_hidden)
            self.linear_steps = nn.Linear(config.step_hidden, config.steps * config.step_features)
        reads = config.token_size + (config.step_features or latent)
        for layer in range(config.decoder_layers):
            self.add_module(f"grucell_{layer}", nn.GRUCell(reads, config.decoder_hidden))
            reads = config.decoder_hidden + config.step_features
        self.linear_init = nn.Linear(latent, config.decoder_hidden)
        self.linear_out = nn.Linear(config.decoder_hidden, config.vocabulary)

    def tokens(self, clips: Tensor) -> Tensor:
        return clips

    @property
    def cells(self) -> list[nn.GRUCell]:
        """The decoder's layers, the lowest first."""
        cells = [self.get_submodule(f"grucell_{layer}") for layer in range(self.config.decoder_layers)]
        return [cell for cell in cells if isinstance(cell, nn.GRUCell)]

    def token_table(self) -> Tensor:
        """What each token enters as, (V, token_size)."""
        if self.config.embedding:
            return self.embedding.weight
        return torch.eye(self.config.vocabulary, device=self.linear_mu.weight.device)

    def tokens_in(self, tokens: Tensor) -> Tensor:
        """Tokens (N, ...) as they enter a GRU, (N, ..., token_size)."""
        if self.config.embedding:
            return functional.embedding(tokens, self.embedding.weight)
        return functional.one_hot(tokens, self.config.vocabulary).to(self.linear_mu.weight.dtype)

    def encode(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        if not self.config.height:
            return self.encode_line(tokens)
        _, height = pitch_height.middle_of(tokens)
        seen = mirrors.images(tokens) if self.config.mirrors else tokens
        line, _ = self.line_of(seen)
        return pitch_height.beside(*self.encode_line(line), height)

    def encode_line(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """The posterior of what the layers read, tokens (N, T), without the height; of all images with ``mirrors``."""
        states, last = self.gru_0(self.tokens_in(tokens))
        if self.config.state_features:
            hidden = self.linear_states(states).flatten(1)
        else:
            hidden = torch.cat([last[0], last[1]], dim=-1)
        mean, log_variance = self.linear_mu(hidden), self.linear_var(hidden)
        if self.config.mirrors:
            mean, log_variance = mirrors.posterior(mean, log_variance)
        return mean, torch.exp(0.5 * log_variance)

    def line_of(self, tokens: Tensor) -> tuple[Tensor, Tensor | None]:
        """What the layers read of tokens (N, T), and the middles (N,); the tokens themselves without a height."""
        if not self.config.height:
            return tokens, None
        middle, _ = pitch_height.middle_of(tokens)
        return pitch_height.line_of(tokens, middle), middle

    def step_vectors(self, z: Tensor) -> Tensor:
        """What of the codes (N, D) the decoder reads at each step, (N, T, features): the codes, or step vectors."""
        steps, z = self.config.steps, z[:, : self.config.line_size]
        if not self.config.step_features:
            return z.unsqueeze(1).expand(-1, steps, -1)
        vectors: Tensor = self.linear_steps(functional.silu(self.linear_hidden(z)))
        return vectors.view(len(z), steps, -1)

    def previous(self, tokens: Tensor) -> Tensor:
        """The token before each step, (N, T): a rest, then the tokens but the last."""
        return functional.pad(tokens[:, :-1], (1, 0), value=self.config.vocabulary - 1)

    def decode_given(self, z: Tensor, given: Tensor, keep: Tensor | None = None) -> Tensor:
        line, middle = self.line_of(given)
        tokens = self.tokens_in(self.previous(line)).transpose(0, 1)
        if keep is not None:
            tokens = tokens * keep.t().unsqueeze(-1)
        vectors = self.step_vectors(z).transpose(0, 1)
        x = tokens
        state = torch.tanh(self.linear_init(z[:, : self.config.line_size]))
        for layer, cell in enumerate(self.cells):
            if layer == 0 or self.config.step_features:
                x = torch.cat([x, vectors], dim=-1)
            gates = [cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh]
            x, _ = torch.gru(x, state.unsqueeze(0), gates, True, 1, 0.0, self.training, False, False)
            state = x[0]
        logits: Tensor = self.linear_out(x).transpose(0, 1)
        return logits if middle is None else pitch_height.placed_logits(logits, middle)

    def decode_steps(
        self, z: Tensor, given: Tensor | None = None, known: Tensor | None = None, keep: Tensor | None = None
    ) -> Tensor:
        line, middle = (None, None) if given is None else self.line_of(given)
        cells = self.cells
        states: list[Tensor] = []
        token = torch.full((len(z),), self.config.vocabulary - 1, dtype=torch.int64, device=z.device)
        vectors, first = self.step_vectors(z), torch.tanh(self.linear_init(z[:, : self.config.line_size]))
        out, chosen = [], []
        for step in range(self.config.steps):
            x = self.tokens_in(token)
            if keep is not None:
                x = x * keep[:, step : step + 1]
            for layer, cell in enumerate(cells):
                if layer == 0 or self.config.step_features:
                    x = torch.cat([x, vectors[:, step]], dim=-1)
                if step == 0:
                    states.append(first if layer == 0 else states[layer - 1])
                states[layer] = cell(x, states[layer])
                x = states[layer]
            logits = self.linear_out(x)
            out.append(logits)
            token = logits.detach().argmax(dim=-1)
            chosen.append(token)
            if line is not None:
                token = line[:, step] if known is None else torch.where(known[:, step], line[:, step], token)
        every = torch.stack(out, dim=1)
        if not self.config.height:
            return every
        if middle is None:
            middle = pitch_height.from_code(z, torch.stack(chosen, dim=1))
        return pitch_height.placed_logits(every, middle)
