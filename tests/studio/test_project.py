"""Project files: what a session holds, to be opened again anywhere."""

from __future__ import annotations

import base64
import hashlib
import json

import jsonschema
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from latentknobs.core.piece import Piece
from latentknobs.errors import LatentKnobsError, ProjectError, UsageError
from latentknobs.scores import midi_bytes, write_piece
from latentknobs.session import Session
from latentknobs.studio.knob_settings import BarRange, KnobSettings, turned
from latentknobs.studio.project import (
    SCHEMA,
    Project,
    ProjectModel,
    ProjectPiece,
    ProjectReading,
    ProjectSettings,
)
from tests.schemas import schema_of
from tests.tiny_meters import MIXED, NAMES, TINY, quarters

SETTINGS = KnobSettings({"pitch": 1.0, "random": 0.5}, seed=2**60 + 1, like="pitch").with_amount(
    "pitch", 0.0, BarRange(3, 4)
)


@pytest.fixture
def tune(tmp_path):
    """A file of eight bars."""
    path = tmp_path / "a tune.mid"
    write_piece(evolve(quarters(("4/4", 32)), source=None), path)
    return path


@pytest.fixture
def saved(tune):
    """A project with all that one can hold."""
    data = tune.read_bytes()
    reading = ProjectReading(bars="1-6")
    return Project(
        "latentknobs-project",
        1,
        "1.0",
        ProjectPiece(tune.name, base64.b64encode(data).decode(), hashlib.sha256(data).hexdigest(), reading, (), 0, ()),
        (ProjectModel("tiny", TINY.model_id), *(ProjectModel(name, "") for name in NAMES[1:])),
        "D minor",
        "E4",
        True,
        ProjectSettings.of(SETTINGS),
        90.0,
        True,
        "2-3",
        {"one": ProjectSettings.of(SETTINGS), "plain": ProjectSettings.of(KnobSettings())},
    )


def test_the_schema_is_generated():
    """The published schema is that of the classes that read the file."""
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "latentknobs-project-1",
        "title": "A project of latentknobs, version 1",
    }

    assert SCHEMA.read_text(encoding="utf-8") == json.dumps(head | schema_of(Project), indent=2) + "\n"


def test_a_project_is_read_as_it_was_written(saved, tmp_path):
    """All of it, the seed to the last digit; and it fits the schema."""
    path = tmp_path / "song.lkproject"
    saved.write(path)

    assert Project.read(path) == saved
    assert Project.read(path).settings.settings == SETTINGS
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(json.loads(path.read_text()))
    with pytest.raises(UsageError, match="exists already"):
        saved.write(path)
    with pytest.raises(UsageError, match="should end in"):
        saved.write(tmp_path / "song.json")


def test_a_project_holds_the_file_and_how_it_is_read(meters, saved, tune):
    """It opens as it was, where the file is no more."""
    data = tune.read_bytes()
    tune.unlink()
    session = saved.open(meters)

    assert (session.file.data, session.source_sha256) == (data, hashlib.sha256(data).hexdigest())
    assert (str(session.key), session.axis, session.reading.bars) == ("D minor", 64, "1-6")
    assert session.all_by_model
    assert session.piece.stretches[-1].end == session.piece.steps == 96


def test_a_drawn_melody_needs_no_file(meters):
    """Its notes, its time signatures and its tempo come back."""
    piece = quarters(*MIXED)
    project = Project.of(Session.open(meters, piece, NAMES), KnobSettings(), tempo=77.0)
    opened = Project.parse(project.text.encode(), "it").open(meters).piece

    assert (opened.notes, opened.steps, opened.stretches) == (piece.notes, piece.steps, piece.stretches)
    assert opened.tempo == 77.0


def test_it_sounds_as_it_did_to_the_byte(meters, tune):
    """The file comes back whole, with the same notes and the same provenance."""
    session = Session.open(meters, tune, NAMES)
    project = Project.of(session, SETTINGS)
    again = Project.parse(project.text.encode(), "it").open(meters)
    files = [
        midi_bytes(result.after, clip_format=session.model.spec.clip_format, provenance=result.provenance)
        for result in (turned(session, SETTINGS), turned(again, project.settings.settings))
    ]

    assert files[0] == files[1]


def test_a_shared_session_opens_a_project_and_gives_it_again(open_shared, saved, tmp_path):
    """With tempo, loop, knobs of bars and snapshots; undo brings back what was open."""
    path = tmp_path / "song.lkproject"
    saved.write(path)
    shared = open_shared()
    shared.open(path, "hand")

    assert evolve(shared.project(), latentknobs="1.0") == saved
    assert shared.values["snapshots"] == "one, plain"
    assert (shared.values["tempo"], shared.values["loop/bars"], shared.values["file"]) == (90.0, "2-3", "a tune_b1-6")
    assert (shared.transport.start, shared.transport.end) == (16, 48)
    assert shared.wait().error == ""
    shared.set("undo")
    assert shared.values["file"] == "tune"
    assert evolve(open_shared(path).project(), latentknobs="1.0") == saved


