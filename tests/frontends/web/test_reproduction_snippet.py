"""Copy as command and copy as Python: run, they give exactly the notes on the screen."""

from __future__ import annotations

import base64
import io
import shlex
from contextlib import redirect_stdout

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from latentknobs import scores
from latentknobs.core.clip import Note
from latentknobs.core.melody_format import MELODY
from latentknobs.core.piece import Piece
from latentknobs.frontends.cli.app import run_command_line as command_line
from latentknobs.frontends.web.piece_schema import piece_of
from latentknobs.frontends.web.reproduction_snippet import Recipes
from latentknobs.frontends.web.requests import PieceMessage, State
from tests.frontends.web.conftest import API, as_message, rows, tune

TINY = f"{API}/models/tiny"
TWINKLE = {"kind": "example", "name": "twinkle"}
PART = {"kind": "midi", "file": "song.mid", "sha256": "0" * 64}
HELD = Piece((Note(2, 60, 4), Note(28, 64, 40), Note(70, 62, 1), Note(71, 62, 9)), 96, tempo=91.3, name="-a; b/ü")


def example():
    """The theme as the page has it."""
    return {**as_message(scores.twinkle()), "source": TWINKLE}


STATES = {
    "the example": {"piece": example(), "knobs": {"pitch": 3, "rhythm": 1}},
    "drawn": {"piece": as_message(HELD), "knobs": {"pitch": -2.5}},
    "a part of a file": {"piece": {**as_message(tune("song")), "source": PART}, "knobs": {"rhythm": 1}},
    "nothing turned": {"piece": as_message(tune(beats=13)), "knobs": {}},
    "controls": {"piece": example(), "knobs": {"random": 2.25, "others": -1}, "seed": 12345, "like": "pitch"},
    "many digits": {"piece": as_message(tune()), "knobs": {"pitch": 0.1 + 0.2, "rhythm": 1}, "seed": 5},
    "an example that was changed": {"piece": {**as_message(tune()), "source": TWINKLE}, "knobs": {"pitch": 1}},
}


def put(folder, recipe):
    """The recipe's files in the folder."""
    for file in recipe["files"]:
        (folder / file["name"]).write_bytes(base64.b64decode(file["base64"]))


@pytest.mark.parametrize("name", STATES)
def test_a_state_is_made_again(client, here, name):
    """By the command through the command line, and by the Python, with no more than the recipe's files."""
    state = STATES[name]
    heard = client.post(f"{TINY}/turn", json=state).json()["notes"]
    recipe = client.post(f"{TINY}/recipe", json={"state": state}).json()
    put(here, recipe)

    program, *words = shlex.split(recipe["command"])
    assert (program, command_line(words)) == ("latentknobs", 0)
    assert rows(scores.read_piece("turned.mid").notes) == heard
    (here / "turned.mid").unlink()

    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(compile(recipe["python"], "recipe", "exec"), {})
    assert rows(scores.read_piece("turned.mid").notes) == heard
    assert printed.getvalue().count("Note(") == len(heard)


def test_the_example_needs_no_file(client):
    """Its command names none; what only says that it is the example has one."""
    as_it_is = client.post(f"{TINY}/recipe", json={"state": STATES["the example"]}).json()
    changed = client.post(f"{TINY}/recipe", json={"state": STATES["an example that was changed"]}).json()

    assert (as_it_is["files"], len(changed["files"])) == ([], 1)
    assert as_it_is["command"] == ("latentknobs turn --knob pitch=+3 --knob rhythm=+1 --model tiny -o turned.mid")


@pytest.mark.parametrize(
    ("a", "b"),
    [
        pytest.param("the example", "drawn", marks=pytest.mark.slow),
        ("controls", "a part of a file"),
        pytest.param("nothing turned", "nothing turned", marks=pytest.mark.slow),
    ],
)
def test_a_grid_is_made_again(client, here, a, b):
    """Every cell, corners as turned among them, by the command and by the Python."""
    asked = {"a": STATES[a], "b": STATES[b], "size": 3, "rows": "rhythm", "columns": "pitch", "rest": "rows"}
    cells = [cell["notes"] for row in client.post(f"{TINY}/grid", json=asked).json()["cells"] for cell in row]
    recipe = client.post(f"{TINY}/recipe", json={"grid": asked}).json()
    put(here, recipe)
    places = [f"rhythm{down}_pitch{across}" for down in ("0.00", "0.50", "1.00") for across in ("0.00", "0.50", "1.00")]

    _, *words = shlex.split(recipe["command"])
    assert command_line(words) == 0
    for place, notes in zip(places, cells, strict=True):
        (path,) = (here / "grid").glob(f"*__{place}.mid")
        assert rows(scores.read_piece(path).notes) == notes
    (here / "grid").rename("before")

    exec(compile(recipe["python"], "recipe", "exec"), {})
    assert [rows(scores.read_piece(f"grid/{place}.mid").notes) for place in places] == cells


@pytest.mark.parametrize("asked", [{}, {"state": STATES["drawn"], "grid": None, "more": 1}])
def test_a_recipe_is_of_one_thing(client, asked):
    """Neither of nothing nor of what is not known."""
    assert client.post(f"{TINY}/recipe", json=asked).status_code == 422


def test_what_cannot_be_turned_has_no_recipe(client):
    """It is refused as turning is."""
    got = client.post(f"{TINY}/recipe", json={"state": {"piece": as_message(tune()), "knobs": {"pitch": 400}}})

    assert got.json()["error"]["code"] == "bad-amount"


def test_what_was_named_at_the_start_is_told():
    """A registry or a model that the server was started with stands in the remarks, without its location."""
    state = State.model_validate({"piece": as_message(tune())})
    recipe = Recipes(MELODY, ("tiny",), shipped=False, own_registry=True).state(state)

    assert [remark.split(":")[0] for remark in recipe.remarks] == [
        "The server was started with a registry of its own",
        "The server was started with a model by its location",
    ]


@st.composite
def melodies(draw):
    """Any melody of up to four clips: gaps, notes over edges, the same pitch again, any last step."""
    notes, at = [], draw(st.integers(0, 20))
    for _ in range(draw(st.integers(1, 30))):
        length = draw(st.integers(1, 40))
        if at + length > 128:
            break
        notes.append(Note(at, draw(st.integers(0, 127)), length))
        at += length + draw(st.sampled_from([0, 0, 1, 3, 17]))
    end = max((note.end for note in notes), default=1)
    steps = draw(st.integers(end, 128))
    return Piece(tuple(notes) or (Note(0, 60),), max(steps, 1), draw(st.floats(4, 1000)), draw(st.text(min_size=1)))


@settings(max_examples=40)
@given(melodies())
def test_a_drawn_piece_reads_back_as_the_same_clips(tmp_path_factory, piece):
    """The file of a recipe has the notes, the length and the clips of what was drawn."""
    name = "".join(c for c in piece.name if c.isprintable())[:100] or "piece"
    message = PieceMessage.model_validate(as_message(evolve(piece, name=name)))
    file, data = Recipes(MELODY, ("tiny",), shipped=True, own_registry=False).file(message)
    path = tmp_path_factory.mktemp("drawn") / file
    path.write_bytes(data)
    own, read = piece_of(message, [MELODY]), scores.read_piece(path)

    assert (read.notes, read.steps) == (own.notes, own.steps)
    assert np.array_equal(read.cut(MELODY).clips, own.cut(MELODY).clips)
    assert np.array_equal(read.cut(MELODY).tied, own.cut(MELODY).tied)
    assert not file.startswith("-")
    assert shlex.quote(file) == file
