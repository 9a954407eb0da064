from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from latentknobs.scores import read_piece, read_provenance
from latentknobs.scores.smf import parse
from tests.scores import midi_files


def test_turn_transposes(cli, tune, tmp_path):
    """pitch=+3 on the tiny model moves every note up by three semitones and nothing else."""
    result = cli("turn", tune, "--model", "tiny", "--knob", "pitch=+3", "-o", tmp_path / "out.mid")

    assert result.code == 0, result.err
    before, after = read_piece(tune), read_piece(tmp_path / "out.mid")
    assert [(n.onset, n.pitch + 3, n.length) for n in before.notes] == [
        (n.onset, n.pitch, n.length) for n in after.notes
    ]


def test_turn_says_where_the_file_comes_from(cli, tune, tmp_path):
    """A written MIDI file carries model hash, knobs and their operators, source hash, and version."""
    cli("turn", tune, "--model", "tiny", "--knob", "pitch=+3", "-o", tmp_path / "out.mid")

    facts = read_provenance(tmp_path / "out.mid")

    assert facts is not None
    assert {"model_id", "knobs", "operators", "source_sha256", "version"} <= set(facts)
    assert facts["knobs"] == {"pitch": 3.0}
    assert len(facts["operators"]["pitch"]) == 64


def test_turn_without_input_takes_twinkle_and_shows_both_rolls(cli):
    """With no input the Twinkle theme is turned, shown before and after, and nothing is written."""
    result = cli("turn", "--model", "tiny", "--knob", "pitch=+3")

    assert result.code == 0
    assert "before" in result.out
    assert "after" in result.out
    assert "Style: 6 of 6 clips come back exactly; 30 nats a clip, with no training clips to compare." in result.err
    assert "nothing written" in result.err


def test_style_is_told_before_anything_is_turned(cli, tune):
    """How far the melody is from what the model knows is said even where no knob can be turned, and is in the JSON."""
    refused = cli("turn", tune, "--model", "tiny", "--knob", "pitch=+99")
    style = cli("turn", tune, "--model", "tiny", "--json").json["style"]

    assert refused.code != 0
    assert f"Style: {style['summary']}." in refused.err
    assert [clip["bars"] for clip in style["each"]] == [[1, 2], [3, 4]]
    assert (style["clips"], style["exact"], style["percentile"]) == (2, 2, None)


def test_turn_by_nothing_is_the_plain_decoding(cli, tune):
    """Amount 0 and no knob at all give the decoding of the unchanged code."""
    none = cli("turn", tune, "--model", "tiny", "--json").json
    zero = cli("turn", tune, "--model", "tiny", "--knob", "pitch=0", "--json").json

    assert none["after"] == zero["after"] == none["before"]
    assert none["reconstruction"] == {"accuracy": 1.0, "steps_that_differ": [0, 0]}


def test_knobs_turn_together_in_any_order(cli, tune):
    """Two knobs do both things, whatever order they are named in."""
    one = cli("turn", tune, "--model", "tiny", "-k", "pitch=+3", "-k", "rhythm=+1", "--json").json
    other = cli("turn", tune, "--model", "tiny", "-k", "rhythm=+1", "-k", "pitch=+3", "--json").json

    assert one["after"] == other["after"]
    assert len(one["after"]) == 2 * len(one["before"])
    assert {n["pitch"] for n in one["after"]} == {n["pitch"] + 3 for n in one["before"]}


def test_the_whole_file_comes_back(cli, tune, tmp_path):
    """Other tracks, tempo and controllers stay as they were; at amount 0 the notes do too."""
    head = midi_files.track([(0, b"\xff\x51\x03\x0a\x00\x00"), (960, b"\xff\x51\x03\x09\x00\x00")])
    drums = midi_files.track([(0, b"\x99\x24\x60"), (240, b"\x89\x24\x00")])
    lead = [(0, b"\xff\x03\x04Lead"), (0, b"\xc0\x49"), (700, b"\xb0\x07\x40")]
    for k, pitch in enumerate((60, 62, 64, 65, 67)):
        lead += [(480 * k + 3 * k, bytes([0x90, pitch, 70 + k])), (480 * k + 440 + k, bytes([0x80, pitch, 9]))]
    data = midi_files.header(1, 3) + head + midi_files.track(sorted(lead, key=lambda event: event[0])) + drums
    tune.write_bytes(data)
    for amount in (0, 3):
        assert cli("turn", tune, "--model", "tiny", "-k", f"pitch={amount}", "-o", tmp_path / f"{amount}.mid").code == 0
    same, up = (parse((tmp_path / name).read_bytes()) for name in ("0.mid", "3.mid"))

    def events(file, up=0):
        """Ticks and bytes of the melody's track without texts, its notes ``up`` semitones lower."""
        found = [(event.tick, event.status, file.payload(event)) for event in file.tracks[1].events]
        return [
            (tick, status, bytes([payload[0] - up, payload[1]]) if status >> 4 in (8, 9) else payload)
            for tick, status, payload in found
            if not payload.startswith(b"{")
        ]

    assert events(same) == events(up, 3) == events(parse(data))
    for file in (same, up):
        assert file.data.startswith(data[: 14 + len(head)])
        assert file.data.endswith(drums)


