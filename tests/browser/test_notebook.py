"""The widget in JupyterLab, in Chromium: a knob moves and Python sees it, Python sets and the page shows."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from latentknobs.workbench import Workbench
from tests.browser.serving import ROOT

NEEDED = [name for name in ("anywidget", "jupyterlab") if find_spec(name) is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(NEEDED), reason=f"{' and '.join(NEEDED)} not installed"),
]
PATIENCE = 120_000
"""Milliseconds; JupyterLab takes its time to start."""
CELLS = (
    """from latentknobs import Note, Piece, Session, Workbench
workbench = Workbench.open()
piece = Piece([Note(4 * k, 60 + k % 5, 4) for k in range(32)], 128, name="tune")
session = Session.open(workbench, piece, ("tiny", "tiny-3-4", "tiny-6-8"))
seen = []
widget = session.widget()
widget.observe(lambda change: seen.append(change.new["knob/pitch"]), "values")
widget""",
    """print("pitch", widget.values["knob/pitch"], "seen", seen[-1])""",
    """widget.values = {"knob/pitch": -4}
print("set to", widget.values["knob/pitch"])""",
)


@pytest.fixture
def lab(meters: Workbench, tmp_path: Path) -> Iterator[str]:
    """Where JupyterLab is, with a notebook over the tiny models and nothing of the user's own."""
    cells = [
        {"cell_type": "code", "id": f"c{k}", "metadata": {}, "outputs": [], "execution_count": None, "source": text}
        for k, text in enumerate(CELLS)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "knobs.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = {f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    own |= {"IPYTHONDIR": str(tmp_path / "ipython"), "JUPYTERLAB_SETTINGS_DIR": str(tmp_path / "settings")}
    own |= {"JUPYTERLAB_WORKSPACES_DIR": str(tmp_path / "workspaces"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--IdentityProvider.token="]
    command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={tmp_path}"]
    command += ["--LabApp.news_url=", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    log = tmp_path / "lab.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=tmp_path, env={**os.environ, **own}, stdout=out, stderr=out)
    began = time.monotonic()
    while not re.search(r"http://(localhost|127\.0\.0\.1):\d+/lab", log.read_text(encoding="utf-8")):
        assert process.poll() is None, log.read_text(encoding="utf-8")
        assert time.monotonic() < began + PATIENCE / 1000, log.read_text(encoding="utf-8")
        time.sleep(0.1)
    yield f"http://127.0.0.1:{port}/"
    process.terminate()
    process.wait(30)


def test_knobs_move_both_ways(browser: Any, lab: str) -> None:
    """Arrow keys on the knob are seen by Python and its observers; what Python sets is where the knob then stands."""
    page = browser.new_context(viewport={"width": 1300, "height": 1000}).new_page()
    page.set_default_timeout(PATIENCE)
    outside: list[str] = []
    own = urlsplit(lab).netloc
    page.on("request", lambda one: outside.append(one.url) if urlsplit(one.url).netloc not in ("", own) else None)
    page.goto(f"{lab}lab/tree/knobs.ipynb?reset")

    def run(cell: int) -> Any:
        code = page.locator(".jp-Notebook .jp-CodeCell").nth(cell)
        code.locator(".cm-content").click()
        page.keyboard.press("Control+Enter")
        return code

    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()
    run(0)
    knob = page.locator("lk-knob", has_text="pitch").locator("input[type=range]")
    notes = page.locator("lk-roll rect.note")
    knob.wait_for(state="attached")
    assert notes.count() == 32

    knob.focus()
    for _ in range(5):
        page.keyboard.press("ArrowUp")
    page.locator("lk-roll rect.changed").nth(31).wait_for()
    assert "pitch 5.0 seen 5.0" in run(1).locator(".jp-OutputArea-output").inner_text()

    run(2).locator(".jp-OutputArea-output", has_text="set to -4.0").wait_for()
    page.wait_for_function("knob => knob.value === '-4'", arg=knob.element_handle())
    assert outside == []
