"""The LSTM network of the trainer: against the one that runs magenta's checkpoints, and exported as one of them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from attrs import evolve

from latentknobs.backends.gru_musicvae import plugin as gru_plugin
from latentknobs.backends.magenta_js import plugin
from latentknobs.backends.magenta_js.backend import MagentaBackend
from latentknobs.backends.magenta_js.lstm import LstmMusicVae, sizes_of
from latentknobs.backends.magenta_js.network import MagentaNetwork
from latentknobs.backends.magenta_js.vocabulary import PIANO
from latentknobs.backends.network import NetworkConfig
from latentknobs.backends.training import commands
from latentknobs.backends.training.config import Config
from latentknobs.backends.weights import save_model
from latentknobs.core.experiment import Settings
from latentknobs.core.melody_format import HOLD, REST
from latentknobs.errors import ModelError, UsageError
from latentknobs.testing.contracts import BackendContract
from latentknobs.workbench import Workbench

CONFIG = NetworkConfig(6, 5, 2, latent_size=4, vocabulary=90, cell="lstm")
SETTINGS = """
[network]
encoder_hidden = 6
decoder_hidden = 5
latent_size = 4
[training]
steps = 8
batch = 8
learning_rate = 0.05
evaluate_every = 4
checkpoint_every = 8
storage = "float16"
[data]
sources = [{corpus = "walks"}]
edits = [{name = "note-split", amounts = [1]}]
follow = [{name = "note-split", amounts = [1, 2]}]
pitch_range = [40, 100]
"""


def lively(config=CONFIG, seed=0):
    """A network whose weights are large enough for its greedy clips to differ, and that writes holds and rests too."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = LstmMusicVae(config).eval().requires_grad_(False)
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape) * 0.7)
        network.get_parameter("decoder/output_projection/bias")[:2] += 2.5
    return network


@pytest.fixture
def lstm(tmp_path):
    """A weights file with its card."""
    path = tmp_path / "lively.safetensors"
    save_model(lively(), path, {"corpus": "none", "pitch_range": [40, 100]})
    return path


class TestLstmContract(BackendContract):
    """A trained LSTM keeps the contract of a backend."""

    @pytest.fixture
    def backend(self, lstm):
        """The small model, by the plugin's own way."""
        return plugin.load(str(lstm), "cpu")


@torch.no_grad()
def test_what_is_trained_is_what_magenta_runs(clips_of):
    """Codes, standard deviations and logits are those of the network that runs checkpoints, to 1e-5."""
    network = lively()
    tensors = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    theirs = MagentaNetwork(tensors, sizes_of(CONFIG), PIANO)
    clips = torch.from_numpy(clips_of(20).astype(np.int64))
    tokens = network.tokens(clips)
    mean, scale = network.encode(tokens)
    wanted_mean, wanted_scale = theirs.encode(clips)
    torch.testing.assert_close(mean, wanted_mean, rtol=0, atol=1e-5)
    torch.testing.assert_close(scale, wanted_scale, rtol=0, atol=1e-5)
    z = 3 * mean
    for given, wanted in ((tokens, theirs.run(z, tokens)[1]), (None, theirs.run(z)[1])):
        torch.testing.assert_close(network.decode_steps(z, given), wanted, rtol=0, atol=1e-5)
    torch.testing.assert_close(network.decode_given(z, tokens), theirs.run(z, tokens)[1], rtol=0, atol=1e-5)


@torch.no_grad()
def test_blanked_and_sampled_tokens_go_the_same_way_by_layers_and_by_steps(clips_of):
    """Token dropout is the same whole layers at a time; with no token known sampling is greedy decoding."""
    network = lively()
    tokens = network.tokens(torch.from_numpy(clips_of(6).astype(np.int64)))
    z = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    keep = (torch.rand(6, 32, generator=torch.Generator().manual_seed(1)) > 0.3).float()
    nothing = torch.zeros(6, 32, dtype=torch.bool)
    torch.testing.assert_close(
        network.decode_given(z, tokens, keep), network.decode_steps(z, tokens, keep=keep), rtol=0, atol=1e-5
    )
    assert torch.equal(network.decode_steps(z, tokens, nothing), network.decode_steps(z))


@pytest.fixture
def trained(host, tmp_path):
    """Weights that were trained for a moment, edits followed, stored as float16; and their folder for magenta.js."""
    settings = tmp_path / "tiny.toml"
    settings.write_text(SETTINGS)
    commands.train(host, out=tmp_path / "run", preset="lstm", config=settings, device="cpu")
    commands.model_export(host, tmp_path / "run" / "model.safetensors", tmp_path / "web" / "tiny")
    return tmp_path / "run" / "model.safetensors", tmp_path / "web" / "tiny"


def test_a_trained_model_comes_back_from_its_exported_folder(trained, clips_of):
    """Codes, log-probabilities and greedy clips of the folder are those of the weights file, exactly."""
    weights, folder = trained
    own, back = plugin.load(str(weights), "cpu"), MagentaBackend.load(folder, "cpu")
    clips = clips_of(200)
    codes = own.encode(clips)
    np.testing.assert_array_equal(back.encode(clips).mean, codes.mean)
    np.testing.assert_array_equal(back.encode(clips).scale, codes.scale)
    far = np.concatenate([codes.mean, np.random.default_rng(0).normal(0, 3, (200, 4)).astype(np.float32)])
    np.testing.assert_array_equal(back.decode(far), own.decode(far))
    np.testing.assert_array_equal(back.decode_log_probs(far[:50]), own.decode_log_probs(far[:50]))
    assert json.loads(weights.with_suffix(".json").read_text())["model_id"] == own.spec.model_id
    assert own.spec.pitch_range == (40, 100)
    assert own.accepts(np.array([[101] + [HOLD] * 31, [100] + [REST] * 31], dtype=np.int16)).tolist() == [False, True]


