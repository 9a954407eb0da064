"""Takes over weights that others saved in the names of the paper's authors, tensors only: nothing else is unpickled."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from latentknobs import __version__
from latentknobs.backends.gru_musicvae.network import GruMusicVae
from latentknobs.backends.network import NetworkConfig
from latentknobs.backends.state_dict import common_size, read_state_dict, with_names_of
from latentknobs.backends.weights import build, check_no_codebook, save_model
from latentknobs.core.melody_format import MELODY
from latentknobs.errors import ModelError

ENDS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
ENCODER = [f"gru_0.{end}_l0{way}" for end in ENDS for way in ("", "_reverse")]
HEADS = [f"linear_{head}.{part}" for head in ("mu", "var", "init", "out") for part in ("weight", "bias")]
NAMES = (*ENCODER, *HEADS)
"""The tensors that every such network has, besides those of the decoder's layers."""
_LAYER = re.compile(r"grucell_(\d{1,2})\.")


def import_weights(source: Path, out: Path) -> tuple[str, NetworkConfig]:
    """
    Read a state dict in the authors' names and write it as safetensors with a card; the model's id and its config.

    Raises:
        ModelError: Not a file of tensors, or not those of such a network; says what.
    """
    network = read_network(source)
    card = {
        "version": __version__,
        "corpus": "not known: imported",
        "licence": "not known: as the weights' authors say",
        "limits": "not known: as the weights' authors say",
        "imported_from": source.name,
    }
    return save_model(network, out, card), network.config


def read_network(source: Path) -> GruMusicVae:
    """
    The network of a file of weights without a card, float32.

    Raises:
        ModelError: Not a file of tensors, or not those of such a network; names the one that is missing or misshapen.
    """
    tensors = with_names_of(read_state_dict(source), NAMES)
    return build(GruMusicVae, infer_config(tensors, str(source)), tensors, str(source))


def holds_network(source: Path) -> bool:
    """Whether a file has most of the tensors of such a network, by their names."""
    try:
        tensors = with_names_of(read_state_dict(source), NAMES)
    except ModelError:
        return False
    return len(tensors.keys() & set(NAMES)) > len(NAMES) // 2


def infer_config(tensors: Mapping[str, Tensor], where: str) -> NetworkConfig:
    """
    The sizes of the network that has these tensors: those that most of them agree on.

    Raises:
        ModelError: They are not those of a GRU MusicVAE; names one that is missing.
    """
    check_no_codebook(tensors, where)
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    layers = 1 + max((int(found[1]) for name in shapes if (found := _LAYER.match(name))), default=0)
    cells = [f"grucell_{layer}." for layer in range(layers)]

    def size(*places: tuple[str, int, int]) -> int:
        found = common_size(shapes, places)
        if found is None:
            raise ModelError(f"{where}: tensor {places[0][0]!r} is missing; are these the weights of a GRU MusicVAE?")
        return found

    one_hot = "embedding.weight" not in shapes
    read = [(f"gru_0.weight_ih_l0{way}", 1, 1) for way in ("", "_reverse")]
    written = [("linear_out.weight", 0, 1), ("linear_out.bias", 0, 1)]
    vocabulary = size(*written, *(read if one_hot else [("embedding.weight", 0, 1)]))
    entering = size(*read, ("embedding.weight", 1, 1))
    encoder = [(f"gru_0.{end}_l0{way}", 0, 3) for end in ENDS for way in ("", "_reverse")]
    decoder = [(cell + end, 0, 3) for cell in cells for end in ENDS]
    latent = [(f"linear_{head}.{part}", 0, 1) for head in ("mu", "var") for part in ("weight", "bias")]
    try:
        return NetworkConfig(
            encoder_hidden=size(*encoder),
            decoder_hidden=size(*decoder, ("linear_init.weight", 0, 1), ("linear_init.bias", 0, 1)),
            decoder_layers=layers,
            embedding=0 if one_hot and entering == vocabulary else entering,
            latent_size=size(*latent, ("linear_init.weight", 1, 1)),
            vocabulary=vocabulary,
            steps=MELODY.steps,
        )
    except ModelError:
        raise
    except ValueError as error:
        raise ModelError(f"{where}: these are not the weights of a GRU MusicVAE ({error.args[0]}).") from error
