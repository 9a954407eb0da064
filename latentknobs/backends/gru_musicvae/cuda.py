"""
Paths of the network on a CUDA device: cuDNN where all tokens are known, a replayed graph where they are not.

On such a device the time of greedy decoding is that of starting some thousand small pieces of work; a CUDA graph starts
them all at once. A graph is of one batch size: batches are filled up to the next power of two, and one graph is kept
for each size that was asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import torch
from attrs import frozen
from torch import Tensor

from latentknobs.backends.gru_musicvae.inference import FastNetwork
from latentknobs.backends.gru_musicvae.network import GruMusicVae
from latentknobs.backends.precision import Precision

WARM = 3
"""Runs before a graph is taken, as CUDA's libraries want it."""


@frozen(eq=False)
class _Graph:
    graph: torch.cuda.CUDAGraph
    z: Tensor
    tokens: Tensor
    logits: Tensor


class CudaNetwork:
    """
    What :class:`~latentknobs.backends.gru_musicvae.inference.FastNetwork` does, on a CUDA device.

    Args:
        network: The network, float32, on the device.
        arithmetic: How states are multiplied in decoding.
        bf16: Whether known tokens are read in bfloat16.
    """

    def __init__(self, network: GruMusicVae, arithmetic: Precision, *, bf16: bool) -> None:
        self._known = deepcopy(network).bfloat16() if bf16 else network
        self._kind = torch.bfloat16 if bf16 else torch.float32
        self._steps = FastNetwork(network, arithmetic)
        self._latent = network.config.latent_size
        self._graphs: dict[int, _Graph] = {}

    def enough(self, rows: int) -> int:
        """As FastNetwork's: here any number is."""
        return rows

    def encode(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation, each float32 (N, D), of tokens int64 (N, T)."""
        mean, scale = self._known.encode(tokens)
        return mean.float(), scale.float()

    def given(self, z: Tensor, tokens: Tensor) -> Tensor:
        """Logits float32 (N, T, V) where each step reads the true token before it, tokens int64 (N, T)."""
        return self._known.decode_given(z.to(self._kind), tokens).float()

    def greedy(self, z: Tensor, chosen: Callable[[Tensor], Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """As FastNetwork's; tokens that somebody else chooses are not in a graph."""
        if chosen is not None:
            return self._steps.greedy(z, chosen)
        size = 1 << (len(z) - 1).bit_length()
        if size not in self._graphs:
            self._graphs[size] = self._take(size, z.device)
        there = self._graphs[size]
        there.z.zero_()
        there.z[: len(z)] = z
        there.graph.replay()
        return there.tokens[: len(z)].clone(), there.logits[: len(z)].clone()

    def _take(self, size: int, device: torch.device) -> _Graph:
        z = torch.zeros(size, self._latent, device=device)
        side = torch.cuda.Stream(device)  # type: ignore[no-untyped-call] # torch leaves it without types
        side.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(side):
            for _ in range(WARM):
                self._steps.greedy(z)
        torch.cuda.current_stream(device).wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            tokens, logits = self._steps.greedy(z)
        return _Graph(graph, z, tokens, logits)
