"""What README.md says of the shipped knobs, the registry and the Python interface holds."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from latentknobs.frontends.cli.app import run_command_line
from latentknobs.registry.store import KnobStore

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
COUNTED = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


def test_it_shows_the_knobs_that_are_shipped(capfd):
    """The table of knobs is what knobs list prints now; python benchmarks/tour.py brings it up to date."""
    assert run_command_line(["knobs", "list", "--verdict", "accepted"]) == 0

    assert f"$ latentknobs knobs list --verdict accepted\n{capfd.readouterr().out}" in TEXT


def test_it_names_the_verdicts_that_are_shipped():
    """How many knobs come with the package, how many of them are accepted, and which are not."""
    verdicts = {knob.name: knob.verdict for knob in KnobStore.open(ROOT / "registry.db").knobs()}
    others = [f"`{name}` is {verdict}" for name, verdict in verdicts.items() if verdict != "accepted"]

    assert f"with {COUNTED[len(verdicts)]} knobs, {COUNTED[len(verdicts) - len(others)]} of them accepted" in TEXT
    assert [one for one in others if one not in TEXT] == []


def test_it_shows_the_pitch_knob_that_is_shipped(capfd):
    """What it shows of knobs show pitch, to the operator's hash, is what that prints now."""
    assert run_command_line(["knobs", "show", "pitch"]) == 0
    shown = re.search(r"^\$ latentknobs knobs show pitch\n(.*?)^\.\.\.$", TEXT, re.DOTALL | re.MULTILINE)

    assert shown
    assert capfd.readouterr().out.startswith(shown[1])
    assert "operator" in shown[1]


@pytest.mark.parametrize("query", _blocks("sql"))
def test_its_queries_find_the_shipped_knobs(query):
    """Each SQL query gives rows of all accepted knobs of the committed registry, and of no others."""
    accepted = {knob.name for knob in KnobStore.open(ROOT / "registry.db").knobs(verdict="accepted")}
    with closing(sqlite3.connect(f"{(ROOT / 'registry.db').as_uri()}?mode=ro", uri=True)) as connection:
        rows = connection.execute(query).fetchall()

    assert {row[0] for row in rows} == accepted


def test_its_python_runs(monkeypatch, tmp_path):
    """The example in Python, as it stands, turns the theme and writes a MIDI file."""
    monkeypatch.chdir(tmp_path)
    (block,) = _blocks("python")

    exec(compile(block, "README.md", "exec"), {})

    assert (tmp_path / "out.mid").read_bytes().startswith(b"MThd")
