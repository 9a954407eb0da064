"""
Any torch module that encodes and decodes clips, behind the generic interface: numpy in, numpy out.

The module has ``encode(tokens)``, int64 (N, *shape) to the mean (N, D) or to a posterior, and ``decode(z)``, (N, D) to
logits (N, *shape, V). An autoregressive decoder has ``decode(z, given)`` instead: ``given`` is int64 (N, *shape) for
teacher forcing, or None for greedy decoding. Of a sequence of latents, both speak of (N, *latent_shape).
"""

from __future__ import annotations

import inspect
import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, TypeAlias, cast, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.distributions import Distribution

from latentknobs.backends.devices import choose_device, one_thread
from latentknobs.core.arrays import Bools, ClipBatch, Codes, sha256_of_arrays
from latentknobs.core.backend import BackendSpec, Posterior, Prior
from latentknobs.core.clip import ClipFormat, check_clips
from latentknobs.core.latent_structure import LatentStructure
from latentknobs.core.model_calls import DECODER_ALONE, DISCRETE_CODES
from latentknobs.errors import BackendError, ModelError

CHUNK = 256
"""Clips computed at a time, which bounds memory."""
GRADIENT_CHUNK = 64
"""The same where activations are kept for gradients."""
MIN_ROWS = 2
"""A single clip is computed twice: a product with one row may be summed in another order."""
REPEATS = 1e-4
"""How far the same input may give another result, as a part of the largest number: rounding on an accelerator."""
PosteriorForm: TypeAlias = Literal["mean", "mean-std", "mean-logvar"]
SPELLINGS = (
    "the mean as a tensor, a torch.distributions.Distribution, {'mean': ..., 'std': ...} or {'mean': ..., "
    "'logvar': ...}, or two tensors that posterior='mean-std' or posterior='mean-logvar' names; parts of one code are "
    "joined with torch.cat"
)
"""What ``encode`` may give."""
_log = logging.getLogger(__name__)


