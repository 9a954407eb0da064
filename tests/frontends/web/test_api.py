"""The HTTP API: every route answers what its contract says."""

from __future__ import annotations

import io
import json
import wave
import zipfile

import numpy as np
import pytest
from attrs import evolve

from latentknobs import scores
from latentknobs.core.clip import Note
from latentknobs.core.evidence import Criterion
from latentknobs.core.piece import Piece
from latentknobs.frontends.cli.app import run_command_line as command_line
from latentknobs.frontends.web import service
from latentknobs.session import Session
from latentknobs.testing.tiny import TinyBackend
from tests.frontends.web.conftest import API, as_message, rows, tune

TINY = f"{API}/models/tiny"


def state(piece=None, **more):
    """A state of the tune."""
    return {"piece": as_message(piece or tune()), **more}


def test_info_says_what_there_is(client):
    """Version, models, limits and examples."""
    got = client.get(f"{API}/info").json()

    assert (got["api"], got["model"], [m["name"] for m in got["models"]]) == (1, "tiny", ["tiny"])
    assert got["models"][0]["format"] == {
        "name": "melody-2bar",
        "steps": 32,
        "steps_per_beat": 4,
        "beats_per_bar": 4,
        "beats": 4,
        "unit": 4,
        "drums": None,
    }
    assert got["limits"] == {"bytes": 1048576, "clips": 128, "notes": 8192, "knobs": 128, "grid": 9}
    assert got["examples"][0]["name"] == "twinkle"


def test_the_example_is_the_theme(client):
    """Its notes are those of the package's file."""
    got = client.get(f"{API}/examples/twinkle").json()

    assert got["notes"] == rows(scores.twinkle().notes)
    assert (got["steps"], got["source"]) == (192, {"kind": "example", "name": "twinkle"})
    assert got["stretches"] == [{"start": 0, "steps": 192, "beats": 4, "unit": 4, "bar": 1}]


def test_knobs_are_listed_with_their_controls(client, bench, monkeypatch):
    """Accepted knobs with range, unit and dimensions as the registry has them; then random and others."""
    stored = bench.registry.knobs(model_id=bench.model("tiny").spec.model_id)
    accepted = [evolve(knob, verdict="accepted") for knob in stored]
    monkeypatch.setattr(service.Service, "knobs", lambda _self, _model: {k.name: k for k in accepted})
    got = client.get(f"{TINY}/knobs").json()

    assert [k["name"] for k in got] == ["pitch", "rhythm", "random", "others"]
    for one, knob in zip(got, accepted, strict=False):
        assert (one["low"], one["high"], one["unit"], one["step"]) == (knob.low, knob.high, knob.unit, knob.step)
        assert [d["dim"] for d in one["dimensions"]] == [d.dim for d in knob.dimensions]
        assert one["confidence"]["level"] in ("high", "medium")
    assert got[0]["says"] == {"down": "lower", "up": "higher"}
    assert [k["reserved"] for k in got] == [False, False, True, True]
    assert (got[-1]["low"], got[-1]["unit"]) == (got[0]["low"], got[0]["unit"])


def test_rejected_knobs_are_asked_for(client, bench, monkeypatch):
    """Without all=true they are left out; with it the reason stands beside them."""
    one, *rest = bench.registry.knobs(model_id=bench.model("tiny").spec.model_id)
    missed = Criterion(kind="monotone", value=0.5, limit=0.9, passed=False)
    bad = evolve(one, verdict="rejected", evidence=evolve(one.evidence, criteria=(missed,)))
    monkeypatch.setattr(service.Service, "knobs", lambda _self, _model: {k.name: k for k in (bad, *rest)})

    shown = [k["name"] for k in client.get(f"{TINY}/knobs").json()]
    every = {k["name"]: k for k in client.get(f"{TINY}/knobs?all=true").json()}

    assert bad.name not in shown
    assert every[bad.name]["reason"] == "It is rejected: monotone 0.5, must be 0.9 or more: 0.4 short."
    assert every[bad.name]["confidence"]["level"] == "low"


