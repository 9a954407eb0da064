"""Takes over weights that the paper's authors saved with torch, tensors only: nothing else is unpickled."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from latentknobs import __version__
from latentknobs.backends.gru_musicvae.network import GruMusicVae
from latentknobs.backends.network import NetworkConfig
from latentknobs.backends.weights import build, save_model
from latentknobs.core.melody_format import MELODY
from latentknobs.errors import ModelError, UsageError

PREFIX = "module."
"""What torch's DataParallel puts before each name."""


def import_weights(source: Path, out: Path) -> tuple[str, NetworkConfig]:
    """
    Read the authors' state dict and write it as safetensors with a card; the model's id and the config found.

    Raises:
        ModelError: Not a file of tensors, or not those of such a network; says what.
    """
    tensors = read_state_dict(source)
    config = infer_config(tensors, str(source))
    network = build(GruMusicVae, config, tensors, str(source))
    card = {
        "version": __version__,
        "corpus": "not known: imported",
        "licence": "not known: as the weights' authors say",
        "limits": "not known: as the weights' authors say",
        "imported_from": source.name,
    }
    return save_model(network, out, card), config


def read_state_dict(source: Path) -> dict[str, Tensor]:
    """
    The tensors of a file that ``torch.save`` wrote, with plain names.

    Raises:
        ModelError: No such file, not torch's, more in it than tensors, or not a state dict.
    """
    if not source.is_file():
        raise ModelError(f"There is no weights file {source}.")
    if source.read_bytes()[:200].startswith(b"version https://git-lfs"):
        raise ModelError(f"{source} is a Git LFS pointer, which stands for the file: fetch that with git lfs pull.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's guess at why a file is refused would only confuse
            found = torch.load(source, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{source} is not a torch file of tensors alone; a pickled model is never opened, as that would run its "
            "code: save its state_dict() with torch.save and import that."
        ) from error
    except Exception as error:  # the unpickler raises whatever the bytes of another file lead it to
        raise ModelError(f"{source} cannot be read as a torch file: {_what_it_is(source)}.") from error
    if not isinstance(found, Mapping) or not found or not all(isinstance(t, Tensor) for t in found.values()):
        raise ModelError(f"{source} does not hold a state dict (names and tensors).")
    return {str(name).removeprefix(PREFIX): tensor for name, tensor in found.items()}


def _what_it_is(source: Path) -> str:
    start = source.read_bytes()[:200]
    if not start:
        return "it is empty"
    return "it is text" if start.isascii() and start.decode().isprintable() else "it is damaged or something else"


def infer_config(tensors: Mapping[str, Tensor], where: str) -> NetworkConfig:
    """
    The sizes of the network that has these tensors.

    Raises:
        ModelError: They are not those of a GRU MusicVAE; names the one that is missing or has the wrong rank.
    """

    def shape(name: str, rank: int) -> tuple[int, ...]:
        if name not in tensors:
            raise ModelError(f"{where}: tensor {name!r} is missing; are these the weights of a GRU MusicVAE?")
        if tensors[name].dim() != rank:
            raise ModelError(
                f"{where}: tensor {name!r} must have {rank} axes, its shape is {tuple(tensors[name].shape)}."
            )
        return tuple(tensors[name].shape)

    layers = 0
    while f"grucell_{layers}.weight_hh" in tensors:
        layers += 1
    embedding = shape("embedding.weight", 2)[1] if "embedding.weight" in tensors else 0
    try:
        return NetworkConfig(
            encoder_hidden=shape("gru_0.weight_hh_l0", 2)[1],
            decoder_hidden=shape("linear_init.weight", 2)[0],
            decoder_layers=layers,
            embedding=embedding,
            latent_size=shape("linear_mu.weight", 2)[0],
            vocabulary=shape("linear_out.weight", 2)[0],
            steps=MELODY.steps,
        )
    except ValueError as error:
        if isinstance(error, ModelError | UsageError):
            raise
        raise ModelError(f"{where}: these are not the weights of a GRU MusicVAE ({error.args[0]}).") from error
