"""
Weights on disk: one safetensors file of tensors, and beside it a model card in JSON.

The card ``NAME.json`` states where the weights ``NAME.safetensors`` come from. A network that reads several formats is
a model of each: the others have a card that names the same weights. A model's identity is the hash of its tensors and
its network's config alone, so that editing any other line of the card does not change it. The card states the identity
too, so that a card of other weights is detected.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from reprlib import repr as short
from typing import Any, NoReturn, TypeVar

import attrs
import numpy as np
import safetensors
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.overrides import TorchFunctionMode

from latentknobs.backends.file_kinds import what_else_is
from latentknobs.backends.format_card import CARD
from latentknobs.backends.network import Network, NetworkConfig, build_config
from latentknobs.core.arrays import sha256_of_arrays
from latentknobs.core.melody_format import MelodyFormat
from latentknobs.core.model_calls import DISCRETE_CODES
from latentknobs.errors import ModelError, UsageError

N = TypeVar("N", bound=Network)

CARD_FORMAT = 1
WEIGHTS_KEY = "weights"
"""In the card of a model whose tensors are those of a file beside it: its name."""
_CODEBOOK = re.compile(
    r"(?:^|[./_])(?:codebooks?|vq|vq_?vae|(?:vector_?)?quanti[sz](?:e|er|ers|ation))(?:$|[./_\d])", re.IGNORECASE
)
STORED = (torch.float32, torch.float16)
"""The types that weights may have in a file; they are computed as float32."""


def card_path(weights: Path) -> Path:
    """Where the card of a weights file lies."""
    return weights.with_suffix(CARD)


def model_id(tensors: Mapping[str, Tensor], network: NetworkConfig) -> str:
    """SHA-256 over sorted (name, dtype, shape, bytes) of the tensors as stored, and the canonical config."""
    arrays: dict[str, NDArray[Any]] = {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}
    return sha256_of_arrays(arrays, network.canonical())


def write_atomically(tensors: Mapping[str, Tensor], path: Path, metadata: Mapping[str, str] | None = None) -> None:
    """
    Write a safetensors file so that a crash or a full disk leaves the old file or the new one, never a partial one.

    Raises:
        ModelError: It cannot be written; says why.
    """
    with _beside(path) as (part,):
        _write_tensors(tensors, part, metadata)
        part.replace(path)


def save_model(network: Network, path: Path, card: Mapping[str, Any], storage: str = "float32") -> str:
    """
    Write weights and card; the model's id.

    Args:
        network: The network.
        path: Where the weights go; the card goes beside them.
        card: Facts for people (corpus, licence, seed, metrics, version, pitch_range, ...), JSON.
        storage: "float32" or "float16".

    Raises:
        ModelError: A weight is not finite, or the files cannot be written.
    """
    kind = torch.float16 if storage == "float16" else torch.float32
    tensors = {name: tensor.detach().to(kind) for name, tensor in network.state_dict().items()}
    check_tensors(tensors, network.state_dict(), str(path))
    identity = model_id(tensors, network.config)
    facts = {
        "format": CARD_FORMAT,
        "name": path.stem,
        "kind": f"{network.config.cell}-musicvae",
        "model_id": identity,
        "config": attrs.asdict(network.config),
        **card,
    }
    _replace_pair(path, tensors, _card_text(facts))
    return identity


def write_card(weights: Path, card: Mapping[str, Any]) -> None:
    """
    Replace the card of a weights file, whole or not at all.

    Raises:
        ModelError: It cannot be written; says why.
    """
    path = card_path(weights)
    with _beside(path) as (part,):
        _write(part, _card_text(card))
        part.replace(path)


def _card_text(card: Mapping[str, Any]) -> str:
    return json.dumps(card, indent=2, allow_nan=False) + "\n"


def _replace_pair(path: Path, tensors: Mapping[str, Tensor], text: str) -> None:
    """
    Replace weights and card.

    Two files cannot be replaced atomically. Everything that can fail for lack of space happens first, in temporary
    files. Then the old card is moved away, the weights are replaced, and the new card comes last: after a crash at
    any point either both files belong to one model, or the card is missing, which loading reports (the hidden files
    remain, so nothing is lost). A card never describes other weights than those beside it.
    """
    card = card_path(path)
    with _beside(path, card, card.with_suffix(".json.old")) as (new_weights, new_card, old_card):
        for target in (path, card):
            if target.is_dir():
                raise IsADirectoryError(f"{target} is a folder")
        _write_tensors(tensors, new_weights)
        _write(new_card, text)
        if card.exists():
            card.replace(old_card)
        try:
            new_weights.replace(path)
        except BaseException:
            if old_card.exists():
                old_card.replace(card)
            raise
        try:
            new_card.replace(card)
        except OSError:
            # The weights are the new ones already: their card must not go with the temporary files.
            _write(card, text)


@contextlib.contextmanager
def _beside(*paths: Path) -> Iterator[tuple[Path, ...]]:
    """Temporary files beside these, to be renamed once complete; none is left at the end."""
    parts = tuple(path.with_name(f".{path.name}.{os.getpid()}") for path in paths)
    try:
        paths[0].parent.mkdir(parents=True, exist_ok=True)
        yield parts
    except (OSError, safetensors.SafetensorError) as error:
        raise ModelError(
            f"{paths[0]} cannot be written ({error}): make room or name another place. Existing files are unchanged."
        ) from error
    finally:
        for part in parts:
            with contextlib.suppress(OSError):
                part.unlink()


def _write_tensors(tensors: Mapping[str, Tensor], part: Path, metadata: Mapping[str, str] | None = None) -> None:
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    save_file(whole, part, metadata=dict(metadata) if metadata else None)
    part.chmod(0o644)  # safetensors leaves it readable to its owner alone
    _flush(part)


def _write(part: Path, text: str) -> None:
    part.write_text(text, encoding="utf-8")
    _flush(part)


def _flush(part: Path) -> None:
    """Flush to disk before renaming: a crash could otherwise leave an empty file of that name."""
    with part.open("rb+") as file:
        os.fsync(file.fileno())


def read_tensors(path: Path) -> dict[str, Tensor]:
    """
    The tensors of a safetensors file.

    Raises:
        ModelError: No such file, or it is not safetensors (pickles are never opened).
    """
    if not path.is_file():
        raise ModelError(f"There is no weights file {path}.")
    try:
        return load_file(path)
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise ModelError(
            f"{path} is not a whole safetensors file ({error}); weights of the paper's authors (.pt) are taken "
            f"over with: latentknobs model import {path.name} OUT.safetensors"
        ) from error


def read_card(weights: Path) -> dict[str, Any]:
    """
    The card of a weights file.

    Raises:
        ModelError: It is missing, or it is not a card; says what is wrong.
    """
    path = card_path(weights)
    if not path.is_file():
        raise ModelError(f"{weights} has no model card: {path} should lie beside it and hold the network's config.")
    try:
        text = path.read_text(encoding="utf-8")
        card = json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(
            f"The model card {path} is not JSON ({error}): put back the one that was written with the weights."
        ) from error
    if not isinstance(card, dict) or "config" not in card:
        raise ModelError(f'The model card {path} has no "config"; is it the card of a MusicVAE?')
    if card.get("format", CARD_FORMAT) != CARD_FORMAT:
        raise ModelError(
            f"The model card {path} has format {short(card['format'])}, this version reads {CARD_FORMAT}: "
            "update latentknobs."
        )
    return card


def is_lstm(weights: Path) -> bool:
    """Whether the card of a weights file states an LSTM network; False without a readable card."""
    try:
        config = read_card(weights)["config"]
    except ModelError:
        return False
    return isinstance(config, dict) and config.get("cell") == "lstm"


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON")


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"the number {short(text)} is too large")
    return number


def load_model(path: Path, kind: type[N]) -> tuple[N, dict[str, Any], str]:
    """
    The network (float32, on the CPU, in evaluation mode), its card and its id.

    Args:
        path: The weights file, or a card that names a weights file beside it.
        kind: The class of the network.

    Raises:
        ModelError: File, card or tensors are not those of such a model, or the card belongs to other weights; names
            the file and the tensor, with the expected and the actual value.
    """
    if path.suffix != CARD and path.is_file() and (clause := what_else_is(path)):
        raise ModelError(f"{path} {clause}.")
    card = read_card(path)
    try:
        config = build_config(NetworkConfig, card["config"], f"{card_path(path)}: config")
    except UsageError as error:
        raise ModelError(str(error)) from error
    if config.cell != kind.cell:
        backend = {"gru": "gru-musicvae", "lstm": "magenta"}[config.cell]
        raise ModelError(f"{path} holds a network of {config.cell} cells: load it as {backend}:{path}.")
    tensors = read_tensors(_weights_of(path, card))
    network = build(kind, config, tensors, str(path))
    identity = model_id(tensors, config)
    if card.get("model_id", identity) != identity:
        raise ModelError(
            f"The model card {card_path(path)} belongs to other weights than {path}: its model_id is "
            f"{short(card['model_id'])}, these weights with its config have {short(identity)}; restore the file that "
            "belongs to the other, or, if you changed the weights yourself, remove model_id from the card."
        )
    return network, card, identity


def _weights_of(path: Path, card: Mapping[str, Any]) -> Path:
    """The weights file that a path to one or to a card means."""
    if path.suffix != CARD:
        return path
    name = card.get(WEIGHTS_KEY)
    if not isinstance(name, str) or not name or Path(name).name != name:
        raise ModelError(
            f"The model card {path} names no weights file beside it ({WEIGHTS_KEY}): load the weights file."
        )
    return path.parent / name


def names_weights(path: Path) -> bool:
    """Whether a file is a card that names the weights of another, which it reads in a format of its own."""
    try:
        return path.suffix == CARD and WEIGHTS_KEY in read_card(path)
    except ModelError:
        return False


def write_format_card(weights: Path, clip_format: MelodyFormat) -> Path:
    """
    A card beside a weights file by which the same network reads clips of another format of as many steps.

    That is a model of its own: its identity is of the same tensors with its own config, and its name is that of the
    weights file with the time signature.

    Raises:
        ModelError: The files do not make a working model, or the card cannot be written.
    """
    card = read_card(weights)
    config = {**card["config"], "clip_format": clip_format.name}
    network = build_config(NetworkConfig, config, f"{card_path(weights)}: config")
    signature = clip_format.time_signature
    path = weights.with_name(f"{weights.stem}-{signature.beats}-{signature.unit}{CARD}")
    identity = model_id(read_tensors(weights), network)
    write_card(path, {**card, "name": path.stem, "model_id": identity, "config": config, WEIGHTS_KEY: weights.name})
    return path


def build(kind: type[N], config: NetworkConfig, tensors: Mapping[str, Tensor], where: str) -> N:
    """
    The network with these weights, as float32, in evaluation mode.

    Raises:
        ModelError: The tensors do not fit; see :func:`check_tensors`.
    """
    with torch.device("meta"), _WithoutValues():
        network = kind(config)
    check_tensors(tensors, network.state_dict(), where)
    network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, assign=True)
    return network.eval().requires_grad_(requires_grad=False)


class _WithoutValues(TorchFunctionMode):
    """Modules are made without random weights: on the device meta, drawing them imports sympy, which takes a second."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__module__", "") == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


