"""What the networks that are trained here have in common: their config, and what training and running call."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from reprlib import repr as short
from typing import Any, ClassVar, TypeVar

import attrs
from attrs import field, frozen, validators
from torch import Tensor, nn

from latentknobs.core.melody_format import MELODY, MELODY_FORMATS, MelodyFormat
from latentknobs.errors import UnknownNameError, UsageError

T = TypeVar("T")

MAX_WIDTH = 65_536
"""Most units of a layer, dimensions, tokens or steps: a larger number in a card means damage."""
MAX_LAYERS = 64
"""Most layers of the decoder, for the same reason: each is built before its weights are looked for."""
LSTM_VOCABULARY = 90
"""Tokens of magenta's networks: 88 piano keys, "no event" and "note off"."""


def count(low: int, high: int | None = None) -> Any:
    """A validator of whole numbers in these limits."""

    def check(_instance: object, attribute: Any, value: object) -> None:
        # Not isinstance: True would be a 1 here and another model in the hash of the config.
        if type(value) is not int or value < low or (high is not None and value > high):
            limit = "" if high is None else f" and at most {high}"
            raise ValueError(f"'{attribute.name}' must be a whole number of at least {low}{limit}, not {short(value)}")

    return check


def flag(_instance: object, attribute: Any, value: object) -> None:
    """A validator of true and false."""
    if type(value) is not bool:
        raise ValueError(f"'{attribute.name}' must be true or false, not {short(value)}")


def _known_format(_instance: object, attribute: Any, value: object) -> None:
    if not isinstance(value, str) or value not in MELODY_FORMATS:
        raise ValueError(f"'{attribute.name}' must be one of {', '.join(MELODY_FORMATS)}, not {short(value)}")


@frozen
class NetworkConfig:
    """
    Sizes of the network.

    Attributes:
        encoder_hidden: Units of the encoder, in each of its two directions.
        decoder_hidden: Units of each of the decoder's layers.
        decoder_layers: How many of these there are.
        embedding: Size of the token embedding, shared by encoder and decoder; 0 = tokens enter one-hot.
        latent_size: D.
        vocabulary: Number of tokens V.
        steps: Tokens in a clip.
        cell: "gru" (:mod:`.gru_musicvae.network`), or "lstm": magenta's network with its 90 tokens
            (:mod:`.magenta_js.lstm`).
        state_features: Numbers that the encoder's two states at each step are projected to, which all together give
            the posterior; 0 = the last state of each direction does.
        step_features: Size of the vectors, one for each step, that z is turned into for the decoder, and that all its
            layers read; 0 = z itself enters the first layer at every step.
        step_hidden: Units of the layer between z and these vectors.
        height: Whether the last dimension is the clip's height and the others carry its line
            (:mod:`.gru_musicvae.pitch_height`).
        mirrors: Whether codes answer retrograde and reflection by changes of sign (:mod:`.gru_musicvae.mirrors`); with
            ``height`` and ``state_features`` only.
        clip_format: Name of the format of its clips, one of :data:`~latentknobs.core.melody_format.MELODY_FORMATS`.
    """

    encoder_hidden: int = field(validator=count(1, MAX_WIDTH))
    decoder_hidden: int = field(validator=count(1, MAX_WIDTH))
    decoder_layers: int = field(validator=count(1, MAX_LAYERS))
    embedding: int = field(default=0, validator=count(0, MAX_WIDTH))
    latent_size: int = field(default=128, validator=count(1, MAX_WIDTH))
    vocabulary: int = field(default=130, validator=count(2, MAX_WIDTH))
    steps: int = field(default=32, validator=count(1, MAX_WIDTH))
    cell: str = field(default="gru", validator=validators.in_(("gru", "lstm")))
    state_features: int = field(default=0, validator=count(0, MAX_WIDTH))
    step_features: int = field(default=0, validator=count(0, MAX_WIDTH))
    step_hidden: int = field(default=0, validator=count(0, MAX_WIDTH))
    height: bool = field(default=False, validator=flag)
    mirrors: bool = field(default=False, validator=flag)
    clip_format: str = field(default=MELODY.name, validator=_known_format)

    def __attrs_post_init__(self) -> None:
        if (self.step_features > 0) != (self.step_hidden > 0):
            raise ValueError("'step_features' and 'step_hidden' go together: both above 0, or neither")
        if self.mirrors and not (self.height and self.state_features):
            raise ValueError("'mirrors' needs 'height' and 'state_features': set them, or leave it out")
        if self.cell == "lstm" and (self.state_features or self.step_features or self.height):
            raise ValueError(
                "'state_features', 'step_features' and 'height' belong to a GRU: leave them out for \"lstm\""
            )
        if self.height and (self.vocabulary != MELODY.vocabulary or self.latent_size < 2):
            raise ValueError(
                f"'height' needs {MELODY.vocabulary} tokens and two dimensions or more: leave it out, or change "
                "'vocabulary' or 'latent_size'"
            )
        required = {"vocabulary": LSTM_VOCABULARY, "embedding": 0, "steps": MELODY.steps, "clip_format": MELODY.name}
        for name, number in required.items():
            if self.cell == "lstm" and getattr(self, name) != number:
                raise ValueError(
                    f"'{name}' must be {number!r} where 'cell' is \"lstm\", as in magenta's network, not "
                    f"{getattr(self, name)}: start from the preset lstm"
                )

    @property
    def format(self) -> MelodyFormat:
        """The format of its clips."""
        return MELODY_FORMATS[self.clip_format]

    @property
    def line_size(self) -> int:
        """Dimensions without the height."""
        return self.latent_size - self.height

    @property
    def token_size(self) -> int:
        """Size of a token where it enters a layer."""
        return self.embedding or self.vocabulary

    def canonical(self) -> bytes:
        """The same bytes for the same config: what a model's identity is computed over."""
        # What came later is left out where it is not used: the identity is what it was before.
        later = {
            "cell": "gru",
            "state_features": 0,
            "step_features": 0,
            "step_hidden": 0,
            "height": False,
            "mirrors": False,
            "clip_format": MELODY.name,
        }
        values = {name: value for name, value in attrs.asdict(self).items() if later.get(name) != value}
        return json.dumps(values, sort_keys=True, separators=(",", ":")).encode()


