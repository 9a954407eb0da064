"""Files with several parts: the likeliest melody is read, what is beside it is heard, and the whole comes back."""

from __future__ import annotations

import base64
import io
import shlex
from pathlib import Path

import mido
import pytest

from latentknobs.frontends.cli.app import run_command_line as command_line
from tests.frontends.web.conftest import API

TINY = f"{API}/models/tiny"
TICKS = 480
TUNE = tuple((TICKS * k, 60 + k % 5, TICKS - 20) for k in range(64))
"""Sixteen bars of quarters as (start, pitch, length), a little short."""
ALTO = tuple((start, pitch - 3, length) for start, pitch, length in TUNE)
BASS = tuple((4 * TICKS * k, 40, 4 * TICKS) for k in range(16))


def file(*parts, tempos=(), signatures=()):
    """A MIDI file with named tracks, tempos as (tick, quarter notes a minute) and signatures as (tick, beats)."""
    out = mido.MidiFile(ticks_per_beat=TICKS)
    marks = [(at, mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm))) for at, bpm in tempos]
    marks += [(at, mido.MetaMessage("time_signature", numerator=beats)) for at, beats in signatures]
    out.tracks.append(track("", marks))
    for channel, (name, notes) in enumerate(parts):
        events = []
        for start, pitch, length in notes:
            on = mido.Message("note_on", channel=channel, note=pitch, velocity=90 - channel)
            events += [(start, on), (start + length, on.copy(velocity=0))]
        out.tracks.append(track(name, events))
    data = io.BytesIO()
    out.save(file=data)
    return data.getvalue()


def track(name, events):
    """A track of (tick, message), in any order."""
    out = mido.MidiTrack([mido.MetaMessage("track_name", name=name)])
    now = 0
    for at, message in sorted(events, key=lambda event: event[0]):
        out.append(message.copy(time=at - now))
        now = at
    return out


SONG = file(("Bass", BASS), ("Lead vocal", TUNE), tempos=[(0, 120), (8 * 4 * TICKS, 60)])


def read(client, data, **options):
    """What the server reads of a file."""
    answer = client.post(f"{TINY}/read", params={"file": "song.mid", **options}, content=data)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_melody_is_taken_and_all_tracks_are_listed(client):
    """Each with name, range and how much of it is monophonic, the likely one marked; nothing has to be chosen."""
    got = read(client, SONG)

    assert (got["note"], got["piece"]["notes"][1]) == ("", [4, 61, 4, 0])
    bass, lead = got["tracks"]
    assert [bass["likely"], lead["likely"]] == [False, True]
    assert {k: lead[k] for k in ("number", "name", "notes", "low", "high", "monophonic", "drums")} == {
        "number": 2, "name": "Lead vocal", "notes": 64, "low": 60, "high": 64, "monophonic": 1.0, "drums": False
    }  # fmt: skip


def test_the_likeliest_track_is_taken_where_none_is_plainly_the_melody(client):
    """The note says so, the options have it, and another one can be asked for."""
    data = file(("A", TUNE), ("B", ALTO))
    got = read(client, data)
    other = read(client, data, track="2")

    assert got["note"] == "No track is plainly the melody: track 1 is likeliest."
    assert got["piece"]["source"]["options"]["track"] == "1"
    assert (other["note"], other["piece"]["notes"][0][1]) == ("", 57)


def test_what_was_played_without_a_grid_is_quantized_and_noted(client):
    """As the note and the options say."""
    got = read(client, file(("A", [(k * 517 + 53 * (k * k % 7), 60 + k % 7, 300) for k in range(64)])))

    assert "moved to the nearest sixteenth" in got["note"]
    assert got["piece"]["source"]["options"]["quantize"] is True


def test_the_first_bars_of_a_long_file_are_taken(client):
    """As many as a page has room for."""
    got = read(client, file(("A", [(TICKS * k, 60, TICKS) for k in range(4 * 300)])))

    assert len(got["windows"]) == 128
    assert got["piece"]["source"]["options"]["bars"] == "1-256"
    assert "bars 1-256 are taken" in got["note"]


def test_each_time_signature_has_bars_of_its_own(client):
    """Bars of 3/4 between 4/4 are turned by rule, the others by the model, and all are told."""
    waltz = [(0, 4), (4 * 4 * TICKS, 3), ((4 * 4 + 2 * 3) * TICKS, 4)]
    got = read(client, file(("A", TUNE[:38]), signatures=waltz))
    turned = client.post(f"{TINY}/turn", json={"piece": got["piece"], "knobs": {"pitch": 2}}).json()

    assert [(s["beats"], s["bar"]) for s in got["piece"]["stretches"]] == [(4, 1), (3, 5), (4, 7)]
    assert [(w["bars"], w["way"]) for w in got["windows"]][1:3] == [([3, 4], "model"), ([5, 6], "rule")]
    assert got["windows"][2]["why"] == "No model here is for 3/4."
    assert (turned["ways"], turned["left"]) == ([w["way"] for w in got["windows"]], [])
    assert (turned["counts"]["by_rule"], turned["counts"]["left_alone"]) == (1, 0)
    held = [n for n in turned["notes"] if 64 <= n[0] < 88]
    assert [n[1] for n in held] == [n[1] + 2 for n in got["piece"]["notes"] if 64 <= n[0] < 88]


