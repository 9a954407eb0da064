"""Training: the data it draws, the loss, resuming, stopping, and what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from attrs import evolve
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from latentknobs.backends import devices
from latentknobs.backends.devices import trains_in_bfloat16
from latentknobs.backends.gru_musicvae.backend import GruMusicVaeBackend
from latentknobs.backends.training import commands, likelihood
from latentknobs.backends.training import trainer as trainer_module
from latentknobs.backends.training.config import Config
from latentknobs.backends.training.data import Batches, Pool, TrainingData, load, transposed
from latentknobs.backends.training.trainer import BEST, CHECKPOINT, LOG, Trainer
from latentknobs.backends.training.validation_metrics import cross_entropy, divergence, measure
from latentknobs.backends.weights import card_path
from latentknobs.core.arrays import clip_digests
from latentknobs.core.corpus import CorpusRequest, Song
from latentknobs.core.melody_format import HOLD, MELODY, untransposed
from latentknobs.errors import ModelError, TrainingError, UnknownNameError, UsageError

SETTINGS = """
[network]
encoder_hidden = 6
decoder_hidden = 5
decoder_layers = 2
embedding = 3
latent_size = 4
[training]
steps = 12
batch = 8
learning_rate = 0.02
kl_rise = 6
evaluate_every = 4
checkpoint_every = 3
precision = "float32"
storage = "float32"
[data]
sources = [{corpus = "walks", share = 0.7}, {corpus = "more", share = 0.3}]
edits = [{name = "note-split", amounts = [1, 2], share = 0.25}]
follow = []
"""


@pytest.fixture
def settings(tmp_path):
    """A TOML file with a tiny run."""
    path = tmp_path / "tiny.toml"
    path.write_text(SETTINGS)
    return path


@pytest.fixture
def config(settings):
    """The same as a config."""
    return commands.choose(commands.DEFAULT_PRESET, settings)


@pytest.fixture
def data(host, config):
    """Its clips."""
    return load(host, config)


def stop_at(step, how):
    """A progress that does something once, at a step of the training."""

    def progress(what, done, _of):
        if what == "training" and done == step:
            how()

    return progress


def interrupt():
    """As Ctrl-C while the progress is drawn."""
    raise KeyboardInterrupt


def signal_me():
    """As Ctrl-C at any other moment."""
    os.kill(os.getpid(), signal.SIGINT)


def files(folder):
    """The bytes that must be the same."""
    return {name: (folder / name).read_bytes() for name in (CHECKPOINT, BEST, "model.safetensors")}


FOLLOW = 'follow = [{name = "note-split", amounts = [1, 2]}]'


def test_a_checkpoint_without_the_optimisers_memory_is_refused(host, config, data, tmp_path):
    """A run never goes on with an optimiser that has forgotten what it knew."""
    trainer = Trainer(evolve(config, training=evolve(config.training, steps=3)), data, tmp_path / "run")
    trainer.run()
    path = tmp_path / "run" / CHECKPOINT
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    kept = {name: tensor for name, tensor in load_file(path).items() if not name.startswith("exp_avg.")}
    save_file(kept, path, metadata=metadata)

    with pytest.raises(TrainingError, match=r"Adam.s moments of .* are missing"):
        Trainer(trainer.config, data, tmp_path / "run", resume=True)


@pytest.mark.parametrize(
    ("how", "dropout"),
    [(signal_me, "token_dropout = 0.3"), (interrupt, "token_dropout = 0.2\nsampling_k = 5"), (signal_me, FOLLOW)],
)
def test_resumed_run_ends_in_the_same_bytes(host, settings, tmp_path, how, dropout):
    """Ctrl-C leaves a checkpoint, says how to go on, and the resumed run ends in the bytes of one never stopped."""
    if dropout is FOLLOW:
        settings.write_text(SETTINGS.replace("follow = []", FOLLOW))
    else:
        settings.write_text(SETTINGS.replace("[data]\n", f"{dropout}\n[data]\n", 1))
    commands.train(host, out=tmp_path / "whole", config=settings)
    before = signal.getsignal(signal.SIGINT)
    host.progress = stop_at(5, how)
    with pytest.raises(TrainingError, match=r"after step 5; go on with: .*--resume"):
        commands.train(host, out=tmp_path / "parts", config=settings)
    assert signal.getsignal(signal.SIGINT) is before
    host.progress = stop_at(-1, how)
    result = commands.train(host, out=tmp_path / "parts", resume=True)
    assert result["steps"] == 12
    assert files(tmp_path / "whole") == files(tmp_path / "parts")
    assert any("after step 5" in note for note in host.notes)


def test_crash_goes_back_to_the_last_checkpoint(host, config, data, tmp_path):
    """After a crash the run goes on from the checkpoint before, and the log has each evaluation once."""

    class CrashError(Exception):
        pass

    def crash():
        raise CrashError

    with pytest.raises(CrashError):
        Trainer(config, data, tmp_path / "run", device="cpu", progress=stop_at(8, crash)).run()
    with (tmp_path / "run" / LOG).open("a") as log:
        log.write('{"step": 9, "lo')
    trainer = Trainer(config, data, tmp_path / "run", device="cpu", resume=True)
    assert trainer.progress.step == 6
    trainer.run()
    whole = Trainer(config, data, tmp_path / "whole", device="cpu")
    whole.run()
    assert (tmp_path / "run" / CHECKPOINT).read_bytes() == (tmp_path / "whole" / CHECKPOINT).read_bytes()
    steps = [json.loads(line)["step"] for line in (tmp_path / "run" / LOG).read_text().splitlines()]
    assert steps == [4, 8, 12]


def test_run_leaves_a_model_that_loads(host, settings, tmp_path):
    """A run ends with weights, a card that tells where they come from, its config and a log; the model works."""
    result = commands.train(host, out=tmp_path / "run", config=settings, seed=5)
    path = tmp_path / "run" / "model.safetensors"
    backend = GruMusicVaeBackend.load(path, "cpu")
    card = json.loads(card_path(path).read_text())
    assert result["model_id"] == backend.spec.model_id == card["model_id"]
    assert (card["seed"], card["pitch_range"], card["transposition"]) == (5, [21, 108], [-87, 87])
    assert card["corpus"] == "walks+more"
    assert (card["licence"], card["limits"]) == tuple(commands.NOT_STATED.values())
    assert card["metrics"]["greedy"] == result["greedy"]
    assert Config.from_toml((tmp_path / "run" / "config.toml").read_text()).training.seed == 5
    line = json.loads((tmp_path / "run" / LOG).read_text().splitlines()[-1])
    wanted = {"step", "loss", "kl", "teacher_forced", "greedy", "active_units", "clips_per_second"}
    assert wanted <= set(line)


def test_the_card_states_how_likely_training_clips_are(host, settings, tmp_path):
    """A run leaves quantiles in the card, the same ones as are stated anew for its weights; they change no identity."""
    commands.train(host, out=tmp_path / "run", config=settings)
    path = tmp_path / "run" / "model.safetensors"
    before = json.loads(card_path(path).read_text())
    card_path(path).write_text(json.dumps({name: value for name, value in before.items() if name != "likelihood"}))

    stated = likelihood.of_weights(host, path, "cpu")

    assert json.loads(card_path(path).read_text()) == before
    spec = GruMusicVaeBackend.load(path, "cpu").spec
    assert spec.likelihood == stated
    assert spec.model_id == before["model_id"]
    assert stated.clips == likelihood.SAMPLE


def test_training_clips_that_likelihood_is_of_are_drawn_as_batches_are(data, config):
    """They are the corpora's own clips by their shares, transposed; edited ones are left out."""
    drawn = likelihood.drawn(data, config)
    own = {shape for pool in data.pools if not pool.edited for shape in clip_digests(untransposed(pool.clips))}

    assert len(drawn) == likelihood.SAMPLE
    assert set(clip_digests(untransposed(drawn))) <= own
    assert any(pool.edited for pool in data.pools)
    assert np.array_equal(drawn, likelihood.drawn(data, config))


