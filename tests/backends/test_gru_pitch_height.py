"""Height: transposition is a shift of one dimension, of a network that reads and writes a clip's line."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from attrs import evolve
from scipy.stats import norm

from latentknobs.backends.gru_musicvae.backend import GruMusicVaeBackend
from latentknobs.backends.gru_musicvae.inference import FastNetwork
from latentknobs.backends.gru_musicvae.pitch_height import CENTRE, SPREAD, UNIT, from_code
from latentknobs.backends.network import NetworkConfig
from latentknobs.backends.training.config import Config
from latentknobs.backends.weights import save_model
from latentknobs.core.melody_format import HOLD, MELODY, REST
from latentknobs.errors import UsageError
from latentknobs.testing.contracts import BackendContract

SIZES = NetworkConfig(
    12, 10, 2, embedding=6, latent_size=5, state_features=4, step_features=3, step_hidden=8, height=True
)


@pytest.fixture
def network(network_of):
    """A network with height."""
    return network_of(SIZES)


@pytest.fixture
def tokens(clips_of):
    """Walks, int64 (20, 32)."""
    return torch.from_numpy(clips_of(20).astype(np.int64))


@pytest.fixture
def backend(network, tmp_path):
    """The same, loaded."""
    save_model(network, tmp_path / "high.safetensors", {"pitch_range": [40, 100]})
    return GruMusicVaeBackend.load(tmp_path / "high.safetensors", "cpu")


class TestContract(BackendContract):
    """A network with height keeps the contract of every backend."""

    @pytest.fixture
    def backend(self, backend):
        """The loaded network."""
        return backend


def _moved(tokens, by):
    return torch.where(tokens < HOLD, tokens + by, tokens)


@pytest.mark.parametrize("by", [-12, -1, 7])
@torch.no_grad()
def test_a_transposed_clip_has_the_same_code_but_for_its_height(network, tokens, by):
    """Codes move by a twentieth a semitone in the last dimension and not at all in the others."""
    (before, scale), (after, again) = network.encode(tokens), network.encode(_moved(tokens, by))

    torch.testing.assert_close(after[:, :-1], before[:, :-1], rtol=0, atol=0)
    torch.testing.assert_close(after[:, -1] - before[:, -1], torch.full((20,), by / UNIT))
    assert torch.equal(scale, again)
    assert (scale[:, -1] == SPREAD).all()


def test_a_code_moved_in_height_decodes_to_the_clip_transposed(backend):
    """Of codes whose lines stay on the keyboard; the rhythm is the same to the step."""
    z = np.random.default_rng(0).standard_normal((50, 5)).astype(np.float32)
    z[:, -1] = 0.01
    up = z + np.float32(7 / UNIT) * (np.arange(5) == 4)
    before, after = backend.decode(z), backend.decode(up.astype(np.float32))
    room = np.where(before < HOLD, before, 0).max(axis=1) + 7 < HOLD

    assert room.sum() > 10
    np.testing.assert_array_equal(after[room], np.where(before < HOLD, before + 7, before)[room])


@torch.no_grad()
def test_the_height_of_a_clip_is_halfway_between_its_extremes(network):
    """60 and 67 have the middle 63.5; a clip of rests stands on E4."""
    tokens = torch.full((2, 32), REST)
    tokens[0, 0], tokens[0, 9] = 67, 60

    heights = network.encode(tokens)[0][:, -1]

    torch.testing.assert_close(heights, torch.tensor([(63.5 - CENTRE) / UNIT, 0.0]))


def test_the_height_is_a_block_of_its_own_and_the_anchor(backend):
    """Cards name it, paths have that of the nearer end, and variations keep it."""
    structure = backend.spec.structure

    assert dict(structure.blocks) == {"line": 4, "height": 1}
    assert structure.anchored.tolist() == [False] * 4 + [True]
    assert structure.name_of(4) == "height[0]"


@torch.no_grad()
def test_the_fast_path_and_the_equations_agree(network, tokens):
    """Posteriors, greedy decodings and logits of known tokens are equal to rounding."""
    fast = FastNetwork(network)
    (mean, scale), found = network.encode(tokens), fast.encode(tokens)
    torch.testing.assert_close(found[0], mean, rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(found[1], scale, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(fast.given(mean, tokens), network.decode_given(mean, tokens), rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(network.decode_steps(mean, tokens), network.decode_given(mean, tokens))
    z = 3 * torch.randn(200, 5)
    greedy, logits = fast.greedy(z)
    torch.testing.assert_close(logits, network.decode_steps(z), rtol=1e-5, atol=1e-4)
    assert torch.equal(greedy, logits.argmax(dim=-1))


def test_every_code_decodes_inside_the_keyboard(backend):
    """However far out a code lies, its line is moved by octaves, or to the end, and its pitches are 0 to 127."""
    z = 20 * np.random.default_rng(1).standard_normal((300, 5)).astype(np.float32)

    assert MELODY.valid(backend.decode(z)).all()


@pytest.mark.parametrize(
    ("span", "middle", "moved"),
    [
        ((-4, 4), 60, 60),
        ((-4, 5), 60.5, 60),
        ((-4, 4), 126, 114),
        ((-30, 30), 5, 41),
        ((-60, 61), 64.5, 64),
        ((-62, 62), 70, 62),
    ],
)
def test_lines_move_by_octaves_while_that_is_enough(span, middle, moved):
    """A line of these semitones around its middle goes to that one; where no octave fits, to the keyboard's end."""
    line = torch.full((1, 32), HOLD)
    line[0, 0], line[0, 5] = 63 + span[0], 63 + span[1]

    assert from_code(torch.tensor([[0.0, (middle - CENTRE) / UNIT]]), line).item() == moved


def test_drawn_codes_keep_their_semitone(backend, clips_of):
    """A posterior's draw gives another middle as rarely as a quarter of a semitone lies outside its normal curve."""
    posterior = backend.encode(clips_of(40))
    noise = np.random.default_rng(2).standard_normal((500, 40)) * posterior.scale[:, -1]

    assert (np.abs(noise * UNIT) > 0.25).mean() == pytest.approx(2 * norm.sf(0.25 / 0.075), abs=8e-4)


@pytest.mark.parametrize(
    ("network", "training", "match"),
    [
        ({"vocabulary": 90}, {}, "130 tokens"),
        ({"latent_size": 1}, {}, "two dimensions"),
        ({"height": 1}, {}, "true or false"),
        ({}, {"align": True}, "align"),
    ],
)
def test_what_height_cannot_go_with_is_told(network, training, match):
    """It needs melodies' tokens, another dimension and axes that stay."""
    tables = Config.preset("folk").tables()
    tables["network"] |= {"height": True, **network}
    tables["training"] |= training

    with pytest.raises(UsageError, match=match):
        Config.from_tables(tables)


def test_a_model_without_height_is_the_model_it_was():
    """The option leaves the identity of configs that do not use it as it is."""
    assert b"height" not in evolve(SIZES, height=False).canonical()
    assert b"height" in SIZES.canonical()
