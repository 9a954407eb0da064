"""Mirrors: codes answer retrograde and reflection by changes of sign."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from attrs import evolve
from numpy.random import default_rng

from latentknobs.augmentations.reflection import Reflection
from latentknobs.augmentations.retrograde import Retrograde
from latentknobs.backends.gru_musicvae import mirrors
from latentknobs.backends.gru_musicvae.backend import GruMusicVaeBackend
from latentknobs.backends.gru_musicvae.inference import FastNetwork
from latentknobs.backends.network import NetworkConfig
from latentknobs.backends.training.config import Config
from latentknobs.backends.weights import save_model
from latentknobs.core.melody_format import MELODY
from latentknobs.core.plugin_guard import run_augmentation
from latentknobs.corpora.broad_melodies import make_song
from latentknobs.errors import UsageError
from latentknobs.testing.contracts import BackendContract

SIZES = NetworkConfig(
    12,
    10,
    2,
    embedding=6,
    latent_size=9,
    state_features=4,
    step_features=3,
    step_hidden=8,
    height=True,
    mirrors=True,
)
EDITS = {"retrograde": (Retrograde(), mirrors.retrograde), "reflection": (Reflection(), mirrors.reflection)}


@pytest.fixture
def network(network_of):
    """A network with mirrors."""
    return network_of(SIZES)


@pytest.fixture
def backend(network, tmp_path):
    """The same, loaded."""
    save_model(network, tmp_path / "mirrored.safetensors", {"pitch_range": [21, 108]})
    return GruMusicVaeBackend.load(tmp_path / "mirrored.safetensors", "cpu")


@pytest.fixture(scope="module")
def clips():
    """Generated melodies of every style, with rests and held notes, int16 (n, 32)."""
    return np.concatenate([song.clips for index in range(12) if (song := make_song(3, index)) is not None])


class TestContract(BackendContract):
    """A network with mirrors keeps the contract of every backend."""

    @pytest.fixture
    def backend(self, backend):
        """The loaded network."""
        return backend


@pytest.mark.parametrize("name", EDITS)
def test_images_are_what_the_edit_of_that_name_gives(name, clips):
    """Tokens are mirrored as the built-in augmentation mirrors clips, and twice is the clip again."""
    edit, image = EDITS[name]
    edited = run_augmentation(edit, clips, 1.0, default_rng(0), MELODY)
    tokens = torch.from_numpy(clips.astype(np.int64))

    assert edited.valid.all()
    np.testing.assert_array_equal(image(tokens).numpy(), edited.clips)
    assert torch.equal(image(image(tokens)), tokens)


@pytest.mark.parametrize(("name", "row"), [("retrograde", 0), ("reflection", 1)])
def test_a_mirrored_clip_has_the_code_with_signs_changed(backend, clips, name, row):
    """Half of the line's dimensions change sign, exactly; the height does where pitch is mirrored; scales stay."""
    edited = run_augmentation(EDITS[name][0], clips, 1.0, default_rng(0), MELODY)
    before, after = backend.encode(clips), backend.encode(edited.clips)
    sign = mirrors.signs(8)[row].numpy()

    assert sorted(sign) == [-1] * 4 + [1] * 4
    np.testing.assert_allclose(after.mean[:, :8], sign * before.mean[:, :8], rtol=0, atol=1e-6)
    np.testing.assert_array_equal(after.mean[:, 8], before.mean[:, 8] * (1 - 2 * row))
    np.testing.assert_allclose(after.scale, before.scale, rtol=1e-5)


def test_every_pair_of_signs_has_its_share_of_dimensions():
    """Of 128 dimensions each of the four pairs has 32."""
    pairs = [tuple(pair) for pair in mirrors.signs(128).T.tolist()]

    assert {pair: pairs.count(pair) for pair in set(pairs)} == dict.fromkeys([(1, 1), (-1, 1), (1, -1), (-1, -1)], 32)


@torch.no_grad()
def test_the_fast_path_and_the_equations_agree(network, clips):
    """Posteriors are equal to rounding."""
    tokens = torch.from_numpy(clips.astype(np.int64))

    for found, wanted in zip(FastNetwork(network).encode(tokens), network.encode(tokens), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("lacks", ["height", "state_features"])
def test_mirrors_need_a_height_and_states_at_every_step(lacks):
    """A reflected line is read at its own height, and a retrograde's states at their own steps."""
    tables = Config.preset("folk").tables()
    tables["network"] |= {"height": True, "mirrors": True, "state_features": 4} | {
        lacks: 0 if lacks != "height" else False
    }

    with pytest.raises(UsageError, match="mirrors"):
        Config.from_tables(tables)


def test_a_model_without_mirrors_is_the_model_it_was():
    """The option leaves the identity of configs that do not use it as it is."""
    assert b"mirrors" not in evolve(SIZES, mirrors=False).canonical()
