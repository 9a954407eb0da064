"""The benchmark that authors of backends subclass: it is collected, runs, and says what it must be told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import latentknobs

ROOT = Path(latentknobs.__file__).parents[1]
TEST = '''"""The speed of the tiny model."""

import pytest
from latentknobs.testing.benchmarks import BackendBenchmark
from latentknobs.testing.tiny import TinyBackend


class TestTiny(BackendBenchmark):
    """Two batches."""

    batches = (1, 8)

    @pytest.fixture
    def backend(self):
        """Give the model."""
        return TinyBackend()
'''


def run(folder: Path, text: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on one file in a folder of its own."""
    (folder / "test_speed.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", *words]
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    env["PYTHONPATH"] = str(ROOT)
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_it_is_collected_and_runs_once(tmp_path):
    """Where nothing is timed, encode and decode of the smallest batch."""
    done = run(tmp_path, TEST, "--benchmark-disable")

    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_its_times_are_kept_with_clips_a_second(tmp_path):
    """Each batch of each work, and the number of clips behind it."""
    done = run(tmp_path, TEST, "--benchmark-only", "--benchmark-json=times.json")

    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads((tmp_path / "times.json").read_text())["benchmarks"]
    assert sorted((row["name"], row["extra_info"]["clips"]) for row in rows) == [
        ("test_decode[1]", 1), ("test_decode[8]", 8), ("test_encode[1]", 1), ("test_encode[8]", 8)
    ]  # fmt: skip
    for row in rows:
        assert row["extra_info"]["clips_a_second"] == pytest.approx(row["extra_info"]["clips"] / row["stats"]["median"])
        assert "share_of_peak" not in row["extra_info"]


def test_a_model_must_be_given(tmp_path):
    """A class without the fixture fails with what is to be done."""
    done = run(tmp_path, TEST.partition("    @pytest.fixture")[0], "--benchmark-disable")

    assert done.returncode == 1
    assert "override the fixture `backend`" in done.stdout


def test_pytest_benchmark_is_asked_for_by_its_extra():
    """Where it is not installed, importing the class says what to install."""
    code = (
        "import importlib.util as u\n"
        "found = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'pytest_benchmark' else found(name, *rest)\n"
        "import latentknobs.testing.benchmarks\n"
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    env["PYTHONPATH"] = str(ROOT)
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "pip install 'latentknobs[plugin-dev]'" in done.stderr
