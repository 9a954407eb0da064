"""What goes home: files, and what makes the same again elsewhere."""

from __future__ import annotations

import array
import io
import json
import shlex
import subprocess
import sys
import wave
import zipfile

import pytest

from latentknobs import scores
from latentknobs.scores.midi_file import parse_score
from tests.browser.page_driver import midi_file
from tests.browser.serving import environment

pytestmark = pytest.mark.slow
TUNE = [[4 * at, 62 + (5 * at) % 12, 4] for at in range(16)]


def rows(path):
    """Notes of a MIDI file as the page has them."""
    return [[note.onset, note.pitch, note.length, note.voice] for note in scores.read_piece(path).notes]


def turn(hands):
    """Turns both knobs; gives the notes."""
    hands.type_in("pitch", "3")
    hands.type_in("rhythm", "1")
    return hands.settled()["notes"]


def test_midi_comes_back(hands, tmp_path):
    """The MIDI file that is saved holds the notes on the screen, the page's tempo, and opens again with equal notes."""
    hands.do("tempo").fill("84")
    hands.do("tempo").press("Enter")
    notes = turn(hands)
    (tmp_path / "saved.mid").write_bytes(hands.saved("midi"))
    assert rows(tmp_path / "saved.mid") == notes
    assert scores.read_piece(tmp_path / "saved.mid").tempo == pytest.approx(84, abs=1e-3)

    hands.open_file("saved.mid", (tmp_path / "saved.mid").read_bytes())
    assert hands.deck["piece"]["notes"] == notes
    assert hands.state["tempo"] == 84


def test_the_whole_file_comes_back(hands, tmp_path):
    """With the accompaniment as it was and the melody as it is heard, also after a reload; or the melody alone."""
    data = midi_file([TUNE, [[16 * bar, 36, 16] for bar in range(4)]])
    hands.open_file("band.mid", data)
    hands.tab("knobs")
    hands.type_in("pitch", "3")
    notes = hands.settled()["notes"]
    (tmp_path / "whole.mid").write_bytes(hands.saved("midi"))
    hands.page.reload()
    hands.ready()
    hands.do("alone").wait_for()
    assert hands.saved("midi") == (tmp_path / "whole.mid").read_bytes()
    hands.do("alone").check()
    (tmp_path / "alone.mid").write_bytes(hands.saved("midi"))
    parts = parse_score((tmp_path / "whole.mid").read_bytes(), tmp_path / "whole.mid").parts

    assert [[n.pitch for n in part.notes] for part in parts] == [[note[1] for note in notes], [36] * 4]
    assert len(parse_score((tmp_path / "alone.mid").read_bytes(), tmp_path / "alone.mid").parts) == 1
    assert rows(tmp_path / "alone.mid") == notes


def test_the_accompaniment_sounds(hands):
    """It is heard beside a melody that has not begun, and not with its volume at 0."""
    melody = [[64 + 4 * at, 70 + at % 5, 4] for at in range(16)]
    hands.open_file("band.mid", midi_file([melody, [[4 * beat, 36, 4] for beat in range(32)]]))
    assert hands.deck["piece"]["notes"][0][:2] == [64, 70]
    hands.do("play").click()
    hands.until("a sound", lambda: hands.level() > 0.02)
    hands.do("sound").click()
    hands.do("accompaniment").fill("0")
    hands.until("silence", lambda: hands.level() < 0.005)


def test_wav(hands):
    """The WAV file is a sound as long as the melody, and not silent."""
    turn(hands)
    data = hands.saved("wav")
    with wave.open(io.BytesIO(data)) as sound:
        seconds = sound.getnframes() / sound.getframerate()
        width, frames = sound.getsampwidth(), sound.readframes(sound.getnframes())

    assert width == 2
    assert seconds >= 192 / 4 * 60 / 120  # steps, in quarters, at the example's tempo
    assert max(array.array("h", frames)) > 1000


def test_grid_zip(hands, tmp_path):
    """The zip holds a MIDI file for each place of the grid; its first is A and its last is B."""
    hands.do("b").click()
    turn(hands)
    hands.tab("grid")
    hands.do("size").select_option("3")
    hands.until("a grid of nine", lambda: hands.page.locator("[role=gridcell]").count() == 9)
    with zipfile.ZipFile(io.BytesIO(hands.saved("grid-zip"))) as files:
        assert files.testzip() is None
        files.extractall(tmp_path)
    found = sorted(path for path in tmp_path.rglob("*.mid"))
    decks = hands.state["decks"]

    assert len(found) == 9
    assert json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert [rows(found[0]), rows(found[-1])] == [hands.turned(decks[side])["notes"] for side in "ab"]


def run(home, folder, words):
    """Runs a program in a folder, over the server's registry; gives what it says."""
    env = environment(home) | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def command(home, folder, text):
    """Runs a command as it was copied."""
    program, *words = shlex.split(text)
    assert program == "latentknobs"
    run(home, folder, [sys.executable, "-m", "latentknobs", *words])


def files(hands, folder):
    """Saves the files that the page offers with a recipe; gives their names."""
    names = []
    for button in hands.page.locator("[data-file]").all():
        with hands.page.expect_download() as download:
            button.click()
        names.append(download.value.suggested_filename)
        download.value.save_as(folder / names[-1])
    return names


@pytest.mark.parametrize("source", ["the example", "a file"])
def test_command_and_python_make_the_same(hands, home, tmp_path, source):
    """In an empty folder with the files that the page offers, what it copies gives the notes on the screen."""
    if source == "a file":
        hands.open_file("tune.mid", midi_file([TUNE]))
        hands.tab("knobs")
    notes = turn(hands)
    for name in ("command", "python"):
        folder = tmp_path / name
        folder.mkdir()
        text = hands.copied(name)
        assert len(files(hands, folder)) == (source == "a file")
        if name == "command":
            command(home, folder, text)
        else:
            said = run(home, folder, [sys.executable, "-c", text])
            assert said.count("Note(") == len(notes)
        assert rows(folder / "turned.mid") == notes


def test_the_grids_command(hands, home, tmp_path):
    """With the grid open, the command makes the whole grid, place by place."""
    hands.do("b").click()
    turn(hands)
    hands.tab("grid")
    hands.do("size").select_option("3")
    hands.until("a grid of nine", lambda: hands.page.locator("[role=gridcell]").count() == 9)
    shown = hands.page.locator("lk-grid").evaluate("(grid) => grid.cells.flat().map(({notes}) => notes)")
    text = hands.copied("command")
    files(hands, tmp_path)
    command(home, tmp_path, text)

    assert [rows(path) for path in sorted((tmp_path / "grid").glob("*.mid"))] == shown