def test_a_card_has_what_was_measured(client, bench):
    """Effects with their roles, criteria and the mean change of each dimension at the amount that is asked for."""
    knob = bench.knob("pitch", "tiny")
    got = client.get(f"{TINY}/knobs/pitch", params={"amount": 3.2}).json()

    at = knob.evidence.fitted.index(3.0)
    assert got["curves"]["amount"] == 3.0
    assert got["curves"]["mean_change"] == pytest.approx(knob.evidence.mean_change[at])
    assert got["curves"]["sorted"] == sorted(map(abs, got["curves"]["mean_change"]), reverse=True)
    effects = {e["attribute"]: e for e in got["card"]["effects"]}
    assert effects.keys() == {e.attribute for e in knob.effects}
    assert effects["mean-pitch"]["role"] == "target"
    assert len(got["card"]["criteria"]) == len(knob.evidence.criteria)


def test_a_midi_file_is_read_as_the_command_line_reads_it(client, tmp_path):
    """Notes, name and remarks are those of scores.read_piece; windows have bar numbers."""
    path = tmp_path / "My song.mid"
    scores.write_piece(tune(beats=14), path)
    own = scores.read_piece(path)

    got = client.post(f"{TINY}/read", params={"file": "C:\\x\\My song.mid"}, content=path.read_bytes()).json()

    assert got["piece"]["notes"] == rows(own.notes)
    assert got["piece"]["name"] == "My song"
    assert got["remarks"] == list(own.remarks)
    assert [w["bars"] for w in got["windows"]] == [[1, 2], [3, 4]]
    assert got["piece"]["source"]["file"] == "My song.mid"
    assert got["tracks"][0]["notes"] == 14


def test_what_is_asked_for_and_not_there_is_refused_with_the_tracks(client):
    """Two notes at once where one voice is asked for: the sentence says so, names no folder, and tracks are listed."""
    got = client.post(f"{TINY}/read", params={"file": "chord.mid", "policy": "error"}, content=chord())

    error = got.json()["error"]
    assert (got.status_code, error["code"]) == (422, "bad-midi")
    assert error["message"].startswith("chord.mid: several notes sound at once")
    (track,) = error["tracks"]
    assert (track["number"], track["notes"], track["low"], track["high"], track["likely"]) == (1, 2, 60, 64, True)


def test_what_nobody_chose_is_chosen_and_noted(client):
    """Two notes at once: the highest line is taken, the note says so, and the piece's options have it."""
    got = client.post(f"{TINY}/read", params={"file": "chord.mid"}, content=chord()).json()

    assert got["piece"]["notes"] == [[0, 64, 16, 0]]
    assert got["note"] == "Several notes sound at once: the highest line is taken."
    assert got["piece"]["source"]["options"]["policy"] == "skyline"
    assert got["remarks"]


def chord():
    """A MIDI file with two whole notes at once."""
    import mido

    track = mido.MidiTrack()
    for kind, time in (("note_on", 0), ("note_off", 1920)):
        track += [mido.Message(kind, note=n, time=time if n == 60 else 0) for n in (60, 64)]
    out = io.BytesIO()
    mido.MidiFile(type=0, tracks=[track]).save(file=out)
    return out.getvalue()


def test_opening_gives_the_plain_decoding(client, opened):
    """Notes, codes, accuracy and differing steps are the session's."""
    got = client.post(f"{TINY}/open", json={"piece": as_message(tune())}).json()

    assert got["notes"] == rows(opened.join(opened.plain).notes)
    assert got["codes"] == np.round(opened.codes.astype(float), 4).tolist()
    assert (got["accuracy"], got["differing"], got["steps"]) == (opened.accuracy, opened.differing.tolist(), 64)
    assert [w["accepted"] for w in got["windows"]] == [True, True]


def test_opening_tells_the_style(client, opened):
    """How far the piece, and each window of it, is from what the model knows is the session's."""
    got = client.post(f"{TINY}/open", json={"piece": as_message(tune())}).json()
    facts = opened.style.as_dict()

    assert got["style"] == {name: facts[name] for name in ("summary", "clips", "exact", "nats", "percentile")}
    for window, clip in zip(got["windows"], facts["each"], strict=True):
        assert {name: window[name] for name in ("bars", "right", "percentile", "unfamiliar")} == {
            name: clip[name] for name in ("bars", "right", "percentile", "unfamiliar")
        }


