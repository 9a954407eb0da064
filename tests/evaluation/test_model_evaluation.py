import math

import numpy as np
import pytest
from attrs import evolve

from latentknobs.attributes.plugin import register_attributes, register_comparisons
from latentknobs.core.attribute import Attribute
from latentknobs.core.backend import BackendSpec, Posterior
from latentknobs.core.clip import OutputGroup
from latentknobs.core.code_units import CodeUnits
from latentknobs.core.corpus import CorpusRequest, Song, Tally
from latentknobs.core.melody_format import MELODY
from latentknobs.errors import CorpusError
from latentknobs.evaluation import model_evaluation as module
from latentknobs.evaluation.model_evaluation import ModelEvaluationSpec, divergence, evaluate, spectrum
from latentknobs.testing.tiny import TinyBackend, TinyCorpus, tiny_clips
from latentknobs.testing.units import drawn_scales, rescaled


class Model:
    """The tiny model with some answers changed."""

    def __init__(self, **answers):
        self.spec = TinyBackend().spec
        for name in ("accepts", "encode", "decode", "decode_log_probs"):
            setattr(self, name, answers.get(name, getattr(TinyBackend(), name)))


def _songs(count=200):
    return list(TinyCorpus().songs(CorpusRequest(clips=count)))


METHODS = {"attributes": tuple(register_attributes()), "comparisons": tuple(register_comparisons())}


@pytest.fixture(scope="module")
def exact():
    """What is measured of the tiny model, which reconstructs exactly."""
    return evaluate(TinyBackend(), _songs(), ModelEvaluationSpec("train", 0, **METHODS))


def _figures(kind):
    """Every figure of one kind of z."""
    plain = {name: kind[name] for name in ("teacher_forced", "greedy", "exact")}
    return plain | kind["groups"] | kind["comparisons"]


def test_an_exact_model_is_1_everywhere(exact):
    """Every accuracy and comparison of the mean code is 1 with no doubt about it, over the clips that have it."""
    figures = _figures(exact["mean"])

    assert list(figures) == [
        "teacher_forced",
        "greedy",
        "exact",
        "onset/onset",
        "onset/hold",
        "onset/rest",
        "pitch",
        "onset-f1",
        "onset-pitch-f1",
        "onset-chroma-f1",
        "contour",
        "token-accuracy",
    ]
    for name, measured in figures.items():
        count = measured["clips"]
        assert measured == {"value": 1, "low": 1, "high": 1, "error": 0, "clips": count}
        assert 0 < count < exact["clips"] if name == "onset/rest" else count == exact["clips"], name


def test_codes_drawn_from_the_posterior_are_measured_apart(exact):
    """A drawn code reconstructs worse than the mean, with an interval around its value."""
    greedy = exact["drawn"]["greedy"]

    assert 0.3 < greedy["value"] < 1
    assert greedy["low"] < greedy["value"] < greedy["high"]
    assert greedy["error"] > 0
    assert exact["drawn"]["exact"]["value"] <= greedy["value"]


def test_the_facts_of_the_evaluation_are_told(exact):
    """Model, split, clips, songs and active units."""
    songs = [song for song in _songs() if song.split == "train"]

    assert (exact["model"], exact["model_id"]) == ("tiny", TinyBackend().spec.model_id)
    assert exact["split"] == "train"
    assert exact["clips"] == sum(len(song.clips) for song in songs)
    assert exact["songs"] == len(songs)
    assert (exact["active_units"], exact["latent_size"]) == (16, 24)
    assert exact["left_out"] == {}


def test_the_spectrum_is_the_covariances(exact):
    """Shares of the eigenvalues of numpy's covariance, the largest first, one for each dimension."""
    clips = np.concatenate([song.clips for song in _songs() if song.split == "train"])
    values = np.linalg.eigvalsh(np.cov(TinyBackend().encode(clips).mean.astype(float), rowvar=False))[::-1]

    np.testing.assert_allclose(exact["spectrum"], values / values.sum(), atol=1e-9)
    assert spectrum(np.asarray([[0, 0, 0], [3, 4, 0]], np.float32)) == pytest.approx([1, 0, 0])
    assert spectrum(np.ones((5, 3), np.float32)) == [0, 0, 0]


