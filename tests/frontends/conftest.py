"""The command line as a function, on the tiny model and its knobs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from latentknobs.core.clip import Note
from latentknobs.core.piece import Piece
from latentknobs.frontends.cli.app import run_command_line
from latentknobs.scores import write_piece


@frozen
class Result:
    """What a command did: its exit code, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def one_sentence(self) -> str:
        """The error's one line; fails where there is more, or a traceback."""
        assert self.out == ""
        assert "Traceback" not in self.err
        lines = self.err.strip().splitlines()
        assert lines[-1].startswith("Error: "), self.err
        assert sum(line.startswith("Error: ") for line in lines) == 1
        return lines[-1]


Cli = Callable[..., Result]


@pytest.fixture
def cli(plugins_dir: Path, tiny_registry: Path, own: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Run the command line on these words, with a registry that has the tiny model's pitch and rhythm."""
    shutil.copy(tiny_registry, own / "registry.db")

    def run(*words: object) -> Result:
        capfd.readouterr()
        code = run_command_line([str(word) for word in words])
        captured = capfd.readouterr()
        return Result(code, captured.out, captured.err)

    return run


@pytest.fixture
def tune(tmp_path: Path) -> Path:
    """A MIDI file of four bars of quarter notes."""
    notes = tuple(Note(4 * i, 60 + (i % 5), 4) for i in range(16))
    path = tmp_path / "tune.mid"
    write_piece(Piece(notes, 64, name="tune"), path)
    return path


@pytest.fixture
def other_tune(tmp_path: Path) -> Path:
    """Another one, of eighth notes, higher, of two bars."""
    notes = tuple(Note(2 * i, 70 + (i // 2 % 3), 2) for i in range(16))
    path = tmp_path / "other.mid"
    write_piece(Piece(notes, 32, name="other"), path)
    return path