def test_turn_into_a_folder_names_the_file(cli, tune, tmp_path):
    """A folder as output gets a file whose name says what was turned."""
    cli("turn", tune, "--model", "tiny", "-k", "pitch=+3", "-k", "rhythm=-1", "-o", tmp_path)

    assert (tmp_path / "tune__pitch+3_rhythm-1.mid").is_file()


def test_turn_writes_sound(cli, tune, tmp_path):
    """An output that ends in .wav is sound."""
    result = cli("turn", tune, "--model", "tiny", "-k", "pitch=+3", "-o", tmp_path / "out.wav")

    assert result.code == 0
    assert (tmp_path / "out.wav").read_bytes()[:4] == b"RIFF"


@pytest.mark.parametrize("control", ["random", "others"])
def test_controls_are_seeded_and_leave_the_knobs_dimensions(workbench, control):
    """A control moves other dimensions than the knobs', as far as the knob does, the same for a seed."""
    from latentknobs.session import Session
    from latentknobs.steering.control_directions import spread_of

    session = Session.open(workbench, model="tiny")
    knob = session.knob("pitch")
    d = session.control(control, knob, 3, seed=1)
    again = session.control(control, knob, 3, seed=1)
    another = session.control(control, knob, 3, seed=2)
    spread = spread_of(knob, 24)
    active = spread > 0
    from latentknobs.steering import apply

    wanted = apply.displacement(knob.operator, session.codes, 3)

    assert np.array_equal(d, again)
    assert not np.array_equal(d, another)
    assert not d[:, [x.dim for k in session.knobs.values() for x in k.dimensions]].any()
    assert np.allclose(
        np.linalg.norm(d[:, active] / spread[active], axis=1),
        np.linalg.norm(wanted[:, active] / spread[active], axis=1),
        rtol=1e-4,
    )
    assert np.array_equal(session.control(control, knob, -3, seed=1), -d)


def test_controls_turn_on_the_command_line(cli, tune):
    """random= and others= are turned as knobs are, within the range of the knob they are like."""
    assert cli("turn", tune, "--model", "tiny", "-k", "random=+3", "--like", "pitch", "--seed", 3, "--json").code == 0
    outside = cli("turn", tune, "--model", "tiny", "-k", "others=+30", "--like", "pitch")

    assert outside.code == 2
    assert "others=+30 is outside the usable range" in outside.one_sentence()


def test_a_doubtful_knob_is_turned_with_a_remark(cli, tune):
    """A knob that is not accepted can be turned inside its range, and stderr says what its verdict is."""
    verdicts = {k["name"]: k["verdict"] for k in cli("knobs", "list", "--model", "tiny", "--json").json}
    result = cli("turn", tune, "--model", "tiny", "-k", "rhythm=+1")

    assert result.code == 0
    assert (f"this knob is {verdicts['rhythm']}" in result.err) == (verdicts["rhythm"] != "accepted")


