"""What a person waits for before anything happens: import and help, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from latentknobs import Session, Workbench

WAYS = {
    "python": [sys.executable, "-c", "pass"],
    "import": [sys.executable, "-c", "import latentknobs"],
    "help": [sys.executable, "-m", "latentknobs", "--help"],
}


@pytest.mark.parametrize("way", WAYS)
def test_start(benchmark: BenchmarkFixture, way: str, tmp_path: Path) -> None:
    """Python alone, the package, and the command line's help, which names the commands; from the second start on."""
    # As in an installation: there the modules lie compiled beside their sources.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    kept["PYTHONPYCACHEPREFIX"] = str(tmp_path)
    done = benchmark.pedantic(
        lambda: subprocess.run(WAYS[way], capture_output=True, check=True, text=True, env=kept),
        rounds=10,
        warmup_rounds=2,
    )

    assert ("discover" in done.stdout) == (way == "help")


def test_first_turn(benchmark: BenchmarkFixture) -> None:
    """The first knob turned after a piece is opened, in a workbench that has opened nothing before."""
    with ExitStack() as opened:

        def opening() -> tuple[tuple[Session], dict[str, object]]:
            workbench = opened.enter_context(Workbench.open())
            return (Session.open(workbench),), {}

        benchmark.pedantic(lambda session: session.turn({"pitch": 1.0}), setup=opening, rounds=5)
