"""
Weights on disk: one safetensors file of tensors, and beside it a model card in JSON.

The card ``NAME.json`` tells people and programs where the weights ``NAME.safetensors`` come from. A model's
identity is the hash of its tensors and its network's config alone, so that editing any other line of the card
changes nothing. The card states the identity as well, so that the card of other weights is found out.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from reprlib import repr as short
from typing import Any, NoReturn

import attrs
import numpy as np
import safetensors
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from latentknobs.backends.gru_musicvae.config import NetworkConfig, read_network
from latentknobs.backends.gru_musicvae.networks import Network, network_of
from latentknobs.core.arrays import sha256_of_arrays
from latentknobs.errors import ModelError, UsageError

CARD_FORMAT = 1
STORED = (torch.float32, torch.float16)
"""The types that weights may have in a file; they are computed as float32."""


def card_path(weights: Path) -> Path:
    """Where the card of a weights file lies."""
    return weights.with_suffix(".json")


def model_id(tensors: Mapping[str, Tensor], network: NetworkConfig) -> str:
    """SHA-256 over sorted (name, dtype, shape, bytes) of the tensors as stored, and the canonical config."""
    arrays: dict[str, NDArray[Any]] = {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}
    return sha256_of_arrays(arrays, network.canonical())


def write_atomically(tensors: Mapping[str, Tensor], path: Path, metadata: Mapping[str, str] | None = None) -> None:
    """
    Write a safetensors file so that a crash or a full disk leaves the old file or the new one, never half of one.

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
    check_tensors(tensors, network.config, str(path))
    identity = model_id(tensors, network.config)
    facts = {
        "format": CARD_FORMAT,
        "name": path.stem,
        "kind": f"{network.config.cell}-musicvae",
        "model_id": identity,
        "config": attrs.asdict(network.config),
        **card,
    }
    text = json.dumps(facts, indent=2, allow_nan=False) + "\n"
    _replace_pair(path, tensors, text)
    return identity


def _replace_pair(path: Path, tensors: Mapping[str, Tensor], text: str) -> None:
    """
    Put weights and card in the place of what is there.

    Two files cannot be replaced as one, so there are moments at which a crash leaves them half replaced. All that
    can fail for want of room is done before, beside them. Then the old card goes first, the weights come, and the
    new card comes last: at each of these moments either both files are of one model, or there is no card, which
    loading refuses in so many words (and a crash leaves the hidden files, so the missing card is not lost). With
    either order of two plain replacements there would be a moment at which a card tells of weights that are not
    those beside it; loading finds that out by the id, but whoever reads the card alone would believe it.
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
    """Names of temporary files beside these, to be renamed when they are written whole; none is left at the end."""
    parts = tuple(path.with_name(f".{path.name}.{os.getpid()}") for path in paths)
    try:
        paths[0].parent.mkdir(parents=True, exist_ok=True)
        yield parts
    except (OSError, safetensors.SafetensorError) as error:
        raise ModelError(
            f"{paths[0]} cannot be written ({error}): make room or name another place. What was there still is."
        ) from error
    finally:
        for part in parts:
            with contextlib.suppress(OSError):
                part.unlink()


def _write_tensors(tensors: Mapping[str, Tensor], part: Path, metadata: Mapping[str, str] | None = None) -> None:
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    save_file(whole, part, metadata=dict(metadata) if metadata else None)
    part.chmod(0o644)  # safetensors leaves it readable to its owner alone
    _settle(part)


def _write(part: Path, text: str) -> None:
    part.write_text(text, encoding="utf-8")
    _settle(part)


def _settle(part: Path) -> None:
    """Have the bytes on the disk before the name is, or a crash could leave the name of an empty file."""
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
    """Whether the card of a weights file says that its network is an LSTM; errors as for :func:`read_card`."""
    config = read_card(weights)["config"]
    return isinstance(config, dict) and config.get("cell") == "lstm"


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON")


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"the number {short(text)} is too large")
    return number


def load_model(path: Path) -> tuple[Network, dict[str, Any], str]:
    """
    The network (float32, on the CPU, in evaluation mode), its card and its id.

    Raises:
        ModelError: File, card or tensors are not those of a model, or the card is that of other weights; names
            file, tensor, what was wanted and got.
    """
    card = read_card(path)
    try:
        config = read_network(card["config"], f"{card_path(path)}: config")
    except UsageError as error:
        raise ModelError(str(error)) from error
    tensors = read_tensors(path)
    check_tensors(tensors, config, str(path))
    identity = model_id(tensors, config)
    if card.get("model_id", identity) != identity:
        raise ModelError(
            f"The model card {card_path(path)} is that of other weights than {path}: its model_id is "
            f"{short(card['model_id'])}, these weights with its config have {short(identity)}; put back the file that "
            "belongs to the other, or, if you changed the weights yourself, take model_id out of the card."
        )
    return build(config, tensors), card, identity


def build(config: NetworkConfig, tensors: Mapping[str, Tensor]) -> Network:
    """The network with these checked weights, as float32, in evaluation mode."""
    with torch.device("meta"):
        network = network_of(config)
    network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, assign=True)
    return network.eval().requires_grad_(requires_grad=False)


def check_tensors(tensors: Mapping[str, Tensor], config: NetworkConfig, where: str) -> None:
    """
    Check names, shapes, types and values against a config.

    Raises:
        ModelError: Names the first tensor that is missing, unknown, of another shape or type, or not finite.
    """
    with torch.device("meta"):
        wanted = network_of(config).state_dict()
    for name in sorted(set(wanted) | set(tensors)):
        if name not in tensors:
            raise ModelError(f"{where}: tensor {name!r} of shape {tuple(wanted[name].shape)} is missing.")
        if name not in wanted:
            raise ModelError(f"{where}: there is a tensor {name!r}, which a network of this config does not have.")
        shape, got = tuple(wanted[name].shape), tuple(tensors[name].shape)
        if shape != got:
            raise ModelError(f"{where}: tensor {name!r} must have shape {shape}, it has {got}.")
        if tensors[name].dtype not in STORED:
            raise ModelError(f"{where}: tensor {name!r} must be float32 or float16, it is {tensors[name].dtype}.")
        bad = int(np.prod(got)) - int(torch.isfinite(tensors[name]).sum())
        if bad:
            raise ModelError(f"{where}: tensor {name!r} must be finite; {bad} of its numbers are NaN or infinite.")