def test_bars_that_nothing_turns_are_told(client):
    """A control has no rule: where the model does not turn, the bars are left alone, with the reason."""
    piece = read(client, file(("A", TUNE[:12]), signatures=[(0, 3)]))["piece"]
    got = client.post(f"{TINY}/turn", json={"piece": piece, "knobs": {"random": 1}}).json()

    assert got["ways"] == ["alone", "alone"]
    assert got["left"][0].startswith("Bars 1-4: random")


def test_stretches_must_cover_the_piece(client):
    """Others are refused with a sentence."""
    piece = read(client, SONG)["piece"]
    piece["stretches"][0]["steps"] -= 1
    error = client.post(f"{TINY}/open", json={"piece": piece}).json()["error"]

    assert (error["code"], "without gaps" in error["message"]) == ("bad-piece", True)


def test_what_sounds_beside_the_melody_is_placed_in_steps(client):
    """Also after the tempo has changed; in a range of bars it starts at its beginning."""
    whole = read(client, SONG)["accompaniment"]
    part = read(client, SONG, bars="5-6")["accompaniment"]

    assert [sound[0] for sound in whole["sounds"]] == pytest.approx([16 * k for k in range(16)], abs=0.01)
    assert {sound[1] for sound in whole["sounds"]} == {40}
    assert [sound[0] for sound in part["sounds"]] == pytest.approx([0, 16], abs=0.01)


@pytest.mark.parametrize("kind", ["midi", "musicxml", "wav"])
@pytest.mark.parametrize(
    "options", [{}, {"bars": "3-6"}, {"track": "1", "time_signature": "3/4", "offset": 1.0, "quantize": True}], ids=str
)
def test_the_whole_file_comes_back_as_the_command_gives_it(client, here, kind, options):
    """To the byte: the export, and the command of the recipe."""
    piece = read(client, SONG, **options)["piece"]
    state = {"piece": {**piece, "tempo": 77.0}, "knobs": {"pitch": 2}}
    sent = base64.b64encode(SONG).decode()
    exported = client.post(f"{TINY}/export", json={"state": state, "as": kind, "file": sent})
    recipe = client.post(f"{TINY}/recipe", json={"state": state, "file": sent}).json()

    assert exported.status_code == 200, exported.text
    (given,) = recipe["files"]
    (here / given["name"]).write_bytes(base64.b64decode(given["base64"]))
    program, *words = shlex.split(recipe["command"].replace("turned.mid", f"turned.{kind}"))
    assert (program, given["name"], command_line(words)) == ("latentknobs", "song.mid", 0)
    assert Path(f"turned.{kind}").read_bytes() == exported.content
    exec(compile(recipe["python"], "recipe", "exec"), {})
    if kind == "midi":
        assert Path("turned.mid").read_bytes() == exported.content


def test_what_is_left_alone_stands_in_the_recipe(client):
    """Without --partial its command would write nothing."""
    piece = read(client, file(("A", TUNE[:12]), signatures=[(0, 3)]))["piece"]
    state = {"piece": {**piece, "by_model": True}, "knobs": {"random": 1}}

    words = shlex.split(client.post(f"{TINY}/recipe", json={"state": state}).json()["command"])
    assert {"--partial", "--by-model"} <= set(words)


@pytest.mark.parametrize(
    ("sent", "code"),
    [("no base64!", "bad-file"), (base64.b64encode(SONG[:-1]).decode(), "other-file")],
)
def test_another_file_is_refused(client, sent, code):
    """What the piece did not come from is not written into."""
    state = {"piece": read(client, SONG)["piece"], "knobs": {}}
    got = client.post(f"{TINY}/export", json={"state": state, "file": sent})

    assert (got.status_code, got.json()["error"]["code"]) == (422, code)


def test_a_melody_that_the_file_does_not_hold_is_refused(client):
    """Also where its hash is the file's."""
    piece = read(client, SONG)["piece"]
    piece["notes"][0][1] += 1
    sent = base64.b64encode(SONG).decode()
    got = client.post(f"{TINY}/export", json={"state": {"piece": piece}, "file": sent})

    assert "does not hold this melody" in got.json()["error"]["message"]


def test_a_largest_file_goes_with_its_piece(client):
    """The body of an export has room for a file of the size that is read, and not for more."""
    state = {"piece": read(client, SONG)["piece"]}
    full = client.post(f"{TINY}/export", json={"state": state, "file": base64.b64encode(bytes(2**20)).decode()})
    over = client.post(f"{TINY}/export", json={"state": state, "file": "A" * (3 * 2**20)})

    assert (full.json()["error"]["code"], over.status_code) == ("other-file", 413)