class TensorBackend(ABC):
    """
    What backends that compute in torch have in common: checks, batches and Jacobian products.

    A subclass sets ``spec`` and ``_device``.
    """

    spec: BackendSpec
    _device: torch.device
    _chunk = CHUNK

    @abstractmethod
    def _rows(self, count: int) -> int:
        """How many rows to compute where ``count`` are wanted, so that a row's result does not depend on the batch."""

    @abstractmethod
    def _logits(self, codes: Tensor, given: ClipBatch | None) -> Tensor:
        """Logits (N, *shape, V) of codes, with teacher forcing or, for None, greedy."""

    @abstractmethod
    def _forced(self, codes: Tensor, given: ClipBatch) -> Tensor:
        """Log-probabilities with teacher forcing, differentiable with respect to the codes."""

    @torch.inference_mode()
    def decode_log_probs(self, z: Codes, given: ClipBatch | None = None) -> NDArray[np.float32]:
        """
        Log-probabilities in nats, float32 (N, *shape, V); minus infinity for tokens the model cannot produce.

        Args:
            z: Codes, float32 (N, D).
            given: Clips for teacher forcing; None = greedy.

        Raises:
            BackendError: The codes have another shape or are not finite, or their number differs from the clips'.
            ClipError: ``given`` are not clips of the format.
        """
        z = self._checked(z)
        clips = None if given is None else self._paired(z, given)
        out = np.empty(self._log_probs_shape(z), dtype=np.float32)
        for part in batches(len(z), self._chunk):
            logits = self._logits(self._to_device(z[part]), None if clips is None else clips[part])
            fill(out[part], torch.log_softmax(logits, dim=-1))
        return out

    def _decoded(self, z: Codes, tokens_of: Callable[[Tensor], Tensor]) -> ClipBatch:
        """Valid clips int16 (N, *shape) by a function from codes to tokens."""
        z, clip_format = self._checked(z), self.spec.clip_format
        out = np.empty((len(z), *clip_format.shape), dtype=np.int16)
        for part in batches(len(z), self._chunk):
            fill(out[part], tokens_of(self._to_device(z[part])))
        return clip_format.repair(out)

    @torch.inference_mode()
    def _sampled(
        self, z: Codes, temperature: float, seed: int, tokens_of: Callable[[Tensor, Callable[[Tensor], Tensor]], Tensor]
    ) -> ClipBatch:
        """
        Valid clips int16 (N, *shape) with tokens drawn from p^(1/temperature).

        A draw is the argmax of logits / temperature + Gumbel noise (Gumbel 1954; Maddison et al. 2014).

        Args:
            z: Codes, float32 (N, D).
            temperature: Above 0.
            seed: Of the noise.
            tokens_of: (codes, draw) to tokens, where ``draw`` takes the logits (N, V) of a step to its tokens.

        Raises:
            BackendError: The codes have another shape or are not finite, or the temperature is not above 0.
        """
        if not (np.isfinite(temperature) and temperature > 0):
            raise BackendError(f"{self.spec.name}: the temperature must be above 0, not {temperature}.")
        rng = np.random.default_rng(seed)

        def draw(logits: Tensor) -> Tensor:
            noise = torch.from_numpy(rng.gumbel(size=logits.shape).astype(np.float32)).to(logits.device)
            return (logits / temperature + noise).argmax(dim=-1)

        return self._decoded(z, lambda codes: tokens_of(codes, draw))

    def _jvp(self, z: Codes, given: ClipBatch, vectors: Codes) -> NDArray[np.float32]:
        """J v, float32 (N, *shape, V); see :class:`~latentknobs.core.backend.LatentGradient`."""
        z, vectors = self._checked(z), self._checked(vectors)
        clips = self._paired(z, given)
        if len(vectors) != len(z):
            raise BackendError(f"{self.spec.name}: {len(z)} codes need {len(z)} vectors, not {len(vectors)}.")
        out = np.empty(self._log_probs_shape(z), dtype=np.float32)
        for part in batches(len(z), GRADIENT_CHUNK):
            codes = self._to_device(z[part]).requires_grad_()
            log_probs = self._forced(codes, clips[part])
            # u J is linear in u, so its own derivative along v is J v.
            weights = torch.zeros_like(log_probs, requires_grad=True)
            with one_thread():  # gradients are sums over steps
                (gradient,) = torch.autograd.grad(log_probs, codes, weights, create_graph=True)
                (product,) = torch.autograd.grad(gradient, weights, self._to_device(vectors[part]))
            fill(out[part], product)
        return out

    def _vjp(self, z: Codes, given: ClipBatch, vectors: NDArray[np.float32]) -> Codes:
        """U J, float32 (N, D); see :class:`~latentknobs.core.backend.LatentGradient`."""
        z = self._checked(z)
        clips = self._paired(z, given)
        weights = np.asarray(vectors, dtype=np.float32)
        shape = self._log_probs_shape(z)
        if weights.shape != shape:
            raise BackendError(f"{self.spec.name}: {len(z)} codes need vectors of shape {shape}, not {weights.shape}.")
        out = np.empty_like(z)
        for part in batches(len(z), GRADIENT_CHUNK):
            codes = self._to_device(z[part]).requires_grad_()
            log_probs = self._forced(codes, clips[part])
            with one_thread():  # gradients are sums over steps
                (gradient,) = torch.autograd.grad(log_probs, codes, self._to_device(weights[part]))
            fill(out[part], gradient)
        return out

    def _log_probs_shape(self, z: Codes) -> tuple[int, ...]:
        return (len(z), *self.spec.clip_format.shape, self.spec.clip_format.vocabulary)

    def _checked(self, z: Any) -> Codes:
        array = np.asarray(z, dtype=np.float32)
        size = self.spec.latent_size
        if array.ndim != 2 or array.shape[1] != size:
            raise BackendError(f"{self.spec.name}: codes must have shape (N, {size}), not {array.shape}.")
        if not np.isfinite(array).all():
            raise BackendError(f"{self.spec.name}: codes must be finite; some are NaN or infinite.")
        return array

    def _paired(self, z: Codes, given: ClipBatch) -> ClipBatch:
        clips = check_clips(given, self.spec.clip_format, "given")
        if len(clips) != len(z):
            raise BackendError(f"{self.spec.name}: {len(z)} codes need {len(z)} clips to read, not {len(clips)}.")
        return clips

    def _tokens(self, clips: ClipBatch) -> Tensor:
        return self._on_device(clips.astype(np.int64))

    def _to_device(self, array: NDArray[np.float32]) -> Tensor:
        return self._on_device(np.array(array, dtype=np.float32))

    def _on_device(self, rows: NDArray[Any]) -> Tensor:
        return torch.from_numpy(np.resize(rows, (self._rows(len(rows)), *rows.shape[1:]))).to(self._device)


