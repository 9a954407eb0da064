"""Training that makes edits affine maps of the codes."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from attrs import evolve
from torch.distributions import Normal, kl_divergence

from latentknobs.augmentations.degree import Degree
from latentknobs.augmentations.note_split import NoteSplit
from latentknobs.augmentations.transpose import Transpose
from latentknobs.backends.gru_musicvae.network import GruMusicVae
from latentknobs.backends.training.config import Config, Followed
from latentknobs.backends.training.data import Batches, load
from latentknobs.backends.training.equivariance_loss import NONE, FollowingMaps
from latentknobs.backends.training.trainer import LOG, Trainer
from latentknobs.core.augmentation import in_context
from latentknobs.core.melody_format import HOLD, MELODY
from latentknobs.core.plugin_guard import run_augmentation
from latentknobs.errors import TrainingError, UsageError

AMOUNTS = (-3.0, 1.0, 12.0)


@pytest.fixture
def followed(host, monkeypatch):
    """A tiny run on transposed walks that follows transposition."""
    monkeypatch.setattr(type(host), "augment", lambda _self, _name: Transpose())
    config = Config.preset("folk")
    tables = config.tables()
    tables["network"] |= {"encoder_hidden": 12, "decoder_hidden": 12, "embedding": 6, "latent_size": 4}
    tables["training"] |= {"steps": 60, "batch": 32, "evaluate_every": 30, "token_dropout": 0.0, "kl_rise": 10}
    tables["training"] |= {"storage": "float32", "precision": "float32", "learning_rate": 0.01, "transpose": [0, 0]}
    tables["data"] = {"sources": [{"corpus": "walks"}], "pitch_range": [50, 92]}
    config = Config.from_tables(tables)
    return evolve(config, data=evolve(config.data, follow=(Followed("transpose", AMOUNTS),)))


def test_the_second_half_of_a_batch_is_the_first_half_edited(host, followed):
    """Each clip's partner is it at the amount of its map, or itself where that leaves the pitch range."""
    batches = Batches(load(host, followed), followed)
    seen = set()
    for step in range(8):
        clips, which = batches(step)
        assert len(clips) == 2 * len(which) == 32
        for before, after, number in zip(clips[:16], clips[16:], which, strict=True):
            by = 0 if number == NONE else int(AMOUNTS[number])
            np.testing.assert_array_equal(after, np.where(before < HOLD, before + by, before))
            seen.add(int(number))
    assert seen == {NONE, 0, 1, 2}


def test_each_batch_follows_one_edit(host, followed):
    """Of several edits a batch follows one, each as often as its share says, by the maps of its own amounts."""
    edits = (Followed("transpose", (1.0, 2.0), share=3), Followed("note-split", (1.0,)))
    config = evolve(followed, data=evolve(followed.data, follow=edits))
    batches = Batches(load(host, config), config)

    taken = [set(batches(step)[1].tolist()) - {NONE} for step in range(80)]

    assert all(maps <= {0, 1} or maps <= {2} for maps in taken)
    assert sum(maps <= {0, 1} for maps in taken if maps) == pytest.approx(60, abs=12)


def test_the_same_step_gives_the_same_pairs(host, followed):
    """Pairs are a function of the seed and the step."""
    data = load(host, followed)
    (clips, which), (again, those) = (Batches(data, followed)(3) for _ in range(2))

    np.testing.assert_array_equal(clips, again)
    np.testing.assert_array_equal(which, those)


def test_the_cost_is_the_divergence_from_the_prediction():
    """It is KL(q || p), p with the edit's own spread, as torch has it; a clip that was not edited costs nothing."""
    generator = torch.Generator().manual_seed(0)
    maps = FollowingMaps([Followed("transpose", (1.0,)), Followed("note-split", (1.0,))], 3)
    with torch.no_grad():
        maps.edit(0).log_spread.copy_(torch.tensor([-1.0, 0.0, 0.5]))
        maps.edit(1).log_spread[0] = 0.2
    predicted, mean = torch.randn(2, 4, 3, generator=generator)
    scale = torch.rand(4, 3, generator=generator) + 0.1
    which = torch.tensor([0, 1, NONE, 0])

    spread = torch.exp(torch.tensor([[-1.0, 0.0, 0.5], [0.2, 0.0, 0.0]]))[[0, 1, 0, 0]]
    nats = kl_divergence(Normal(mean, scale), Normal(predicted, spread)).sum(dim=1)

    assert maps.cost(predicted, mean, scale, which).item() == pytest.approx(nats[[0, 1, 3]].sum().item() / 4, rel=1e-5)


@pytest.mark.parametrize("kind", ["matrix", "network"])
def test_maps_start_as_the_identity(kind):
    """Before training, codes are predicted to stay where they are."""
    maps = FollowingMaps([Followed("transpose", AMOUNTS, map=kind)], 4)
    z = torch.randn(4, 4)

    torch.testing.assert_close(maps.predict(z, torch.tensor([0, 1, 2, NONE])), z)