@pytest.mark.parametrize(
    "how",
    [
        {"knobs": {}},
        {"knobs": {"pitch": 3}},
        {"knobs": {"pitch": -2.5, "rhythm": 1}},
        {"knobs": {"random": 2}, "seed": 7, "like": "pitch"},
        {"knobs": {"others": 1, "pitch": 1}, "seed": 3},
    ],
    ids=str,
)
def test_turning_gives_what_the_session_gives(client, opened, how):
    """The same notes and codes; changed and touched say what is not as in the plain decoding."""
    want = opened.turn(how["knobs"], seed=how.get("seed", 0), like=how.get("like"))
    got = client.post(f"{TINY}/turn", json=state(**how)).json()

    plain = set(opened.join(opened.plain).notes)
    assert got["notes"] == rows(want.after.notes)
    assert got["codes"] == np.round(want.codes.astype(float), 4).tolist()
    assert [got["notes"][k] for k in got["changed"]] == rows(tuple(n for n in want.after.notes if n not in plain))
    assert got["touched"] == sorted({int(d) for d in np.nonzero(want.codes - opened.codes)[1]})


def test_a_piece_is_filled_to_whole_clips(client, bench):
    """Three bars are two clips, and what is decoded in the fourth is heard."""
    three = tune(beats=12)
    got = client.post(f"{TINY}/open", json={"piece": as_message(three)}).json()
    whole = Session.open(bench, Piece(three.notes, 64), "tiny")

    assert got["steps"] == 64
    assert got["notes"] == rows(whole.join(whole.plain).notes)


def test_a_grid_has_what_is_heard_in_its_corners(client):
    """Top left is a as it is turned, bottom right b, with notes that are held over the edge of a clip too."""
    held = evolve(tune(), notes=(*tune().notes[:7], Note(28, 62, 8), *tune().notes[9:]))
    a, b = state(held, knobs={"pitch": 2}), state(tune(shift=4), knobs={"rhythm": 1})
    asked = {"a": a, "b": b, "size": 4, "rows": "pitch", "columns": "rhythm"}
    cells = client.post(f"{TINY}/grid", json=asked).json()["cells"]

    assert [len(row) for row in cells] == [4] * 4
    assert cells[0][0]["notes"] == client.post(f"{TINY}/turn", json=a).json()["notes"]
    assert cells[-1][-1]["notes"] == client.post(f"{TINY}/turn", json=b).json()["notes"]
    assert [cell["at"] for cell in cells[1]] == [pytest.approx([1 / 3, k / 3]) for k in range(4)]
    assert cells[0][0]["clips"] == 2


def test_a_grid_that_would_keep_others_waiting_is_refused(client):
    """81 places of nine clips are over the limit, and the sentence says what to do."""
    long = state(tune(beats=8 * 9))
    got = client.post(f"{TINY}/grid", json={"a": long, "b": long, "size": 9, "rows": "pitch", "columns": "rhythm"})

    assert got.status_code == 422
    assert "choose a smaller grid" in got.json()["error"]["message"]


def test_midi_goes_home_and_comes_back(client, tmp_path):
    """The exported file has the notes that were heard, and says where it comes from."""
    asked = state(knobs={"pitch": 3})
    heard = client.post(f"{TINY}/turn", json=asked).json()["notes"]
    got = client.post(f"{TINY}/export", json={"state": asked, "as": "midi"})
    path = tmp_path / "out.mid"
    path.write_bytes(got.content)

    assert got.headers["content-disposition"] == "attachment; filename*=UTF-8''tune__pitch%2B3.mid"
    assert rows(scores.read_piece(path).notes) == heard
    assert scores.read_provenance(path)["knobs"] == {"pitch": 3.0}
    assert client.post(f"{TINY}/read", content=got.content).json()["piece"]["notes"] == heard


def test_sound_goes_home(client):
    """A WAV of the piece's length."""
    got = client.post(f"{TINY}/export", json={"state": state(knobs={"pitch": 3}), "as": "wav"})

    with wave.open(io.BytesIO(got.content)) as file:
        assert (file.getframerate(), file.getnframes()) == (44100, 8 * 44100)