def fill(out: NDArray[Any], rows: Tensor) -> None:
    """Copy the first rows of a tensor into all of an array."""
    out[...] = rows[: len(out)].cpu().numpy()


def batches(count: int, size: int) -> Iterator[slice]:
    """Slices of at most ``size`` that cover ``count`` rows."""
    return (slice(start, min(start + size, count)) for start in range(0, count, size))


class TorchBackend(TensorBackend):
    """
    A torch module as a model.

    It has Jacobian products (:class:`~latentknobs.core.backend.LatentGradient`) where torch can differentiate
    ``decode`` twice, which is tried once.

    Args:
        module: The module; it is put into evaluation mode and its weights are frozen.
        clip_format: The clips it reads and writes.
        name: The model's name.
        device: "auto", "cpu" or "cuda".
        file: Where its weights lie, for messages.
        config: What its results depend on besides its weights (kinds of layers, ...), JSON; part of the identity.
        training: Free facts for people.
        carries: Which valid clips it can represent, bool (N,); None = all.
        posterior: What two plain tensors from ``encode`` are: "mean-std" or "mean-logvar" (the logarithm of the
            variance). "mean": it gives one tensor. Named values and torch's distributions need none of it.
        latent_size: Of a decoder alone: D. Such a module needs no ``encode``; its codes are those of the prior.
        blocks: Named blocks of the code, as in :class:`~latentknobs.core.backend.BackendSpec`.
        condition: The block that is the decoder's condition: ``encode`` joins it to the mean (torch.cat), ``decode``
            splits it off. A standard deviation there is not read, and may be 0.
        latent_shape: Of a sequence of latents: ``encode`` gives (N, *latent_shape) and ``decode`` takes it.
        anchor: The block that says where the music lies, as in BackendSpec.
        prior: "standard-normal" where the module was trained towards it (the KL term of a VAE); "aggregate" = not
            known, and codes are drawn with the mean and standard deviation of the corpus' own codes.

    Raises:
        ModelError: A weight is not finite, or ``encode`` or ``decode`` is missing, fits neither the clips nor the
            codes, or gives another result for the same input; says what is wrong.
        UsageError: No such device.
    """

    def __init__(
        self,
        module: nn.Module,
        clip_format: ClipFormat,
        *,
        name: str,
        device: str = "auto",
        file: str = "",
        config: Mapping[str, Any] | None = None,
        training: Mapping[str, Any] | None = None,
        carries: Callable[[ClipBatch], Bools] | None = None,
        posterior: PosteriorForm | None = None,
        latent_size: int | None = None,
        prior: Prior = "aggregate",
        blocks: Mapping[str, int] | None = None,
        condition: str | None = None,
        latent_shape: tuple[int, ...] = (),
        anchor: str | None = None,
    ) -> None:
        if posterior not in (None, *get_args(PosteriorForm)):
            forms = ", ".join(map(repr, get_args(PosteriorForm)))
            raise ModelError(f"{name}: posterior must be one of {forms}, not {posterior!r}.")
        for method in ("encode", "decode") if latent_size is None else ("decode",):
            if not callable(getattr(module, method, None)):
                raise ModelError(f"{name}: the module has no method {method!r}: wrap one that has encode and decode.")
        _check_weights(module, file or name)
        self._device = choose_device(device)
        frozen = module.eval().requires_grad_(requires_grad=False).to(self._device)
        self._module = cast(Any, frozen)  # its results are checked where they arrive
        self._reads = _reads(self._module.decode, name)
        self._posterior_form = posterior
        self._carries = carries
        self._format = clip_format
        self._name = name
        try:
            stated = LatentStructure.stated(blocks or {}, condition, latent_shape)
        except ValueError as fault:
            raise ModelError(f"The model {name!r} {fault}.") from None
        self._shape, self._held = stated.shape, np.flatnonzero(stated.held)
        silence = np.stack([clip_format.tokens(())] * MIN_ROWS)
        scale: Tensor | None = None
        if latent_size is None:
            mean, scale = self._encoded(silence, size=None)
            self._check_repeats("encode", mean, self._encoded(silence, size=None)[0])
        else:
            mean = torch.zeros(MIN_ROWS, latent_size, device=self._device)
        tensors = {key: value.cpu().numpy() for key, value in module.state_dict().items()}
        # What a code's numbers are is part of what a model is; a model that says nothing of it is what it was before.
        sizes = {block: int(size) for block, size in stated.blocks.items()}
        structure: dict[str, Any] = {
            "blocks": sizes,
            "condition": condition,
            "latent_shape": list(map(int, stated.shape)),
        }
        facts: dict[str, Any] = {"clip_format": clip_format.name, "config": dict(config or {})}
        facts |= {key: value for key, value in structure.items() if value}
        canonical = json.dumps(facts, sort_keys=True)
        self.spec = BackendSpec(
            name=name,
            clip_format=clip_format,
            latent_size=mean.shape[1],
            model_id=sha256_of_arrays(tensors, canonical.encode()),
            training=training or {},
            encodes=latent_size is None,
            prior=prior,
            blocks=sizes,
            condition=condition,
            latent_shape=self._shape,
            anchor=anchor,
        )
        self._has_scale = scale is not None
        self._check_scale(scale)
        with torch.inference_mode():
            self._check_repeats("decode", self._logits(mean, None), self._logits(mean, None))
        if self._differentiable(mean.cpu().numpy(), silence):
            # isinstance of the optional protocols looks for these names.
            self.__dict__["jvp"], self.__dict__["vjp"] = self._jvp, self._vjp

    def accepts(self, clips: ClipBatch) -> Bools:
        """Valid clips that it can represent, bool (N,)."""
        clips = check_clips(clips, self._format)
        accepted = self._format.valid(clips)
        return accepted if self._carries is None else accepted & self._carries(clips)

    @torch.inference_mode()
    def encode(self, clips: ClipBatch) -> Posterior:
        """
        Posterior mean, and standard deviation where the module gives one, float32 (N, D), of clips (N, *shape).

        Raises:
            ClipError: They are not clips of the format.
            BackendError: The module gives codes of another size, or that are not finite; or it is a decoder alone.
        """
        if not self.spec.encodes:
            raise BackendError(f"The model {self._name} {DECODER_ALONE}")
        clips = check_clips(clips, self._format)
        mean = np.empty((len(clips), self.spec.latent_size), dtype=np.float32)
        scale = np.empty_like(mean) if self._has_scale else None
        for part in batches(len(clips), CHUNK):
            means, scales = self._encoded(clips[part], self.spec.latent_size, part.start)
            self._check_scale(scales)
            fill(mean[part], means)
            if scale is not None and scales is not None:
                fill(scale[part], scales)
        return Posterior(mean, scale)

    @torch.inference_mode()
    def decode(self, z: Codes) -> ClipBatch:
        """
        Greedy decoding of codes (N, D) to valid clips, int16 (N, *shape): the likeliest tokens, repaired.

        Raises:
            BackendError: The codes have another shape or are not finite, or the module's logits are malformed.
        """
        return self._decoded(z, lambda codes: self._logits(codes, None).argmax(dim=-1))

    def _rows(self, count: int) -> int:
        return MIN_ROWS if count == 1 else count

    def _forced(self, codes: Tensor, given: ClipBatch) -> Tensor:
        # A probability of 0 has no gradient: minus infinity would give NaN.
        logits = self._logits(codes, given)
        return torch.log_softmax(logits, dim=-1).masked_fill(logits.isneginf(), 0.0)

    def _differentiable(self, z: Codes, clips: ClipBatch) -> bool:
        try:
            self._jvp(z, clips, np.ones_like(z))
        except torch.OutOfMemoryError:
            raise  # says nothing of gradients
        except RuntimeError as error:  # raised where a function has no gradient, or its gradient has none
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            _log.warning(
                "%s: no gradients through its decoder: methods with gradients are left out (%s)", self._name, reason
            )
            return False
        return True

    def _encoded(self, clips: ClipBatch, size: int | None, first: int = 0) -> tuple[Tensor, Tensor | None]:
        """Mean and standard deviation of clips, the first of which is number ``first`` of its batch."""
        mean, scale = self._named(self._module.encode(self._tokens(clips)))
        if isinstance(scale, Tensor) and len(self._held) and scale.ndim == 2 and scale.shape[1] > self._held[-1]:
            scale = scale.clone()
            scale[:, self._held] = 1.0  # not read there, whatever it is
        rows = max(len(clips), MIN_ROWS)
        for what, part in (("mean", mean), ("standard deviation", scale)):
            if part is None and what != "mean":
                continue
            if isinstance(part, Tensor) and not part.is_floating_point():
                raise self._wrong("encode", f"{part.dtype} as the {what}", f"numbers: {DISCRETE_CODES}")
            if not isinstance(part, Tensor) or part.shape != (rows, *(self._shape or part.shape[-1:])):
                expected = f"a tensor ({', '.join(map(str, (rows, *(self._shape or 'D'))))})"
                raise self._wrong("encode", f"{_kind(part)} as the {what} of {rows} clips", expected)
            if size is not None and part[0].numel() != size:
                raise self._wrong(
                    "encode",
                    f"{part[0].numel()} numbers as the {what} of a clip, and the model was loaded with {size}",
                    "as many for every batch: its latent size must not depend on the clips",
                )
            if len(bad := (~torch.isfinite(part)).flatten(1).any(dim=1).nonzero()):
                where = f"the first is clip {first + int(bad[0])} of the batch, from 0"
                raise self._wrong(
                    "encode",
                    f"numbers that are not finite as the {what} of {len(bad)} of {rows} clips ({where})",
                    "finite ones: look for a division by 0, a logarithm or an exponential that overflows",
                )
        if scale is not None and scale.shape != mean.shape:
            raise self._wrong(
                "encode",
                f"standard deviations of {scale[0].numel()} numbers beside means of {mean[0].numel()}",
                "one for each number of the code; those of a condition are not read",
            )
        return mean.flatten(1).float(), None if scale is None else scale.flatten(1).float()

    def _check_scale(self, scale: Tensor | None) -> None:
        if scale is None:
            return
        least = scale[:, self.spec.structure.latent].min()
        if not least > 0:
            raise self._wrong(
                "encode",
                f"standard deviations down to {least:.3g}",
                "numbers above 0: say posterior='mean-logvar' if they are logarithms of variances",
            )

    def _named(self, posterior: Any) -> tuple[Any, Any]:
        """Mean and standard deviation (None where there is none) of what ``encode`` gives; two tensors are no guess."""
        form = self._posterior_form
        if isinstance(posterior, Distribution):
            return posterior.mean, posterior.stddev
        if isinstance(posterior, Posterior):
            return posterior.mean, posterior.scale
        if isinstance(posterior, Tensor) and form in (None, "mean"):
            return posterior, None
        names = getattr(posterior, "_fields", None)  # of a named tuple
        if isinstance(posterior, Mapping) or names:
            parts = dict(posterior if isinstance(posterior, Mapping) else zip(names or (), posterior, strict=True))
            if parts.keys() in ({"mean"}, {"mean", "std"}, {"mean", "logvar"}):
                return parts["mean"], _deviation(parts.get("std"), parts.get("logvar"))
        elif isinstance(posterior, tuple | list) and len(posterior) == 2 and form in ("mean-std", "mean-logvar"):
            mean, second = posterior
            return mean, _deviation(second, None) if form == "mean-std" else _deviation(None, second)
        if isinstance(posterior, Tensor | Mapping | tuple | list):
            given = "one tensor" if isinstance(posterior, Tensor) else _parts(posterior)
            stated = "" if form is None else f" where posterior={form!r} is stated"
            raise self._wrong("encode", f"{given}{stated}", SPELLINGS)
        return posterior, None  # refused as no tensor

    def _check_repeats(self, method: str, first: Tensor, second: Tensor) -> None:
        """
        Check that a method gives the same twice.

        Raises:
            ModelError: It draws at random.
        """
        first, second = (torch.nan_to_num(part, neginf=0.0) for part in (first, second))  # impossible tokens
        if bool((first - second).abs().max() <= REPEATS * first.abs().max()):
            return
        what = "the posterior mean" if method == "encode" else "logits without noise"
        raise ModelError(
            f"{self._name}: {method} of {type(self._module).__name__} gave other numbers for the same input the second "
            f"time: it draws at random. It must give {what}."
        )

    def _logits(self, codes: Tensor, given: ClipBatch | None) -> Tensor:
        codes = codes.reshape(len(codes), *self._shape) if self._shape else codes
        if self._reads:
            logits = self._module.decode(codes, given=None if given is None else self._tokens(given))
        else:
            logits = self._module.decode(codes)
        shape = (len(codes), *self._format.shape, self._format.vocabulary)
        if not isinstance(logits, Tensor) or tuple(logits.shape) != shape:
            raise self._wrong("decode", _kind(logits), f"logits of shape {shape}")
        if not torch.isfinite(logits.amax(dim=-1)).all():
            raise self._wrong(
                "decode", "logits with NaN or without a finite one", "a finite logit for a token at each position"
            )
        return logits.float()

    def _wrong(self, method: str, actual: str, expected: str) -> BackendError:
        return BackendError(
            f"{self._name}: {method} of {type(self._module).__name__} gave {actual}; it must give {expected}."
        )