def test_a_map_moves_the_codes_that_are_its_own():
    """Maps of all edits are numbered together; each moves the codes that name it, and no other."""
    maps = FollowingMaps([Followed("retrograde", (1.0,)), Followed("transpose", (1.0, 2.0), map="powers")], 4)
    with torch.no_grad():
        maps.edit(0).matrices[0] = 3 * torch.eye(4)
        maps.edit(0).offsets[0] = torch.tensor([0.0, 0.0, 0.0, 1.0])
        maps.edit(1).angles.copy_(torch.tensor([torch.pi / 2, 0.0]))
    z = torch.arange(4.0).repeat(4, 1)

    moved = maps.predict(z, torch.tensor([0, 1, 2, NONE]))

    affine, quarter, half = [0.0, 3.0, 6.0, 10.0], [-2.0, 1.0, 0.0, 3.0], [-0.0, 1.0, -2.0, 3.0]
    torch.testing.assert_close(moved, torch.tensor([affine, quarter, half, [0.0, 1.0, 2.0, 3.0]]))


def test_the_amounts_of_powers_are_powers_of_one_map():
    """Two moves are the move by the sum of their amounts; a rotation keeps lengths, and a shift is added."""
    maps = FollowingMaps([Followed("transpose", (1.0, 2.0, 3.0), map="powers")], 65)
    z, (one, two, three) = torch.randn(4, 65), (torch.full((4,), number) for number in range(3))

    torch.testing.assert_close(maps.predict(maps.predict(z, one), two), maps.predict(z, three))
    torch.testing.assert_close(maps.predict(z, three).norm(dim=1), z.norm(dim=1))

    with torch.no_grad():
        maps.edit(0).shift[64] = 0.5
    torch.testing.assert_close(maps.predict(z, three)[:, 64], z[:, 64] + 1.5)


@pytest.mark.parametrize("kind", ["matrix", "powers", "network"])
def test_gradients_are_the_same_every_time_with_several_threads(kind, two_threads):
    """Clips with the same map add up their gradients in one order, whatever the threads do."""
    maps = FollowingMaps([Followed("transpose", AMOUNTS, map=kind)], 64)
    z, which = torch.randn(64, 64), torch.tensor([0, 1, NONE, 0] * 16)

    def gradients():
        maps.zero_grad()
        (maps.predict(z, which) ** 2 * z).sum().backward()
        return [parameter.grad.clone() for parameter in maps.parameters() if parameter.grad is not None]

    first = gradients()
    assert first
    for _ in range(20):
        assert all(torch.equal(a, b) for a, b in zip(gradients(), first, strict=True))


def test_an_edit_that_need_not_be_exact_takes_what_each_clip_can(host, followed, monkeypatch):
    """A clip with a note that does not divide is split where it does, or stays unedited where exactness is asked."""
    monkeypatch.setattr(type(host), "augment", lambda _self, _name: NoteSplit())
    tokens = np.full((2, 32), HOLD, dtype=np.int16)
    tokens[:, 0], tokens[:, 3] = 60, 62  # three steps, which do not divide, and 29
    edits = {exact: Followed("note-split", (1.0,), exact=exact) for exact in (True, False)}
    for exact, edit in edits.items():
        data = load(host, evolve(followed, data=evolve(followed.data, follow=(edit,))))
        clips = np.concatenate([tokens, np.where(tokens == 62, HOLD, tokens)])
        rng = np.random.default_rng(0)
        edited, which = data.following.drawn(rng)(clips, np.zeros(len(clips), dtype=np.int64), rng)
        assert which.tolist() == ([NONE, NONE, 0, 0] if exact else [0, 0, 0, 0])
        assert (edited[2:, 16] == 60).all()


def test_the_maps_are_learned_and_the_log_tells_their_cost(host, followed, tmp_path):
    """The cost of predictions falls while training goes on, and stands in each line of the log."""
    trainer = Trainer(followed, load(host, followed), tmp_path / "run")
    trainer.run()

    lines = [json.loads(line) for line in (tmp_path / "run" / LOG).read_text().splitlines()]
    assert len(lines) == 2
    assert 0 < lines[1]["following"] < lines[0]["following"]
    for line in lines:
        weight = followed.training.follow_weight / 2
        rate = line["kl"] + weight * line["following"]
        assert line["loss"] == pytest.approx(line["cross_entropy"] + line["kl_weight"] * rate)


@pytest.mark.parametrize("through", [0.0, 1.0])
def test_edited_clips_are_decoded_from_their_prediction_or_their_own_code(
    host, followed, tmp_path, through, monkeypatch
):
    """With all of them through their maps the decoder reads what the maps predict, with none what the encoder says."""
    read = []
    decode = GruMusicVae.decode_given

    def reading(self, z, *rest):
        read.append(z.detach().clone())
        return decode(self, z, *rest)

    monkeypatch.setattr(GruMusicVae, "decode_given", reading)
    config = evolve(followed, training=evolve(followed.training, follow_through=through))
    trainer = Trainer(config, load(host, config), tmp_path / "run")
    with torch.no_grad():
        trainer._maps.edit(0).offsets.fill_(100.0)
    _, which = Batches(load(host, config), config)(0)
    trainer._step(0)

    far = (read[0][16:] > 50).all(dim=1)
    assert torch.equal(far, torch.from_numpy(which != NONE) & bool(through))