def test_its_folder_has_magentas_names_in_one_shard(trained):
    """Names are those of mel_2bar_small, the manifest is of float32, and one shard holds every number."""
    folder = trained[1]
    (group,) = json.loads((folder / "weights_manifest.json").read_text())
    layer = "multi_rnn_cell/cell_{}/lstm_cell/{}"
    cells = ["encoder/cell_0/bidirectional_rnn/" + way + "/" + layer.format(0, "{}") for way in ("fw", "bw")]
    cells += ["decoder/" + layer.format(k, "{}") for k in (0, 1)]
    dense = ["encoder/mu/{}", "encoder/sigma/{}", "decoder/z_to_initial_state/{}", "decoder/output_projection/{}"]
    wanted = {name.format(part) for name in [*cells, *dense] for part in ("kernel", "bias")}

    assert {weight["name"] for weight in group["weights"]} == wanted
    assert {weight["dtype"] for weight in group["weights"]} == {"float32"}
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", *group["paths"], "weights_manifest.json"]
    assert (folder / group["paths"][0]).stat().st_size == 4 * sum(np.prod(w["shape"]) for w in group["weights"])


@pytest.mark.slow
def test_knobs_are_the_same_in_the_file_and_in_the_folder(tmp_path, plugins_dir, host):
    """A discovery gives the same operators and verdicts for a model as itself and through its exported folder."""
    lstm = tmp_path / "wide.safetensors"
    save_model(lively(), lstm, {"pitch_range": [21, 108]})
    commands.model_export(host, lstm, tmp_path / "web")
    few = Settings(trial_clips=8, controls=2, control_clips=4, halves=2, resamples=4, flips=10, fits=("mean",))
    with Workbench.open(str(tmp_path / "registry.db"), plugins_dir, device="cpu") as workbench:
        own, back = (
            workbench.discover("transpose", corpus="tiny", model=model, clips=200, settings=few, keep=False)
            for model in (str(lstm), f"magenta:{tmp_path / 'web'}")
        )
    assert own.run_id != back.run_id
    assert own.knobs
    assert [(k.fit, k.verdict, k.operator_sha256) for k in own.knobs] == [
        (k.fit, k.verdict, k.operator_sha256) for k in back.knobs
    ]


def test_an_export_leaves_what_is_there_and_takes_no_gru(lstm, weights, host, tmp_path):
    """A folder that is there is left as it is, a GRU's weights and a place that is none are sentences."""
    (tmp_path / "web").mkdir()
    with pytest.raises(UsageError, match="web is there already"):
        commands.model_export(host, lstm, tmp_path / "web")
    with pytest.raises(UsageError, match=r"holds a GRU network.*--preset lstm"):
        commands.model_export(host, weights, tmp_path / "other")
    with pytest.raises(ModelError, match="cannot be written"):
        commands.model_export(host, lstm, lstm / "below")
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["web"]


def test_each_network_has_its_backend(lstm, weights):
    """Each backend recognises and loads the weights of its own network, and names the other backend for the rest."""
    (gru,), (magenta,) = gru_plugin.register_backends(), plugin.register_backends()

    assert [factory.recognises(path) for factory in (gru, magenta) for path in (weights, lstm)] == [
        True,
        False,
        False,
        True,
    ]
    with pytest.raises(ModelError, match=f"network of lstm cells: load it as magenta:{lstm}"):
        gru.load(str(lstm), "cpu")
    with pytest.raises(ModelError, match=f"network of gru cells: load it as gru-musicvae:{weights}"):
        magenta.load(str(weights), "cpu")


@pytest.mark.parametrize(
    ("table", "change", "match"),
    [
        ("network", {"cell": "rnn"}, "cell"),
        ("network", {"vocabulary": 130}, "'vocabulary' must be 90 where 'cell' is \"lstm\""),
        ("network", {"embedding": 8}, "'embedding' must be 0"),
        ("network", {"steps": 16}, "'steps' must be 32"),
        ("data", {"pitch_range": [20, 108]}, "'pitch_range' must lie in 21 to 108"),
        ("training", {"align": True}, "'align' turns the axes of a GRU"),
    ],
)
def test_a_config_that_magenta_cannot_carry_is_refused(table, change, match):
    """What an LSTM network cannot be is said before anything is trained."""
    tables = Config.preset("lstm").tables()
    tables[table] |= change
    with pytest.raises(UsageError, match=match):
        Config.from_tables(tables)


def test_a_grus_identity_is_what_it_was_before_there_were_two_cells():
    """The canonical bytes of a GRU's config do not name its cell, an LSTM's do."""
    assert NetworkConfig(6, 5, 2, 3, 4).canonical() == (
        b'{"decoder_hidden":5,"decoder_layers":2,"embedding":3,"encoder_hidden":6,"latent_size":4,"steps":32,'
        b'"vocabulary":130}'
    )
    assert b'"cell":"lstm"' in evolve(CONFIG).canonical()
