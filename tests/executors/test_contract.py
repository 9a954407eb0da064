"""The built-in executors keep the contract."""

from __future__ import annotations

from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from attrs import evolve

from latentknobs.core.executor_specs import in_turn
from latentknobs.testing import tiny
from latentknobs.testing.executors import EncodeOnce, ExecutorContract
from latentknobs.workbench import Workbench


class TestSerial(ExecutorContract):
    """Serial."""

    executor = "serial"
    workers = None


class TestProcesses(ExecutorContract):
    """Processes."""

    executor = "processes"


@pytest.mark.slow
class TestDask(ExecutorContract):
    """Dask."""

    executor = "dask"


class Breaking(ThreadPoolExecutor):
    """A thread that takes nine pieces of work and no more."""

    taken = 0

    def submit(self, fn, /, *args, **kwargs):
        """As there, nine times."""
        self.taken += 1
        if self.taken > 9:
            raise BrokenExecutor
        return super().submit(fn, *args, **kwargs)


def test_an_executor_may_break_between_two_pieces_of_work(latentknobs_plugins, tmp_path):
    """What it does not take is given to one that is opened anew."""
    opened = []

    @contextmanager
    def breaking(_argument, _workers):
        with Breaking(1) as executor:
            opened.append(executor)
            yield executor

    latentknobs_plugins.register(tiny, "tiny")
    with Workbench.open(str(tmp_path / "new.db"), plugins=latentknobs_plugins, executor="processes") as workbench:
        workbench._map.factory = evolve(workbench._map.factory, open=breaking)
        workbench.close()
        task = EncodeOnce(workbench.model("tiny"), tmp_path)
        found = [(item, codes.tobytes()) for item, (codes, _) in workbench.map(task, range(40))]

    assert len(opened) >= 4
    assert found == [(item, codes.tobytes()) for item, (codes, _) in in_turn(task, range(40))]
