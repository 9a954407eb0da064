"""What a person waits for before anything happens: import and help, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

WAYS = {
    "python": [sys.executable, "-c", "pass"],
    "import": [sys.executable, "-c", "import latentknobs"],
    "help": [sys.executable, "-m", "latentknobs", "--help"],
}


@pytest.mark.parametrize("way", WAYS)
def test_start(benchmark: BenchmarkFixture, way: str) -> None:
    """Python alone, the package, and the command line's help, which names the commands."""
    done = benchmark.pedantic(
        lambda: subprocess.run(WAYS[way], capture_output=True, check=True, text=True), rounds=10, warmup_rounds=2
    )

    assert ("discover" in done.stdout) == (way == "help")