def test_weights_without_a_recipe_have_no_training_clips(host, weights):
    """A card that does not say what the model was trained on is told, and stays as it was."""
    before = card_path(weights).read_text()
    with pytest.raises(UsageError, match="does not say what the model was trained on"):
        likelihood.of_weights(host, weights)
    assert card_path(weights).read_text() == before


def test_stored_precision_is_what_is_measured(host, settings, tmp_path):
    """The metrics of the card are those of the weights as stored, float16 included."""
    settings.write_text(SETTINGS.replace('storage = "float32"', 'storage = "float16"'))
    result = commands.train(host, out=tmp_path / "run", config=settings)
    backend = GruMusicVaeBackend.load(tmp_path / "run" / "model.safetensors", "cpu")
    config = Config.from_toml((tmp_path / "run" / "config.toml").read_text())
    clips = load(host, config).validation
    right = backend.decode_log_probs(backend.encode(clips).mean, clips).argmax(-1) == clips
    assert right.mean() == pytest.approx(result["teacher_forced"])


def test_training_learns(host, config, data, tmp_path):
    """Some steps lower the validation loss, and the best weights are the ones kept."""
    longer = evolve(config, training=evolve(config.training, steps=60, evaluate_every=20))
    trainer = Trainer(longer, data, tmp_path / "run", device="cpu")
    trainer.run()
    losses = [json.loads(line)["validation_loss"] for line in (tmp_path / "run" / LOG).read_text().splitlines()]
    assert losses[-1] < losses[0]
    assert trainer.progress.best_loss == min(losses)


