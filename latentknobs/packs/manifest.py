"""``knobs.json`` of a pack, which data/pack-1.schema.json describes: its knobs, their model, and every file's hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from attrs import evolve, field, frozen, validators

from latentknobs.core.knob import NAME
from latentknobs.core.strict_json import each_once, structure, unstructure
from latentknobs.errors import PackError
from latentknobs.packs.pack_files import MANIFEST, check_name, visible

SCHEMA = Path(__file__).parent.parent / "data" / "pack-1.schema.json"
README = "README.md"
SHA256 = r"[0-9a-f]{64}"
PLUGIN = r"plugins/[A-Za-z0-9][A-Za-z0-9_-]*\.py"
WEIGHTS = r"models/[A-Za-z0-9][A-Za-z0-9._+-]*\.safetensors"
_BREAKS = dict.fromkeys(map(ord, "\n\t"))
_MOST_DEPTH = 24
_MOST_VALUES = 50_000_000


@frozen
class PackedFile:
    """
    What a file must be.

    Attributes:
        size: Its bytes.
        sha256: Their hash, hexadecimal.
    """

    size: int = field(validator=validators.ge(0))
    sha256: str = field(validator=validators.matches_re(SHA256))

    @classmethod
    def of(cls, data: bytes) -> PackedFile:
        """What this file is."""
        return cls(len(data), hashlib.sha256(data).hexdigest())


@frozen
class PackedModel:
    """
    The model that the knobs are of.

    Attributes:
        name: Its name, for people.
        model_id: Its identity: SHA-256 of weights and configuration.
        latent_size: Dimensions of its codes.
        formats: The clips that it reads and writes, by name.
        licence: What its card says of its licence, "" = nothing.
        weights: Its weights in the pack, whose card lies beside them, None where they are not in it.
    """

    name: str = field(validator=[validators.min_len(1), validators.max_len(1000)])
    model_id: str = field(validator=validators.matches_re(SHA256))
    latent_size: int = field(validator=validators.ge(1))
    formats: tuple[str, ...] = field(validator=validators.min_len(1))
    licence: str
    weights: str | None = field(validator=validators.optional(validators.matches_re(WEIGHTS)))


@frozen
class PackedKnob:
    """
    A knob; its operator is ``operators/NAME.safetensors``.

    Attributes:
        run: Index in the runs.
        position: Index in that run's knobs.
        name: The name that means it.
        amount: By how much ``examples/NAME-after.mid`` and ``.wav`` are turned, None where there are none.
    """

    run: int = field(validator=validators.ge(0))
    position: int = field(validator=validators.ge(0))
    name: str = field(validator=validators.matches_re(NAME))
    amount: float | None

    @property
    def operator(self) -> str:
        """The file of its operator."""
        return f"operators/{self.name}.safetensors"

    @property
    def examples(self) -> tuple[str, ...]:
        """The files of the melody with the knob turned."""
        return () if self.amount is None else tuple(f"examples/{self.name}-after{end}" for end in (".mid", ".wav"))


BEFORE = ("examples/before.mid", "examples/before.wav")
"""The melody as it is."""


@frozen
class PackedPlugin:
    """
    The source of a plugin.

    Attributes:
        path: Its file in the pack.
        augmentations: Which of the knobs' edits it offers.
    """

    path: str = field(validator=validators.matches_re(PLUGIN))
    augmentations: tuple[str, ...]


@frozen
class Manifest:
    """
    All that ``knobs.json`` says.

    Attributes:
        format: What the file is.
        version: Of that form.
        latentknobs: The version that wrote it.
        license: Of the knobs, as a model card names it ("mit", "unknown").
        model: The model that all knobs are of.
        runs: The runs that they came from, as exchange files of version 3 have them.
        knobs: The knobs, by name.
        plugins: Plugins that the package does not have, as source.
        requires: Installed plugins that offer edits of the knobs ("NAME VERSION").
        files: Every other file of the pack.
    """

    format: Literal["latentknobs-pack"]
    version: Literal[1]
    latentknobs: str
    license: str
    model: PackedModel
    runs: tuple[Mapping[str, Any], ...]
    knobs: tuple[PackedKnob, ...] = field(validator=validators.min_len(1))
    plugins: tuple[PackedPlugin, ...]
    requires: tuple[str, ...]
    files: Mapping[str, PackedFile]

    def __attrs_post_init__(self) -> None:
        names = list(self._expected())
        if len({name.casefold() for name in names}) < len(names):
            raise ValueError("knobs, plugins: expected each name once, letters of either case being one")
        for name in names:
            check_name(name)
        if wrong := sorted(set(names) ^ self.files.keys()):
            what = "is missing" if wrong[0] in names else "belongs to no knob, plugin or model"
            raise ValueError(f"files: {wrong[0]!a} {what}")

    def _expected(self) -> Iterator[str]:
        yield README
        for knob in self.knobs:
            yield knob.operator
            yield from knob.examples
        if any(knob.examples for knob in self.knobs):
            yield from BEFORE
        for plugin in self.plugins:
            yield plugin.path
        if self.model.weights is not None:
            yield from (self.model.weights, card_of(self.model.weights))

    def text(self) -> str:
        """The file's content."""
        facts = unstructure(evolve(self, runs=()), MANIFEST)
        facts |= {"runs": list(self.runs), "files": dict(sorted(facts["files"].items()))}
        return json.dumps(facts, allow_nan=False, ensure_ascii=False, indent=1) + "\n"

    def check_files(self, files: Mapping[str, bytes], where: str) -> None:
        """
        Hold a pack's files against their hashes.

        Raises:
            PackError: One is missing, is not listed, or is not what it must be.
        """
        for name in sorted(self.files.keys() - files.keys()):
            raise PackError(f"{where} lacks the file {name} that its {MANIFEST} lists: get it again.")
        for name in sorted(files.keys() - self.files.keys() - {MANIFEST}):
            raise PackError(f"{where} has the file {name} that its {MANIFEST} does not list: remove it.")
        for name, stated in self.files.items():
            if PackedFile.of(files[name]) != stated:
                raise PackError(f"{where} has a file {name} that is not the one of its hash: get it again.")


def card_of(weights: str) -> str:
    """The card's place beside weights."""
    return weights.removesuffix(".safetensors") + ".json"


def read_manifest(data: bytes, where: str) -> Manifest:
    """
    The manifest of a ``knobs.json``.

    Raises:
        PackError: It is not what the schema says; names the first place that is wrong.
    """
    try:
        text = data.decode()
        bounds = {"depth": _MOST_DEPTH, "values": _MOST_VALUES, "characters": len(text)}
        facts = json.loads(text, object_pairs_hook=each_once)
        manifest = structure(facts, Manifest, "", **bounds)
        _check_printable(facts)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error).rstrip(".")
        raise PackError(f"{MANIFEST} of {where} cannot be used: {visible(reason[:1000])}.") from error
    return manifest


def _check_printable(facts: Any) -> None:
    """Refuse what would steer the terminal on which it is shown."""
    waiting = [facts]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += [*one, *one.values()]
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, str) and not one.isprintable() and not one.translate(_BREAKS).isprintable():
            raise ValueError(f"the text {one[:100]!r} has characters that cannot be printed")
