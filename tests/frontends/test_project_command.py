"""``latentknobs turn`` with knobs of bars and project files; ``serve`` with several front ends on one session."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from types import ModuleType

import httpx
import pytest

from latentknobs.core.piece import Piece
from latentknobs.frontends.cli.app import run_command_line
from latentknobs.scores import read_piece, read_provenance, write_piece
from latentknobs.studio.project import Project
from tests.tiny_meters import quarters

PITCH = ("--model", "tiny", "--knob", "pitch=+1", "--knob", "pitch@3-4=-2")


@pytest.fixture
def turn(meters, capfd):
    """Run ``latentknobs turn`` on these words; gives its exit code and what it said."""

    def run(*words):
        capfd.readouterr()
        code = run_command_line(["turn", *map(str, words)])
        return code, capfd.readouterr().err

    return run


@pytest.fixture
def song(tmp_path):
    """A file of four bars."""
    piece = quarters(("4/4", 16))
    write_piece(Piece(piece.notes, piece.steps, name="song"), tmp_path / "song.mid")
    return tmp_path / "song.mid"


def test_a_knob_is_turned_in_bars(turn, song, tmp_path):
    """The file says so, and its name in a folder does."""
    code, said = turn(song, *PITCH, "-o", tmp_path / "out.mid")
    notes = [[note.pitch for note in read_piece(path).notes] for path in (song, tmp_path / "out.mid")]

    assert code == 0, said
    assert [after - before for before, after in zip(*notes, strict=True)] == [1] * 8 + [-2] * 8
    assert read_provenance(tmp_path / "out.mid")["knobs"] == {"pitch": 1.0, "pitch@3-4": -2.0}
    (tmp_path / "folder").mkdir()
    assert turn(song, *PITCH, "-o", tmp_path / "folder")[0] == 0
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["song__pitch+1_pitch@3-4-2.mid"]


def test_a_project_gives_the_same_file_to_the_byte(turn, song, tmp_path):
    """Where the melody's file is gone too; controls go as they went."""
    knobs = (*PITCH, "--knob", "random=0.5", "--seed", "4")
    assert turn(song, *knobs, "-o", tmp_path / "one.mid", "--project", tmp_path / "song.lkproject")[0] == 0
    song.unlink()
    code, said = turn(tmp_path / "song.lkproject", "-o", tmp_path / "other.mid")

    assert code == 0, said
    assert (tmp_path / "one.mid").read_bytes() == (tmp_path / "other.mid").read_bytes()
    assert Project.read(tmp_path / "song.lkproject").settings.seed == 4


def test_knobs_are_turned_on_top_of_a_project(turn, song, tmp_path):
    """And saved as another one; the first stays as it was."""
    first, second = tmp_path / "first.lkproject", tmp_path / "second.lkproject"
    assert turn(song, *PITCH, "--project", first)[0] == 0
    before = first.read_bytes()
    assert turn(first, "--knob", "pitch@3-4=5", "--project", second)[0] == 0

    assert Project.read(second).settings.settings.named == {"pitch": 1.0, "pitch@3-4": 5.0}
    assert first.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--knob", "pitch@9-12=1"), "has the bars 1 to 4"),
        (("--knob", "pitch@x=1"), "are no bars"),
        (("--knob", "gone@1-2=1"), "no knob named 'gone'"),
        (("--project", "song.mid"), "should end in .lkproject"),
    ],
)
def test_what_cannot_be_is_usage(turn, song, words, said):
    """Exit code 2 and a sentence; nothing is written."""
    before = song.read_bytes()
    code, err = turn(song, "--model", "tiny", *words, "--force")

    assert code == 2
    assert said in err
    assert song.read_bytes() == before


def test_a_project_says_itself_how_it_is_read(turn, song, tmp_path):
    """Options of reading beside it are refused."""
    assert turn(song, *PITCH, "--project", tmp_path / "song.lkproject")[0] == 0
    code, err = turn(tmp_path / "song.lkproject", "--bars", "1-2")

    assert code == 2
    assert "leave out the options of reading" in err


EXTRAS = {"zeroconf": "osc", "rtmidi": "midi", "uvicorn": "web"}


@pytest.mark.parametrize("missing", EXTRAS)
def test_a_missing_extra_is_told_before_a_model_is_loaded(capfd, monkeypatch, missing):
    """A model that does not exist is not asked for."""
    for module in EXTRAS:  # the others are there, wherever this runs
        monkeypatch.setitem(sys.modules, module, None if module == missing else ModuleType(module))
    order = sorted(EXTRAS, key=lambda module: (module == missing, module))
    code = run_command_line(["serve", ",".join(EXTRAS[module] for module in order), "--model", "there is none"])

    assert (code, f"pip install 'latentknobs[{EXTRAS[missing]}]'" in capfd.readouterr().err) == (1, True)


BOX = """
from latentknobs import FrontendSpec, hookimpl

LATENTKNOBS_API = 1


class Box:
    where = "A box."

    def __init__(self, session, words):
        print("box", words, session.values["file"], flush=True)
        session.set("tempo", 77.0, "box")

    def stop(self):
        print("box stopped", flush=True)


@hookimpl
def register_frontends():
    return [FrontendSpec("box", "A box with knobs.", start=Box)]
"""


@pytest.mark.parametrize(("name", "words"), [("there.lkproject", "is there already"), ("played.mid", "should end in")])
def test_a_place_that_a_session_cannot_be_saved_at_is_told_before_a_model_is_loaded(tmp_path, capfd, name, words):
    """A file that is there stays as it is."""
    (tmp_path / "there.lkproject").write_text("mine")
    code = run_command_line(["serve", "web,osc", "--model", "there is none", "--save", str(tmp_path / name)])

    assert (code, words in capfd.readouterr().err) == (2, True)
    assert (tmp_path / "there.lkproject").read_text() == "mine"


def test_several_front_ends_share_one_session(meters, meters_dir, song, tmp_path):
    """Each has its own options, SIGTERM ends all, and what was played is saved then."""
    saved = tmp_path / "played.lkproject"
    (meters_dir / "box.py").write_text(BOX)
    words = ["serve", "web,box", "--file", str(song), "--model", "tiny", "--web-port", "0", "--box-colour", "red"]
    words += ["--save", str(saved)]
    process = subprocess.Popen(
        [sys.executable, "-m", "latentknobs", *words],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )
    try:
        url = re.search(r"http://127\.0\.0\.1:\d+/", process.stderr.readline()).group()
        assert process.stdout.readline() == "box ['--colour', 'red'] song\n"
        assert httpx.get(url, timeout=60, trust_env=False).status_code == 200
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=120)
        assert (process.returncode, out, "Traceback" in err) == (0, "box stopped\n", False)
        assert Project.read(saved).tempo == 77
        assert f"project written to {saved}" in err
    finally:
        process.kill()
        process.wait()
