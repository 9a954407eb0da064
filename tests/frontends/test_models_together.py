"""Several models on the command line: one for each clip format."""

from __future__ import annotations

from csv import DictReader

import pytest

from latentknobs.core.time_signature import TimeSignature
from latentknobs.scores import read_piece, read_provenance, write_piece
from tests.tiny_meters import KNOBS, MIXED, quarters

BOTH = ("--model", "tiny", "--model", "tiny-3-4")


@pytest.fixture
def mixed(meters, tmp_path):
    """A MIDI file that goes from 4/4 to 3/4 and back; the registry has the knobs."""
    path = tmp_path / "mixed.mid"
    write_piece(quarters(*MIXED, name="mixed"), path)
    return path


def test_turn_takes_a_model_for_each_format(cli, meters_dir, mixed, tmp_path):
    """All bars are turned by the models, and the file says by which."""
    _knobs(cli)
    result = cli("turn", mixed, *BOTH, "-k", "pitch=+3", "-o", tmp_path / "out.mid")

    assert result.code == 0, result.err
    before, after = read_piece(mixed), read_piece(tmp_path / "out.mid")
    assert [n.pitch + 3 for n in before.notes] == [n.pitch for n in after.notes]
    assert [one.signature for one in after.stretches] == [TimeSignature.parse(text) for text, _ in MIXED]
    assert set(read_provenance(tmp_path / "out.mid")["models"]) == {"tiny", "tiny-3-4"}
    assert result.err.splitlines()[-1].startswith("5 clips: 5 by model")


def test_the_facts_are_of_all_stretches(cli, meters_dir, mixed):
    """In JSON too."""
    _knobs(cli)
    facts = cli("turn", mixed, *BOTH, "--json").json

    assert (facts["clips"], facts["accepted"], facts["style"]["exact"]) == (5, [0, 1, 2, 3, 4], 5)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((*BOTH, "--model", "tiny"), "tiny and tiny are both for bars of 4/4: name one model for each clip format"),
        ((*BOTH, "-k", "pitch=7"), "outside the usable range of tiny and tiny-3-4 together"),
        ((*BOTH, "-k", "pich=1"), "for the models tiny or tiny-3-4"),
        (("--model", "tiny", "--model", "tinny"), "did you mean 'tiny'"),
    ],
)
def test_what_is_asked_for_wrongly(cli, meters_dir, mixed, words, says):
    """One sentence."""
    _knobs(cli)
    result = cli("turn", mixed, *words)

    assert result.code == 2
    assert says in result.one_sentence()


def test_similar_and_interpolate_take_them_too(cli, meters_dir, mixed, tmp_path):
    """A variation of every stretch, and the way between two pieces of the same stretches with its pictures."""
    _knobs(cli)
    write_piece(quarters(*MIXED, name="other", shift=5), tmp_path / "other.mid")
    near = cli("similar", mixed, *BOTH, "--count", 1, "-o", tmp_path / "near")
    way = cli("interpolate", mixed, tmp_path / "other.mid", *BOTH, "--one-way", "--size", 2, "-o", tmp_path / "way")

    assert (near.code, way.code) == (0, 0), near.err + way.err
    assert len(list((tmp_path / "way").glob("*.png"))) == 5
    last = read_piece(tmp_path / "way" / "mixed_to_other__all1.00.mid")
    assert [n.pitch for n in last.notes] == [n.pitch for n in read_piece(tmp_path / "other.mid").notes]


def test_pieces_whose_stretches_differ_have_no_way(cli, meters_dir, mixed, tmp_path):
    """One sentence, and no folder is made."""
    write_piece(quarters(("3/4", 12), name="waltz"), tmp_path / "waltz.mid")
    result = cli("interpolate", mixed, tmp_path / "waltz.mid", *BOTH, "--one-way", "-o", tmp_path / "way")

    assert "mixed is in 4/4, 3/4, 4/4 and waltz in 3/4" in result.one_sentence()
    assert "is longer" not in result.err
    assert not (tmp_path / "way").exists()


def test_knobs_are_listed_with_the_format_of_their_model(cli, meters_dir, mixed):
    """As a column, in CSV and in JSON; nothing where no plugin brings the model."""
    _knobs(cli)
    table = cli("knobs", "list").out
    rows = cli("knobs", "list", "pitch", "--json").json
    text = cli("knobs", "list", "pitch", "--csv").out

    assert {row["model"]: row["format"] for row in rows}["tiny-6-8"] == "melody-2bar-6-8"
    assert {row["model"]: row["format"] for row in DictReader(text.splitlines())}["tiny-6-8"] == "melody-2bar-6-8"
    assert "melody-2bar-3-4" in table
    assert "format" in table.splitlines()[1]


def _knobs(cli):
    """The registry of the command line has the tiny model's knobs; those of the others are added."""
    from latentknobs.workbench import Workbench

    with Workbench.open() as workbench:
        for run in KNOBS:
            workbench.registry.save_run(run)