def test_early_stop(host, config, data, tmp_path, monkeypatch):
    """Training stops once validation has not got better for `patience` evaluations."""
    losses = iter([3.0, 2.0, 2.5, 2.0, 1.0])
    monkeypatch.setattr(trainer_module, "measure", lambda *_: {"validation_loss": next(losses)})
    settings = evolve(config.training, steps=100, evaluate_every=2, patience=2)
    trainer = Trainer(evolve(config, training=settings), data, tmp_path / "run", device="cpu")
    trainer.run()
    assert (trainer.progress.step, trainer.progress.best_step, trainer.progress.best_loss) == (8, 4, 2.0)


def test_folders_are_not_mixed_up(host, settings, config, data, tmp_path):
    """A run is not overwritten, and not resumed with other settings, other clips, or from something else."""
    out = tmp_path / "run"
    with pytest.raises(TrainingError, match="no checkpoint"):
        commands.train(host, out=out, resume=True)
    commands.train(host, out=out, config=settings)
    with pytest.raises(TrainingError, match="--resume"):
        commands.train(host, out=out, config=settings)
    with pytest.raises(TrainingError, match="another config"):
        commands.train(host, out=out, config=settings, resume=True, seed=9)
    host.songs_each += 10
    with pytest.raises(TrainingError, match="other training clips"):
        commands.train(host, out=out, resume=True)
    with pytest.raises(TrainingError, match="cannot be trained into"):
        commands.train(host, out=settings / "below", config=settings)
    (out / CHECKPOINT).write_bytes(b"nonsense")
    with pytest.raises(TrainingError, match="not a checkpoint"):
        commands.train(host, out=out, resume=True)


@pytest.mark.parametrize(
    "damage",
    [
        lambda facts: None,
        lambda facts: [],
        lambda facts: 3,
        lambda facts: {**facts, "config": 3},
        lambda facts: {**facts, "config": {"network": []}},
        lambda facts: {**facts, "step": "7"},
        lambda facts: {**facts, "step": -1},
        lambda facts: {**facts, "best_loss": "low"},
        lambda facts: {key: value for key, value in facts.items() if key != "waited"},
    ],
)
def test_facts_of_a_checkpoint_that_are_none(host, config, data, tmp_path, damage):
    """A checkpoint whose facts are damaged is refused in one sentence that names it."""
    path = Trainer(config, data, tmp_path, device="cpu").checkpoint()
    with safe_open(path, framework="pt") as file:
        facts = json.loads(file.metadata()["latentknobs"])
    save_file(load_file(path), path, metadata={"latentknobs": json.dumps(damage(facts))})
    with pytest.raises(TrainingError, match=r"checkpoint\.safetensors is not a checkpoint of this version") as caught:
        Trainer(config, data, tmp_path, device="cpu", resume=True)
    assert "\n" not in str(caught.value)


def test_flags_go_over_the_file_over_the_preset(settings):
    """Flags override the TOML file, which overrides the preset."""
    config = commands.choose("folk", settings, steps=3, seed=8)
    assert (config.training.steps, config.training.seed) == (3, 8)
    assert config.network.encoder_hidden == 6
    assert config.training.token_dropout == Config.preset("folk").training.token_dropout


def test_wrong_files_are_told(tmp_path):
    """A settings file that is missing, not TOML, or has an unknown setting is refused by name."""
    path = tmp_path / "mine.toml"
    with pytest.raises(UsageError, match=r"mine\.toml"):
        commands.choose("folk", path)
    path.write_text("[training")
    with pytest.raises(UsageError, match="TOML"):
        commands.choose("folk", path)
    path.write_text("steps = 3")
    with pytest.raises(UsageError, match="tables"):
        commands.choose("folk", path)
    path.write_text("[training]\nstep = 3")
    with pytest.raises(UnknownNameError, match="did you mean 'steps'"):
        commands.choose("folk", path)


