"""The contract of an executor, under pytest: subclass :class:`ExecutorContract` and say what is under test."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from attrs import frozen

from latentknobs.core.arrays import ClipBatch, Codes
from latentknobs.core.backend import VAEBackend
from latentknobs.core.executor_specs import in_turn
from latentknobs.errors import CorpusError
from latentknobs.executors.executor_map import AHEAD
from latentknobs.hooks.built_ins import BUILTINS
from latentknobs.hooks.manager import Plugins
from latentknobs.testing import tiny
from latentknobs.workbench import Workbench


@frozen(eq=False)
class EncodeOnce:
    """
    The task of the contract: encode clips; at one of them the worker is lost, or the task fails.

    Attributes:
        backend: The model.
        folder: Where a line is left for each time that an item is begun.
        loses: The item at which its process is killed, the first time; -1 = none.
        fails: The item that raises a CorpusError; -1 = none.
    """

    backend: VAEBackend
    folder: Path
    loses: int = -1
    fails: int = -1

    def prepare(self, item: int) -> ClipBatch:
        """The clips of a number."""
        return tiny.tiny_clips(4, seed=item)

    def work(self, item: int, prepared: ClipBatch) -> tuple[Codes, int]:
        """Their codes, and the process that encoded them."""
        begun = self.folder / str(item)
        again = begun.exists()
        with begun.open("a", encoding="ascii") as file:
            file.write(f"{os.getpid()}\n")
        if item == self.loses and not again:
            signal.raise_signal(signal.SIGKILL)
        if item == self.fails:
            raise CorpusError(f"Item {item} fails.")
        return self.backend.encode(prepared).mean, os.getpid()


class ExecutorContract:
    """
    The promises of an executor.

    Attributes:
        executor: As ``--executor`` takes it ("processes").
        plugin: The file of the plugin that offers it, None = a built-in.
        workers: How many work.
    """

    executor: ClassVar[str]
    plugin: ClassVar[Path | None] = None
    workers: ClassVar[int | None] = 2

    @pytest.fixture
    def workbench(self, tmp_path: Path) -> Iterator[Workbench]:
        """A workbench with the tiny model, whose work this executor does."""
        plugins = Plugins.build(BUILTINS, plugins_dir=None, entry_points=False, strict=True)
        plugins.register(tiny, "tiny")
        if self.plugin is not None:
            plugins.add_file(self.plugin)
        registry = str(tmp_path / "registry.db")
        with Workbench.open(registry, plugins=plugins, executor=self.executor, workers=self.workers) as out:
            yield out

    @pytest.fixture
    def task(self, workbench: Workbench, tmp_path: Path) -> EncodeOnce:
        """A task that succeeds."""
        (tmp_path / "begun").mkdir()
        return EncodeOnce(workbench.model("tiny"), tmp_path / "begun")

    def test_results_are_those_of_one_process(self, workbench: Workbench, task: EncodeOnce) -> None:
        """Each item comes in order, with the bytes that this process would have made, and each is done once."""
        assert _bytes(workbench.map(task, range(12))) == _bytes(in_turn(task, range(12)))
        assert [len(_begun(task, item)) for item in range(12)] == [2] * 12

    def test_items_are_asked_for_as_they_are_needed(self, workbench: Workbench, task: EncodeOnce) -> None:
        """Of endless items no more are held than the workers need."""
        asked: list[int] = []

        def endless() -> Iterator[int]:
            while True:
                asked.append(len(asked))
                yield asked[-1]

        walk = workbench.map(task, endless())
        for _ in range(3):
            next(walk)
        assert len(asked) <= 3 + AHEAD * (self.workers or os.cpu_count() or 1)

    def test_an_error_is_raised_as_it_is(self, workbench: Workbench, task: EncodeOnce) -> None:
        """An error of the package keeps its class and sentence, and comes in its item's place."""
        fails = EncodeOnce(task.backend, task.folder, fails=2)
        done: list[int] = []
        with pytest.raises(CorpusError, match=r"^Item 2 fails\.$"):
            done.extend(item for item, _ in workbench.map(fails, range(6)))
        assert [item for item, _ in workbench.map(task, range(2))] == [0, 1]

    def test_lost_work_is_done_again(self, workbench: Workbench, task: EncodeOnce) -> None:
        """A worker that is killed while it holds an item changes no byte."""
        if workbench.plugins.executors()[self.executor.partition(":")[0]].in_process:
            pytest.skip("its work is done in this process")
        loses = EncodeOnce(task.backend, task.folder, loses=3)
        results = _bytes(workbench.map(loses, range(8)))

        begun = _begun(task, 3)
        assert len(begun) >= 2
        assert str(os.getpid()) not in begun
        assert results == _bytes(in_turn(task, range(8)))

    def test_it_can_be_closed_and_used_again(self, workbench: Workbench, task: EncodeOnce) -> None:
        """After close, the next work opens it again."""
        first = _bytes(workbench.map(task, range(3)))
        workbench.close()

        assert _bytes(workbench.map(task, range(3))) == first


def _bytes(results: Iterable[tuple[int, tuple[Codes, int]]]) -> list[tuple[int, bytes]]:
    return [(item, np.ascontiguousarray(codes).tobytes()) for item, (codes, _) in results]


def _begun(task: EncodeOnce, item: int) -> list[str]:
    """The processes that began an item."""
    return (task.folder / str(item)).read_text(encoding="ascii").split()
