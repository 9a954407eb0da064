"""Texts of a registry, a MIDI file or a file's name never reach the terminal as commands."""

from __future__ import annotations

import mido
import pytest

from latentknobs.core.printable import printable

HOSTILE = "a\x1b]0;owned\x07\x1b[2J\rb\x9b31m\u202ec\u2066\x7f"
SHOWN = r"a\x1b]0;owned\x07\x1b[2J\x0db\x9b31m\u202ec\u2066\x7f"


def is_safe(text):
    """Whether a terminal obeys nothing in it but newlines and tabs."""
    return printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"), [(HOSTILE, SHOWN), ("Für Elise\t1\n", "Für Elise\t1\n"), ("שיר", "שיר"), ("\udcff", r"\udcff")]
)
def test_only_what_is_obeyed_is_escaped(text, shown):
    """Letters of all scripts, tabs and newlines stay."""
    assert printable(text) == shown


@pytest.fixture
def tampered(cli):
    """The command line over a registry whose knob has such a note and such a tag."""
    assert cli("knobs", "note", "pitch", HOSTILE, "--model", "tiny").code == 0
    assert cli("knobs", "tag", "pitch", HOSTILE.replace("\r", ""), "--model", "tiny").code == 0
    return cli


@pytest.mark.parametrize("words", [("show", "pitch"), ("note", "pitch"), ("tag", "pitch"), ("list",)], ids=" ".join)
def test_a_registry_commands_no_terminal(tampered, words):
    """A knob's note and tags are shown with escapes."""
    done = tampered("knobs", *words, "--model", "tiny")

    assert done.code == 0
    assert is_safe(done.out + done.err)
    assert words == ("list",) or SHOWN.partition(r"\x0d")[0] in done.out


def test_json_is_escaped_and_the_same_data(tampered):
    """As JSON spells it."""
    done = tampered("knobs", "note", "pitch", "--model", "tiny", "--json")

    assert is_safe(done.out)
    assert done.json["note"] == HOSTILE


def test_a_track_commands_no_terminal(cli, tmp_path):
    """Two tracks of which either may be the melody are listed with their names."""
    file = mido.MidiFile()
    for _ in range(2):
        notes = [mido.Message(kind, note=60, time=240) for kind in ("note_on", "note_off") * 8]
        file.tracks.append(mido.MidiTrack([mido.MetaMessage("track_name", name="Pri\x1b[31mmus\x9b"), *notes]))
    file.save(tmp_path / "two.mid")

    done = cli("turn", tmp_path / "two.mid", "--model", "tiny", "--knob", "pitch=1")

    assert "mus" in done.err
    assert is_safe(done.out + done.err)


@pytest.mark.parametrize("name", [HOSTILE, "gone\x1b[31m.mid"])
def test_an_error_about_a_file_commands_no_terminal(cli, tmp_path, name):
    """Whether it is not there or no music."""
    for make in (False, True):
        if make:
            (tmp_path / name).write_bytes(b"no music")
        done = cli("turn", tmp_path / name, "--model", "tiny", "--knob", "pitch=1")
        assert done.code != 0
        assert "x1b" in done.one_sentence()
        assert is_safe(done.err)
