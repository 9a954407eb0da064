"""
The network on a CUDA device: cuDNN where all tokens are known, a CUDA graph for greedy decoding.

Greedy decoding there spends its time launching a thousand small kernels; a CUDA graph launches them at once. A graph
has a fixed batch size: batches are padded to the next power of two, and one graph is kept for each size.
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
"""Warm-up runs before a graph is captured, which CUDA's libraries need."""


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
        precision: How states are multiplied in decoding.
        bf16: Whether known tokens are read in bfloat16.
    """

    def __init__(self, network: GruMusicVae, precision: Precision, *, bf16: bool) -> None:
        self._known = deepcopy(network).bfloat16() if bf16 else network
        self._kind = torch.bfloat16 if bf16 else torch.float32
        self._steps = FastNetwork(network, precision)
        self._latent = network.config.latent_size
        self._graphs: dict[int, _Graph] = {}

    def enough(self, rows: int) -> int:
        """Any number of rows will do."""
        return rows

    def encode(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation, each float32 (N, D), of tokens int64 (N, T)."""
        mean, scale = self._known.encode(tokens)
        return mean.float(), scale.float()

    def given(self, z: Tensor, tokens: Tensor) -> Tensor:
        """Logits float32 (N, T, V) where each step reads the true token before it, tokens int64 (N, T)."""
        return self._known.decode_given(z.to(self._kind), tokens).float()

    def greedy(self, z: Tensor, chosen: Callable[[Tensor], Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """As FastNetwork's; with ``chosen`` no graph is used."""
        if chosen is not None:
            return self._steps.greedy(z, chosen)
        size = 1 << (len(z) - 1).bit_length()
        if size not in self._graphs:
            self._graphs[size] = self._capture(size, z.device)
        captured = self._graphs[size]
        captured.z.zero_()
        captured.z[: len(z)] = z
        captured.graph.replay()
        return captured.tokens[: len(z)].clone(), captured.logits[: len(z)].clone()

    def _capture(self, size: int, device: torch.device) -> _Graph:
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