def check_no_codebook(names: Iterable[str], where: str) -> None:
    """
    See that no tensor that a network does not have is a codebook by its name.

    Raises:
        ModelError: One is: discrete codes have no directions, and what can be done.
    """
    if found := next(filter(_CODEBOOK.search, sorted(names)), None):
        raise ModelError(f"{where} has the codebook {found!r}: {DISCRETE_CODES}.")


def check_tensors(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor], where: str) -> None:
    """
    Check names, shapes, types and values against the tensors of a network.

    Raises:
        ModelError: Names the first tensor that is missing, unknown, of another shape or type, or not finite.
    """
    check_no_codebook(set(tensors) - set(expected), where)
    for name in sorted(set(expected) | set(tensors)):
        if name not in tensors:
            raise ModelError(f"{where}: tensor {name!r} of shape {tuple(expected[name].shape)} is missing.")
        if name not in expected:
            raise ModelError(f"{where}: unexpected tensor {name!r}: a network of this config has none.")
        shape, actual = tuple(expected[name].shape), tuple(tensors[name].shape)
        if shape != actual:
            raise ModelError(f"{where}: tensor {name!r} must have shape {shape}, it has {actual}.")
        if expected[name].is_floating_point() and tensors[name].dtype not in STORED:
            raise ModelError(f"{where}: tensor {name!r} must be float32 or float16, it is {tensors[name].dtype}.")
        bad = int(np.prod(actual)) - int(torch.isfinite(tensors[name]).sum())
        if bad:
            raise ModelError(f"{where}: tensor {name!r} must be finite; {bad} of its numbers are NaN or infinite.")