def test_another_model_is_refused(meters, saved):
    """It would play other notes; and one that is not here is said."""
    other = evolve(saved, models=(evolve(saved.models[0], model_id="0" * 64),))
    with pytest.raises(ProjectError, match="would play other notes"):
        other.open(meters)
    gone = evolve(saved, models=(evolve(saved.models[0], name="gone"),))
    with pytest.raises(ProjectError, match="gone, which is not here"):
        gone.open(meters)
    assert gone.open(meters, NAMES).piece.name == "a tune_b1-6"


def test_a_silent_piece_is_not_saved(meters):
    """There is nothing to open again."""
    with pytest.raises(UsageError, match="no notes"):
        Project.of(Session.open(meters, Piece((), 32), ["tiny"]), KnobSettings())


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("version",), 2, "version"),
        (("more",), 1, "unknown key"),
        (("tempo",), "90", "tempo: expected a number"),
        (("tempo",), 1e9, "tempo"),
        (("loop",), 1, "loop: expected true or false"),
        (("loop_bars",), "5-2", "are no bars"),
        (("models",), [], "models"),
        (("piece", "name"), "../../etc/passwd", "name"),
        (("piece", "name"), "a\u001b[2J", "printed"),
        (("piece", "file"), "?!", "base64"),
        (("piece", "sha256"), "0" * 64, "not the one of its hash"),
        (("piece", "notes"), [[0, 60, 4, 0]], "not both"),
        (("settings", "seed"), -1, "seed"),
        (("settings", "knobs"), {"pitch": None}, "knobs.pitch: expected a number"),
        (("settings", "knobs"), {"../pitch": 1.0}, "no name"),
        (("settings", "ranges"), [{"bars": "x", "knobs": {}}] * 65, "ranges"),
        (("settings", "ranges"), [{"bars": "x", "knobs": {"pitch": 1.0}}], "are no bars"),
        (("snapshots",), {"a,b": None}, "snapshots"),
    ],
)
def test_what_is_no_project_is_said_with_its_place(saved, place, value, said):
    """One sentence, without control characters."""
    facts = json.loads(saved.text)
    inner = facts
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with pytest.raises(ProjectError) as caught:
        Project.parse(json.dumps(facts).encode(), "song.lkproject")

    sentence = str(caught.value)
    assert said in sentence
    assert sentence.startswith("song.lkproject is no project that can be opened: ")
    assert sentence.endswith(".")
    assert sentence.isprintable()


@given(st.binary(max_size=60) | st.lists(st.text(max_size=9)).map(lambda one: json.dumps(one).encode()))
def test_any_other_bytes_are_refused_in_a_sentence(data):
    """Whatever they are."""
    with pytest.raises(ProjectError, match=r"\.$"):
        Project.parse(data, "it")


def test_a_key_that_is_there_twice_is_refused(saved):
    """Else two programs could read two things."""
    text = saved.text.replace('"loop": true,', '"loop": true, "loop": false,')
    with pytest.raises(ProjectError, match="twice"):
        Project.parse(text.encode(), "it")


def test_bars_that_the_file_lacks_leave_what_is_open(open_shared, saved, tmp_path):
    """A project that disagrees with itself is not half opened."""
    shared = open_shared()
    before = shared.values
    evolve(saved, loop_bars="50").write(tmp_path / "bad.lkproject")
    with pytest.raises(LatentKnobsError):
        shared.open(tmp_path / "bad.lkproject")

    assert shared.values == before


@pytest.mark.parametrize("knobs", [{"nosuch": 1.0}, {"pitch": 77.0}, {"nosuch@1-2": 1.0}, {"pitch@1-2": 77.0}])
def test_what_no_knob_takes_leaves_open_what_was(saved, open_shared, knobs):
    """A project whose knobs or amounts are not the models' is refused as a whole."""
    shared = open_shared()
    shared.set("knob/pitch", 1.0)
    wrong = evolve(saved, settings=ProjectSettings.of(KnobSettings.of(knobs)))

    with pytest.raises(UsageError):
        shared.open_project(wrong)

    assert shared.values["knob/pitch"] == 1.0
    assert shared.wait().error == ""


@pytest.mark.parametrize("name", ["a\\b.mid", "n" * 230 + ".mid", "bell\x07.mid"])
def test_any_file_name_is_kept_as_far_as_it_can_be(meters, tmp_path, name):
    """Without what a name on another system cannot have."""
    try:
        write_piece(evolve(quarters(("4/4", 32)), source=None), path := tmp_path / name)
    except LatentKnobsError:
        pytest.skip("this system has no such file names")
    project = Project.of(Session.open(meters, path, NAMES), KnobSettings())

    assert Project.parse(project.text.encode(), "it") == project
    assert project.piece.name.endswith(".mid")


def test_a_piece_without_end_is_refused(saved):
    """Before its bars are counted."""
    notes = ProjectPiece("tune", "", "", ProjectReading(), ((0, 60, 4, 0),), 64, ())
    facts = json.loads(evolve(saved, piece=notes, axis="").text)
    facts["piece"]["steps"] = 10**13

    with pytest.raises(ProjectError, match="steps"):
        Project.parse(json.dumps(facts).encode(), "it")