def test_a_gradient_that_is_not_finite_stops_the_run(host, config, data, tmp_path):
    """A gradient that is not finite ends the run with a sentence, before the weights are spoilt."""
    trainer = Trainer(config, data, tmp_path / "run", device="cpu")
    with torch.no_grad():
        trainer.network.linear_out.bias[0] = torch.nan
    with pytest.raises(TrainingError, match="not finite"):
        trainer.run()


def test_interrupt_before_any_evaluation(host, settings, tmp_path):
    """A run that was stopped before its first evaluation has no best weights yet, but can go on."""
    host.progress = stop_at(1, interrupt)
    with pytest.raises(TrainingError, match="after step 1"):
        commands.train(host, out=tmp_path / "run", config=settings)
    assert not (tmp_path / "run" / "model.safetensors").exists()
    host.progress = stop_at(-1, interrupt)
    assert commands.train(host, out=tmp_path / "run", resume=True)["steps"] == 12


def test_batches_have_fixed_shares(data, config):
    """Each batch holds the pools' shares, and a pool is gone through before a clip comes again."""
    batches = Batches(data, config)
    assert sum(batches.counts.values()) == 8
    assert set(batches.counts) == {"walks", "more", "note-split 1", "note-split 2"}
    still = evolve(config, training=evolve(config.training, transpose=(0, 0)))
    pool = Pool("walks", 1.0, data.pools[0].clips[:16])
    batches, again = (Batches(TrainingData((pool,), data.validation), still) for _ in range(2))

    def drawn(step):
        return batches(step)[0]

    lap = np.concatenate([drawn(0), drawn(1)])
    np.testing.assert_array_equal(np.unique(lap, axis=0), np.unique(pool.clips, axis=0))
    assert not np.array_equal(lap, np.concatenate([drawn(2), drawn(3)]))
    np.testing.assert_array_equal(drawn(1), again(1)[0])
    assert again(1)[1] is None


def test_validation_is_the_first_sources(data, host, config):
    """What is measured are clips of validation songs of the first source; training clips are of training songs."""
    wanted = np.concatenate([s.clips for s in host.songs("walks", None) if s.split == "validation"])
    np.testing.assert_array_equal(data.validation, wanted)
    trained = np.concatenate([s.clips for s in host.songs("walks", None) if s.split == "train"])
    np.testing.assert_array_equal(data.pools[0].clips, trained)
    fewer = load(host, evolve(config, training=evolve(config.training, validation_clips=4)))
    assert len(fewer.validation) == 4


def test_dense_clips_come_more_often(host, config):
    """Clips with so many onsets are in their pool as often as the source says, the others once."""
    plain, *others = load(host, config).pools
    onsets = (plain.clips < HOLD).sum(axis=-1)
    first, *rest = config.data.sources
    sources = (evolve(first, dense_from=int(np.median(onsets)), dense_times=3), *rest)

    found = load(host, evolve(config, data=evolve(config.data, sources=sources))).pools

    counts = {clip.tobytes(): 0 for clip in plain.clips}
    for clip in found[0].clips:
        counts[clip.tobytes()] += 1
    once = {clip.tobytes(): 0 for clip in plain.clips}
    for clip in plain.clips:
        once[clip.tobytes()] += 1
    for clip, n in zip(plain.clips, onsets, strict=True):
        assert counts[clip.tobytes()] == once[clip.tobytes()] * (3 if n >= np.median(onsets) else 1)
    assert [len(pool.clips) for pool in found[1:]] == [len(pool.clips) for pool in others]


def test_a_run_after_another_starts_from_what_that_learned(host, settings, tmp_path):
    """Its first weights are the other's last ones, its card names the other's model, also when it was resumed."""
    before = commands.train(host, out=tmp_path / "before", config=settings)
    clips = load(host, commands.choose(commands.DEFAULT_PRESET, settings))
    trainer = Trainer(
        commands.choose(commands.DEFAULT_PRESET, settings), clips, tmp_path / "look", after=tmp_path / "before"
    )
    last = load_file(tmp_path / "before" / CHECKPOINT)

    assert all(torch.equal(last[f"network.{name}"], t) for name, t in trainer.network.state_dict().items())
    assert trainer.progress.step == 0

    host.progress = stop_at(5, interrupt)
    with pytest.raises(TrainingError, match="after step 5"):
        commands.train(host, out=tmp_path / "run", config=settings, after=tmp_path / "before")
    host.progress = stop_at(-1, interrupt)
    commands.train(host, out=tmp_path / "run", resume=True)
    card = json.loads(card_path(tmp_path / "run" / "model.safetensors").read_text())
    assert card["after"] == before["model_id"]


