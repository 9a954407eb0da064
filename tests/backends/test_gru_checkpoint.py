"""Weights files, their cards and identities, and taking over the authors' weights."""

from __future__ import annotations

import contextlib
import json
import pickle
from pathlib import Path

import attrs
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from latentknobs.backends import weights as weights_module
from latentknobs.backends.gru_musicvae.backend import GruMusicVaeBackend
from latentknobs.backends.gru_musicvae.network import GruMusicVae
from latentknobs.backends.gru_musicvae.weight_import import import_weights
from latentknobs.backends.network import NetworkConfig
from latentknobs.backends.weights import card_path, load_model, model_id, save_model
from latentknobs.errors import ModelError


def rewrite(weights, **changes):
    """Change tensors of a weights file; None takes one away."""
    tensors = {**load_file(weights), **{name.replace("__", "."): value for name, value in changes.items()}}
    save_file({name: tensor for name, tensor in tensors.items() if tensor is not None}, weights)


def test_weights_come_back(weights, network_of):
    """A network that is saved loads with the same weights, config, card and id."""
    network, card, identity = load_model(weights, GruMusicVae)
    for name, tensor in network_of().state_dict().items():
        assert torch.equal(network.state_dict()[name], tensor)
    assert network.config == network_of().config
    assert card["corpus"] == "none"
    assert card["model_id"] == identity


def test_identity_is_weights_and_config_alone(weights, network_of):
    """Editing the card keeps the id; changing one weight, or the config, changes it."""
    before = load_model(weights, GruMusicVae)[2]
    card = json.loads(card_path(weights).read_text())
    del card["model_id"]
    card_path(weights).write_text(json.dumps({**card, "name": "other", "corpus": "edited"}))
    assert load_model(weights, GruMusicVae)[2] == before
    network = network_of()
    tensors = dict(network.state_dict())
    other = NetworkConfig(6, 5, 2, 3, latent_size=4, steps=16)
    assert model_id(tensors, network.config) == before != model_id(tensors, other)
    rewrite(weights, linear_mu__bias=tensors["linear_mu.bias"] + 1e-3)
    assert load_model(weights, GruMusicVae)[2] != before


def test_half_precision_storage(tmp_path, network_of):
    """Weights stored as float16 take half the room and are computed as float32, rounded once."""
    full, half = tmp_path / "full.safetensors", tmp_path / "half.safetensors"
    ids = {save_model(network_of(), full, {}), save_model(network_of(), half, {}, "float16")}
    assert len(ids) == 2
    assert half.stat().st_size < 0.6 * full.stat().st_size + 2000
    network = load_model(half, GruMusicVae)[0]
    wanted = network_of().state_dict()["linear_mu.weight"].half().float()
    assert torch.equal(network.state_dict()["linear_mu.weight"], wanted)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"linear_mu__bias": None}, "'linear_mu.bias'.*missing"),
        ({"linear_mu__bias": torch.zeros(5)}, r"'linear_mu.bias' must have shape \(4,\), it has \(5,\)"),
        ({"grucell_7__bias_ih": torch.zeros(5)}, "unexpected tensor 'grucell_7.bias_ih'"),
        ({"linear_mu__bias": torch.full((4,), torch.nan)}, "'linear_mu.bias' must be finite; 4 "),
        ({"linear_mu__bias": torch.zeros(4, dtype=torch.float64)}, "must be float32 or float16, it is torch.float64"),
    ],
)
def test_wrong_tensors_are_named(weights, changes, said):
    """A tensor that is missing, unknown, misshapen, of another type or not finite is named, with the file."""
    rewrite(weights, **changes)
    with pytest.raises(ModelError, match=said) as caught:
        load_model(weights, GruMusicVae)
    assert str(weights) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"not safetensors at all", b"\x08\0\0\0\0\0\0\0{}      "])
def test_not_safetensors(weights, content):
    """A file that is not safetensors is refused by name."""
    weights.write_bytes(content)
    with pytest.raises(ModelError, match=r"tiny\.safetensors"):
        load_model(weights, GruMusicVae)


def test_truncated_weights(weights):
    """A file cut short is refused by name."""
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ModelError, match="not a whole safetensors file"):
        load_model(weights, GruMusicVae)


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
        load_model(weights, GruMusicVae)
    bare, torched = tmp_path / "bare.pt", tmp_path / "torched.pt"
    bare.write_bytes(pickle.dumps(Bomb(marker)))
    torch.save({"linear_mu.weight": Bomb(marker)}, torched)
    for path in (bare, torched):
        with pytest.raises(ModelError, match="never opened"):
            import_weights(path, tmp_path / "out.safetensors")
    assert not marker.exists()
    assert not (tmp_path / "out.safetensors").exists()


