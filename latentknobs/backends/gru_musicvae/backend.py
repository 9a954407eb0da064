"""A trained GRU MusicVAE behind the generic interface: numpy in, numpy out; tensors stay here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from latentknobs.backends.devices import choose_device
from latentknobs.backends.gru_musicvae.cuda import CudaNetwork
from latentknobs.backends.gru_musicvae.gru_kernel import choose_gates
from latentknobs.backends.gru_musicvae.inference import FastNetwork
from latentknobs.backends.gru_musicvae.network import GruMusicVae, flops_of
from latentknobs.backends.gru_musicvae.weight_import import holds_network, read_network
from latentknobs.backends.precision import choose_precision
from latentknobs.backends.torch_adapter import CHUNK, TensorBackend, batches, fill
from latentknobs.backends.weights import card_path, load_model, model_id
from latentknobs.core.arrays import Bools, ClipBatch, Codes
from latentknobs.core.backend import BackendSpec, Posterior
from latentknobs.core.clip import check_clips
from latentknobs.core.melody_format import HOLD, in_range
from latentknobs.errors import ModelError

ENCODE_CHUNK = 4096
"""Clips encoded at a time: the more there are, the more share a prefix or suffix."""
CUDA_CHUNK = 4096
"""Clips decoded at a time on a CUDA device, which small batches leave idle."""
GATES = ("reset-gate", "update-gate", "new-state")
"""Of layer 0, in torch's order."""


