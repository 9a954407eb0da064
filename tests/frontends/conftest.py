"""The command line as a function, on the tiny model and its knobs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from latentknobs.backends.loader import Models
from latentknobs.core.clip import Note
from latentknobs.core.piece import Piece
from latentknobs.frontends.cli.app import run_command_line
from latentknobs.scores import write_piece
from latentknobs.workbench import Workbench, load_plugins
from tests.conftest import TINY_PLUGIN


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


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, tiny_registry: Path) -> Iterator[Workbench]:
    """A workbench with the tiny model alone and its two knobs, for a whole module."""
    folder = tmp_path_factory.mktemp("bench")
    (folder / "plugins").mkdir()
    (folder / "plugins" / "tiny_model.py").write_text(TINY_PLUGIN)
    shutil.copy(tiny_registry, folder / "registry.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Models, "names", ("tiny",))
        with Workbench.open(str(folder / "registry.db"), plugins=load_plugins(folder / "plugins")) as out:
            yield out


def tune(name: str = "tune", beats: int = 16, shift: int = 0) -> Piece:
    """Quarter notes that the tiny model reconstructs."""
    return Piece(tuple(Note(4 * i, 60 + shift + (i % 5), 4) for i in range(beats)), 4 * beats, name=name)


@pytest.fixture(name="tune")
def tune_file(tmp_path: Path) -> Path:
    """A MIDI file of four bars of quarter notes."""
    path = tmp_path / "tune.mid"
    write_piece(tune(), path)
    return path


@pytest.fixture
def other_tune(tmp_path: Path) -> Path:
    """Another one, of eighth notes, higher, of two bars."""
    notes = tuple(Note(2 * i, 70 + (i // 2 % 3), 2) for i in range(16))
    path = tmp_path / "other.mid"
    write_piece(Piece(notes, 32, name="other"), path)
    return path
