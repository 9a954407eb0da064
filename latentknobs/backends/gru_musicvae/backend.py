"""A trained GRU MusicVAE behind the generic interface: numpy in, numpy out; tensors stay here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentknobs.backends.devices import choose_device, one_thread
from latentknobs.backends.gru_musicvae.cuda import CudaNetwork
from latentknobs.backends.gru_musicvae.gru_kernel import choose_gates
from latentknobs.backends.gru_musicvae.inference import FastNetwork
from latentknobs.backends.gru_musicvae.network import GruMusicVae
from latentknobs.backends.precision import choose_arithmetic
from latentknobs.backends.weights import card_path, load_model
from latentknobs.core.arrays import Bools, ClipBatch, Codes
from latentknobs.core.backend import BackendSpec, Posterior
from latentknobs.core.clip import check_clips
from latentknobs.core.melody_format import HOLD, MELODY, in_range
from latentknobs.errors import BackendError, ModelError

CHUNK = 256
"""Clips decoded at a time, so that memory stays flat."""
READ = 4096
"""Clips encoded at a time: the more there are, the more begin and end alike."""
CUDA_CHUNK = 4096
"""The same on a CUDA device, which small batches leave idle."""
GRADIENT_CHUNK = 64
"""The same where the way back is kept."""


class GruMusicVaeBackend:
    """
    A model of the kind gru-musicvae.

    It reads and writes ``melody-2bar`` clips and can tell how z enters its decoder and its log-probabilities'
    derivatives, and it can decode by chance (:class:`~latentknobs.core.backend.LatentWeights`,
    :class:`~latentknobs.core.backend.LatentGradient`, :class:`~latentknobs.core.backend.Sampling`).

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
        if config.vocabulary != MELODY.vocabulary or config.steps != MELODY.steps:
            raise ModelError(
                f"{spec.name}: a model of {MELODY.name} clips has {MELODY.vocabulary} tokens and {MELODY.steps} steps, "
                f"this one {config.vocabulary} and {config.steps}."
            )
        self.spec = spec
        self._device = choose_device(device)
        self._network = network.to(self._device)
        arithmetic, on_cuda = choose_arithmetic(precision, self._device), self._device.type == "cuda"
        self._chunk = CUDA_CHUNK if on_cuda else CHUNK
        self._fast: FastNetwork | CudaNetwork = (
            CudaNetwork(self._network, arithmetic, bf16=precision == "bf16")
            if on_cuda
            else FastNetwork(self._network, arithmetic, choose_gates())
        )
        self._pitch_range = spec.pitch_range or (0, HOLD - 1)

    @classmethod
    def load(cls, path: Path, device: str = "auto", precision: str = "float32") -> GruMusicVaeBackend:
        """
        The model of a weights file and the card beside it.

        Raises:
            ModelError: They do not make a working model; says what is wrong.
            UsageError: No such device, or it does not compute in that precision.
        """
        network, card, identity = load_model(path, GruMusicVae)
        about = {key: value for key, value in card.items() if key not in {"format", "name", "model_id"}}
        try:
            spec = BackendSpec(
                name=card.get("name", path.stem),
                clip_format=MELODY,
                latent_size=network.config.latent_size,
                model_id=identity,
                training=about,
            )
            return cls(network, spec, device, precision)
        except ModelError as error:
            raise ModelError(f"{card_path(path)}: {error}") from error

    def accepts(self, clips: ClipBatch) -> Bools:
        """Valid clips whose pitches lie in the range the model was trained on, bool (N,)."""
        clips = check_clips(clips, MELODY)
        accepted: Bools = MELODY.valid(clips) & in_range(clips, self._pitch_range)
        return accepted

    @torch.inference_mode()
    def encode(self, clips: ClipBatch) -> Posterior:
        """
        Posterior mean and standard deviation, float32 (N, D), of clips int16 (N, 32).

        Raises:
            ClipError: They are not clips of the format.
        """
        clips = check_clips(clips, MELODY)
        mean, scale = self._codes(len(clips)), self._codes(len(clips))
        for part in _parts(len(clips), READ):
            means, scales = self._fast.encode(self._tokens(clips[part]))
            _fill(mean[part], means)
            _fill(scale[part], scales)
        return Posterior(mean, scale)

    @torch.inference_mode()
    def decode(self, z: Codes) -> ClipBatch:
        """
        Greedy decoding of codes float32 (N, D) to valid clips, int16 (N, 32): a hold with nothing to hold is a rest.

        Raises:
            BackendError: The codes have another shape or are not finite.
        """
        return self._decoded(z, None)

    @torch.inference_mode()
    def decode_sampled(self, z: Codes, temperature: float, seed: int) -> ClipBatch:
        """
        Decoding by chance to valid clips, int16 (N, 32): each token is drawn from p^(1/temperature).

        A draw is the largest of logits / temperature + Gumbel noise (Gumbel 1954; Maddison et al. 2014).

        Raises:
            BackendError: The codes have another shape or are not finite, or the temperature is not above 0.
        """
        if not (np.isfinite(temperature) and temperature > 0):
            raise BackendError(f"{self.spec.name}: the temperature must be above 0, not {temperature}.")
        rng = np.random.default_rng(seed)

        def drawn(logits: Tensor) -> Tensor:
            noise = torch.from_numpy(rng.gumbel(size=logits.shape).astype(np.float32)).to(logits.device)
            return (logits / temperature + noise).argmax(dim=-1)

        return self._decoded(z, drawn)

    def _decoded(self, z: Codes, chosen: Callable[[Tensor], Tensor] | None) -> ClipBatch:
        z = self._checked(z)
        out = np.empty((len(z), *MELODY.shape), dtype=np.int16)
        for part in _parts(len(z), self._chunk):
            tokens, _ = self._fast.greedy(self._to_device(z[part]), chosen)
            _fill(out[part], tokens)
        return MELODY.repair(out)

    @torch.inference_mode()
    def decode_log_probs(self, z: Codes, given: ClipBatch | None = None) -> NDArray[np.float32]:
        """
        Log-probabilities in nats, float32 (N, 32, 130).

        Args:
            z: Codes, float32 (N, D).
            given: Clips whose tokens the decoder reads (teacher forcing); None = its own likeliest tokens.

        Raises:
            BackendError: The codes have another shape or are not finite, or there is not a clip for each.
            ClipError: ``given`` are not clips of the format.
        """
        z = self._checked(z)
        tokens = None if given is None else self._paired(z, given)
        out = np.empty((len(z), *MELODY.shape, MELODY.vocabulary), dtype=np.float32)
        for part in _parts(len(z), self._chunk):
            codes = self._to_device(z[part])
            if tokens is None:
                logits = self._fast.greedy(codes)[1]
            else:
                logits = self._fast.given(codes, self._tokens(tokens[part]))
            _fill(out[part], torch.log_softmax(logits, dim=-1))
        return out

    def latent_weights(self) -> dict[str, NDArray[np.float32]]:
        """
        The matrices through which z enters the decoder, float32 (rows, D).

        "initial-state" gives the first state of layer 0 before its tanh, the others the gates of layer 0 at
        every step, each (decoder_hidden, D).
        """
        network, config = self._network, self._network.config
        gates = network.cells[0].weight_ih.detach()[:, config.token_size :]
        found = {"initial-state": network.linear_init.weight.detach()}
        for index, name in enumerate(("reset-gate", "update-gate", "new-state")):
            found[name] = gates[index * config.decoder_hidden : (index + 1) * config.decoder_hidden]
        return {name: tensor.cpu().numpy().copy() for name, tensor in found.items()}

    def jvp(self, z: Codes, given: ClipBatch, vectors: Codes) -> NDArray[np.float32]:
        """
        J v, float32 (N, 32, 130), J = derivative of the teacher-forced log-probabilities with respect to z.

        Raises:
            BackendError: Shapes do not fit, or numbers are not finite.
            ClipError: ``given`` are not clips of the format.
        """
        z, vectors = self._checked(z), self._checked(vectors)
        tokens = self._paired(z, given)
        if len(vectors) != len(z):
            raise BackendError(f"{self.spec.name}: {len(z)} codes need {len(z)} vectors, not {len(vectors)}.")
        out = np.empty((len(z), *MELODY.shape, MELODY.vocabulary), dtype=np.float32)
        for part in _parts(len(z), GRADIENT_CHUNK):
            codes = self._to_device(z[part]).requires_grad_()
            logs = self._forced(codes, tokens[part])
            # u J is linear in u, so its own derivative along v is J v.
            weights = torch.zeros_like(logs, requires_grad=True)
            with one_thread():  # the gates' gradients are sums over steps
                (back,) = torch.autograd.grad(logs, codes, weights, create_graph=True)
                (along,) = torch.autograd.grad(back, weights, self._to_device(vectors[part]))
            _fill(out[part], along)
        return out

    def vjp(self, z: Codes, given: ClipBatch, vectors: NDArray[np.float32]) -> Codes:
        """
        U J, float32 (N, D), for U (N, 32, 130); J as in :meth:`jvp`.

        Raises:
            BackendError: Shapes do not fit, or numbers are not finite.
            ClipError: ``given`` are not clips of the format.
        """
        z = self._checked(z)
        tokens = self._paired(z, given)
        weights = np.asarray(vectors, dtype=np.float32)
        wanted = (len(z), *MELODY.shape, MELODY.vocabulary)
        if weights.shape != wanted:
            raise BackendError(f"{self.spec.name}: {len(z)} codes need vectors of shape {wanted}, not {weights.shape}.")
        out = self._codes(len(z))
        for part in _parts(len(z), GRADIENT_CHUNK):
            codes = self._to_device(z[part]).requires_grad_()
            logs = self._forced(codes, tokens[part])
            with one_thread():  # the gates' gradients are sums over steps
                (gradient,) = torch.autograd.grad(logs, codes, self._to_device(weights[part]))
            _fill(out[part], gradient)
        return out

    def _forced(self, codes: Tensor, given: ClipBatch) -> Tensor:
        return torch.log_softmax(self._network.decode_given(codes, self._tokens(given)), dim=-1)

    def _codes(self, count: int) -> Codes:
        return np.empty((count, self.spec.latent_size), dtype=np.float32)

    def _checked(self, z: Any) -> Codes:
        array = np.asarray(z, dtype=np.float32)
        if array.ndim != 2 or array.shape[1] != self.spec.latent_size:
            raise BackendError(
                f"{self.spec.name}: codes must have shape (N, {self.spec.latent_size}), not {array.shape}."
            )
        if not np.isfinite(array).all():
            raise BackendError(f"{self.spec.name}: codes must be finite; some are NaN or infinite.")
        return array

    def _paired(self, z: Codes, given: ClipBatch) -> ClipBatch:
        clips = check_clips(given, MELODY, "given")
        if len(clips) != len(z):
            raise BackendError(f"{self.spec.name}: {len(z)} codes need {len(z)} clips to read, not {len(clips)}.")
        return clips

    def _enough(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Rows, repeated to be as many as the network is to be given."""
        return np.resize(rows, (self._fast.enough(len(rows)), *rows.shape[1:]))

    def _tokens(self, clips: ClipBatch) -> Tensor:
        return torch.from_numpy(self._enough(clips.astype(np.int64))).to(self._device)

    def _to_device(self, array: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(self._enough(np.array(array, dtype=np.float32))).to(self._device)


def _fill(out: NDArray[Any], rows: Tensor) -> None:
    out[...] = rows[: len(out)].cpu().numpy()


def _parts(count: int, size: int) -> Iterator[slice]:
    return (slice(start, min(start + size, count)) for start in range(0, count, size))
