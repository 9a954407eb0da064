"""The map of an executor: results in the order of the items, and lost work done again."""

from __future__ import annotations

import os
import pickle
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from contextlib import ExitStack, suppress
from typing import Any, TypeVar

from attrs import define, field

from latentknobs import __version__
from latentknobs.core.executor_specs import ExecutorFactory, ShardTask
from latentknobs.core.prefetch import ahead
from latentknobs.errors import ExecutorError, LatentKnobsError, UnknownNameError, UsageError
from latentknobs.executors.shipping import WorkerHost, dumps
from latentknobs.executors.worker import Raised, WorkerSpec, run

T = TypeVar("T")
R = TypeVar("R")
AHEAD = 12
"""Items that are given out for each worker: one that takes ten times as long holds nobody up (benchmarks/scale.py)."""
MOST_LOSSES = 3
"""Losses of workers without a result between them, after which the work is given up."""


@define(eq=False)
class ExecutorMap:
    """
    A :class:`~latentknobs.core.executor_specs.ShardMap` whose executor is opened when it is used, where it is not.

    Attributes:
        factory: Of the executor.
        argument: For it.
        workers: For it; None = as many as there are.
        host: Whose models and offers the tasks hold.
        build: Makes the host of a worker.
    """

    factory: ExecutorFactory
    argument: str
    workers: int | None
    host: WorkerHost
    build: Callable[[WorkerSpec], WorkerHost]
    _stack: ExitStack = field(factory=ExitStack, init=False)
    _executor: Executor | None = field(default=None, init=False)

    @classmethod
    def of(
        cls, text: str, workers: int | None, host: WorkerHost, build: Callable[[WorkerSpec], WorkerHost]
    ) -> ExecutorMap:
        """
        The map that the text of ``--executor`` names: NAME or NAME:ARGUMENT.

        Raises:
            UnknownNameError: No executor of that name.
            UsageError: It takes no argument, or fewer than 1 worker is asked for.
        """
        name, colon, argument = text.partition(":")
        known = host.plugins.executors()
        if name not in known:
            raise UnknownNameError("executor", name, known)
        takes = known[name].takes
        if colon and not takes:
            raise UsageError(f"The executor {name} takes nothing after its name: write {name!r}, not {text!r}.")
        if colon and not argument:
            raise UsageError(f"The executor {name} takes {takes} after the colon: write {name!r}, or add it.")
        if workers is not None and workers < 1:
            raise UsageError(f"Work needs 1 worker or more, not {workers}.")
        return cls(known[name], argument, workers, host, build)

    def __call__(self, task: ShardTask[T, Any, R], items: Iterable[T]) -> Iterator[tuple[T, R]]:
        """
        Each item with its result, in order.

        Raises:
            ExecutorError: Workers cannot be reached, are not what this program is, or are lost again and again.
        """
        if self.factory.in_process:
            for item, prepared in ahead(task.prepare, items):
                yield item, self._opened().submit(task.work, item, prepared).result()
            return
        spec, of_task = pickle.dumps(WorkerSpec.of(self.host.plugins, self.build)), dumps(task, self.host)
        given: deque[tuple[T, _Piece]] = deque()
        try:
            for item in items:
                given.append((item, _Piece((spec, of_task, dumps(item, self.host)))))
                self._give_out(piece for _, piece in given)
                while len(given) >= self._window():
                    yield self._first(given)
            while given:
                yield self._first(given)
        finally:
            for _, piece in given:
                if piece.future is not None:
                    piece.future.cancel()

    def open(self) -> None:
        """
        Open the executor, so that what is wrong with it is told before the work.

        Raises:
            UsageError: It does not take the argument or the number of workers.
            ExecutorError: It cannot be opened.
        """
        self._opened()

    def close(self) -> None:
        """End what was opened; it opens again when it is used."""
        self._executor = None
        self._stack.close()

    def _opened(self) -> Executor:
        if self._executor is None:
            self._executor = self._stack.enter_context(self.factory.open(self.argument, self.workers))
        return self._executor

    def _window(self) -> int:
        count: int = self.workers or getattr(self._opened(), "workers", None) or os.cpu_count() or 1
        return AHEAD * count

    def _give_out(self, pieces: Iterable[_Piece]) -> None:
        """Give out what is not; what an executor does not take any more waits for its turn."""
        with suppress(BrokenExecutor):
            for piece in pieces:
                if piece.future is None:
                    piece.future = self._opened().submit(run, *piece.data)

    def _first(self, given: deque[tuple[T, _Piece]]) -> tuple[T, Any]:
        """The first item with its result, once that is there."""
        item, piece = given[0]
        losses = 0
        while True:
            try:
                self._give_out(piece for _, piece in given)
                if piece.future is None:
                    raise BrokenExecutor("no work is taken")  # noqa: TRY301 - one of several ways to be lost
                result = piece.future.result()
            except (BrokenExecutor, CancelledError) as error:
                losses += 1
                if losses >= MOST_LOSSES:
                    raise ExecutorError(
                        f"Workers of {self.factory.name} were lost {losses} times over one piece of work "
                        f"({' '.join(str(error).split()) or 'it was cancelled'}): are they short of memory, or cannot "
                        "start? Fewer --workers need less."
                    ) from error
                self._again(piece for _, piece in given)
            except LatentKnobsError:
                raise
            except Exception as error:
                raise ExecutorError(
                    f"Workers of {self.factory.name} cannot do this work ({' '.join(str(error).split())}): they need "
                    f"latentknobs {__version__}, as this program has, and its plugins."
                ) from error
            else:
                given.popleft()
                if isinstance(result, Raised):
                    raise result.error
                return item, result

    def _again(self, pieces: Iterable[_Piece]) -> None:
        """Forget what was lost, and open another executor for it."""
        for piece in pieces:
            if piece.future is not None and piece.has_no_result():
                piece.future.cancel()
                piece.future = None
        self.close()


@define(eq=False)
class _Piece:
    """A piece of work as bytes, and where it is being done."""

    data: tuple[bytes, bytes, bytes]
    future: Future[Any] | None = None

    def has_no_result(self) -> bool:
        """Whether it is not done, or was lost: results that are there stay."""
        assert self.future is not None  # asked of what was given out
        if not self.future.done() or self.future.cancelled():
            return True
        return isinstance(self.future.exception(), BrokenExecutor)
