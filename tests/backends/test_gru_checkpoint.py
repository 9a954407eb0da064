"""Weights files, their cards and identities, and taking over the authors' weights."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from latentknobs.backends.gru_musicvae import checkpoint
from latentknobs.backends.gru_musicvae.backend import GruMusicVaeBackend
from latentknobs.backends.gru_musicvae.checkpoint import card_path, load_model, model_id, save_model
from latentknobs.backends.gru_musicvae.config import NetworkConfig
from latentknobs.backends.gru_musicvae.importer import import_weights
from latentknobs.errors import ModelError


def rewrite(weights, **changes):
    """Change tensors of a weights file; None takes one away."""
    tensors = {**load_file(weights), **{name.replace("__", "."): value for name, value in changes.items()}}
    save_file({name: tensor for name, tensor in tensors.items() if tensor is not None}, weights)


def test_weights_come_back(weights, network_of):
    """A network that is saved loads with the same weights, config, card and id."""
    network, card, identity = load_model(weights)
    for name, tensor in network_of().state_dict().items():
        assert torch.equal(network.state_dict()[name], tensor)
    assert network.config == network_of().config
    assert card["corpus"] == "none"
    assert card["model_id"] == identity


def test_identity_is_weights_and_config_alone(weights, network_of):
    """Editing the card keeps the id; changing one weight, or the config, changes it."""
    before = load_model(weights)[2]
    card = json.loads(card_path(weights).read_text())
    card_path(weights).write_text(json.dumps({**card, "name": "other", "corpus": "edited", "model_id": "0" * 64}))
    assert load_model(weights)[2] == before
    network = network_of()
    tensors = dict(network.state_dict())
    other = NetworkConfig(6, 5, 2, 3, latent_size=4, steps=16)
    assert model_id(tensors, network.config) == before != model_id(tensors, other)
    rewrite(weights, linear_mu__bias=tensors["linear_mu.bias"] + 1e-3)
    assert load_model(weights)[2] != before


def test_half_precision_storage(tmp_path, network_of):
    """Weights stored as float16 take half the room and are computed as float32, rounded once."""
    full, half = tmp_path / "full.safetensors", tmp_path / "half.safetensors"
    ids = {save_model(network_of(), full, {}), save_model(network_of(), half, {}, "float16")}
    assert len(ids) == 2
    assert half.stat().st_size < 0.6 * full.stat().st_size + 2000
    network = load_model(half)[0]
    wanted = network_of().state_dict()["linear_mu.weight"].half().float()
    assert torch.equal(network.state_dict()["linear_mu.weight"], wanted)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"linear_mu__bias": None}, "'linear_mu.bias'.*missing"),
        ({"linear_mu__bias": torch.zeros(5)}, r"'linear_mu.bias' must have shape \(4,\), it has \(5,\)"),
        ({"grucell_7__bias_ih": torch.zeros(5)}, "'grucell_7.bias_ih', which"),
        ({"linear_mu__bias": torch.full((4,), torch.nan)}, "'linear_mu.bias' must be finite; 4 "),
        ({"linear_mu__bias": torch.zeros(4, dtype=torch.float64)}, "must be float32 or float16, it is torch.float64"),
    ],
)
def test_wrong_tensors_are_named(weights, changes, said):
    """A tensor that is missing, unknown, misshapen, of another type or not finite is named, with the file."""
    rewrite(weights, **changes)
    with pytest.raises(ModelError, match=said) as caught:
        load_model(weights)
    assert str(weights) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"not safetensors at all", b"\x08\0\0\0\0\0\0\0{}      "])
def test_not_safetensors(weights, content):
    """A file that is not safetensors is refused by name."""
    weights.write_bytes(content)
    with pytest.raises(ModelError, match=r"tiny\.safetensors"):
        load_model(weights)


def test_truncated_weights(weights):
    """A file cut short is refused by name."""
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ModelError, match="not a whole safetensors file"):
        load_model(weights)


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_pickles_are_never_opened(weights, tmp_path):
    """A pickle, bare or in a torch file, is refused by loading and by importing, and its code does not run."""
    marker = tmp_path / "ran"
    weights.write_bytes(pickle.dumps(Bomb(marker)))
    with pytest.raises(ModelError):
        load_model(weights)
    bare, torched = tmp_path / "bare.pt", tmp_path / "torched.pt"
    bare.write_bytes(pickle.dumps(Bomb(marker)))
    torch.save({"linear_mu.weight": Bomb(marker)}, torched)
    for path in (bare, torched):
        with pytest.raises(ModelError, match="never opened"):
            import_weights(path, tmp_path / "out.safetensors")
    assert not marker.exists()
    assert not (tmp_path / "out.safetensors").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[]", "config"),
        ('{"format": 2, "config": {}}', "update latentknobs"),
        ('{"config": {"encoder_hidden": 0}}', "decoder_hidden"),
        ('{"config": {"encoder_hidden": 0, "decoder_hidden": 1, "decoder_layers": 1}}', "encoder_hidden"),
        ('{"config": 3}', "table"),
    ],
)
def test_wrong_cards(weights, text, said):
    """A card that is none is refused with its name and the reason."""
    card_path(weights).write_text(text)
    with pytest.raises(ModelError, match=said) as caught:
        load_model(weights)
    assert "tiny.json" in str(caught.value)


def test_failed_write_keeps_what_was_there(weights, tmp_path, network_of, monkeypatch):
    """Where weights cannot be written (a full disk), the old file stays, no scrap is left, and it is said."""
    before = weights.read_bytes()

    def full(_tensors, path, metadata=None):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(ModelError, match="No space left"):
        save_model(network_of(seed=1), weights, {})
    assert weights.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["tiny.json", "tiny.safetensors"]
    monkeypatch.undo()
    with pytest.raises(ModelError, match="cannot be written"):
        save_model(network_of(), weights / "in_a_file.safetensors", {})


def test_weights_are_readable_to_everyone(weights):
    """Weights that are installed by one user can be read by others."""
    assert weights.stat().st_mode & 0o444 == 0o444


def test_missing_files(tmp_path, weights):
    """Missing weights and a missing card are told apart."""
    card_path(weights).unlink()
    with pytest.raises(ModelError, match="no model card"):
        load_model(weights)
    with pytest.raises(ModelError, match="nowhere"):
        load_model(tmp_path / "nowhere.safetensors")


@pytest.mark.parametrize("prefix", ["", "module."])
def test_authors_weights_are_taken_over(tmp_path, network_of, clips_of, prefix):
    """A state dict in the authors' names, with or without `module.`, gives the same network."""
    network = network_of(NetworkConfig(6, 5, 3, 0, latent_size=4))
    source, out = tmp_path / "authors.pt", tmp_path / "taken.safetensors"
    torch.save({prefix + name: tensor for name, tensor in network.state_dict().items()}, source)
    identity, config = import_weights(source, out)
    assert config == network.config
    backend = GruMusicVaeBackend.load(out, "cpu")
    assert backend.spec.model_id == identity
    clips = clips_of(3)
    with torch.no_grad():
        mean, _ = network.encode(torch.from_numpy(clips.astype(np.int64)))
    np.testing.assert_allclose(backend.encode(clips).mean, mean, rtol=0, atol=1e-5)


def test_import_of_something_else(tmp_path, network_of):
    """A file that is no state dict of such a network is refused with what is missing, and nothing is written."""
    out = tmp_path / "out.safetensors"
    tensors = dict(network_of(NetworkConfig(6, 5, 2, 0, latent_size=4)).state_dict())
    cases = [
        ({name: t for name, t in tensors.items() if name != "linear_out.weight"}, "linear_out.weight"),
        ({name: t for name, t in tensors.items() if not name.startswith("grucell")}, "decoder_layers"),
        ({**tensors, "linear_var.bias": torch.zeros(9)}, "linear_var.bias"),
        ({**tensors, "linear_mu.weight": torch.zeros(9)}, "2 axes"),
        ([1, 2], "state dict"),
    ]
    for content, said in cases:
        torch.save(content, tmp_path / "other.pt")
        with pytest.raises(ModelError, match=said):
            import_weights(tmp_path / "other.pt", out)
    (tmp_path / "cut.pt").write_bytes((tmp_path / "other.pt").read_bytes()[:200])
    for name in ("cut.pt", "nowhere.pt"):
        with pytest.raises(ModelError, match=name):
            import_weights(tmp_path / name, out)
    assert not out.exists()