def test_the_card_of_other_weights_is_refused(weights, network_of, tmp_path):
    """A card that states another id than its weights have is refused with both files and what to do."""
    other = tmp_path / "other.safetensors"
    save_model(network_of(seed=1), other, {})
    card_path(other).replace(card_path(weights))
    with pytest.raises(ModelError, match=r"tiny\.json belongs to other weights than .*tiny\.safetensors.*restore"):
        load_model(weights, GruMusicVae)


def edit(weights, field, value):
    """Give a field of a card another value; "config.steps" is steps in its config."""
    card = json.loads(card_path(weights).read_text())
    *outer, name = field.split(".")
    (card[outer[0]] if outer else card)[name] = value
    card_path(weights).write_text(json.dumps(card))


@pytest.mark.parametrize("value", [None, True, 5, "36-96", [36], [36, 96, 1], ["36", "96"], [36.0, 96.0], [True, 96]])
@pytest.mark.parametrize("field", ["pitch_range", "config"])
def test_a_field_of_a_wrong_type_is_one_sentence(weights, field, value):
    """A pitch range or a config that is none is refused with card, field and value."""
    edit(weights, field, value)
    with pytest.raises(ModelError, match=rf"tiny\.json: .*{field}.*must be|tiny\.json: {field} must be") as caught:
        GruMusicVaeBackend.load(weights, "cpu")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [[96, 36], [-1, 96], [36, 128], [10**40, 10**41], {"low": 36, "high": 96}])
def test_pitches_that_are_no_range_are_refused(weights, value):
    """A pitch range that is reversed or leaves 0 to 127 is refused with card and value."""
    edit(weights, "pitch_range", value)
    with pytest.raises(ModelError, match=r"tiny\.json: The pitch_range .* from 0 to 127, the lower first, not .*leave"):
        GruMusicVaeBackend.load(weights, "cpu")


@pytest.mark.parametrize("name", [None, 3, "", "two\nlines", "\ud800"])
def test_a_name_that_cannot_be_shown_is_refused(weights, name):
    """A model's name is words on one line."""
    edit(weights, "name", name)
    with pytest.raises(ModelError, match=r"tiny\.json: A model's name must be words on one line, not "):
        GruMusicVaeBackend.load(weights, "cpu")


USED = ("format", "name", "model_id", "pitch_range", "config")
FIELDS = (*USED, *(f"config.{name}" for name in attrs.fields_dict(NetworkConfig)), "config.unknown")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([10**9, 10**30, 1e308]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def loads_or_says_why(weights):
    """Load; what is wrong must be one line that names a file."""
    said = ""
    try:
        GruMusicVaeBackend.load(weights, "cpu")
    except ModelError as error:
        said = str(error)
    assert not said or "tiny.json" in said or "tiny.safetensors" in said
    assert "\n" not in said
    assert len(said) < 1000


@pytest.mark.parametrize("field", FIELDS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=VALUES)
def test_no_value_of_a_used_field_breaks_loading(weights, field, value):
    """Whatever stands in a field that loading uses, the model loads or one sentence says what is wrong."""
    before = card_path(weights).read_bytes()
    edit(weights, field, value)
    loads_or_says_why(weights)
    card_path(weights).write_bytes(before)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 10_000), length=st.integers(0, 40), put=st.binary(max_size=12))
def test_no_damage_to_a_card_breaks_loading(weights, at, length, put):
    """Whatever bytes of a card are lost or changed, the model loads or one sentence says what is wrong."""
    before = card_path(weights).read_bytes()
    start = at % len(before)
    card_path(weights).write_bytes(before[:start] + put + before[start + length :])
    loads_or_says_why(weights)
    card_path(weights).write_bytes(before)


@pytest.mark.parametrize("missing", ["name", "model_id", "pitch_range", "format"])
def test_fields_that_may_be_left_out(weights, missing):
    """A card without name, id, pitch range or format loads: the file's name, the weights' hash, every pitch."""
    whole = GruMusicVaeBackend.load(weights, "cpu").spec
    card = json.loads(card_path(weights).read_text())
    card_path(weights).write_text(json.dumps({key: value for key, value in card.items() if key != missing}))
    spec = GruMusicVaeBackend.load(weights, "cpu").spec
    assert (spec.name, spec.model_id) == (whole.name, whole.model_id)
    assert spec.pitch_range == (None if missing == "pitch_range" else (40, 100))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ('{"config": {}, "metrics": NaN}', "NaN is no number"),
        ('{"config": {}, "metrics": 1e999}', "'1e999' is too large"),
        ("[" * 100_000, "not JSON"),
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
        load_model(weights, GruMusicVae)
    assert "tiny.json" in str(caught.value)


