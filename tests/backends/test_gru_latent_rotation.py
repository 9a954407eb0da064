"""Aligning: the axes of a trained latent space are turned, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from attrs import evolve

from latentknobs.backends.gru_musicvae.network import GruMusicVae
from latentknobs.backends.network import NetworkConfig
from latentknobs.backends.training import commands
from latentknobs.backends.training.config import Config, Followed
from latentknobs.backends.training.data import Moves, load
from latentknobs.backends.training.equivariance_loss import FollowingMaps
from latentknobs.backends.training.latent_rotation import rotation, turn
from latentknobs.backends.training.trainer import Trainer
from latentknobs.errors import UsageError

SIZE = 5


@pytest.fixture
def network():
    """A small network with weights of its own."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return GruMusicVae(NetworkConfig(7, 6, 2, embedding=4, latent_size=SIZE)).eval()


@pytest.fixture
def clips():
    """Sixty clips of chance."""
    return np.random.default_rng(0).integers(50, 80, (60, 32)).astype(np.int16)


def _tokens(clips):
    return torch.from_numpy(clips.astype("int64"))


def _moves(clips):
    return Moves((clips[:30], clips[30:]), (clips[:20], clips[20:40]))


@torch.no_grad()
def test_codes_turn_and_what_is_decoded_stays(network, clips):
    """Means are R times what they were; logits of the means and the size of the network stay."""
    before, _ = network.encode(_tokens(clips))
    forced, greedy = network.decode_given(before, _tokens(clips)), network.decode_steps(before)
    axes = rotation(network, _moves(clips))
    turn(network, None, axes)

    after, _ = network.encode(_tokens(clips))

    torch.testing.assert_close(axes @ axes.T, torch.eye(SIZE))
    torch.testing.assert_close(after, before @ axes.T)
    torch.testing.assert_close(network.decode_given(after, _tokens(clips)), forced)
    torch.testing.assert_close(network.decode_steps(after), greedy)


@torch.no_grad()
def test_the_maps_turn_with_the_codes(network, clips):
    """A turned map sends the turned code to where the old one sent the code, turned."""
    maps = FollowingMaps([Followed("transpose", (1.0,)), Followed("note-split", (1.0,), map="network")], SIZE)
    for parameter in maps.parameters():
        parameter.normal_(generator=torch.Generator().manual_seed(1))
    z, which = torch.randn(8, SIZE), torch.tensor([0, 1] * 4)
    axes = rotation(network, _moves(clips))
    wanted = maps.predict(z, which) @ axes.T
    turn(network, maps, axes)

    torch.testing.assert_close(maps.predict(z @ axes.T, which), wanted, rtol=1e-5, atol=1e-4)


@torch.no_grad()
def test_equal_variances_stay_what_they_are(network, clips):
    """A posterior that is round, and a spread that is, have the same scale after turning."""
    network.linear_var.weight.zero_()
    network.linear_var.bias.fill_(-1.0)
    maps = FollowingMaps([Followed("transpose", (1.0,))], SIZE)
    maps.edit(0).log_spread.fill_(0.5)
    turn(network, maps, rotation(network, _moves(clips)))

    torch.testing.assert_close(network.encode(_tokens(clips))[1], torch.full((60, SIZE), float(np.exp(-0.5))))
    torch.testing.assert_close(maps.edit(0).log_spread, torch.full((SIZE,), 0.5))


@torch.no_grad()
def test_axes_go_from_what_followed_edits_move_to_what_others_move(network, clips):
    """Along the axes the followed edits' share of the move less that of the others falls; between them it is 0."""
    moves = _moves(clips)
    axes = rotation(network, moves)
    turn(network, None, axes)

    def moment(before, after):
        d = network.encode(_tokens(after))[0] - network.encode(_tokens(before))[0]
        return d.T @ d / (d * d).sum()

    contrast = moment(*moves.followed) - moment(*moves.others)
    torch.testing.assert_close(contrast, torch.diag(contrast.diag()), atol=1e-5, rtol=0)
    assert (contrast.diag().diff() <= 1e-6).all()


def test_without_any_move_the_axes_stay(network, clips):
    """Where no clip can take an edit, R is the identity."""
    axes = rotation(network, Moves((clips[:0], clips[:0]), (clips[:0], clips[:0])))

    assert torch.equal(axes, torch.eye(SIZE))


def test_aligned_by_training_clips_and_the_edits_of_the_recipe(host):
    """Followed edits on one side, the others on the other, each clip with itself edited."""
    tables = Config.preset("folk").tables()
    tables["training"] |= {"align": True, "batch": 8}
    tables["data"] = {
        "sources": [{"corpus": "walks"}],
        "edits": [{"name": "note-split", "amounts": [1, 2]}],
        "pitch_range": [36, 96],
    }
    config = Config.from_tables(tables)

    moves = load(host, config).moves

    assert len(moves.followed[0]) == 0
    before, after = moves.others
    assert len(before) == len(after) > 0
    assert ((after < 128).sum(axis=1) > (before < 128).sum(axis=1)).all()
    trained = {clip.tobytes() for clip in load(host, config).pools[0].clips}
    assert all(clip.tobytes() in trained for clip in before)
    plain = evolve(config, training=evolve(config.training, align=False))
    assert load(host, plain).moves is None


def test_a_recipe_that_goes_on_says_so_where_it_has_nothing_to_go_on_from(host, tmp_path):
    """`folk-dense` without --after is refused before anything is read or written."""
    with pytest.raises(UsageError, match="name its folder with --after"):
        commands.train(host, out=tmp_path / "run", preset="folk-dense")
    assert not (tmp_path / "run").exists()


def test_a_run_that_aligns_starts_from_turned_codes(host, tmp_path):
    """The first codes are those of the run before, turned: other numbers, the same lengths, the same decodings."""
    path = tmp_path / "tiny.toml"
    path.write_text(
        "[network]\nencoder_hidden = 6\ndecoder_hidden = 5\nembedding = 3\nlatent_size = 4\n"
        '[training]\nsteps = 4\nbatch = 8\nprecision = "float32"\n'
        '[data]\nsources = [{corpus = "walks"}]\nedits = [{name = "note-split", amounts = [1]}]\nfollow = []\n'
    )
    commands.train(host, out=tmp_path / "before", preset="folk", config=path)
    config = commands.choose("folk", path)
    aligned = evolve(config, training=evolve(config.training, align=True))
    tokens = _tokens(load(host, config).validation)

    plain, turned = (
        Trainer(c, load(host, c), tmp_path / "run", after=tmp_path / "before").network for c in (config, aligned)
    )

    with torch.no_grad():
        (first, _), (second, _) = plain.encode(tokens), turned.encode(tokens)
        assert not torch.allclose(first, second)
        torch.testing.assert_close(first.norm(dim=1), second.norm(dim=1))
        torch.testing.assert_close(plain.decode_steps(first), turned.decode_steps(second))
