"""A trained LSTM MusicVAE behind the generic interface, run as a checkpoint of magenta.js is; and its export as one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from latentknobs.backends.magenta_js.backend import MagentaBackend
from latentknobs.backends.magenta_js.export import config_of, write_folder
from latentknobs.backends.magenta_js.lstm import LstmMusicVae, sizes_of
from latentknobs.backends.magenta_js.network import MagentaNetwork
from latentknobs.backends.magenta_js.vocabulary import PIANO
from latentknobs.backends.weights import card_path, is_lstm, load_model, read_card
from latentknobs.core.arrays import Bools, ClipBatch
from latentknobs.core.melody_format import in_range
from latentknobs.errors import ModelError, UsageError


class LstmMusicVaeBackend(MagentaBackend):
    """
    A model of the kind magenta that was trained here: weights with ``cell = "lstm"`` in their card.

    Args:
        network: The network, float32.
        card: Its model card.
        identity: Its id: that of the weights file, not of a folder exported from it.
        path: The weights file.
        device: "auto", "cpu" or "cuda".

    Raises:
        ModelError: The card has a name or a pitch range that is none.
        UsageError: No such device.
    """

    def __init__(
        self, network: LstmMusicVae, card: Mapping[str, Any], identity: str, path: Path, device: str = "auto"
    ) -> None:
        runner = MagentaNetwork(_tensors(network), sizes_of(network.config), PIANO)
        super().__init__(runner, config_of(PIANO), path.stem, device)
        facts = {key: value for key, value in card.items() if key not in {"format", "name", "model_id"}}
        try:
            name = card.get("name", path.stem)
            self.spec = evolve(self.spec, name=name, model_id=identity, training=facts)
        except ModelError as error:
            raise ModelError(f"{card_path(path)}: {error}") from error

    @classmethod
    def load(cls, path: Path, device: str = "auto") -> LstmMusicVaeBackend:
        """
        The model of a weights file and the card beside it.

        Raises:
            ModelError: They do not make a working model; says what is wrong.
            UsageError: No such device.
        """
        network, card, identity = load_model(path, LstmMusicVae)
        return cls(network, card, identity, path, device)

    def accepts(self, clips: ClipBatch) -> Bools:
        """Valid clips whose pitches lie in the range the model was trained on, bool (N,)."""
        return super().accepts(clips) & in_range(clips, self.spec.pitch_range or (PIANO.low, PIANO.high))


def export(weights: Path, folder: Path) -> None:
    """
    Write a trained LSTM model as a checkpoint folder of magenta.js: the same numbers under the same names.

    Raises:
        ModelError: The weights file does not hold a working model, or the folder cannot be written.
        UsageError: It holds a GRU, or the folder is there already.
    """
    if not is_lstm(weights):
        read_card(weights)  # a card that cannot be read has a sentence of its own
        raise UsageError(
            f"{weights} holds a GRU network, and magenta.js only runs LSTM networks: train one with "
            "'latentknobs train --preset lstm'."
        )
    network, _, _ = load_model(weights, LstmMusicVae)
    write_folder(folder, _tensors(network), PIANO)


def _tensors(network: LstmMusicVae) -> dict[str, NDArray[np.float32]]:
    return {name: tensor.numpy() for name, tensor in network.state_dict().items()}
