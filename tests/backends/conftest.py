"""A tiny GRU MusicVAE with seeded random weights, and a host that gives it clips."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from attrs import define, field

from latentknobs.augmentations.note_split import NoteSplit
from latentknobs.backends.gru_musicvae.backend import GruMusicVaeBackend
from latentknobs.backends.gru_musicvae.network import GruMusicVae
from latentknobs.backends.network import NetworkConfig
from latentknobs.backends.weights import save_model
from latentknobs.core.corpus import CorpusRequest, Progress, Song, no_progress, split_of
from latentknobs.core.melody_format import HOLD, MELODY, MELODY_FORMATS, REST

TINY = NetworkConfig(encoder_hidden=6, decoder_hidden=5, decoder_layers=2, embedding=3, latent_size=4)


@pytest.fixture(autouse=True)
def _same_draws():
    """What a test draws from torch is the same each time, whichever tests ran before."""
    torch.manual_seed(0)


def tiny_network(config=TINY, seed=0):
    """A network whose weights are large enough for its greedy clips to differ."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = GruMusicVae(config).eval().requires_grad_(False)
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape) * 0.7)
    return network


def melodies(count, seed=0, steps=32):
    """Seeded random walks of valid clips, int16 (count, steps)."""
    rng = np.random.default_rng(seed)
    out = np.full((count, steps), HOLD, dtype=np.int16)
    for clip in out:
        pitch = int(rng.integers(55, 80))
        clip[0] = REST
        for step in range(2 * int(rng.integers(0, 2)), steps, 4):
            pitch = int(np.clip(pitch + rng.integers(-4, 5), 50, 90))
            clip[step] = pitch
        clip[1] = REST if clip[0] == REST else HOLD
    return out


@define
class WalkHost:
    """Stands for the program: random walks as songs, note-split as the only edit."""

    cache_dir: Path
    songs_each: int = 30
    progress: Progress = no_progress
    notes: list[str] = field(factory=list)

    def songs(self, corpus: str, request: CorpusRequest | None) -> Iterator[Song]:
        clip_format = MELODY if request is None else request.clip_format
        for index in range(self.songs_each):
            name = f"{corpus}/{index}"
            seed = len(corpus) * 1000 + index + 100_000 * list(MELODY_FORMATS).index(clip_format.name)
            yield Song(name, melodies(3, seed, clip_format.steps), split_of(name))

    def augment(self, name: str) -> NoteSplit:
        assert name == "note-split"
        return NoteSplit()

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def network_of():
    """Makes a tiny network from a config and a seed."""
    return tiny_network


@pytest.fixture
def clips_of():
    """Makes seeded clips."""
    return melodies


@pytest.fixture
def host(tmp_path):
    """A host with thirty songs of three clips in each corpus."""
    return WalkHost(tmp_path / "cache")


@pytest.fixture
def weights(tmp_path):
    """A weights file with its card."""
    path = tmp_path / "tiny.safetensors"
    save_model(tiny_network(), path, {"corpus": "none", "pitch_range": [40, 100]})
    return path


@pytest.fixture
def backend(weights):
    """The tiny model."""
    return GruMusicVaeBackend.load(weights, "cpu")
