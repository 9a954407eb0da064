"""The clients of docs/clients, run by the programs that they are for."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.frontends.osc.conftest import PATIENCE, example

pytestmark = pytest.mark.slow
CLIENTS = Path(__file__).parents[3] / "docs" / "clients"
SCRIPT = """
k = LatentKnobs("127.0.0.1", PORT);
k.onError = { |text, address| ("ERROR" + address + text).postln };
fork {
    while { k.notes.isEmpty } { 0.05.wait };
    ("FILE" + k.values['/file']).postln;
    k.set('/knob/pitch', 3);
    while { k.notes[0][0] != 63 } { 0.05.wait };
    k.setAll('/knob/pitch', 4, '/knob/rhythm', 1);
    while { k.notes[0][0] != 64 } { 0.05.wait };
    k.set('/nothing', 1);
    while { k.error.isNil } { 0.05.wait };
    ("PATTERN" + k.asPattern.asStream.next(()).use { [~midinote, ~delta, ~sustain] }).postln;
    ("ENDED" + k.notes.size + k.values['/knob/pitch']).postln;
    k.free;
    0.5.wait;
    0.exit;
};
"""


def program(name):
    """A program's path; skips where it is not installed."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def test_pure_data_plays_it(session, port, free_port, tmp_path):
    """The patch subscribes, turns a knob and gets the notes, in vanilla Pure Data without a screen."""
    patch = (CLIENTS / "latentknobs.pd").read_text(encoding="utf-8")
    (tmp_path / "latentknobs.pd").write_text(
        patch.replace("7771", str(free_port)).replace("7770", str(port)), encoding="utf-8"
    )
    words = [program("pd"), "-nogui", "-noaudio", "-nomidi", "-stderr", "-open", "latentknobs.pd"]
    words += ["-send", "latentknobs-pitch 3"]
    with (tmp_path / "said").open("w+") as said:
        pd = subprocess.Popen(words, stderr=said, stdout=said, cwd=tmp_path)
        try:
            end = time.monotonic() + PATIENCE
            while "note: 63 100 0 1" not in (tmp_path / "said").read_text():
                assert time.monotonic() < end, (tmp_path / "said").read_text()
                time.sleep(0.1)
        finally:
            pd.kill()
            pd.wait()

    lines = (tmp_path / "said").read_text().splitlines()
    assert session.values["knob/pitch"] == 3
    assert [line for line in lines if not line.startswith("note: ")] == []
    assert len(lines) % 16 == 0


def sclang_says(script, folder):
    """What SuperCollider's language prints that has the class and runs a script."""
    sclang = program("sclang")
    extensions = folder / ".local" / "share" / "SuperCollider" / "Extensions"
    extensions.mkdir(parents=True)
    shutil.copy(CLIENTS / "LatentKnobs.sc", extensions)
    (folder / "play.scd").write_text(script, encoding="utf-8")
    # The language comes with Qt, which wants a screen, and a browser's sandbox, which wants another user than root.
    env = {**os.environ, "HOME": str(folder), "QT_QPA_PLATFORM": "offscreen", "QTWEBENGINE_DISABLE_SANDBOX": "1"}
    env.pop("XDG_DATA_HOME", None)
    done = subprocess.run(
        [sclang, "play.scd"],
        env=env,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert "ERROR:" not in done.stdout, done.stdout
    return done.stdout.splitlines()


def test_supercollider_plays_it(session, port, tmp_path):
    """The class subscribes, sets values alone and together, gets notes and errors, and makes a pattern."""
    lines = sclang_says(SCRIPT.replace("PORT", str(port)), tmp_path)

    assert "FILE tune" in lines
    assert "PATTERN [ 64, 0.5, 0.5 ]" in lines
    assert "ENDED 32 4" in lines
    assert any(line.startswith("ERROR /nothing There is no parameter") for line in lines)
    assert (session.values["knob/pitch"], session.values["knob/rhythm"], len(session.history)) == (4, 1, 2)


def test_the_documents_lines_for_supercollider_run(session, port, tmp_path):
    """As docs/how-to/osc.md shows them, one after another."""
    first, *others = example("supercollider").strip().splitlines()
    first = first.replace("LatentKnobs.new", f'LatentKnobs("127.0.0.1", {port})')
    wait = "while { k.notes.isEmpty } { 0.05.wait };"
    lines = sclang_says("fork {\n" + "\n0.5.wait;\n".join([f"{first} {wait}", *others, "0.exit"]) + "\n}", tmp_path)

    assert (session.values["knob/pitch"], session.values["knob/rhythm"]) == (3, 1)
    assert not any("not understood" in line for line in lines)
