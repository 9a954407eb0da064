"""The generic interface of a trained VAE: what a backend must do, and what it may do besides."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from numbers import Integral
from pathlib import Path
from reprlib import repr as short
from typing import Any, Literal, Protocol, TypeAlias, get_args, runtime_checkable

import numpy as np
from attrs import field, frozen, validators
from numpy.typing import NDArray

from latentknobs.core.arrays import Bools, ClipBatch, Codes
from latentknobs.core.clip import ClipFormat
from latentknobs.core.latent_structure import LatentStructure
from latentknobs.core.likelihood import KEY, TrainingLikelihood
from latentknobs.errors import ModelError

_log = logging.getLogger(__name__)


@frozen(eq=False)
class Posterior:
    """
    The codes of N clips.

    Attributes:
        mean: float32 (N, D); the code of a clip is its posterior mean.
        scale: float32 (N, D), standard deviations, above 0, or None where the model has none. In the dimensions of a
            condition it is not read, and may be 0.
    """

    mean: Codes
    scale: Codes | None = None


Prior: TypeAlias = Literal["standard-normal", "aggregate"]
"""What codes are drawn from: the standard normal distribution, or one of the codes' own mean and spread."""


@frozen(eq=False)
class BackendSpec:
    """
    What a model is.

    Attributes:
        name: The model's name ("musicvae-broad-128").
        clip_format: The clips it reads and writes.
        latent_size: D.
        model_id: SHA-256 (64 hexadecimal digits) of its weights and canonical config.
        training: Free facts for people (corpus, licence, seed, metrics); not part of the identity. The
            key "pitch_range" = [low, high], if there, is the range of pitches it was trained on, "likelihood" the
            quantiles of a :class:`~latentknobs.core.likelihood.TrainingLikelihood`.
        formats: All formats that it reads and writes, the first one ``clip_format``; () = that one alone. Knobs are
            looked for on the first.
        encodes: Whether it has an encoder. A decoder alone gives clips of codes; its ``encode`` raises BackendError.
        prior: "standard-normal" where the model was trained towards that prior, and codes drawn from it are the
            model's own. "aggregate" where nothing is known: codes are drawn with the mean and standard deviation that
            the corpus' codes have in each dimension (:mod:`latentknobs.core.code_units`); of a decoder alone, from the
            standard normal distribution all the same.
        blocks: Named blocks of the code, name to size ({"pitch": 64, "rhythm": 64}), in order; {} = none.
        condition: The block that is the decoder's condition and no latent, None = there is none: ``encode`` puts the
            clip's condition there and ``decode`` reads it there. Nothing moves it, and an edit that changes it gives
            no pairs.
        latent_shape: Axes of a sequence of latents, (8, 16), flattened in C order; () = a plain vector.
        anchor: The block that says where the music lies (its height on the keyboard), None = there is none: paths have
            that of the nearer end, and variations keep it.
    """

    name: str = field()
    clip_format: ClipFormat
    latent_size: int = field(validator=validators.ge(1))
    model_id: str = field(validator=validators.matches_re(r"[0-9a-f]{64}"))
    training: Mapping[str, Any] = field(factory=dict)
    formats: tuple[ClipFormat, ...] = field(default=(), converter=tuple)
    encodes: bool = True
    prior: Prior = field(default="aggregate")
    blocks: Mapping[str, int] = field(factory=dict)
    condition: str | None = None
    latent_shape: tuple[int, ...] = ()
    anchor: str | None = None
    structure: LatentStructure = field(init=False)
    """Its blocks, condition and shape, which name and group dimensions."""
    likelihood: TrainingLikelihood | None = field(init=False)
    """How likely it finds its training clips, None where ``training`` does not say; a damaged one is told and None."""

    def __attrs_post_init__(self) -> None:
        if not self.formats:
            object.__setattr__(self, "formats", (self.clip_format,))
        if self.condition is not None and not self.encodes:
            raise ModelError(
                f"The model {self.name!r} has the condition {self.condition!r} and no encoder that would read it of a "
                "clip: fix the condition in decode and leave it out of the code."
            )

    @structure.default
    def _of_blocks(self) -> LatentStructure:
        try:
            return LatentStructure(self.latent_size, self.blocks, self.condition, self.latent_shape, self.anchor)
        except ValueError as fault:
            raise ModelError(f"The model {self.name!r} {fault}.") from None

    @likelihood.default
    def _of_training(self) -> TrainingLikelihood | None:
        if KEY not in self.training:
            return None
        try:
            return TrainingLikelihood.read(self.training[KEY])
        except (TypeError, ValueError) as fault:
            _log.warning(
                "%s: how likely it finds its training clips is left out, since %s: have it written anew "
                "(latentknobs.backends.training.likelihood).",
                self.name,
                fault,
            )
            return None

    @formats.validator
    def _begin_with_the_one(self, _attribute: object, formats: tuple[ClipFormat, ...]) -> None:
        names = [one.name for one in formats]
        if formats and (formats[0] is not self.clip_format or len(set(names)) < len(names)):
            raise ModelError(
                f"The formats of the model {self.name!r} must be different ones, its clip_format "
                f"{self.clip_format.name} first, not {', '.join(names)}."
            )

    @name.validator
    def _can_be_read(self, _attribute: object, name: object) -> None:
        if not isinstance(name, str) or not name or not name.isprintable():
            raise ModelError(f"A model's name must be words on one line, not {short(name)}: give it another.")

    @prior.validator
    def _is_known(self, _attribute: object, prior: object) -> None:
        if prior not in get_args(Prior):
            known = " or ".join(map(repr, get_args(Prior)))
            raise ModelError(f"The prior of the model {self.name!r} must be {known}, not {short(prior)}.")

    @training.validator
    def _has_a_range_or_none(self, _attribute: object, training: Mapping[str, Any]) -> None:
        if "pitch_range" in training and not _is_pitch_range(training["pitch_range"]):
            raise ModelError(
                f"The pitch_range of the model {self.name!r} must be two whole numbers from 0 to 127, the lower first, "
                f"not {short(training['pitch_range'])}: correct it or leave it out."
            )

    @property
    def pitch_range(self) -> tuple[int, int] | None:
        """Lowest and highest MIDI pitch it was trained on, None where ``training`` does not say."""
        if "pitch_range" not in self.training:
            return None
        low, high = self.training["pitch_range"]
        return int(low), int(high)