def _reads(decode: Callable[..., Any], name: str) -> bool:
    """Whether a decoder takes the tokens that are given."""
    parameters = inspect.signature(decode).parameters
    _, *more = parameters.values()
    needed = [p.name for p in more if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if extra := [parameter for parameter in needed if parameter != "given"]:
        raise ModelError(
            f"{name}: decode needs {', '.join(extra)} besides the codes: wrap a conditional model in a module that "
            "reads the condition from a block of the code (TorchBackend(..., blocks=..., condition=...)) or fixes it."
        )
    return "given" in parameters


def _deviation(std: Any, logvar: Any) -> Any:
    if logvar is None:
        return std
    return torch.exp(0.5 * logvar) if isinstance(logvar, Tensor) else logvar


def _parts(posterior: Any) -> str:
    if isinstance(posterior, Mapping) or hasattr(posterior, "_fields"):
        names = posterior if isinstance(posterior, Mapping) else posterior._fields
        return f"parts named {', '.join(map(str, names))}"
    return f"{len(posterior)} parts ({', '.join(map(_kind, posterior))})"


def _check_weights(module: nn.Module, where: str) -> None:
    """
    Check that a module's weights are finite.

    Args:
        module: The module.
        where: The model or its file, for the message.

    Raises:
        ModelError: Names the first tensor that is not finite.
    """
    for name, tensor in module.state_dict().items():
        if bad := tensor.numel() - int(torch.isfinite(tensor).sum()):
            raise ModelError(
                f"{where}: tensor {name!r} must be finite; {bad} of its {tensor.numel()} numbers are NaN or infinite: "
                "load the weights of an earlier step of training."
            )


def _kind(value: object) -> str:
    return f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
