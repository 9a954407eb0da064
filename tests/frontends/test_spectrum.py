"""``knobs spectrum``: its table, its JSON, its pictures, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from attrs import evolve

from latentknobs.core.knob import Operator
from latentknobs.testing.tiny import LATENT_SIZE, PITCH
from latentknobs.workbench import Workbench

WORDS = ("knobs", "spectrum", "pitch", "--model", "tiny")


@pytest.fixture
def turning(monkeypatch):
    """The tiny model's pitch knob as a group: up a twelfth a step, and a turn by 150 degrees of two dimensions."""
    matrix = np.eye(LATENT_SIZE)
    c, s = np.cos(np.radians(150)), np.sin(np.radians(150))
    matrix[1:3, 1:3] = [[c, -s], [s, c]]
    offset = np.eye(LATENT_SIZE)[PITCH] / 12
    operator = Operator("group", {"step": np.ones(1), "matrix": matrix, "offset": offset})
    stored = Workbench.knob

    def changed(*words):
        return evolve(stored(*words), kind="group", operator=operator, operator_sha256="")

    monkeypatch.setattr(Workbench, "knob", changed)


def test_the_table_has_every_mode(cli, turning):
    """Modulus, angle, nearest character and share of each mode are printed, and what the shares are of."""
    result = cli(*WORDS)

    assert result.code == 0, result.err
    assert "nearest of 12" in result.out
    assert "150.0" in result.out
    assert "--corpus" in result.err


def test_the_json_has_the_same(cli, turning):
    """The JSON has all modes and, for each character, its dimensions and its part of the variance."""
    facts = cli(*WORDS, "--divisions", 24, "--json").json
    pair = next(mode for mode in facts["modes"] if mode["dimensions"] == 2)

    assert (facts["kind"], facts["step"], facts["divisions"]) == ("group", 1.0, 24)
    assert pair["angle"] == pytest.approx(150, abs=1e-3)
    assert (pair["character"], pair["modulus"]) == (150, pytest.approx(1))
    assert sum(mode["dimensions"] for mode in facts["modes"]) == LATENT_SIZE
    assert sum(c["share"] for c in facts["characters"]) == pytest.approx(1)


def test_the_pictures(cli, turning, tmp_path):
    """Without a corpus the eigenvalues are drawn; with one, clips beside them, in a wider picture."""
    for name, words in (("a.png", ()), ("b.png", ("--corpus", "tiny", "--clips", 40))):
        result = cli(*WORDS, "-o", tmp_path / name, *words)
        assert result.code == 0, result.err
        assert str(tmp_path / name) in result.err
    plain, clips = ((tmp_path / name).read_bytes() for name in ("a.png", "b.png"))

    assert int.from_bytes(plain[16:20], "big") < int.from_bytes(clips[16:20], "big")


def test_with_a_corpus_height_is_pitch(cli, turning):
    """The shares are of the corpus' codes: the mean pitch, which goes up, has the most of them at character 0."""
    facts = cli(*WORDS, "--corpus", "tiny", "--clips", 40, "--json").json

    assert max(facts["characters"], key=lambda c: c["share"])["character"] == 0
    assert sum(c["share"] for c in facts["characters"]) == pytest.approx(1)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("knobs", "spectrum", "pitch", "--model", "tiny"), 2, "kind shift has no spectrum"),
        (("knobs", "spectrum", "pitches", "--model", "tiny"), 2, "did you mean 'pitch'"),
        (("knobs", "spectrum", "pitch", "--model", "tiny", "-o", "a.pdf"), 2, "should end in .png"),
    ],
)
def test_what_has_no_spectrum_is_refused(cli, words, code, says):
    """A shift, a name that is not there and a file of another kind are refused with one sentence."""
    result = cli(*words)

    assert result.code == code
    assert says in result.one_sentence()


def test_a_corpus_that_is_not_there_is_told(cli, turning):
    """A misspelt corpus is wrong use."""
    result = cli(*WORDS, "--corpus", "tinny")

    assert result.code == 2
    assert "did you mean 'tiny'" in result.one_sentence()
