"""How far a piece is from what a model knows."""

from __future__ import annotations

import json

import numpy as np
import pytest
from attrs import evolve, field, frozen

from latentknobs import Piece, Session, Workbench
from latentknobs.core.backend import BackendSpec, Posterior
from latentknobs.core.corpus import CorpusRequest
from latentknobs.core.likelihood import TrainingLikelihood
from latentknobs.core.melody_format import MELODY
from latentknobs.core.model_calls import negative_elbo
from latentknobs.steering.carried_clips import transposed
from latentknobs.steering.style import Style
from latentknobs.testing.tiny import TinyBackend, tiny_clips

KNOWN = TrainingLikelihood(clips=100, percent=(0, 100), nats=(0, 100))
BARS = ((1, 2), (3, 4), (5, 6), (7, 8))
FOUR = Style(BARS, [1, 1, 1, 0], [1.0, 1.0, 0.5, 0.0], [30.0, 20.0, 99.8, np.nan], [70.0, 80.0, 0.2, np.nan])


def test_a_line_says_what_comes_back_how_likely_and_which_bars_are_unfamiliar():
    """Golden: reconstruction, median percentile, and bars under 1 % or badly reconstructed, none silent."""
    assert str(FOUR) == (
        "2 of 3 clips come back exactly (83.3% of the steps); likelier than 70% of the training clips (median clip); "
        "unfamiliar: bars 5-6 (0.2%)"
    )


@pytest.mark.parametrize(
    ("style", "said"),
    [
        (Style(BARS[:1], [True], [1.0]), "1 of 1 clip comes back exactly"),
        (Style(BARS[:1], [True], [1.0], [41.6]), "1 of 1 clip comes back exactly; 42 nats a clip"),
        (Style(BARS[:1], [True], [1.0], [9.0], [100.0]), "likelier than all of the training clips"),
        (Style(BARS[:1], [True], [1.0], [9.0], [0.0]), "likelier than none of the training clips"),
        (Style(BARS[:1], [True], [0.5]), "unfamiliar: bars 1-2"),
        (Style(BARS[:2], [True, True], [1.0, 1.0], [9.0, 9.0], [0.0, 0.5]), "unfamiliar: bars 1-4 (down to 0%)"),
        (evolve(FOUR, nats=None, percentile=None), "2 of 3 clips come back exactly (83.3% of the steps); unfamiliar:"),
    ],
)
def test_a_line_says_no_more_than_is_known(style, said):
    """A model without likelihood only reconstructs; one without quantiles has nats and no percentile."""
    assert said in str(style)


def test_json_has_each_clip_with_notes():
    """What is not known is null; the rest is said of the piece and of each clip, by bars."""
    facts = json.loads(json.dumps(FOUR.as_dict(), allow_nan=False))

    assert (facts["clips"], facts["exact"], facts["nats"], facts["percentile"]) == (3, 2, 30.0, 70.0)
    assert facts["each"][2] == {"bars": [5, 6], "right": 0.5, "nats": 99.8, "percentile": 0.2, "unfamiliar": True}
    assert [clip["bars"] for clip in facts["each"]] == [[1, 2], [3, 4], [5, 6]]


@frozen(eq=False)
class Model:
    """The tiny model, which notes how many clips it decoded and gave log-probabilities of; it may have no posterior."""

    spec: BackendSpec
    asked: list[int] = field(factory=list)
    decoded: list[int] = field(factory=list)
    scaled: bool = True

    def __getattr__(self, name):
        return getattr(TinyBackend(), name)

    def encode(self, clips):
        posterior = TinyBackend().encode(clips)
        return posterior if self.scaled else Posterior(posterior.mean)

    def decode(self, z):
        self.decoded.append(len(z))
        return TinyBackend().decode(z)

    def decode_log_probs(self, z, given=None):
        self.asked.append(len(z))
        return TinyBackend().decode_log_probs(z, given)


