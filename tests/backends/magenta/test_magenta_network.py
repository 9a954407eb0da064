"""The network against a reference in plain numpy, double precision, and the contract of a backend."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from latentknobs import Session
from latentknobs.analysis.model_comparison import compare_models
from latentknobs.backends.magenta_js.backend import MagentaBackend
from latentknobs.core.backend import LatentGradient, LatentWeights, Sampling
from latentknobs.core.capability import capability
from latentknobs.core.drum_format import DRUMS, DRUMS_4BAR
from latentknobs.core.experiment import Settings
from latentknobs.core.melody_format import HOLD, MELODY, MELODY_4BAR, REST
from latentknobs.errors import BackendError, UsageError
from latentknobs.steering.prior_codes import sample
from latentknobs.testing.contracts import BackendContract
from latentknobs.workbench import Workbench

BIDI = "encoder/cell_0/bidirectional_rnn/{}/multi_rnn_cell/cell_0/lstm_cell/"
CELL = "decoder/multi_rnn_cell/cell_{}/lstm_cell/"


def sigmoid(x):
    """The logistic function."""
    return 1 / (1 + np.exp(-x))


def lstm(tensors, prefix, given, c, h):
    """One step of TensorFlow's BasicLSTMCell for one clip: gates in the order i, j, f, o, forget bias 1."""
    kernel, bias = (tensors[prefix + part].astype(np.float64) for part in ("kernel", "bias"))
    i, j, f, o = np.split(np.concatenate([given, h]) @ kernel + bias, 4)
    c = c * sigmoid(f + 1) + sigmoid(i) * np.tanh(j)
    return c, np.tanh(c) * sigmoid(o)


def dense(tensors, prefix, given):
    """One layer of weights and bias."""
    return given @ tensors[prefix + "kernel"].astype(np.float64) + tensors[prefix + "bias"]


def events(clip):
    """Their tokens of one melody, as Melody.fromNoteSequence writes them, note by note."""
    out = np.zeros(len(clip) + 1, dtype=int)
    for note in MELODY.notes(clip):
        out[note.onset] = note.pitch - 21 + 2
        out[note.end] = 1
    return out[: len(clip)]


def roll(clip):
    """What their encoder reads of one clip of drums, hit by hit: a column for each voice, and one for silence."""
    out = np.zeros((len(clip), 10))
    out[:, 9] = 1
    for note in DRUMS.notes(clip):
        out[note.onset, [note.voice, 9]] = 1, 0
    return out


def encoded(tensors, read):
    """Mean and standard deviation of what the encoder reads of one clip (steps, inputs)."""
    last = []
    for way, order in (("fw", read), ("bw", read[::-1])):
        size = len(tensors[BIDI.format(way) + "bias"]) // 4
        c, h = np.zeros(size), np.zeros(size)
        for row in order:
            c, h = lstm(tensors, BIDI.format(way), row, c, h)
        last.append(h)
    state = np.concatenate(last)
    return dense(tensors, "encoder/mu/", state), np.log1p(np.exp(dense(tensors, "encoder/sigma/", state)))


