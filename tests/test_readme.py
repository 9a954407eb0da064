"""What README.md shows and says is true."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.frontends.cli.app import run_command_line
from latentknobs.registry.store import KnobStore

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
PLUGINS = (ROOT / "docs" / "how-to" / "plugins.md").read_text(encoding="utf-8")
COUNTED = (
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen")  # fmt: skip


def _blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_it_is_short():
    """It has at most 700 words."""
    assert len(TEXT.split()) <= 700


def test_it_names_the_verdicts_that_are_shipped():
    """How many knobs come with the model of 4/4, how many are accepted, and which are not; and that without an edit."""
    knobs = [k for k in KnobStore.open(ROOT / "registry.db").knobs(operators=False) if k.model_name == DEFAULT_MODEL]
    verdicts = {knob.name: knob.verdict for knob in knobs if knob.augmentation is not None}
    others = [f"`{name}` is {verdict}" for name, verdict in verdicts.items() if verdict != "accepted"]

    assert f"with {COUNTED[len(verdicts)]} knobs, {COUNTED[len(verdicts) - len(others)]} of them accepted" in TEXT
    assert [one for one in others if one not in TEXT] == []
    unaided = [knob.name for knob in knobs if knob.augmentation is None and knob.verdict == "accepted"]
    assert unaided == ["mean-pitch-auto"]
    assert "One more, of pitch, was found without an edit." in TEXT


def test_its_command_prints_what_it_shows(capfd, monkeypatch, tmp_path):
    """The output of its turn command is real; python -m benchmarks.tour brings it up to date."""
    monkeypatch.chdir(tmp_path)
    (block,) = _blocks(TEXT, "console")
    command, _, shown = block.partition("\n")
    first, last = shown.split("...\n")

    assert run_command_line(shlex.split(command)[2:]) == 0
    printed = "".join(capfd.readouterr())
    lines = "".join(f"{line.rstrip()}\n" for line in printed.splitlines())
    assert first in lines
    assert [line for line in last.splitlines() if line not in lines] == []


def test_its_python_runs(monkeypatch, tmp_path):
    """The example in Python, as it stands, turns the theme and writes a MIDI file."""
    monkeypatch.chdir(tmp_path)
    block, _plugin = _blocks(TEXT, "python")

    exec(compile(block, "README.md", "exec"), {})

    assert (tmp_path / "out.mid").read_bytes().startswith(b"MThd")


def test_its_plugin_is_that_of_the_tutorial():
    """The plugin of ten lines is the first one of docs/how-to/plugins.md, which the tests of the hooks load."""
    assert _blocks(TEXT, "python")[1] == _blocks(PLUGINS, "python")[0]
