"""Networks of other formats than two bars of 4/4, and of several at once."""

import json

import numpy as np
import pytest
from attrs import evolve

from latentknobs.backends.gru_musicvae import plugin
from latentknobs.backends.gru_musicvae.backend import GruMusicVaeBackend
from latentknobs.backends.training import commands
from latentknobs.backends.training.config import Config, Followed
from latentknobs.backends.training.data import load
from latentknobs.core.melody_format import HOLD, MELODY_3_4, MELODY_6_8, MELODY_FORMATS
from latentknobs.errors import ModelError, UsageError

SETTINGS = """
[network]
encoder_hidden = 6
decoder_hidden = 6
embedding = 4
latent_size = 4
state_features = 2
step_features = 2
step_hidden = 4

[training]
steps = 4
batch = 16
evaluate_every = 4
checkpoint_every = 4
transpose = [0, 0]

[data]
pitch_range = [40, 100]
sources = [{corpus = "walks"}, {corpus = "walks", clip_format = "melody-2bar-6-8"}]
edits = [{name = "note-split", amounts = [1], share = 0.25}]
follow = [{name = "note-split", map = "network", amounts = [1, 2]}]
"""


@pytest.fixture
def settings(tmp_path):
    """A TOML file with a tiny run of 3/4 and 6/8."""
    path = tmp_path / "tiny.toml"
    path.write_text(SETTINGS)
    return path


@pytest.fixture
def run(host, settings, tmp_path):
    """The folder of that run, finished."""
    commands.train(host, out=tmp_path / "run", preset="broad-24", config=settings)
    return tmp_path / "run"


def test_a_network_of_two_formats_is_a_model_of_each(run, clips_of):
    """The same weights with a card for each: two names, two identities, the same codes."""
    three, six = map(GruMusicVaeBackend.load, (run / "model.safetensors", run / "model-6-8.json"))
    clips = clips_of(5, steps=24)

    assert (three.spec.clip_format, six.spec.clip_format) == (MELODY_3_4, MELODY_6_8)
    assert (three.spec.name, six.spec.name) == ("model", "model-6-8")
    assert three.spec.model_id != six.spec.model_id
    assert np.array_equal(three.encode(clips).mean, six.encode(clips).mean)
    assert three.decode(three.encode(clips).mean).shape == (5, 24)
    assert three.spec.likelihood != six.spec.likelihood


def test_a_card_that_names_weights_is_recognised_as_a_model(run):
    """The card of a weights file is none of its own."""
    assert plugin.recognises(run / "model-6-8.json")
    assert not plugin.recognises(run / "model.json")


@pytest.mark.parametrize("name", ["../model.safetensors", "", 3])
def test_a_card_names_weights_beside_it_alone(run, name):
    """No path leads out of its folder."""
    path = run / "model-6-8.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"weights": name}))

    with pytest.raises(ModelError, match="names no weights file beside it"):
        GruMusicVaeBackend.load(path)


def test_clips_are_split_as_their_meter_divides(host, settings):
    """A dotted quarter note is two notes in 3/4 and three in 6/8; each format has maps of its own."""
    config = commands.choose("broad-24", settings)
    follow = (Followed("note-split", (1.0, 2.0), map="network", exact=False),)
    data = load(host, evolve(config, data=evolve(config.data, follow=follow)))
    clips = np.full((40, 24), HOLD, dtype=np.int16)
    clips[:, ::6] = 60

    rng = np.random.default_rng(0)
    edited, which = data.following.drawn(rng)(clips, np.arange(40) % 2, rng)

    onsets = (edited < HOLD).sum(axis=1)
    assert {(int(number), int(count)) for number, count in zip(which, onsets, strict=True)} == {
        (0, 8),  # 3/4, once
        (1, 8),  # twice: three steps do not divide
        (2, 12),  # 6/8, once
        (3, 24),  # twice
    }


def test_validation_clips_are_of_all_formats_that_the_first_corpus_is_read_in(host, settings):
    """As many as its validation songs have in each."""
    config = commands.choose("broad-24", settings)
    one = load(host, evolve(config, data=evolve(config.data, sources=config.data.sources[:1])))

    assert len(load(host, config).validation) == 2 * len(one.validation)


@pytest.mark.parametrize(
    ("over", "match"),
    [
        ({"network": {"steps": 32}}, "'steps' of the network is 32, and it is to learn clips of melody-2bar-3-4"),
        ({"network": {"clip_format": "waltz"}}, "'clip_format' must be one of melody-2bar"),
        ({"data": {"sources": [{"corpus": "a", "clip_format": "melody-2bar"}]}}, "melody-2bar \\(32\\)"),
        ({"training": {"align": True}, "network": {"height": False, "mirrors": False}}, "'align' knows one format"),
    ],
)
def test_formats_that_a_network_cannot_have_are_refused(over, match):
    """Before anything is read."""
    tables = Config.preset("broad-24").tables()
    for name, values in over.items():
        tables[name] |= values

    with pytest.raises(UsageError, match=match):
        Config.from_tables(tables)


def test_a_config_of_another_format_is_another_model():
    """Its name is hashed where it is not that of two bars of 4/4, so that older models keep their identity."""
    network = Config.preset("broad-24").network

    identities = {evolve(network, clip_format=name).canonical() for name in MELODY_FORMATS}
    assert len(identities) == len(MELODY_FORMATS)
    assert b"clip_format" not in evolve(network, clip_format="melody-2bar").canonical()
