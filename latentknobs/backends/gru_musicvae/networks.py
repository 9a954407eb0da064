"""The two networks that are trained here, and which of them a config means."""

from __future__ import annotations

from typing import TypeAlias

from latentknobs.backends.gru_musicvae.config import NetworkConfig
from latentknobs.backends.gru_musicvae.lstm import LstmMusicVae
from latentknobs.backends.gru_musicvae.network import GruMusicVae

Network: TypeAlias = GruMusicVae | LstmMusicVae


def network_of(config: NetworkConfig) -> Network:
    """The network of a config, by its ``cell``, with first weights."""
    return LstmMusicVae(config) if config.cell == "lstm" else GruMusicVae(config)