def test_the_divergence_is_that_of_the_formula(exact):
    """KL in nats by hand, and as the mean over the clips of the split with its interval over songs."""
    by_hand = divergence(
        Posterior(np.asarray([[0.0, 2.0], [0.0, 0.0]], np.float32), np.asarray([[1, 0.5], [1, 1]], np.float32))
    )
    clips = np.concatenate([song.clips for song in _songs() if song.split == "train"])

    np.testing.assert_allclose(by_hand, [0.5 * (4 + 0.25 - 1 - math.log(0.25)), 0])
    assert exact["kl"]["value"] == pytest.approx(divergence(TinyBackend().encode(clips)).mean())
    assert exact["kl"]["low"] < exact["kl"]["value"] < exact["kl"]["high"]
    assert exact["kl"]["clips"] == exact["clips"]


def test_a_model_without_a_scale_has_nothing_to_draw():
    """Without a posterior's scale there is no KL and no drawn code."""
    plain = Model(encode=lambda clips: Posterior(TinyBackend().encode(clips).mean))

    result = evaluate(plain, _songs(40), ModelEvaluationSpec("train", 0))

    assert result["kl"] is None
    assert "drawn" not in result
    assert result["mean"]["exact"]["value"] == 1


def test_accuracies_by_hand():
    """A model that mistakes one beat in eight of one clip in two: greedy 15/16, exact 1/2, forced as it was."""
    clips = tiny_clips(2)[[0, 0]]
    clips[1] = clips[1] + np.where(clips[1] < 100, 1, 0).astype(np.int16)

    def decode(z):
        out = TinyBackend().decode(z)
        wrong = out[:, 0] != clips[0, 0]
        out[wrong, :4] = 129
        return out

    songs = [Song("a", clips[:1], "test"), Song("b", clips[1:], "test")]
    result = evaluate(Model(decode=decode), songs, ModelEvaluationSpec("test", 0, **METHODS))

    assert result["mean"]["greedy"]["value"] == pytest.approx(15 / 16)
    assert (result["mean"]["greedy"]["low"], result["mean"]["greedy"]["high"]) == (0.875, 1)
    assert result["mean"]["exact"]["value"] == 0.5
    assert result["mean"]["teacher_forced"]["value"] == 1
    assert result["mean"]["groups"]["onset/onset"]["value"] == pytest.approx((1 + 7 / 8) / 2)
    assert result["mean"]["groups"]["onset/rest"] is None
    # Eight notes, seven found: 2 * 7 / (8 + 7) for one clip, 1 for the other.
    assert result["mean"]["comparisons"]["onset-pitch-f1"]["value"] == pytest.approx((1 + 14 / 15) / 2)
    assert result["mean"]["comparisons"]["onset-pitch-f1"]["clips"] == 2


def test_clips_that_the_model_cannot_carry_are_counted():
    """They are left out of every number, and told."""
    low = Model(accepts=lambda clips: MELODY.sounding(clips).max(axis=1) < 70)
    tally = Tally()

    result = evaluate(low, _songs(80), ModelEvaluationSpec("train", 0), tally=tally)

    assert (
        result["left_out"] == tally.counts == {"not accepted by the model": tally.counts["not accepted by the model"]}
    )
    total = sum(len(song.clips) for song in _songs(80) if song.split == "train")
    assert result["clips"] + tally.counts["not accepted by the model"] == total


@pytest.mark.parametrize("songs", [[], [Song("a", tiny_clips(2), "train")]])
def test_a_split_without_clips_is_refused(songs):
    """No clip of the split is an error that names split and model."""
    with pytest.raises(CorpusError, match=r"no test clips that model tiny"):
        evaluate(TinyBackend(), songs, ModelEvaluationSpec("test", 0))


def test_the_mean_codes_do_not_depend_on_batches(monkeypatch, exact):
    """Batches of another size change no measure of the mean codes."""
    monkeypatch.setattr(module, "CHUNK", 7)

    result = evaluate(TinyBackend(), _songs(), ModelEvaluationSpec("train", 0, **METHODS))

    assert {k: v for k, v in result.items() if k not in {"drawn", "kl"}} == {
        k: v for k, v in exact.items() if k not in {"drawn", "kl"}
    }
    assert result["kl"]["value"] == pytest.approx(exact["kl"]["value"])