def build_config(kind: type[T], table: object, where: str) -> T:
    """
    An attrs value from a parsed table.

    Raises:
        UsageError: Not a table, an unknown or missing key, or a value out of range; says which.
    """
    if not isinstance(table, Mapping):
        raise UsageError(f"{where} must be a table, not {short(table)}.")
    fields = attrs.fields_dict(kind)  # type: ignore[arg-type]  # every kind used here is an attrs class
    for key in table:
        if key not in fields:
            raise UnknownNameError("setting", str(key), fields, f"in {where}")
    try:
        return kind(**table)
    except (TypeError, ValueError) as error:
        if isinstance(error, UsageError):
            raise
        missing = [k for k, f in fields.items() if f.default is attrs.NOTHING and k not in table]
        reason = f"{missing[0]!r} is missing" if missing else str(error.args[0] if error.args else error)
        raise UsageError(f"{where}: {reason}.") from error


class Network(nn.Module, ABC):
    """
    A network that can be trained, with torch's usual initial weights.

    Tokens are int64 (N, T) in the network's own vocabulary (:meth:`tokens`), codes float32 (N, D), logits float32
    (N, T, V).
    """

    cell: ClassVar[str]
    """Its name in configs."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config

    @abstractmethod
    def tokens(self, clips: Tensor) -> Tensor:
        """Clips int64 (N, T) in the network's tokens."""

    @abstractmethod
    def encode(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the posterior, each (N, D)."""

    @abstractmethod
    def decode_given(self, z: Tensor, given: Tensor, keep: Tensor | None = None) -> Tensor:
        """
        Logits with teacher forcing, whole layers at a time.

        Args:
            z: Codes.
            given: The clips' tokens.
            keep: Factors (N, T) on the input tokens, 0 = blanked; None = all kept.
        """

    @abstractmethod
    def decode_steps(
        self, z: Tensor, given: Tensor | None = None, known: Tensor | None = None, keep: Tensor | None = None
    ) -> Tensor:
        """
        Logits step by step, exactly as the equations are written.

        Args:
            z: Codes.
            given: True tokens; None = greedy decoding.
            known: bool (N, T), where the step *after* reads the true token, elsewhere the likeliest one
                (scheduled sampling); None = everywhere.
            keep: As in :meth:`decode_given`.
        """