def _is_pitch_range(value: object) -> bool:
    if not isinstance(value, list | tuple) or len(value) != 2:
        return False
    if not all(isinstance(pitch, Integral) and not isinstance(pitch, bool) for pitch in value):
        return False
    return bool(0 <= value[0] <= value[1] <= 127)


@runtime_checkable
class VAEBackend(Protocol):
    """
    A model: a trained VAE with its exact weights. Arrays are numpy; greedy decoding is deterministic.

    Attributes:
        spec: What it is, the same as long as it lives.
    """

    @property
    def spec(self) -> BackendSpec: ...

    def accepts(self, clips: ClipBatch) -> Bools:
        """Which clips this model can carry, bool (N,)."""
        ...

    def encode(self, clips: ClipBatch) -> Posterior:
        """The codes of clips (N, *shape)."""
        ...

    def decode(self, z: Codes) -> ClipBatch:
        """Greedy decoding of codes (N, D) to valid clips, int16 (N, *shape)."""
        ...

    def decode_log_probs(self, z: Codes, given: ClipBatch | None = None) -> NDArray[np.float32]:
        """Log-probabilities, float32 (N, *shape, V): teacher-forced on ``given``, else along the greedy path."""
        ...


class LatentWeights(Protocol):
    """Optional: the matrices through which z enters the decoder."""

    def latent_weights(self) -> dict[str, NDArray[np.float32]]:
        """Name to float32 (rows, D)."""
        ...


class LatentGradient(Protocol):
    """Optional: products with the Jacobian J of the teacher-forced log-probabilities with respect to z."""

    def jvp(self, z: Codes, given: ClipBatch, vectors: Codes) -> NDArray[np.float32]:
        """J v, float32 (N, *shape, V), for v (N, D)."""
        ...

    def vjp(self, z: Codes, given: ClipBatch, vectors: NDArray[np.float32]) -> Codes:
        """U J, float32 (N, D), for u (N, *shape, V)."""
        ...


class Sampling(Protocol):
    """Optional: decoding by chance."""

    def decode_sampled(self, z: Codes, temperature: float, seed: int) -> ClipBatch:
        """
        Clips int16 (N, *shape) whose tokens are drawn one after another, each given those before it, from p^(1/t).

        The same seed gives the same clips; towards temperature 0 they are the greedy ones.
        """
        ...


class FlopCount(Protocol):
    """Optional: how much work a clip is, which ``latentknobs bench`` sets beside the machine's matrix products."""

    def flops(self) -> Mapping[str, float]:
        """Multiplications and additions of one clip's matrix products: for "encode", "decode", or one of them."""
        ...


CAPABILITIES: Mapping[str, type] = {
    "LatentWeights": LatentWeights,
    "LatentGradient": LatentGradient,
    "Sampling": Sampling,
}
"""The optional capabilities by name, for methods that declare which they need; see :func:`~latentknobs.capability`."""


@frozen
class BackendFactory:
    """
    What a plugin offers under ``register_backends``: a way to load models, used lazily.

    Attributes:
        name: Unique name of the kind of backend, also the prefix of ``--model NAME:LOCATION``.
        doc: One sentence.
        load: (location, device) to a model. device: "cpu", "cuda" or "auto". Asked for another precision than the
            first, it is called with ``precision`` as a keyword.
        shipped: Names of models that come with the plugin, each with its location.
        recognises: Whether a path given to ``--model`` is one of its files.
        precisions: In which numbers its models can compute, the one they were trained in first.
        formats: Clip formats of shipped models by name, as far as they can be told without loading one.
    """

    name: str
    doc: str
    load: Callable[..., VAEBackend]
    shipped: Mapping[str, str] = field(factory=dict)
    recognises: Callable[[Path], bool] = field(default=lambda _path: False)
    precisions: tuple[str, ...] = ("float32",)
    formats: Mapping[str, ClipFormat] = field(factory=dict)