def test_the_seed_fixes_the_draws(exact):
    """The same seed gives the same numbers, another seed other draws."""
    other = evaluate(TinyBackend(), _songs(), ModelEvaluationSpec("train", 1, **METHODS))

    assert evaluate(TinyBackend(), _songs(), ModelEvaluationSpec("train", 0, **METHODS)) == exact
    assert all(other[part] != exact[part] for part in ("drawn", "prior", "smoothness"))


class Grid:
    """A format of another shape, of three tokens, that has no notes."""

    name, shape, vocabulary = "grid", (2, 4), 3
    groups = (OutputGroup("colour", ("red", "green", "blue"), np.arange(3, dtype=np.int16)),)
    steps, steps_per_beat, beats_per_bar = 4, 1, 4

    def valid(self, clips):
        return np.ones(len(clips), dtype=bool)

    def repair(self, clips):
        return clips

    def notes(self, _clip):
        return ()


class GridModel:
    """A model of it without scales: the code is the tokens."""

    spec = BackendSpec("grid", Grid(), 8, "0" * 64)

    def accepts(self, clips):
        return np.ones(len(clips), dtype=bool)

    def encode(self, clips):
        return Posterior(clips.reshape(-1, 8).astype(np.float32))

    def decode(self, z):
        return np.clip(np.rint(z), 0, 2).astype(np.int16).reshape(-1, 2, 4)

    def decode_log_probs(self, z, given=None):
        right = np.eye(3, dtype=np.float32)[self.decode(z)]
        return np.log(0.01 + 0.97 * right)


def test_a_format_without_notes_and_a_model_without_scales_are_measured():
    """Of any format everything is measured that it has; samples and corpus alike have no notes."""
    clips = np.random.default_rng(0).integers(0, 3, (12, 2, 4)).astype(np.int16)
    blue = Attribute("blue", "cells", "Blue cells.", "grid", lambda c: (c == 2).sum(axis=(1, 2)).astype(float))
    songs = [Song(f"s{i}", clips[3 * i : 3 * i + 3], "test") for i in range(4)]

    result = evaluate(GridModel(), songs, ModelEvaluationSpec("test", 0, attributes=(blue,)))

    assert result["mean"]["exact"]["value"] == result["mean"]["teacher_forced"]["value"] == 1
    assert list(result["mean"]["groups"]) == ["colour/red", "colour/green", "colour/blue"]
    assert result["mean"]["comparisons"] == {}
    assert result["prior"]["silent"]["value"] == result["prior"]["silent_in_corpus"]["value"] == 1
    assert result["prior"]["valid"]["value"] == 1
    assert result["prior"]["attributes"]["blue"]["corpus"]["mean"]["value"] == pytest.approx((clips == 2).sum() / 12)
    assert result["smoothness"]["song_pairs"] == 2


def _numbers(value):
    """Every number of what is measured, in order."""
    if isinstance(value, dict):
        return [x for key in value for x in _numbers(value[key])]
    if isinstance(value, list):
        return [x for one in value for x in _numbers(one)]
    return [float(value)] if isinstance(value, int | float) else []


def test_units_change_no_figure_of_a_model_whose_prior_is_not_declared():
    """Behind z -> a z + b, a from 1e-3 to 1e3 in each dimension, every figure is the same but for ties of tokens."""
    songs, spec = _songs(80), ModelEvaluationSpec("train", 0, **METHODS)
    model = Model()
    model.spec = evolve(model.spec, prior="aggregate")
    units = CodeUnits.of_posterior(model.encode(np.concatenate([song.clips for song in songs])))

    other = rescaled(model, drawn_scales(units.scale.size, 4, together=False), units)

    figures = [_numbers(evaluate(one, songs, spec)) for one in (model, other)]
    # Of a thousand draws a few lie so near a tie of two tokens that float32 decides it.
    np.testing.assert_allclose(figures[1], figures[0], atol=2e-3)
