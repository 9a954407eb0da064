"""
Weights on disk: one safetensors file of tensors, and beside it a model card in JSON.

The card ``NAME.json`` tells people and programs where the weights ``NAME.safetensors`` come from. A model's
identity is the hash of its tensors and its network's config alone, so that editing any other line of the card
changes nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import safetensors
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from latentknobs.backends.gru_musicvae.config import NetworkConfig, read_network
from latentknobs.backends.gru_musicvae.network import GruMusicVae
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
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with _replacing(path) as temporary:
        save_file(whole, temporary, metadata=dict(metadata) if metadata else None)
        temporary.chmod(0o644)  # safetensors leaves it readable to its owner alone


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A temporary file that takes the path's place once it is written whole."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except (OSError, safetensors.SafetensorError) as error:
        raise ModelError(
            f"{path} cannot be written ({error}): make room or name another place. What was there still is."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def save_model(network: GruMusicVae, path: Path, card: Mapping[str, Any], storage: str = "float32") -> str:
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
        "kind": "gru-musicvae",
        "model_id": identity,
        "config": attrs.asdict(network.config),
        **card,
    }
    text = json.dumps(facts, indent=2, allow_nan=False) + "\n"
    write_atomically(tensors, path)
    with _replacing(card_path(path)) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return identity


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
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"The model card {path} is not JSON: {error}.") from error
    if not isinstance(card, dict) or "config" not in card:
        raise ModelError(f'The model card {path} has no "config"; is it the card of a GRU MusicVAE?')
    if card.get("format", CARD_FORMAT) != CARD_FORMAT:
        raise ModelError(
            f"The model card {path} has format {card['format']!r}, this version reads {CARD_FORMAT}: "
            "update latentknobs."
        )
    return card


def load_model(path: Path) -> tuple[GruMusicVae, dict[str, Any], str]:
    """
    The network (float32, on the CPU, in evaluation mode), its card and its id.

    Raises:
        ModelError: File, card or tensors are not those of a model; names file, tensor, what was wanted and got.
    """
    card = read_card(path)
    try:
        config = read_network(card["config"], f"{card_path(path)}: config")
    except UsageError as error:
        raise ModelError(str(error)) from error
    tensors = read_tensors(path)
    check_tensors(tensors, config, str(path))
    network = build(config, tensors)
    return network, card, model_id(tensors, config)


def build(config: NetworkConfig, tensors: Mapping[str, Tensor]) -> GruMusicVae:
    """The network with these checked weights, as float32, in evaluation mode."""
    with torch.device("meta"):
        network = GruMusicVae(config)
    network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, assign=True)
    return network.eval().requires_grad_(requires_grad=False)


def check_tensors(tensors: Mapping[str, Tensor], config: NetworkConfig, where: str) -> None:
    """
    Check names, shapes, types and values against a config.

    Raises:
        ModelError: Names the first tensor that is missing, unknown, of another shape or type, or not finite.
    """
    with torch.device("meta"):
        wanted = GruMusicVae(config).state_dict()
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