def test_a_grid_goes_home(client, tmp_path):
    """A zip with one MIDI file for each place, whose notes are the grid's, and a manifest."""
    asked = {"a": state(), "b": state(tune(shift=5)), "size": 3, "rows": "pitch", "columns": "rhythm"}
    cells = client.post(f"{TINY}/grid", json=asked).json()["cells"]
    got = client.post(f"{TINY}/export/grid", json=asked)

    with zipfile.ZipFile(io.BytesIO(got.content)) as file:
        manifest = json.loads(file.read("manifest.json"))
        found = []
        for one in manifest["files"]:
            (tmp_path / "one.mid").write_bytes(file.read(one["file"]))
            found.append(rows(scores.read_piece(tmp_path / "one.mid").notes))
    assert found == [cell["notes"] for row in cells for cell in row]
    assert (manifest["size"], manifest["rows"], manifest["model"]) == (3, "pitch", "tiny")


def test_the_registry_answers_as_the_command_line(client, bench, plugins_dir, capsys):
    """Knobs by a condition, and runs: the same JSON."""
    for route, words in (
        ("knobs?moves=mean-pitch&sort=effect", ["knobs", "list", "--moves", "mean-pitch", "--sort", "effect"]),
        ("knobs?name=rhy*", ["knobs", "list", "rhy*"]),
        ("runs?augmentation=transpose", ["runs", "list", "--augmentation", "transpose"]),
    ):
        assert command_line([*words, "--json", "--registry", bench.registry_url]) == 0
        assert client.get(f"{API}/registry/{route}").json() == json.loads(capsys.readouterr().out)
    assert client.get(f"{API}/registry/knobs?kind=none").status_code == 404


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"knobs": {"nothing": 1}}, 404, "unknown-knob"),
        ({"knobs": {"pitch": 400}}, 422, "bad-amount"),
        ({"knobs": {"random": 1}, "like": "nothing"}, 404, "unknown-knob"),
        ({"knobs": {"../x": 1}}, 422, "bad-request"),
        ({"knobs": {f"k{n}": 0 for n in range(129)}}, 422, "bad-request"),
        ({"seed": -1}, 422, "bad-request"),
        ({"seed": "1"}, 422, "bad-request"),
        ({"more": 1}, 422, "bad-request"),
    ],
    ids=str,
)
def test_what_cannot_be_turned_is_said(client, change, status, code):
    """A status, a code and a sentence."""
    got = client.post(f"{TINY}/turn", json=state(**change))

    assert (got.status_code, got.json()["error"]["code"]) == (status, code)
    assert got.json()["error"]["message"].strip()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"notes": []}, "no-notes"),
        ({"steps": 8}, "bad-piece"),
        ({"steps": 65536}, "too-long"),
        ({"steps": 65537}, "bad-request"),
        ({"notes": [[0, 60, 8, 0], [4, 62, 4, 0]]}, "bad-piece"),
        ({"notes": [[0, 60, 4, 1]]}, "bad-piece"),
        ({"notes": [[0, 128, 4, 0]]}, "bad-request"),
        ({"notes": [[0, 60, 0, 0]]}, "bad-request"),
        ({"notes": [[0, 60, 4]]}, "bad-request"),
        ({"notes": [[0.5, 60, 4, 0]]}, "bad-request"),
        ({"tempo": 0}, "bad-request"),
        ({"name": "two\nlines"}, "bad-request"),
        ({"source": {"kind": "midi"}}, "bad-request"),
    ],
    ids=str,
)
def test_what_is_no_piece_is_refused(client, change, code):
    """Each with a sentence."""
    got = client.post(f"{TINY}/open", json={"piece": {**as_message(tune()), **change}})

    assert (got.status_code, got.json()["error"]["code"]) == (422, code)