@frozen
class OneModel:
    """Stands for a workbench with one model."""

    only: Model

    def model(self, _name):
        return self.only


def _session(clips, **facts):
    spec = evolve(TinyBackend().spec, training={"likelihood": KNOWN.as_dict()})
    return Session.open(OneModel(Model(spec, **facts)), Piece.join(clips, MELODY, name="own"), "tiny")


def test_a_session_says_it_clip_by_clip():
    """Right tokens, nats as of the clip's mean code, percentiles and bars; the log-probabilities are of one call."""
    clips = tiny_clips(3)
    session = _session(clips)

    style = session.style

    assert style.bars == BARS[:3]
    assert style.exact.all()
    np.testing.assert_allclose(style.nats, negative_elbo(TinyBackend(), clips, TinyBackend().encode(clips)))
    np.testing.assert_allclose(style.percentile, KNOWN.percentile(style.nats))
    assert session.style is style
    assert session.model.asked == [3]


def test_turning_asks_for_no_likelihood():
    """Only who asks for the style pays for it."""
    session = _session(tiny_clips(2))
    session.turn({})

    assert session.model.asked == []


class Low(Model):
    """It takes no pitch above 79."""

    def accepts(self, clips):
        return ((clips < 80) | (clips > 127)).all(axis=1)


def test_unchanged_codes_are_decoded_once():
    """Turning by nothing gives what opening decoded, where the model takes a clip octaves away too."""
    clips = tiny_clips(3)
    clips[0] = np.where(clips[0] < 128, clips[0] + 24, clips[0])
    session = Session.open(OneModel(Low(TinyBackend().spec)), Piece.join(clips, MELODY, name="own"), "tiny")

    turned = session.turn({})

    assert session.carried.shifts[0] < 0
    assert np.array_equal(turned.clips, session.plain)
    assert session.model.decoded == [3]


def test_a_clip_is_as_likely_as_it_is_where_the_model_takes_it():
    """A clip octaves away has the nats of the shifted clip; one that the model does not take has none."""
    low = tiny_clips(2)
    high = np.where(low < 128, low + 24, low).astype(np.int16)
    wide = high[:1].copy()
    wide[0, 0], wide[0, 16] = 1, 127  # five octaves either way bring not both of them below 80
    spec = TinyBackend().spec
    session = Session.open(OneModel(Low(spec)), Piece.join(np.concatenate([high, wide]), MELODY, name="own"), "tiny")

    taken, _ = transposed(high, session.carried.shifts[:2])
    np.testing.assert_allclose(session.style.nats[:2], negative_elbo(TinyBackend(), taken, TinyBackend().encode(taken)))
    assert (session.carried.shifts[:2] < 0).all()
    assert np.isnan(session.style.nats[2])
    assert session.style.unfamiliar[2]


def test_a_model_without_a_posterior_only_reconstructs():
    """Where a model has no likelihood, none is told."""
    style = _session(tiny_clips(2), scaled=False).style

    assert (style.nats, style.percentile) == (None, None)
    assert str(style) == "2 of 2 clips come back exactly"


@pytest.fixture(scope="module")
def shipped():
    """A workbench with the shipped model."""
    with Workbench.open() as workbench:
        yield workbench


def test_random_tokens_are_stranger_than_training_clips(shipped):
    """On the shipped model every clip of random tokens is unfamiliar, and training clips have typical percentiles."""
    songs = [song.clips for song in shipped.songs("factors", CorpusRequest(clips=60)) if song.split == "train"]
    tokens = np.random.default_rng(0).integers(36, 97, size=(8, 32)).astype(np.int16)

    known, random = (
        Session.open(shipped, Piece.join(clips, MELODY)).style for clips in (np.concatenate(songs)[:8], tokens)
    )

    assert random.unfamiliar.all()
    assert random.percentile.max() < known.percentile.min()
    assert 5 < known.typical_percentile < 95
