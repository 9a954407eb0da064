"""How likely a trained model finds its training clips, which its card states, so that other clips can be compared."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from attrs import evolve

from latentknobs.backends.gru_musicvae.backend import GruMusicVaeBackend
from latentknobs.backends.magenta_js.lstm_backend import LstmMusicVaeBackend
from latentknobs.backends.training.config import Config
from latentknobs.backends.training.data import Batches, TrainingData, load
from latentknobs.backends.weights import card_path, read_card, write_card
from latentknobs.core.arrays import ClipBatch
from latentknobs.core.backend import VAEBackend
from latentknobs.core.frontend_specs import Host
from latentknobs.core.likelihood import KEY, TrainingLikelihood
from latentknobs.core.model_calls import negative_elbo
from latentknobs.errors import ModelError, UsageError

SAMPLE = 4096
"""Training clips that the quantiles are of."""
_LOADERS: Mapping[str, Callable[[Path, str], VAEBackend]] = {
    "gru": GruMusicVaeBackend.load,
    "lstm": LstmMusicVaeBackend.load,
}
"""By the ``cell`` of a network's config."""


def of_weights(host: Host, weights: Path, device: str = "auto") -> TrainingLikelihood:
    """
    State in the card of a weights file that is there already how likely the model finds its training clips.

    The clips are gathered as its training did; nothing else of the card changes, so that the model stays the same.

    Args:
        host: The running program: a :class:`~latentknobs.Workbench`.
        weights: The weights file (.safetensors), its card beside it.
        device: "auto", "cpu" or "cuda".

    Raises:
        UsageError: The card does not say what the model was trained on.
        TrainingError: A corpus gives no clips.
        ModelError: The files do not make a working model, or the card cannot be written.
    """
    card = read_card(weights)
    if not all(isinstance(card.get(name), Mapping) for name in ("training", "data")):
        raise UsageError(f"The card {card_path(weights)} does not say what the model was trained on, as of a recipe.")
    tables = {"network": card["config"], "training": card["training"], "data": card["data"]}
    config = Config.from_tables(tables, str(card_path(weights)))
    return of_clips(weights, drawn(load(host, config), config), device)


def drawn(data: TrainingData, config: Config, clip_format: int = 0) -> ClipBatch:
    """
    Clips of the training corpora as batches draw and transpose them, none of them edited, int16 (SAMPLE, steps).

    Args:
        data: The training clips.
        config: Of the run.
        clip_format: Of which of the run's formats, as its place among them.
    """
    corpora = tuple(pool for pool in data.pools if not pool.edited and pool.clip_format == clip_format)
    batches = Batches(evolve(data, pools=corpora, following=None, moves=None), config)
    steps = range(math.ceil(SAMPLE / config.training.batch))
    return np.concatenate([batches(step)[0] for step in steps])[:SAMPLE]


def of_clips(weights: Path, clips: ClipBatch, device: str = "auto") -> TrainingLikelihood:
    """
    State in the card of a weights file how likely the model finds training clips (n, steps), n at least 1.

    Raises:
        ModelError: The files do not make a working model, or the card cannot be written.
        UsageError: No such device.
    """
    card: dict[str, Any] = read_card(weights)
    model = _LOADERS[card["config"].get("cell", "gru")](weights, device)
    nats = negative_elbo(model, clips, model.encode(clips))
    if nats is None:
        raise ModelError(f"{weights} has no likelihood: no posterior, or no prior that is known.")
    likelihood = TrainingLikelihood.of(nats)
    write_card(weights, {**card, KEY: likelihood.as_dict()})
    return likelihood