def test_clients_open_no_files(client, tmp_path):
    """A path is no model, and no answer says whether it is there."""
    (tmp_path / "there").mkdir()
    told = [
        client.post(f"{API}/models/{place}/open", json={"piece": as_message(tune())}).json()["error"]
        for place in (f"tiny:{tmp_path}".replace("/", "%2F"), str(tmp_path / "there").replace("/", "%2F"), "gone")
    ]
    asked = client.get(f"{API}/registry/knobs", params={"model": str(tmp_path / "there")}).json()["error"]

    assert {one["code"] for one in told} <= {"unknown-model", "not-found"}
    assert str(tmp_path) not in json.dumps([told, asked])
    assert asked["code"] == "unknown-model"


def test_the_api_describes_itself(client):
    """OpenAPI names every route with its request and its error; no page loads scripts from elsewhere."""
    got = client.get(f"{API}/openapi.json").json()

    assert set(got["paths"]) == {
        f"{API}{path}"
        for path in (
            "/info",
            "/models/{model}/project",
            "/models/{model}/project/read",
            "/examples/{name}",
            "/models/{model}/melody",
            "/models/{model}/knobs",
            "/models/{model}/knobs/{name}",
            "/models/{model}/read",
            "/models/{model}/open",
            "/models/{model}/turn",
            "/models/{model}/grid",
            "/models/{model}/export",
            "/models/{model}/export/grid",
            "/models/{model}/recipe",
            "/registry/knobs",
            "/registry/runs",
            "/registry/knobs/{knob}",
            "/registry/runs/{run}",
            "/registry/table/knobs",
            "/registry/table/runs",
            "/registry/values",
            "/registry/seen",
            "/registry/csv",
            "/registry/exchange",
        )
    }
    assert {route["responses"]["422"]["description"] for path in got["paths"].values() for route in path.values()} == {
        "It cannot be done; the sentence says why."
    }
    assert client.get("/docs").status_code == client.get("/redoc").status_code == 404


def test_a_piece_is_encoded_once(client, bench, monkeypatch):
    """What was opened before is taken from the cache, and the cache has an end."""
    monkeypatch.setattr(service, "MAX_OPEN", 2)
    calls = []
    real = Session.open.__func__
    monkeypatch.setattr(Session, "open", classmethod(lambda *a, **k: calls.append(a[2].name) or real(*a, **k)))
    pieces = [as_message(tune(name=f"cached {k}")) for k in range(3)]

    for piece in (pieces[0], pieces[0], pieces[1], pieces[2], pieces[0]):
        client.post(f"{TINY}/open", json={"piece": piece})

    opened = [name for name in calls if name.startswith("cached")]  # the server may just be opening its example
    assert opened == ["cached 0", "cached 1", "cached 2", "cached 0"]


def test_clips_that_the_model_does_not_carry_are_turned_by_rule(client, bench, monkeypatch):
    """They are told with a reason, and are in no grid."""
    monkeypatch.setattr(TinyBackend, "accepts", lambda _self, clips: np.zeros(len(clips), dtype=bool))
    piece = tune(beats=8)
    opened = client.post(f"{TINY}/open", json={"piece": as_message(piece)}).json()
    turned = client.post(f"{TINY}/turn", json=state(piece, knobs={"pitch": 2})).json()
    asked = {"a": state(piece), "b": state(piece), "rows": "pitch", "columns": "rhythm"}

    assert [w["accepted"] for w in opened["windows"]] == [False]
    assert opened["windows"][0]["why"] == "tiny does not take it: it carries valid melody-2bar clips."
    assert [note[1] for note in turned["notes"]] == [note.pitch + 2 for note in piece.notes]
    assert client.post(f"{TINY}/grid", json=asked).json()["error"]["code"] == "bad-piece"


def test_a_changed_registry_is_seen(client, bench, monkeypatch):
    """A knob that was renamed is turned by its new name, on a piece that was open before."""
    monkeypatch.setattr(service, "FRESH", 0.0)
    model_id = bench.model("tiny").spec.model_id
    assert client.post(f"{TINY}/turn", json=state(knobs={"rhythm": 1})).status_code == 200

    bench.registry.rename(model_id, "rhythm", "beat")
    try:
        assert client.post(f"{TINY}/turn", json=state(knobs={"beat": 1})).status_code == 200
        assert client.post(f"{TINY}/turn", json=state(knobs={"rhythm": 1})).status_code == 404
    finally:
        bench.registry.rename(model_id, "beat", "rhythm")
