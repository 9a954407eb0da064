"""
The config of a MusicVAE and of its training: frozen values, checked, as TOML in and out.

A file has the tables ``[network]``, ``[training]`` and ``[data]``. Presets lie in ``presets/``: ``paper``
(Yang et al., NIME 2019); ``broad``, the recipe of the shipped model; ``folk`` and, for the run that goes on from it,
``folk-dense``, that of ``musicvae-folk-128``; and ``lstm``, a small network of magenta's kind.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from reprlib import repr as short
from typing import Any

import attrs
from attrs import field, frozen, validators

from latentknobs.backends.magenta_js.vocabulary import PIANO
from latentknobs.backends.network import NetworkConfig, build_config, count, flag
from latentknobs.core.melody_format import MELODY_FORMATS, MelodyFormat
from latentknobs.core.seed import MOST_SEED
from latentknobs.errors import UnknownNameError, UsageError

MOST_TIMES = 100
"""Most times that a clip is repeated in its pool: more would leave nothing of the others."""


def _number(low: float = -math.inf, high: float = math.inf) -> Any:
    def check(_instance: object, attribute: Any, value: object) -> None:
        if type(value) is not float or not math.isfinite(value) or not low <= value <= high:
            least = "" if low == -math.inf else f" of at least {low:g}"
            most = "" if high == math.inf else f" and at most {high:g}"
            raise ValueError(f"'{attribute.name}' must be a number{least}{most}, not {short(value)}")

    return check


def _real(value: Any) -> Any:
    """An int where a float is meant, as people write in TOML, becomes a float; anything else is left to the checks."""
    return float(value) if type(value) is int and abs(value) <= MOST_SEED else value


def _pair(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _ascending(_instance: object, attribute: Any, value: Any) -> None:
    if not (
        isinstance(value, tuple) and len(value) == 2 and all(type(v) is int for v in value) and value[0] <= value[1]
    ):
        raise ValueError(f"'{attribute.name}' must be two whole numbers, the lower first: {value!r}")


@frozen
class TrainingConfig:
    """
    How it is trained.

    The loss of a clip is (cross-entropy summed over its steps + kl_weight * KL summed over the dimensions) /
    steps, both in nats, averaged over the batch. Divided by the steps, because the paper's gradient clip of 1
    belongs to a loss per step. Its "mean cross-entropy per step + beta * mean KL per dimension" is
    kl_weight = beta * steps / latent_size: 0.1 * 32 / 128 = 0.025 a nat.

    Attributes:
        steps: Optimiser steps.
        batch: Clips in a step.
        learning_rate: Adam's, at the start.
        learning_rate_end: Where it ends (cosine) or what it never falls under (exponential).
        schedule: "cosine" over all steps, or "exponential".
        decay: Factor a step of the exponential schedule.
        gradient_clip: Largest norm of the gradient.
        kl_start: KL weight for the first ``kl_hold`` steps.
        kl_end: KL weight from step kl_hold + kl_rise on.
        kl_hold: Steps at ``kl_start``.
        kl_rise: Steps from ``kl_start`` to ``kl_end``; 0 = at once.
        kl_shape: "linear" or "cosine".
        sampling_k: k of scheduled sampling: a token is the true one with probability k / (k + exp(i / k)) at
            step i (Bengio et al., 2015, inverse sigmoid decay); 0 = always the true one.
        token_dropout: Part of the decoder's input tokens that is blanked (enters as zeros).
        follow_weight: Where ``data.follow`` names edits: what a nat of an edited clip's code beside its prediction
            costs, in KL weights; see :mod:`.equivariance_loss`.
        follow_through: Part of the edited clips that are decoded from their prediction.
        maps_first: Steps at the start in which the network stays as it is and only the maps of followed edits learn;
            for a run that starts after another model.
        align: Turn the axes of the codes of the run that this one starts after, so that edits move few of them;
            see :mod:`.latent_rotation`.
        transpose: Range of the random transposition in semitones; a clip stays inside the pitch range.
        evaluate_every: Steps between evaluations.
        checkpoint_every: Steps between checkpoints.
        patience: Evaluations without a better validation loss after which training stops; 0 = never.
        keep: Which weights become the model: "best", with the lowest validation loss, or "last", for a run that learns
            to follow edits and whose loss is not what it is for.
        validation_clips: Clips measured in an evaluation.
        seed: Fixes the first weights, the order of clips and every random draw.
        precision: "float32", "bfloat16" (autocast), or "auto": bfloat16 where a second's measurement finds it faster.
        storage: Type of the numbers in the weights file, "float32" or "float16"; computed as float32.
    """

    steps: int = field(validator=count(1))
    batch: int = field(default=128, validator=count(1))
    learning_rate: float = field(default=1e-3, converter=_real, validator=_number(1e-12))
    learning_rate_end: float = field(default=1e-5, converter=_real, validator=_number(0))
    schedule: str = field(default="cosine", validator=validators.in_(("cosine", "exponential")))
    decay: float = field(default=0.9999, converter=_real, validator=_number(0, 1))
    gradient_clip: float = field(default=1.0, converter=_real, validator=_number(1e-12))
    kl_start: float = field(default=0.025, converter=_real, validator=_number(0))
    kl_end: float = field(default=0.025, converter=_real, validator=_number(0))
    kl_hold: int = field(default=0, validator=count(0))
    kl_rise: int = field(default=0, validator=count(0))
    kl_shape: str = field(default="linear", validator=validators.in_(("linear", "cosine")))
    sampling_k: float = field(default=0.0, converter=_real, validator=_number(0))
    token_dropout: float = field(default=0.0, converter=_real, validator=_number(0, 1))
    follow_weight: float = field(default=1.0, converter=_real, validator=_number(0))
    follow_through: float = field(default=0.5, converter=_real, validator=_number(0, 1))
    maps_first: int = field(default=0, validator=count(0))
    align: bool = field(default=False, validator=flag)
    transpose: tuple[int, int] = field(default=(0, 0), converter=_pair, validator=_ascending)
    evaluate_every: int = field(default=500, validator=count(1))
    checkpoint_every: int = field(default=500, validator=count(1))
    patience: int = field(default=0, validator=count(0))
    keep: str = field(default="best", validator=validators.in_(("best", "last")))
    validation_clips: int = field(default=2048, validator=count(1))
    seed: int = field(default=0, validator=count(0, MOST_SEED))
    precision: str = field(default="auto", validator=validators.in_(("auto", "float32", "bfloat16")))
    storage: str = field(default="float32", validator=validators.in_(("float32", "float16")))

    def __attrs_post_init__(self) -> None:
        if not self.transpose[0] <= 0 <= self.transpose[1]:
            raise ValueError(f"'transpose' must hold 0: {list(self.transpose)}")

    def kl_weight(self, step: int) -> float:
        """Weight of a nat of KL at a step (from 0)."""
        past = step - self.kl_hold
        part = 0.0 if past < 0 else min(1.0, past / self.kl_rise) if self.kl_rise else 1.0
        if self.kl_shape == "cosine":
            part = (1 - math.cos(math.pi * part)) / 2
        return self.kl_start + (self.kl_end - self.kl_start) * part

    def rate(self, step: int) -> float:
        """Learning rate at a step (from 0)."""
        if self.schedule == "exponential":
            return max(self.learning_rate * self.decay**step, self.learning_rate_end)
        part = (1 + math.cos(math.pi * min(1.0, step / self.steps))) / 2
        return self.learning_rate_end + (self.learning_rate - self.learning_rate_end) * part

    def forcing(self, step: int) -> float:
        """Probability that the decoder reads the true token at a step (from 0)."""
        k = self.sampling_k
        return 1.0 if k == 0 else k / (k + math.exp(min(step / k, 700.0)))


@frozen
class CorpusSource:
    """
    A corpus to learn from.

    Attributes:
        corpus: As on the command line ("folk").
        share: Its part of each batch, beside the other sources' and edits' shares.
        clips: At most this many clips of it (an endless corpus needs a limit); 0 = all.
        dense_from: Clips with at least this many onsets are dense; 0 = none is told apart.
        dense_times: Dense clips are drawn this many times as often as the others: they are the hardest to learn.
        clip_format: Name of the format that it is read in, with as many steps as the network has; "" = the network's.
    """

    corpus: str = field(validator=validators.instance_of(str))
    share: float = field(default=1.0, converter=_real, validator=_number(0))
    clips: int = field(default=0, validator=count(0))
    dense_from: int = field(default=0, validator=count(0))
    dense_times: int = field(default=1, validator=count(1, MOST_TIMES))
    clip_format: str = field(default="", validator=validators.in_(("", *MELODY_FORMATS)))

    def __attrs_post_init__(self) -> None:
        if (self.dense_times > 1) != (self.dense_from > 0):
            raise ValueError("'dense_from' (at least 1) and 'dense_times' (at least 2) go together")


def _amounts(value: Any) -> Any:
    return tuple(_real(amount) for amount in value)


@frozen
class Edit:
    """
    An augmentation applied to the training clips before training, so that the model knows such clips.

    Attributes:
        name: Name of the augmentation ("note-split").
        amounts: Each amount gives a pool of edited clips of its own.
        share: Part of each batch that comes from these pools, divided evenly among them.
        clips: At most this many clips are edited at each amount.
    """

    name: str = field(validator=validators.instance_of(str))
    amounts: tuple[float, ...] = field(
        converter=_amounts,
        validator=[validators.min_len(1), validators.deep_iterable(_number())],
    )
    share: float = field(default=0.1, converter=_real, validator=_number(0))
    clips: int = field(default=20_000, validator=count(1))


def _tables(kind: type) -> Any:
    def check(_instance: object, attribute: Any, value: tuple[object, ...]) -> None:
        for item in value:
            if not isinstance(item, kind):
                raise TypeError(f"'{attribute.name}' must be a list of tables, {short(item)} is none")

    return check


@frozen
class Followed:
    """
    An augmentation that codes are made to follow by a map of the latent space; see :mod:`.equivariance_loss`.

    Attributes:
        name: Name of the augmentation ("transpose").
        amounts: Amounts drawn from, each with a map of its own; a clip that cannot take an amount is left as it is.
        share: How often it is the one that a batch follows, beside the other edits' shares.
        map: Kind of the maps: "matrix", "powers" or "network".
        exact: Whether a clip that cannot take the edit in full is left as it is, or takes what it can.
    """

    name: str = field(validator=validators.instance_of(str))
    amounts: tuple[float, ...] = field(
        converter=_amounts,
        validator=[validators.min_len(1), validators.deep_iterable(_number())],
    )
    share: float = field(default=1.0, converter=_real, validator=_number(1e-6))
    map: str = field(default="matrix", validator=validators.in_(("matrix", "powers", "network")))
    exact: bool = field(default=True, validator=flag)


def _values(kind: type, tables: Any, where: str) -> Any:
    """A list of tables as values of a kind; anything else is left to the validator."""
    return tuple(build_config(kind, table, where) if isinstance(table, Mapping) else table for table in tables)


def _sources(value: Any) -> Any:
    return _values(CorpusSource, value, "data.sources")


def _edits(value: Any) -> Any:
    return _values(Edit, value, "data.edits")


def _followed(value: Any) -> Any:
    return _values(Followed, value, "data.follow")


@frozen
class DataConfig:
    """
    What it is trained on.

    Attributes:
        sources: The corpora; the validation songs of the first one, in all the formats that it is read in, are what is
            measured.
        edits: Edited clips among the training clips.
        follow: Edits that codes are made to follow: half of each batch is then the other half, edited by one of them.
        pitch_range: Lowest and highest MIDI pitch of all training clips, random transposition included.
        licence: What the model card says of the clips' licence.
        limits: What the model card says of what the model does not know (register, meter, style).
    """

    sources: tuple[CorpusSource, ...] = field(
        converter=_sources,
        validator=[validators.min_len(1), _tables(CorpusSource)],
    )
    edits: tuple[Edit, ...] = field(default=(), converter=_edits, validator=_tables(Edit))
    follow: tuple[Followed, ...] = field(default=(), converter=_followed, validator=_tables(Followed))
    pitch_range: tuple[int, int] = field(default=(0, 127), converter=_pair, validator=_ascending)
    licence: str = field(default="", validator=validators.instance_of(str))
    limits: str = field(default="", validator=validators.instance_of(str))

    def __attrs_post_init__(self) -> None:
        if self.pitch_range[0] < 0 or self.pitch_range[1] > 127:
            raise ValueError(f"'pitch_range' must lie in 0 to 127: {list(self.pitch_range)}")
        if self.sources[0].share <= 0:
            raise ValueError("'sources': the first one is what is measured, its share must be above 0")


@frozen
class Config:
    """Everything that ``latentknobs train`` is told; see the three parts."""

    network: NetworkConfig
    training: TrainingConfig
    data: DataConfig

    def __attrs_post_init__(self) -> None:
        if self.training.align and self.network.height:
            raise ValueError("'align' turns all axes, of which 'height' keeps one: leave one of them out")
        if self.training.align and any(edit.map == "powers" for edit in self.data.follow):
            raise ValueError("'align' turns the axes that a map of \"powers\" keeps: leave one of them out")
        sizes = {one.name: one.steps for one in self.formats}
        if set(sizes.values()) != {self.network.steps} and self.network.cell != "lstm":
            read = ", ".join(f"{name} ({steps})" for name, steps in sizes.items())
            raise ValueError(f"'steps' of the network is {self.network.steps}, and it is to learn clips of {read}")
        if self.training.align and len(sizes) > 1:
            raise ValueError("'align' knows one format: leave it out, or 'clip_format' of the sources")
        if self.training.maps_first and not self.data.follow:
            raise ValueError("'maps_first' is of the maps of followed edits: leave it out where none is followed")
        if self.training.maps_first >= self.training.steps:
            raise ValueError("'maps_first' must be below 'steps', or the network never learns")
        if self.training.keep == "last" and self.training.patience:
            raise ValueError("'patience' waits for a better loss, which keep = \"last\" does not look at")
        if self.data.follow and self.training.batch % 2:
            raise ValueError(f"'batch' must be even where edits are followed, not {self.training.batch}")
        if self.network.cell == "lstm":
            low, high = self.data.pitch_range
            if low < PIANO.low or high > PIANO.high:
                raise ValueError(
                    f"'pitch_range' must lie in {PIANO.low} to {PIANO.high} where 'cell' is \"lstm\", not "
                    f"[{low}, {high}]: its tokens have no other pitches"
                )
            if self.training.align:
                raise ValueError("'align' turns the axes of a GRU: leave it out where 'cell' is \"lstm\"")

    @property
    def formats(self) -> tuple[MelodyFormat, ...]:
        """The formats of the training clips, the network's own first."""
        names = (self.network.clip_format, *(source.clip_format for source in self.data.sources if source.clip_format))
        return tuple(MELODY_FORMATS[name] for name in dict.fromkeys(names))

    @classmethod
    def from_toml(cls, text: str, where: str = "config") -> Config:
        """
        Read TOML text.

        Raises:
            UsageError: Not TOML, an unknown or missing key, or a value that cannot be used; says which.
        """
        try:
            tables = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise UsageError(f"{where} is not TOML: {error}.") from error
        return cls.from_tables(tables, where)

    @classmethod
    def from_tables(cls, tables: Mapping[str, Any], where: str = "config") -> Config:
        """The same from parsed tables (what a model card and a checkpoint hold)."""
        parts = {"network": NetworkConfig, "training": TrainingConfig, "data": DataConfig}
        unknown = sorted(set(tables) - set(parts))
        missing = sorted(set(parts) - set(tables))
        if unknown or missing:
            what = f"has no table [{missing[0]}]" if missing else f"has an unknown table [{unknown[0]}]"
            raise UsageError(f"{where} {what}; it needs [network], [training] and [data].")
        values: dict[str, Any] = {
            name: build_config(part, tables[name], f"{where}: [{name}]") for name, part in parts.items()
        }
        try:
            return cls(**values)
        except ValueError as error:
            raise UsageError(f"{where}: {error}.") from error

    @classmethod
    def preset(cls, name: str) -> Config:
        """
        A preset of the package.

        Raises:
            UnknownNameError: There is none of that name.
        """
        folder = resources.files(__package__).joinpath("presets")
        known = sorted(Path(entry.name).stem for entry in folder.iterdir() if entry.name.endswith(".toml"))
        if name not in known:
            raise UnknownNameError("preset", name, known)
        return cls.from_toml(folder.joinpath(f"{name}.toml").read_text(encoding="utf-8"), f"preset {name}")

    def tables(self) -> dict[str, Any]:
        """As plain tables, lists and numbers, for JSON and TOML."""
        plain: dict[str, Any] = json.loads(json.dumps(attrs.asdict(self)))
        return plain

    def to_toml(self) -> str:
        """As TOML text that :meth:`from_toml` reads back to an equal config."""
        lines: list[str] = []
        for name, table in self.tables().items():
            lines += [f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in table.items()), ""]
        return "\n".join(lines)


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)