def test_nothing_is_overwritten_without_force(cli, tune, tmp_path):
    """A file that is there stays as it is, unless --force."""
    out = tmp_path / "out.mid"
    out.write_bytes(b"mine")
    refused = cli("turn", tune, "--model", "tiny", "-k", "pitch=+3", "-o", out)
    kept = out.read_bytes()
    forced = cli("turn", tune, "--model", "tiny", "-k", "pitch=+3", "-o", out, "--force")

    assert refused.code == 2
    assert "there already" in refused.one_sentence()
    assert kept == b"mine"
    assert forced.code == 0
    assert out.read_bytes()[:4] == b"MThd"


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["-k", "pitch=+99"], 2, "outside the usable range"),
        (["-k", "pitch=nan"], 2, "finite"),
        (["-k", "pitch=-inf"], 2, "finite"),
        (["-k", "pitch=1e400"], 2, "finite"),
        (["-k", "pitch=three"], 2, "not a number"),
        (["-k", "pitch"], 2, "NAME=AMOUNT"),
        (["-k", "=3"], 2, "NAME=AMOUNT"),
        (["-k", "pitch=1", "-k", "pitch=2"], 2, "named twice"),
        (["-k", "pich=1"], 2, "did you mean 'pitch'"),
        (["-k", "random=1", "--like", "nothing"], 2, "no knob named 'nothing'"),
        (["-k", "pitch=1", "--model", "tinny"], 2, "did you mean 'tiny'"),
        (["-k", "pitch=1", "--model", "nothing:here"], 2, "no model named"),
        (["-k", "pitch=1", "-o", "{tmp}/out.xyz"], 2, "should end in"),
        (["-k", "pitch=1", "-o", "{tmp}/no/out.mid"], 2, "is not there"),
        (["-k", "pitch=1", "--plugins-dir", "{tmp}/no"], 2, "is not there"),
        (["-k", "pitch=1", "--registry", "{tmp}"], 1, "folder"),
        (["-k", "pitch=1", "--registry", "{tmp}/tune.mid"], 1, "registry"),
        (["-k", "pitch=1", "--policy", "loudest"], 2, "loudest"),
    ],
)
def test_what_is_asked_for_wrongly(cli, tune, tmp_path, listing, words, code, says):
    """One sentence on stderr, the right exit code, nothing on stdout, and no file made or changed."""
    there = listing()
    result = cli("turn", tune, "--model", "tiny", *(word.format(tmp=tmp_path) for word in words))

    assert says in result.one_sentence()
    assert result.code == code
    assert listing() == there


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("empty.mid", b""),
        ("words.mid", b"this is no MIDI file"),
        ("cut.mid", b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk\0\0\0\xff"),
        ("type2.mid", b"MThd\0\0\0\6\0\2\0\1\1\xe0MTrk\0\0\0\4\0\xff\x2f\0"),
        ("smpte.mid", b"MThd\0\0\0\6\0\0\0\1\xe7\x28MTrk\0\0\0\4\0\xff\x2f\0"),
        ("silent.mid", b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk\0\0\0\4\0\xff\x2f\0"),
    ],
)
def test_files_that_are_no_melody(cli, tmp_path, listing, name, data):
    """A MIDI file that cannot be read names itself in one sentence, exit code 1, and nothing is written."""
    path = tmp_path / name
    path.write_bytes(data)
    there = listing()
    result = cli("turn", path, "--model", "tiny", "-k", "pitch=1", "-o", tmp_path / "out.mid")

    assert result.code == 1
    assert name in result.one_sentence()
    assert listing() == there


def test_a_missing_file_is_named(cli, tmp_path):
    """A file that is not there is named in one sentence."""
    result = cli("turn", tmp_path / "nowhere.mid", "--model", "tiny")

    assert result.code in (1, 2)
    assert "nowhere.mid" in result.one_sentence()


def test_json_is_alone_on_stdout(cli, tune):
    """With --json stdout is one JSON document, and its numbers are finite."""
    data = cli("turn", tune, "--model", "tiny", "-k", "pitch=+3", "--json").json

    assert data["amounts"] == {"pitch": 3.0}
    assert data["output"] is None
    assert math.isfinite(data["reconstruction"]["accuracy"])


def test_clips_that_the_model_does_not_accept_are_turned_octaves_away_or_by_rule(cli, plugins_dir: Path, tune):
    """They are named and counted; what no rule fits either stops the command, unless part of it will do."""
    (plugins_dir / "low_model.py").write_text(
        """
from latentknobs.core.backend import BackendFactory, BackendSpec
from latentknobs.hooks import hookimpl
from latentknobs.testing.tiny import TinyBackend

LATENTKNOBS_API = 1


class Low(TinyBackend):
    def accepts(self, clips):
        return super().accepts(clips) & (clips[:, 0] < LIMIT)


LIMIT = 61


@hookimpl
def register_backends():
    return [BackendFactory("low", "Takes what starts low.", lambda _l, _d: Low(), {"low": ""})]
"""
    )
    result = cli("turn", tune, "--model", "low", "-k", "pitch=+3", "--json")
    data = result.json

    assert "Bars 3-4: octaves away for tiny, where it has room." in result.err
    assert data["counts"]["octave_shifted"] == 1
    assert [n["pitch"] - 3 for n in data["after"]] == [n["pitch"] for n in data["before"]]

    (plugins_dir / "low_model.py").write_text(
        (plugins_dir / "low_model.py").read_text().replace("LIMIT = 61", "LIMIT = 0")
    )
    ruled = cli("turn", tune, "--model", "low", "-k", "pitch=+3", "--json")
    assert ruled.json["counts"]["by_rule"] == 2
    assert [n["pitch"] - 3 for n in ruled.json["after"]] == [n["pitch"] for n in ruled.json["before"]]

    output = tune.with_name("out.mid")
    stopped = cli("turn", tune, "--model", "low", "-k", "pitch=+2.5", "-o", output)
    assert stopped.code == 1
    assert "transpose moves by whole semitones" in stopped.err
    assert stopped.err.splitlines()[-1].startswith("2 clips: 0 by model, 0 by rule, 2 left alone")
    assert not output.exists()
    assert cli("turn", tune, "--model", "low", "-k", "pitch=+2.5", "-o", output, "--partial").code == 0
    assert output.exists()