def test_a_run_can_start_after_a_model(host, settings, tmp_path):
    """The weights file of a network of the same size is enough; its card is named, and one of another size refused."""
    before = commands.train(host, out=tmp_path / "before", config=settings)
    weights = tmp_path / "before" / "model.safetensors"
    config = commands.choose(commands.DEFAULT_PRESET, settings)
    trainer = Trainer(config, load(host, config), tmp_path / "look", after=weights)

    assert all(torch.equal(load_file(weights)[name].float(), t) for name, t in trainer.network.state_dict().items())
    assert trainer.progress.after == before["model_id"]
    settings.write_text(SETTINGS.replace("decoder_hidden = 5", "decoder_hidden = 4"))
    with pytest.raises(ModelError, match="shape"):
        commands.train(host, out=tmp_path / "a", config=settings, after=weights)


def test_a_run_cannot_start_after_one_that_does_not_fit(host, settings, tmp_path):
    """No run, an unfinished one, one of another network and one of other followed edits are told; so is --resume."""
    with pytest.raises(TrainingError, match="no checkpoint"):
        commands.train(host, out=tmp_path / "a", config=settings, after=tmp_path / "none")
    host.progress = stop_at(5, interrupt)
    with pytest.raises(TrainingError, match="after step 5"):
        commands.train(host, out=tmp_path / "before", config=settings)
    host.progress = stop_at(-1, interrupt)
    with pytest.raises(TrainingError, match="not finished"):
        commands.train(host, out=tmp_path / "a", config=settings, after=tmp_path / "before")
    commands.train(host, out=tmp_path / "before", resume=True)
    with pytest.raises(UsageError, match="leave --after out"):
        commands.train(host, out=tmp_path / "before", resume=True, after=tmp_path / "before")
    settings.write_text(SETTINGS.replace("decoder_hidden = 5", "decoder_hidden = 4"))
    with pytest.raises(ModelError, match="grucell"):
        commands.train(host, out=tmp_path / "a", config=settings, after=tmp_path / "before")
    settings.write_text(SETTINGS.replace("follow = []", FOLLOW))
    with pytest.raises(ModelError, match="other edits"):
        commands.train(host, out=tmp_path / "a", config=settings, after=tmp_path / "before")
    assert not (tmp_path / "a").exists()


def test_no_training_clip_is_held_out_in_another_corpus(host, config, monkeypatch):
    """A clip that is, transposed, in a validation or test song of another source is not trained on; that is told."""
    songs = {name: list(host.songs(name, CorpusRequest())) for name in ("walks", "more")}
    taken = next(song.clips for song in songs["walks"] if song.split == "test")
    up = np.where(taken < HOLD, taken + 1, taken).astype(np.int16)
    songs["more"].append(Song("more/taken", up, "train"))
    monkeypatch.setattr(type(host), "songs", lambda _self, corpus, _request: iter(songs[corpus]))

    pools = {pool.name: pool.clips for pool in load(host, config).pools}

    assert not (pools["more"][:, None] == up).all(axis=2).any()
    assert any(note.endswith(f"{len(up)}.") for note in host.notes)


def test_edited_clips_are_valid_and_inside_the_range(data):
    """The pools of edited clips are what the edit gives of training clips, each clip once."""
    for pool in data.pools[2:]:
        assert MELODY.valid(pool.clips).all()
        assert len(np.unique(pool.clips, axis=0)) == len(pool.clips)


def test_no_clips_is_told(host, settings, tmp_path):
    """No training clips, no validation clips, or an edit that no clip can take, is said."""
    host.songs_each = 0
    with pytest.raises(TrainingError, match="no training clips"):
        commands.train(host, out=tmp_path / "run", config=settings)
    host.songs_each = 1
    with pytest.raises(TrainingError, match="no validation clips"):
        commands.train(host, out=tmp_path / "run", config=settings)
    host.songs_each = 30
    settings.write_text(SETTINGS.replace("[1, 2]", "[5]"))
    with pytest.raises(TrainingError, match="note-split by 5"):
        commands.train(host, out=tmp_path / "run", config=settings)