@pytest.mark.parametrize("amounts", [[float("nan")], [float("inf")], []])
def test_amounts_that_are_none_cannot_be_followed(amounts):
    """NaN, infinity and no amount at all are refused with the table's name."""
    tables = Config.preset("folk").tables()
    tables["data"]["follow"] = [{"name": "transpose", "amounts": amounts}]

    with pytest.raises(UsageError, match="follow"):
        Config.from_tables(tables)


def test_powers_and_turned_axes_exclude_each_other():
    """Powers rotate pairs of axes, which aligning would turn."""
    tables = Config.preset("folk-dense").tables()
    tables["data"]["follow"] = [{"name": "transpose", "amounts": [1], "map": "powers"}]

    with pytest.raises(UsageError, match="align"):
        Config.from_tables(tables)


def test_a_batch_that_has_no_half_cannot_be_edited_by_halves():
    """An odd batch is refused where edits are followed."""
    tables = Config.preset("folk").tables()
    tables["data"]["follow"] = [{"name": "transpose", "amounts": [1]}]
    tables["training"]["batch"] = 127

    with pytest.raises(UsageError, match="must be even"):
        Config.from_tables(tables)


def test_an_edit_in_a_key_is_followed_on_clips_in_one_key(host, followed, monkeypatch):
    """Batches of `degree` hold notes of C major only where the songs are major, and their edits stay in that scale."""
    monkeypatch.setattr(type(host), "augment", lambda _self, _name: Degree())
    in_key = Followed("degree", (-2.0, 1.0), map="network", exact=False)
    config = evolve(
        followed,
        data=evolve(followed.data, follow=(in_key,)),
        training=evolve(followed.training, transpose=(-5, 5), batch=64),
    )
    data = load(host, config)
    (pool,) = data.following.pools["key"]
    assert len(pool.contexts) == len(pool.clips)
    assert {context.key.relative_major for context in pool.contexts} == {0}

    for step in range(3):
        clips, which = Batches(data, config)(step)
        before, after = np.split(clips, 2)
        for number, amount in enumerate(in_key.amounts):
            rows = which == number
            edit = in_context(Degree(), (pool.contexts[0],) * int(rows.sum()))
            expected = run_augmentation(edit, before[rows], amount, np.random.default_rng(0), MELODY, exact=False)
            np.testing.assert_array_equal(after[rows], expected.clips)


def test_at_first_only_the_maps_learn(host, followed, tmp_path):
    """So many steps leave the network as it is; a run that stops among them goes on to the same bytes."""
    config = evolve(followed, training=evolve(followed.training, steps=4, maps_first=2, evaluate_every=4))
    trainer = Trainer(config, load(host, config), tmp_path / "run")
    network = {name: value.clone() for name, value in trainer.network.state_dict().items()}
    maps = {name: value.clone() for name, value in trainer._maps.state_dict().items()}

    for step in range(2):
        trainer._step(step)
    assert all(torch.equal(value, network[name]) for name, value in trainer.network.state_dict().items())
    assert not all(torch.equal(value, maps[name]) for name, value in trainer._maps.state_dict().items())
    states = trainer._optimiser.state
    assert all(states[parameter]["step"] == 0 for parameter in trainer.network.parameters())
    trainer._step(2)
    assert not all(torch.equal(value, network[name]) for name, value in trainer.network.state_dict().items())


def test_what_has_no_effect_is_refused(followed):
    """Maps first without maps, or for all steps; and patience where the loss is not looked at."""
    for training, data, words in (
        ({"maps_first": 2}, {"follow": ()}, "leave it out where none is followed"),
        ({"maps_first": 60}, {}, "must be below 'steps'"),
        ({"keep": "last", "patience": 2}, {}, "does not look at"),
    ):
        with pytest.raises(ValueError, match=words):
            evolve(followed, training=evolve(followed.training, **training), data=evolve(followed.data, **data))


def test_clips_that_no_key_holds_are_told(host, followed, monkeypatch):
    """Where no clip in the one key lies inside the pitch range, loading says so."""
    monkeypatch.setattr(type(host), "augment", lambda _self, _name: Degree())
    data = evolve(followed.data, follow=(Followed("degree", (1.0,)),))
    monkeypatch.setattr("latentknobs.backends.training.data.in_one_key", lambda *_: iter(()))

    with pytest.raises(TrainingError, match="widen pitch_range"):
        load(host, evolve(followed, data=data))


def test_the_last_weights_can_be_kept_instead_of_the_best(host, followed, tmp_path):
    """With `keep = "last"` the model is of the last step, whatever its validation loss."""
    config = evolve(followed, training=evolve(followed.training, steps=6, evaluate_every=2, keep="last"))
    trainer = Trainer(config, load(host, config), tmp_path / "run")
    trainer.run()

    assert trainer.progress.best_step == 6
