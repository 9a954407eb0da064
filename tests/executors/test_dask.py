"""A dask cluster of other processes: what is wrong with it is told, and a scheduler that starts again loses nothing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from latentknobs.core.executor_specs import in_turn
from latentknobs.errors import ExecutorError
from latentknobs.executors import dask_cluster
from latentknobs.testing.executors import EncodeOnce
from latentknobs.workbench import Workbench

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@contextmanager
def _program(name: str, *words: str, path: Path = ROOT):
    """One of dask's programs, with the modules of a path; it is killed at the end, with what it started."""
    command = [sys.executable, "-m", f"distributed.cli.{name}", *words, "--no-dashboard"]
    environ = {**os.environ, "PYTHONPATH": str(path)}
    with subprocess.Popen(
        command, cwd=path, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def address():
    """Where a scheduler may be."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{one.getsockname()[1]}"


def _scheduler(address: str, path: Path = ROOT):
    return _program("dask_scheduler", "--host", "127.0.0.1", "--port", address.rpartition(":")[2], path=path)


def _worker(address: str, path: Path = ROOT):
    return _program("dask_worker", address, "--nthreads", "1", path=path)


def _workbench(address: str, tmp_path: Path, workers: int | None = None) -> Workbench:
    return Workbench.open(str(tmp_path / "new.db"), executor=f"dask:{address}", workers=workers)


@pytest.fixture
def task(plugins_dir, tmp_path):
    """The contract's task, on the tiny model of a workbench."""

    def make(workbench: Workbench, **more: int) -> EncodeOnce:
        (tmp_path / "begun").mkdir()
        return EncodeOnce(workbench.model("tiny"), tmp_path / "begun", **more)

    return make


def test_a_scheduler_that_starts_again_changes_no_byte(address, task, tmp_path):
    """It is killed in the middle of the work, with its worker; what they held is done by those that come after."""
    with _worker(address), _scheduler(address):  # the worker waits for it
        workbench = _workbench(address, tmp_path)
        once = task(workbench)
        walk = workbench.map(once, range(40))
        found = [next(walk) for _ in range(3)]
    with workbench, _scheduler(address), _worker(address):
        found += walk
        expected = list(in_turn(once, range(40)))

    assert [(item, codes.tobytes()) for item, (codes, _) in found] == [(i, c.tobytes()) for i, (c, _) in expected]
    assert len({process for _, (_, process) in found}) == 2


def test_a_scheduler_that_stays_away_is_told(address, task, tmp_path, monkeypatch):
    """One sentence, once nobody has answered for a while."""
    with _worker(address), _scheduler(address):
        workbench = _workbench(address, tmp_path)
        walk = workbench.map(task(workbench), range(40))
        next(walk)
    monkeypatch.setattr(dask_cluster, "ANSWER", 0.5)
    with workbench, pytest.raises(ExecutorError, match=f"^No dask scheduler answers at {address} "):
        list(walk)


def test_a_cluster_without_workers_is_told(address, tmp_path, monkeypatch):
    """How to start some is said."""
    with _scheduler(address):
        _wait_for(address)
        monkeypatch.setattr(dask_cluster, "PATIENCE", 2.0)
        with pytest.raises(
            ExecutorError, match=f"has 0 workers, and 3 were to work: start more with dask worker {address}"
        ):
            _workbench(address, tmp_path, 3)


def test_a_cluster_that_loses_its_workers_is_told(address, task, tmp_path, monkeypatch):
    """Work that waits for a worker that never comes ends with a sentence."""
    with _scheduler(address):
        with _worker(address):
            workbench = _workbench(address, tmp_path)
            walk = workbench.map(task(workbench), range(40))
            next(walk)
        monkeypatch.setattr(dask_cluster, "PATIENCE", 2.0)
        with workbench, pytest.raises(ExecutorError, match=f"^The dask cluster at {address} has 0 workers"):
            list(walk)


def test_a_scheduler_of_another_version_is_told(address, tmp_path, monkeypatch):
    """What dask compares, in one sentence."""
    from distributed import versions

    with _scheduler(address), _worker(address):
        _wait_for(address)
        own = versions.get_versions

        def other(packages=None):
            found = own(packages)
            return {**found, "packages": {**found["packages"], "distributed": "1.0"}}

        monkeypatch.setattr(versions, "get_versions", other)
        with pytest.raises(
            ExecutorError,
            match=rf"^The dask cluster at {address} has another distributed: \d+.* on the scheduler, 1\.0 here",
        ):
            _workbench(address, tmp_path)


@pytest.mark.parametrize("lacks", ["the worker", "the scheduler"])
def test_a_cluster_without_latentknobs_is_told(address, task, tmp_path, monkeypatch, lacks):
    """What to install is said, whoever lacks it; a worker that does ends at the first work."""
    (tmp_path / "latentknobs").mkdir()
    (tmp_path / "latentknobs" / "__init__.py").touch()
    paths = (ROOT, tmp_path) if lacks == "the worker" else (tmp_path, ROOT)
    with _scheduler(address, paths[0]), _worker(address, paths[1]), _workbench(address, tmp_path) as workbench:
        monkeypatch.setattr(dask_cluster, "PATIENCE", 4.0)
        with pytest.raises(ExecutorError, match="latentknobs"):
            list(workbench.map(task(workbench), range(3)))


def _wait_for(address: str) -> None:
    host, port = address.removeprefix("tcp://").split(":")
    for _ in range(300):
        with socket.socket() as one:
            one.settimeout(1)
            if not one.connect_ex((host, int(port))):
                return
        time.sleep(0.1)