def test_failed_write_keeps_what_was_there(weights, tmp_path, network_of, monkeypatch):
    """Where weights cannot be written (a full disk), the old file stays, no scrap is left, and it is said."""
    before = weights.read_bytes()

    def full(_tensors, path, metadata=None):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(weights_module, "save_file", full)
    with pytest.raises(ModelError, match="No space left"):
        save_model(network_of(seed=1), weights, {})
    assert weights.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["tiny.json", "tiny.safetensors"]
    monkeypatch.undo()
    with pytest.raises(ModelError, match="cannot be written"):
        save_model(network_of(), weights / "in_a_file.safetensors", {})


class CrashError(BaseException):
    """The machine stops."""


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("moment", [1, 2, 3, 4])
def test_a_crash_leaves_no_card_of_other_weights(tmp_path, network_of, monkeypatch, there, moment):
    """At whichever renaming the machine stops, a card that is there belongs to the weights beside it."""
    path = tmp_path / "tiny.safetensors"
    if there:
        save_model(network_of(), path, {"corpus": "old"})
    done = 0

    def dies(step):
        def method(self, *arguments, **options):
            nonlocal done
            done += step is Path.replace
            if done >= moment:
                raise CrashError
            return step(self, *arguments, **options)

        return method

    with monkeypatch.context() as patch, contextlib.suppress(CrashError):
        for step in (Path.replace, Path.unlink):
            patch.setattr(Path, step.__name__, dies(step))
        save_model(network_of(seed=1), path, {"corpus": "new"})
    assert not card_path(path).exists() or load_model(path, GruMusicVae)[1]["corpus"] in {"old", "new"}


def test_a_card_that_cannot_be_renamed_is_written_all_the_same(weights, network_of, monkeypatch):
    """New weights never lie there without their card because the last renaming failed."""
    replace = Path.replace

    def refuse(self, target):
        if Path(target) == card_path(weights):
            raise OSError("no renaming here")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    identity = save_model(network_of(seed=5), weights, {})

    assert load_model(weights, GruMusicVae)[2] == identity
    assert sorted(path.name for path in weights.parent.iterdir()) == [card_path(weights).name, weights.name]


def test_weights_that_cannot_be_replaced_keep_their_card(weights, network_of, monkeypatch):
    """Where the new weights cannot take the old ones' place the old model is whole, and no scrap is left."""
    before = {path.name: path.read_bytes() for path in weights.parent.iterdir() if path.is_file()}
    replace = Path.replace

    def refuse(self, target):
        if Path(target) == weights:
            raise PermissionError(13, "Permission denied")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(ModelError, match=r"cannot be written.*Existing files are unchanged"):
        save_model(network_of(seed=1), weights, {})
    assert {path.name: path.read_bytes() for path in weights.parent.iterdir() if path.is_file()} == before


def test_a_folder_in_the_place_of_a_card_is_told(tmp_path, network_of):
    """A folder where the card should go is refused before anything is written."""
    (tmp_path / "tiny.json").mkdir()
    with pytest.raises(ModelError, match=r"tiny\.json is a folder"):
        save_model(network_of(), tmp_path / "tiny.safetensors", {})
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.json"]


def test_weights_are_readable_to_everyone(weights):
    """Weights that are installed by one user can be read by others."""
    assert weights.stat().st_mode & 0o444 == 0o444


def test_missing_files(tmp_path, weights):
    """Missing weights and a missing card are told apart."""
    card_path(weights).unlink()
    with pytest.raises(ModelError, match="no model card"):
        load_model(weights, GruMusicVae)
    with pytest.raises(ModelError, match="nowhere"):
        load_model(tmp_path / "nowhere.safetensors", GruMusicVae)


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
        ({name: t for name, t in tensors.items() if not name.startswith("grucell")}, "grucell_0.bias_hh"),
        ({**tensors, "linear_var.bias": torch.zeros(9)}, "linear_var.bias"),
        (
            {**tensors, "linear_mu.weight": torch.zeros(9)},
            r"linear_mu.weight' must have shape \(4, 12\), it has \(9,\)",
        ),
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