def test_transposition_stays_inside_the_range(clips_of):
    """A transposed clip keeps its rhythm and intervals and leaves neither the pitch range nor the asked range."""
    clips = np.repeat(clips_of(20), 10, axis=0)
    moved = transposed(clips, (-12, 12), (48, 92), np.random.default_rng(0))
    onset = clips < HOLD
    np.testing.assert_array_equal(onset, moved < HOLD)
    np.testing.assert_array_equal(clips[~onset], moved[~onset])
    assert moved[onset].min() >= 48
    assert moved[onset].max() <= 92
    by = np.where(onset, moved - clips, np.int16(99))
    shifts = np.sort(by, axis=1)[:, 0]
    assert (np.where(onset, by, shifts[:, None]) == shifts[:, None]).all()
    assert len(np.unique(shifts)) > 12
    silent = np.full((3, 32), 129, np.int16)
    np.testing.assert_array_equal(transposed(silent, (-12, 12), (48, 92), np.random.default_rng(0)), silent)


def test_losses_are_nats_a_clip():
    """Cross-entropy of even odds is 32 ln V, and KL is the closed form for two normal distributions."""
    tokens = torch.zeros(3, 32, dtype=torch.int64)
    assert float(cross_entropy(torch.zeros(3, 32, 130), tokens)) == pytest.approx(32 * np.log(130), rel=1e-6)
    mean, scale = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 2.0]])
    wanted = 0.5 + (0.5 * 4 - 0.5 - np.log(2))
    assert float(divergence(mean, scale)) == pytest.approx(wanted, rel=1e-6)
    same = torch.distributions.kl_divergence(
        torch.distributions.Normal(mean, scale), torch.distributions.Normal(0.0, 1.0)
    )
    assert float(divergence(mean, scale)) == pytest.approx(float(same.sum()), rel=1e-6)


def test_measures_are_shares_of_right_tokens(network_of, clips_of):
    """Teacher-forced, greedy and exact agree with a count by hand, over more clips than one chunk."""
    network = network_of()
    with torch.no_grad():
        mean, _ = network.encode(torch.from_numpy(clips_of(600).astype(np.int64)))
        own = network.decode_steps(mean).argmax(-1)
        mean, _ = network.encode(own)
        greedy = network.decode_steps(mean).argmax(-1) == own
    figures = measure(network, own, torch.zeros(600, 4), 0.5)
    assert figures["greedy"] == pytest.approx(float(greedy.double().mean()))
    assert figures["exact"] == pytest.approx(float(greedy.all(-1).double().mean()))
    assert figures["validation_loss"] == pytest.approx(
        figures["validation_cross_entropy"] + 0.5 * figures["validation_kl"]
    )
    assert 0 <= figures["active_units"] <= 4


@pytest.mark.parametrize(("speed", "auto"), [(2.0, True), (1.1, False), (0.5, False)])
def test_precision_is_chosen_by_the_machine(monkeypatch, speed, auto):
    """bfloat16 is used when asked for, or by itself where it was measured to be clearly faster."""
    cpu = torch.device("cpu")
    monkeypatch.setattr(devices, "bfloat16_speed", lambda _: speed)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True}, raising=False)

    assert trains_in_bfloat16("bfloat16", cpu)
    assert not trains_in_bfloat16("float32", cpu)
    assert trains_in_bfloat16("auto", cpu) == auto
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict, raising=False)
    assert not trains_in_bfloat16("auto", cpu)


def test_the_speed_of_bfloat16_is_measured_once():
    """A ratio of two times, the same for the rest of the process."""
    cpu = torch.device("cpu")

    assert devices.bfloat16_speed(cpu) > 0
    assert devices.bfloat16_speed(cpu) == devices.bfloat16_speed(cpu)


def test_bfloat16_training_runs(host, config, data, tmp_path):
    """Under autocast the run goes through and its weights stay float32."""
    settings = evolve(config.training, precision="bfloat16", steps=4)
    trainer = Trainer(evolve(config, training=settings), data, tmp_path / "run", device="cpu")
    trainer.run()
    assert {p.dtype for p in trainer.network.parameters()} == {torch.float32}


def test_import_command(host, tmp_path, network_of):
    """`model import` writes weights and card once, and only as safetensors."""
    source, out = tmp_path / "authors.pt", tmp_path / "taken.safetensors"
    torch.save(network_of().state_dict(), source)
    told = commands.model_import(host, source, out)
    assert told["model_id"] == GruMusicVaeBackend.load(Path(told["model"]), "cpu").spec.model_id
    with pytest.raises(UsageError, match="there already"):
        commands.model_import(host, source, out)
    with pytest.raises(UsageError, match=r"\.safetensors"):
        commands.model_import(host, source, tmp_path / "taken.pt")