def decoded(tensors, z, layers, given=None, steps=32):
    """Tokens that one code's decoder reads and its logits (steps, V), on its own tokens or on those that are given."""
    sizes = [len(tensors[CELL.format(k) + "bias"]) // 4 for k in range(layers)]
    states = np.split(np.tanh(dense(tensors, "decoder/z_to_initial_state/", z)), np.cumsum(np.repeat(sizes, 2))[:-1])
    vocabulary = len(tensors["decoder/output_projection/bias"])
    before, tokens, logits = np.zeros(vocabulary), [], []
    for step in range(steps):
        entering = np.concatenate([before, z])
        for k in range(layers):
            states[2 * k], states[2 * k + 1] = lstm(tensors, CELL.format(k), entering, states[2 * k], states[2 * k + 1])
            entering = states[2 * k + 1]
        logits.append(dense(tensors, "decoder/output_projection/", entering))
        tokens.append(int(logits[-1].argmax()) if given is None else given[step])
        before = np.eye(vocabulary)[tokens[-1]]
    return np.array(tokens), np.array(logits)


def log_probs(tokens, logits):
    """Log-probabilities of our tokens (steps, 130), step by step."""
    out, sounds = np.full((len(tokens), 130), -np.inf), False
    for step, (token, row) in enumerate(zip(tokens, logits, strict=True)):
        own = row - np.log(np.exp(row).sum())
        out[step, 21:109] = own[2:]
        out[step, [HOLD, REST]] = own[[0, 1]] if sounds else own[[1, 0]]
        sounds = token >= 2 or (sounds and token == 0)
    return out


def clip_of(tokens):
    """Our clip of their tokens (steps,), step by step."""
    out, sounds = [], False
    for token in tokens:
        sounds = token >= 2 or (sounds and token == 0)
        out.append(token - 2 + 21 if token >= 2 else HOLD if sounds else REST)
    return np.array(out)


@pytest.mark.parametrize("decoder", [(5, 4), (7,), (3, 4, 5)])
def test_the_network_is_that_of_the_reference(tmp_path, tensors_of, write, clips_of, decoder):
    """Means and deviations to 1e-5, log-probabilities to 1e-4, on given clips and along the greedy path."""
    tensors = tensors_of(decoder=decoder)
    model = MagentaBackend.load(write(tmp_path / "x", tensors), "cpu")
    clips = clips_of(4)
    z = np.random.default_rng(3).normal(size=(4, 3)).astype(np.float32)
    posterior, forced, greedy = model.encode(clips), model.decode_log_probs(z, clips), model.decode_log_probs(z)

    for k, clip in enumerate(clips):
        mean, scale = encoded(tensors, np.eye(90)[events(clip)])
        np.testing.assert_allclose(posterior.mean[k], mean, atol=1e-5)
        np.testing.assert_allclose(posterior.scale[k], scale, atol=1e-5)
        wanted = log_probs(*decoded(tensors, z[k], len(decoder), events(clip)))
        np.testing.assert_allclose(forced[k], wanted, atol=1e-4)
        tokens, logits = decoded(tensors, z[k], len(decoder))
        np.testing.assert_allclose(greedy[k], log_probs(tokens, logits), atol=1e-4)
        first, second = -np.sort(-logits, axis=1)[:, :2].T
        assert (first - second).min() > 1e-4  # so that the same path is asked for
        assert np.array_equal(model.decode(z[k : k + 1])[0], clip_of(tokens))


@pytest.mark.parametrize("clip_format", [MELODY_4BAR, DRUMS, DRUMS_4BAR], ids=lambda one: one.name)
def test_every_kind_is_that_of_the_reference(tmp_path, tensors_of, write, clips_of, config_of, clip_format):
    """Means to 1e-5, and the greedy path's log-probabilities to 1e-4, for four bars and for drums."""
    kind, steps = clip_format.name, clip_format.steps
    tensors = tensors_of(kind=kind)
    model = MagentaBackend.load(write(tmp_path / "x", tensors, config=config_of(kind)), "cpu")
    clips = clips_of(2, kind=kind)
    z = np.random.default_rng(3).normal(size=(2, 3)).astype(np.float32)
    posterior, greedy = model.encode(clips), model.decode_log_probs(z)

    assert model.spec.clip_format is clip_format
    for k, clip in enumerate(clips):
        mean, scale = encoded(tensors, roll(clip) if kind.startswith("drums") else np.eye(90)[events(clip)])
        np.testing.assert_allclose(posterior.mean[k], mean, atol=1e-5)
        np.testing.assert_allclose(posterior.scale[k], scale, atol=1e-5)
        tokens, logits = decoded(tensors, z[k], 2, steps=steps)
        if kind.startswith("drums"):
            wanted = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
            np.testing.assert_allclose(greedy[k], wanted, atol=1e-4)
            assert np.array_equal(model.decode(z[k : k + 1])[0], tokens)
        else:
            np.testing.assert_allclose(greedy[k], log_probs(tokens, logits), atol=1e-4)
            assert np.array_equal(model.decode(z[k : k + 1])[0], clip_of(tokens))


def test_tokens_are_drawn_from_the_power_of_their_probability(backend):
    """Of 4,000 draws at a temperature, each first token's share is p^(1/t), normalised, within 0.03."""
    z = np.random.default_rng(3).normal(size=(1, 3)).astype(np.float32)
    share = np.exp(backend.decode_log_probs(z)[0, 0] / 0.7)
    drawn = backend.decode_sampled(np.repeat(z, 4000, axis=0), 0.7, 5)[:, 0]
    # In silence both "no event" and "note off" are a rest.
    share[REST] += share[HOLD]
    share[HOLD] = 0

    assert np.abs(np.bincount(drawn, minlength=130) / 4000 - share / share.sum()).max() < 0.03


def test_without_a_sigma_head_there_is_no_scale(tmp_path, tensors_of, write, clips_of):
    """A checkpoint without one gives the mean alone, and the same mean."""
    tensors = tensors_of()
    both = MagentaBackend.load(write(tmp_path / "both", tensors), "cpu").encode(clips_of(3))
    alone = {name: tensor for name, tensor in tensors.items() if "sigma" not in name}
    posterior = MagentaBackend.load(write(tmp_path / "mean", alone), "cpu").encode(clips_of(3))

    assert posterior.scale is None
    assert np.array_equal(posterior.mean, both.mean)


def test_the_shapes_of_the_real_checkpoint(tmp_path, real, tensors_of, write, clips_of):
    """A random checkpoint of the names and shapes of mel_2bar_small has 256 dimensions and decodes."""
    model = MagentaBackend.load(write(tmp_path / "mel_2bar_small", tensors_of(real), shards=5), "cpu")
    codes = model.encode(clips_of(2)).mean

    assert model.spec.name == "mel_2bar_small"
    assert model.spec.latent_size == 256
    assert model.spec.pitch_range == (21, 108)
    assert {name: matrix.shape for name, matrix in model.latent_weights().items()} == {
        "initial-state": (1024, 256),
        **dict.fromkeys(("input-gate", "new-input", "forget-gate", "output-gate"), (256, 256)),
    }
    assert MELODY.valid(model.decode(codes)).all()


def test_only_what_it_can_carry_is_accepted(backend):
    """Pitches 21 to 108 and no others, and no hold of nothing."""
    clips = np.full((5, 32), REST, dtype=np.int16)
    clips[0, 3], clips[1, 3], clips[2, 3], clips[3, 3], clips[4, 3] = 21, 108, 20, 109, HOLD

    assert backend.accepts(clips).tolist() == [True, True, False, False, False]


class TestMagentaContract(BackendContract):
    """A small checkpoint of each kind keeps the contract, optional capabilities included."""

    @pytest.fixture
    def backend(self, model_of_kind):
        """The small checkpoint."""
        for protocol in (LatentWeights, LatentGradient, Sampling):
            assert capability(model_of_kind, protocol) is not None
        return model_of_kind


@pytest.mark.slow
def test_a_discovery_takes_probabilities_of_zero(folder, plugins_dir):
    """A discovery goes through, the gradient of the decoder and its Fisher metric included."""
    with Workbench.open() as workbench:
        fits = ("mean", "ridge", "gradient")
        settings = Settings(trial_clips=20, controls=20, control_clips=8, steps=20, fits=fits)
        run = workbench.discover("transpose", corpus="tiny", model=str(folder), clips=400, settings=settings)

    assert set(fits) <= {knob.fit for knob in run.knobs}
    (knob,) = [knob for knob in run.knobs if knob.fit == "gradient"]
    assert np.isfinite(knob.evidence.fitting["log_probability"])
    assert knob.evidence.bases["decoder-fisher"].left_out is None


class TestDecoderAloneContract(BackendContract):
    """A checkpoint without an encoder keeps what the contract asks of a decoder."""

    @pytest.fixture
    def backend(self, decoder_alone):
        """The decoder of a small checkpoint of drums."""
        assert not decoder_alone.spec.encodes
        return decoder_alone


def test_a_decoder_alone_decodes_as_the_whole(tmp_path, tensors_of, write, clips_of):
    """Codes, also those that a knob's operator has moved, decode to what the whole checkpoint makes of them."""
    tensors = tensors_of()
    alone = {name: tensor for name, tensor in tensors.items() if not name.startswith("encoder/")}
    whole, decoder = (
        MagentaBackend.load(write(tmp_path / name, part), "cpu") for name, part in (("a", tensors), ("b", alone))
    )
    z = np.random.default_rng(3).normal(size=(4, 3)).astype(np.float32)
    moved = z + np.float32(0.5)

    for codes in (z, moved):
        assert np.array_equal(decoder.decode(codes), whole.decode(codes))
        assert np.array_equal(decoder.decode_sampled(codes, 1.0, 2), whole.decode_sampled(codes, 1.0, 2))
    assert {name: m.shape for name, m in decoder.latent_weights().items()} == {
        name: m.shape for name, m in whole.latent_weights().items()
    }
    with pytest.raises(BackendError, match=r"is a decoder alone: it makes clips of codes .*load the whole"):
        decoder.encode(clips_of(1))


def test_what_needs_an_encoder_says_so_first(decoder_alone_folder, plugins_dir):
    """A search, a comparison and a session name the model and what it can do, before they read a corpus or a file."""
    name = str(decoder_alone_folder)
    with Workbench.open() as workbench:
        for work in (
            lambda: workbench.discover("transpose", corpus="tiny", model=name),
            lambda: workbench.disentangle(name, "tiny"),
            lambda: workbench.clips("tiny", name, clips=4),
            lambda: compare_models(workbench, name, name),
            lambda: Session.open(workbench, Path("no such file.mid"), name),
        ):
            with pytest.raises(UsageError, match="is a decoder alone"):
                work()
        assert len(sample(workbench.model(name), 2, 0, 0.9)) == 2
