"""The widget of notebooks in JupyterLab: a notebook that a person opens and runs, with a kernel of its own."""

from __future__ import annotations

import json
import re
import secrets
import socket
import subprocess
import sys
import time
from importlib.util import find_spec

import pytest

from tests.browser.serving import PATIENCE, environment

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("jupyterlab") is None, reason="no JupyterLab here: pip install jupyterlab"),
    pytest.mark.skipif(find_spec("anywidget") is None, reason="the extra notebook is not installed"),
]
LONG = 6 * PATIENCE
"""Seconds for what a kernel does first: it loads torch and a model."""
SAYS = 'import json; widget.session.wait(); print("HAS", json.dumps([widget.values["knob/pitch"], widget.notes]))'
OPEN = """from latentknobs import Session, Workbench
session = Session.open(Workbench.open())
widget = session.widget(knobs=["pitch", "rhythm"])
widget"""
CELLS = (OPEN, SAYS, 'widget.values = {"knob/pitch": -2.0}', SAYS)
OURS = r"latentknobs|lk-|anywidget|widget"


def notebook(cells):
    """A notebook of code cells without outputs."""
    code = [
        {"cell_type": "code", "id": f"cell{at}", "metadata": {}, "execution_count": None, "outputs": [], "source": text}
        for at, text in enumerate(cells)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}
    return json.dumps({"cells": code, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5})


class Lab:
    """JupyterLab on a free port, its settings and its notebooks in a folder of its own."""

    def __init__(self, folder):
        self.folder, self.token = folder, secrets.token_hex(16)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    def start(self, theme):
        """Starts it, and returns when it says where it is."""
        quiet = {"fetchNews": "false", "checkForUpdates": False}
        for name, settings in {"notification": quiet, "themes": theme}.items():
            place = self.folder / "settings" / "@jupyterlab" / "apputils-extension" / f"{name}.jupyterlab-settings"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(json.dumps(settings))
        own = {
            name: str(self.folder / name.lower())
            for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
        }
        own |= {"JUPYTERLAB_SETTINGS_DIR": str(self.folder / "settings"), "JUPYTER_TOKEN": self.token}
        options = [
            "--no-browser",
            "--allow-root",
            "--ip=127.0.0.1",
            f"--port={self.port}",
            "--ServerApp.port_retries=0",
        ]
        log = self.folder / "lab.log"
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyterlab", *options],
                cwd=self.folder,
                env=environment(self.folder) | own,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        end = time.monotonic() + LONG
        while "is running at" not in log.read_text(errors="replace"):
            assert self.process.poll() is None, log.read_text(errors="replace")
            assert time.monotonic() < end, "JupyterLab says nothing"
            time.sleep(0.1)

    def stop(self):
        """Ends it, and the kernels with it."""
        self.process.terminate()
        self.process.wait(PATIENCE)

    def open(self, page, name):
        """Opens a notebook, once its kernel is idle."""
        page.goto(f"http://127.0.0.1:{self.port}/lab/tree/{name}?token={self.token}")
        page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
        page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()


@pytest.fixture(params=["JupyterLab Light", "JupyterLab Dark"])
def lab(request, tmp_path):
    """JupyterLab with a notebook, in a theme."""
    (tmp_path / "plugins").mkdir()
    (tmp_path / "song.ipynb").write_text(notebook(CELLS))
    out = Lab(tmp_path)
    out.theme = request.param
    out.start({"theme": request.param})
    yield out
    out.stop()


@pytest.fixture
def page(browser, lab):
    """A page whose console says nothing wrong of ours."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    context.set_default_timeout(LONG * 1000)
    wrong = []
    context.on("console", lambda said: said.type == "error" and wrong.append(f"{said.text} {said.location}"))
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    yield context.new_page()
    context.close()
    assert [what for what in wrong if re.search(OURS, what)] == []


def run(page, cell):
    """Runs a cell as a person does, and gives its output's text once it has ended."""
    one = page.locator(".jp-Notebook .jp-CodeCell").nth(cell)
    prompt = one.locator(".jp-InputPrompt")

    def ended():
        said = prompt.inner_text()
        if "*" not in said and not re.search(r"\d", said):  # not asked yet, or lost: a kernel was still starting
            one.locator(".cm-content").click()
            page.keyboard.press("Shift+Enter")
        return re.search(r"\d", said)

    until(page, f"cell {cell}", ended)
    return one.locator(".jp-OutputArea").inner_text()


def until(page, what, met):
    """Waits for a condition, and gives what it gave."""
    end = time.monotonic() + LONG
    while not (got := met()):
        assert time.monotonic() < end, f"in vain: {what}"
        page.wait_for_timeout(200)
    return got


def has(page, cell):
    """The pitch and the notes of the session, as the kernel has them."""
    return json.loads(run(page, cell).partition("HAS ")[2].splitlines()[0])


def test_the_widget_plays_in_jupyterlab(lab, page, axe):
    """Moves on the page reach the kernel and its moves the page; the notes shown are the session's, in either theme."""
    lab.open(page, "song.ipynb")
    run(page, 0)
    widget = page.locator(".latentknobs lk-widget")
    widget.wait_for()
    dial = widget.locator("lk-knob[name='knob/pitch'] input[type=range]")
    shown = "(element) => [...element.model.notes]"
    plain = widget.evaluate(shown)

    dial.focus()
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    until(page, "new notes", lambda: widget.evaluate(shown) != plain)
    amount, notes = has(page, 1)
    assert amount == float(dial.input_value()) > 0
    until(page, "the session's notes", lambda: widget.evaluate(shown) == notes)

    run(page, 2)
    until(page, "the kernel's amount", lambda: float(dial.input_value()) == -2)
    amount, notes = has(page, 3)
    assert amount == -2
    until(page, "the session's notes", lambda: widget.evaluate(shown) == notes)

    assert page.locator(".latentknobs").get_attribute("data-theme") == lab.theme.rpartition(" ")[2].lower()
    page.add_script_tag(content=axe)
    violations = page.evaluate("async () => (await axe.run('.latentknobs')).violations")
    assert [one["id"] for one in violations if one["impact"] in ("serious", "critical")] == []