class GruMusicVaeBackend(TensorBackend):
    """
    A model of the kind gru-musicvae.

    It reads and writes clips of the format that its config names, and has the optional capabilities
    :class:`~latentknobs.core.backend.LatentWeights`, :class:`~latentknobs.core.backend.LatentGradient`,
    :class:`~latentknobs.core.backend.Sampling` and :class:`~latentknobs.core.backend.FlopCount`. Of a network with a
    height, derivatives by that dimension are 0: it moves whole melodies by whole semitones.

    Args:
        network: The network, float32, in evaluation mode.
        spec: What the model is.
        device: "auto", "cpu" or "cuda".
        precision: "float32", "bf16" or "int8"; of encoding and decoding. Gradients are float32.
    """

    def __init__(
        self, network: GruMusicVae, spec: BackendSpec, device: str = "auto", precision: str = "float32"
    ) -> None:
        config = network.config
        own = config.format
        if config.vocabulary != own.vocabulary or config.steps != own.steps:
            raise ModelError(
                f"{spec.name}: a model of {own.name} clips has {own.vocabulary} tokens and {own.steps} steps, "
                f"this one {config.vocabulary} and {config.steps}."
            )
        self.spec = spec
        self._device = choose_device(device)
        self._network = network.to(self._device)
        products, on_cuda = choose_precision(precision, self._device), self._device.type == "cuda"
        self._chunk = CUDA_CHUNK if on_cuda else CHUNK
        self._fast: FastNetwork | CudaNetwork = (
            CudaNetwork(self._network, products, bf16=precision == "bf16")
            if on_cuda
            else FastNetwork(self._network, products, choose_gates())
        )
        self._pitch_range = spec.pitch_range or (0, HOLD - 1)

    @classmethod
    def load(cls, path: Path, device: str = "auto", precision: str = "float32") -> GruMusicVaeBackend:
        """
        The model of a weights file and the card beside it, or of weights in the authors' names without a card.

        Raises:
            ModelError: They do not make a working model; says what is wrong.
            UsageError: No such device, or it does not compute in that precision.
        """
        network, card, identity = _read(path)
        facts = {key: value for key, value in card.items() if key not in {"format", "name", "model_id"}}
        try:
            spec = BackendSpec(
                name=card.get("name", path.stem),
                clip_format=network.config.format,
                latent_size=network.config.latent_size,
                model_id=identity,
                training=facts,
                prior="standard-normal",
                blocks={"line": network.config.line_size, "height": 1} if network.config.height else {},
                anchor="height" if network.config.height else None,
            )
            return cls(network, spec, device, precision)
        except ModelError as error:
            raise ModelError(f"{card_path(path)}: {error}") from error

    def accepts(self, clips: ClipBatch) -> Bools:
        """Valid clips whose pitches lie in the range the model was trained on, bool (N,)."""
        clips = check_clips(clips, self.spec.clip_format)
        accepted: Bools = self.spec.clip_format.valid(clips) & in_range(clips, self._pitch_range)
        return accepted

    @torch.inference_mode()
    def encode(self, clips: ClipBatch) -> Posterior:
        """
        Posterior mean and standard deviation, float32 (N, D), of clips int16 (N, steps).

        Raises:
            ClipError: They are not clips of the format.
        """
        clips = check_clips(clips, self.spec.clip_format)
        mean = np.empty((len(clips), self.spec.latent_size), dtype=np.float32)
        scale = np.empty_like(mean)
        for part in batches(len(clips), ENCODE_CHUNK):
            means, scales = self._fast.encode(self._tokens(clips[part]))
            fill(mean[part], means)
            fill(scale[part], scales)
        return Posterior(mean, scale)

    @torch.inference_mode()
    def decode(self, z: Codes) -> ClipBatch:
        """
        Greedy decoding of codes float32 (N, D) to valid clips, int16 (N, steps): a hold without a note becomes a rest.

        Raises:
            BackendError: The codes have another shape or are not finite.
        """
        return self._decoded(z, lambda codes: self._fast.greedy(codes)[0])

    def decode_sampled(self, z: Codes, temperature: float, seed: int) -> ClipBatch:
        """
        Random decoding to valid clips, int16 (N, steps): each token is drawn from p^(1/temperature).

        Raises:
            BackendError: The codes have another shape or are not finite, or the temperature is not above 0.
        """
        return self._sampled(z, temperature, seed, lambda codes, draw: self._fast.greedy(codes, draw)[0])

    def latent_weights(self) -> dict[str, NDArray[np.float32]]:
        """
        The matrices through which z enters the decoder, float32 (rows, D).

        "initial-state" gives the first state of layer 0 before its tanh, the others the gates of layer 0 at
        every step, each (decoder_hidden, D); or "step-vectors" the layer before the step vectors (step_hidden, D).
        """
        network, config = self._network, self._network.config
        weights = {"initial-state": network.linear_init.weight.detach()}
        if config.step_features:
            weights["step-vectors"] = network.linear_hidden.weight.detach()
        else:
            gates = network.cells[0].weight_ih.detach()[:, config.token_size :].chunk(3)
            weights |= dict(zip(GATES, gates, strict=True))
        unread = config.latent_size - config.line_size  # the height moves what was decoded
        return {name: functional.pad(weight, (0, unread)).cpu().numpy().copy() for name, weight in weights.items()}

    def flops(self) -> dict[str, float]:
        """Of the products of one clip; see :class:`~latentknobs.core.backend.FlopCount`."""
        return flops_of(self._network.config)

    def jvp(self, z: Codes, given: ClipBatch, vectors: Codes) -> NDArray[np.float32]:
        """J v, float32 (N, steps, 130); see :class:`~latentknobs.core.backend.LatentGradient`."""
        return self._jvp(z, given, vectors)

    def vjp(self, z: Codes, given: ClipBatch, vectors: NDArray[np.float32]) -> Codes:
        """U J, float32 (N, D); see :class:`~latentknobs.core.backend.LatentGradient`."""
        return self._vjp(z, given, vectors)

    def _rows(self, count: int) -> int:
        return self._fast.enough(count)

    def _logits(self, codes: Tensor, given: ClipBatch | None) -> Tensor:
        return self._fast.greedy(codes)[1] if given is None else self._fast.given(codes, self._tokens(given))

    def _forced(self, codes: Tensor, given: ClipBatch) -> Tensor:
        return torch.log_softmax(self._network.decode_given(codes, self._tokens(given)), dim=-1)


def _read(path: Path) -> tuple[GruMusicVae, dict[str, Any], str]:
    """A network, the facts of its card, and its id; the id without a card is what importing the weights would give."""
    if card_path(path).is_file() or (path.suffix == ".safetensors" and not holds_network(path)):
        return load_model(path, GruMusicVae)
    network = read_network(path)
    return network, {"name": path.stem, "imported_from": path.name}, model_id(network.state_dict(), network.config)
