"""``knobs algebra``: its tables, its JSON, and what it refuses; compositions on the command line."""

from __future__ import annotations

import pytest

from latentknobs.analysis.algebra_result import Additivity, Algebra, Commutator, Composed, Laws, Pair
from latentknobs.errors import AmountError, UsageError
from latentknobs.frontends.cli.knobs.algebra import parse_elements

WORDS = ("knobs", "algebra", "--model", "tiny", "--corpus", "tiny", "--clips", 200)


def test_the_tables(cli):
    """Powers, additivity and the matrix are printed, and on stderr how many clips and songs they are of."""
    result = cli(*WORDS, "pitch:3", "rhythm")

    assert result.code == 0, result.err
    assert "pitch: T_1 taken n times against T_n" in result.out
    assert "(pitch +3 semitones, rhythm +1 doublings)" in result.out
    assert "tokens, edits: 0.0% (0.0% to 0.0%)" in result.out
    assert "test clips of" in result.err


def test_the_json(cli):
    """The tiny model's shifts commute and transposing is undone; the same seed prints the same bytes."""
    result = cli(*WORDS, "pitch", "rhythm:2", "--json")
    facts = result.json
    pitch, rhythm = facts["knobs"]

    assert result.code == 0, result.err
    assert (facts["model"], pitch["knob"], pitch["amount"], rhythm["amount"]) == ("tiny", "pitch", 1, 2)
    assert {(pair["first"], pair["then"]) for pair in facts["pairs"]} == {("pitch", "rhythm"), ("rhythm", "pitch")}
    assert {one["amount"] for one in pitch["inverses"]} == {float(a) for a in range(-12, 13) if a}
    assert all(one["decoded"]["value"] > 0.99 for one in pitch["inverses"])
    for pair in facts["pairs"]:
        assert pair["commutator"]["clips"] > 0
        assert pair["commutator"]["edited"]["value"] == 0
        assert pair["commutator"]["codes"]["value"] < 0.05
    assert cli(*WORDS, "pitch", "rhythm:2", "--json").out == result.out


def test_without_names_it_takes_what_is_accepted(cli):
    """Knobs that are provisional have to be named: the tiny model's were judged on too few clips."""
    result = cli(*WORDS)

    assert result.code == 2
    assert "No knob of tiny is accepted: discover one, or name" in result.one_sentence()


def test_one_knob_has_no_pairs(cli):
    """Alone a knob has powers and inverses, and that it has no matrix is said."""
    result = cli(*WORDS, "pitch")

    assert result.code == 0, result.err
    assert "additivity" not in result.out
    assert "name another" in result.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("pitch:13", "rhythm"), "pitch:13 cannot be composed"),
        (("pitch:0.5", "rhythm"), "whole semitones"),
        (("pitch", "rhythm:-1"), "notes cannot be joined"),
        (("pich",), "did you mean 'pitch'"),
        (("pitch", "pitch:2"), "named twice"),
        (("pitch:",), "as in pitch:3"),
        (("pitch:much",), "is not a number"),
        (("pitch", "--corpus", "tinny"), "did you mean 'tiny'"),
    ],
)
def test_what_cannot_be_composed_is_refused(cli, words, says):
    """A name, an amount or a corpus that is wrong is one sentence, and wrong use."""
    result = cli(*WORDS, *words)

    assert result.code == 2
    assert says in result.one_sentence()


def test_what_could_not_be_measured_is_said(cli, monkeypatch):
    """On/off knobs have neither powers nor inverses, and two edits that no clip can take have no numbers."""
    nothing = Composed(0.0, None)
    empty = Additivity(0, 0.0, 0.0, False, nothing, nothing, None, None, None), Commutator(0, None, None, None, None)
    pairs = tuple(Pair(*names, *empty) for names in (("a", "b"), ("b", "a")))
    result = Algebra(4, 2, tuple(Laws(name, "", 1.0, (), ()) for name in "ab"), pairs)
    monkeypatch.setattr("latentknobs.analysis.algebra.algebra", lambda *_: result)
    printed = cli(*WORDS, "pitch", "rhythm")

    # Of each pair two equivariances, tokens and codes, and its cell of the matrix.
    assert printed.out.count("not measured") == 2 * 5
    assert "a has no powers and no inverses" in printed.err


@pytest.mark.parametrize("text", ["", ":3", "pitch: "])
def test_an_element_has_a_name_and_maybe_an_amount(text):
    """What has no name, or a colon and no amount, is refused."""
    with pytest.raises(UsageError, match="NAME:AMOUNT"):
        parse_elements([text])


def test_elements_as_people_write_them():
    """A name alone has no amount, a sign may stand before one, and spaces do not count."""
    assert parse_elements(["pitch:+3", "rhythm", "a : -0.5"]) == {"pitch": 3.0, "rhythm": None, "a": -0.5}
    with pytest.raises(AmountError, match="write it as in pitch:3"):
        parse_elements(["pitch:x"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("transpose:2|", "Part 2 of the composition"),
        ("transpose:2|notesplit:1", "did you mean 'note-split'?"),
        ("transpose:x|note-split", "is not a number"),
        ("transpose:20|note-split", "no whole number n"),
    ],
)
def test_discover_refuses_what_is_no_composition(cli, text, says):
    """A composition that cannot be read, or has no amount, is one sentence before any work is done."""
    result = cli("discover", text, "--model", "tiny", "--corpus", "tiny")

    assert result.code == 2
    assert says in result.one_sentence()
