"""The notebooks of docs/notebooks: their code cells run in order, in a namespace of their own, as a kernel would."""

from __future__ import annotations

import ast
import json
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "docs" / "notebooks").glob("*.ipynb"))


def _cells(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def _code(path: Path) -> list[str]:
    return ["".join(cell["source"]) for cell in _cells(path) if cell["cell_type"] == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_outputs(path):
    """It has a heading, cells with ids, code that is Python, and neither outputs nor counts."""
    cells = _cells(path)

    assert cells[0]["source"][0].startswith("# ")
    assert len({cell["id"] for cell in cells}) == len(cells)
    assert [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")] == []
    assert [ast.parse(text) for text in _code(path)] != []


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, tmp_path, monkeypatch, capsys):
    """Every code cell runs after those before it, and each notebook prints what it found, the raised mean pitch too."""
    if any(".widget(" in text for text in _code(path)) and find_spec("anywidget") is None:
        pytest.skip("the extra notebook is not installed")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    try:
        for number, text in enumerate(_code(path), 1):
            exec(compile(text, f"{path.name}, code cell {number}", "exec"), names)
    finally:
        for name in ("widget", "workbench"):
            if name in names:
                names[name].close()

    printed = capsys.readouterr().out
    assert printed.count("\n") >= 4
    if "widget" in names:
        pitches = [note.pitch for note in names["session"].piece.notes]
        assert float(re.search(r"^mean pitch (\S+)$", printed, re.MULTILINE)[1]) == sum(pitches) / len(pitches) + 3
