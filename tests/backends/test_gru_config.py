"""The config: checked values, presets, TOML."""

from __future__ import annotations

import math

import pytest

from latentknobs.backends.network import NetworkConfig
from latentknobs.backends.training.config import Config, TrainingConfig
from latentknobs.errors import UnknownNameError, UsageError


def test_paper_preset_is_the_paper():
    """The preset `paper` has the network, loss weight, sampling and optimiser of the paper."""
    config = Config.preset("paper")
    network, training = config.network, config.training
    assert network == NetworkConfig(2048, 2048, 3, 0, latent_size=128, vocabulary=130, steps=32)
    assert (training.batch, training.gradient_clip, training.sampling_k) == (128, 1.0, 1500.0)
    assert training.kl_weight(0) == training.kl_weight(10**6) == pytest.approx(0.1 * 32 / 128)
    assert training.rate(0) == 1e-3
    assert training.rate(100) == pytest.approx(1e-3 * 0.9999**100)
    assert training.rate(10**6) == 1e-5
    assert training.forcing(0) == pytest.approx(1500 / 1501)
    assert training.forcing(15_000) == pytest.approx(1500 / (1500 + math.exp(10)))
    assert training.forcing(10**9) == pytest.approx(0)
    assert (training.token_dropout, training.transpose) == (0, (0, 0))


def test_folk_preset_is_the_recipe():
    """The preset `folk` has the sizes, drop-out, transposition, rising KL weight and followed edit of the recipe."""
    config = Config.preset("folk")
    network, training = config.network, config.training
    assert network == NetworkConfig(384, 384, 2, 64, latent_size=128)
    assert (training.token_dropout, training.transpose, training.batch) == (0.3, (-12, 12), 128)
    assert training.learning_rate == 1.5e-3
    assert training.kl_weight(0) < training.kl_weight(training.steps)
    assert {source.corpus for source in config.data.sources} == {"folk", "factors", "whole-notes:127"}
    assert config.data.edits[0].name == "note-split"
    (followed,) = config.data.follow
    assert followed.name == "transpose"
    assert set(followed.amounts) == set(range(-12, 13)) - {0}


def test_folk_dense_goes_on_from_folk():
    """The preset `folk-dense` fits after a run of `folk`: the same network, clips and followed edits."""
    first, second = Config.preset("folk"), Config.preset("folk-dense")
    assert second.network == first.network
    assert (second.data.follow, second.data.edits) == (first.data.follow, first.data.edits)
    assert [source.corpus for source in second.data.sources] == [source.corpus for source in first.data.sources]
    assert second.training.kl_weight(0) == first.training.kl_weight(first.training.steps)


@pytest.mark.parametrize("name", ["paper", "folk", "folk-dense"])
def test_presets_say_what_a_model_card_must(name):
    """Each preset states the licence of what it learns from, and what its models do not know."""
    data = Config.preset(name).data
    assert "MIT licence" in data.licence
    assert all(word in data.limits for word in ("4/4", "36 to 96", "style"))


@pytest.mark.parametrize("name", ["paper", "folk", "folk-dense"])
def test_toml_round_trip(name):
    """A config written as TOML reads back equal."""
    config = Config.preset(name)
    assert Config.from_toml(config.to_toml()) == config


def test_kl_schedule_holds_then_rises():
    """The KL weight stays at its start, rises over the given steps and stays at its end."""
    linear = TrainingConfig(steps=100, kl_start=0.0, kl_end=1.0, kl_hold=10, kl_rise=20)
    assert [linear.kl_weight(step) for step in (0, 10, 20, 30, 99)] == [0, 0, 0.5, 1, 1]
    cosine = TrainingConfig(steps=100, kl_start=0.0, kl_end=1.0, kl_rise=20, kl_shape="cosine")
    assert cosine.kl_weight(10) == pytest.approx(0.5)
    assert cosine.kl_weight(5) < 0.25


def test_cosine_rate_ends_low():
    """The cosine schedule goes from the rate at the start to the one at the end."""
    training = TrainingConfig(steps=10, learning_rate=1e-2, learning_rate_end=1e-4)
    assert training.rate(0) == pytest.approx(1e-2)
    assert training.rate(10) == pytest.approx(1e-4)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("batch = 128", "batch = 0", "batch"),
        ("batch = 128", "batch = true", "'batch' must be a whole number of at least 1, not True"),
        ("batch = 128", "batches = 128", "batch"),
        ("decoder_layers = 2", "decoder_layers = 1000000000", "decoder_layers.*at most 64"),
        ("seed = 0", "seed = -1", "seed"),
        ("seed = 0", "seed = 9223372036854775808", "seed"),
        ("learning_rate = 0.0015", "learning_rate = inf", "'learning_rate' must be a number"),
        ("learning_rate = 0.0015", 'learning_rate = "fast"', "'learning_rate' must be a number"),
        ("learning_rate = 0.0015", f"learning_rate = {10**400}", "'learning_rate' must be a number"),
        ("kl_end = 0.05", "kl_end = nan", "kl_end"),
        ("transpose = [-12, 12]", "transpose = [12, -12]", "transpose"),
        ("transpose = [-12, 12]", "transpose = [1, 12]", "transpose"),
        ("pitch_range = [36, 96]", "pitch_range = [36, 200]", "pitch_range"),
        ("latent_size = 128", "latent_size = true + 1", "TOML"),
        ("encoder_hidden = 384", "", "encoder_hidden"),
        ("amounts = [1.0, 2.0, 3.0, 4.0]", 'amounts = ["one"]', "amounts"),
        ("amounts = [1.0, 2.0, 3.0, 4.0]", "amounts = [nan]", "'amounts' must be a number, not nan"),
        ('corpus = "folk"', "corpus = 3", "corpus"),
        ("align = false", "align = 1", "'align' must be true or false, not 1"),
        ("dense_from = 0", "dense_from = 18", "'dense_from'.*'dense_times'.*go together"),
        ("dense_times = 1", "dense_times = 3", "'dense_from'.*'dense_times'.*go together"),
        ("sources = [", 'sources = ["folk", ', "'sources' must be a list of tables, 'folk' is none"),
        ("edits = [", "edits = [3, ", "'edits' must be a list of tables, 3 is none"),
        ("[training]", "[trainings]", "training"),
    ],
)
def test_wrong_settings_are_named(old, new, said):
    """A setting that cannot be used is refused with its name."""
    text = Config.preset("folk").to_toml()
    assert old in text
    with pytest.raises(UsageError, match=said):
        Config.from_toml(text.replace(old, new, 1), "mine.toml")


def test_unknown_preset_names_the_known():
    """An unknown preset is answered with the ones there are."""
    with pytest.raises(UnknownNameError, match="'folk'"):
        Config.preset("fok")
