"""Work in processes of this machine."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from typing import Any, ParamSpec, TypeVar
from weakref import WeakSet

P = ParamSpec("P")
R = TypeVar("R")
SETTLES = 10.0
"""Seconds that this may take."""


class _Processes(ProcessPoolExecutor):
    """Starts its processes such that Ctrl-C, which a terminal sends to all, reaches the program alone."""

    def __init__(self, workers: int, life: Connection) -> None:
        super().__init__(workers, get_context("spawn"), _begin, (life,))
        self._given: WeakSet[Future[Any]] = WeakSet()

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """As there."""
        masked = hasattr(signal, "pthread_sigmask")
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT]) if masked else ()  # processes inherit it
        try:
            out = super().submit(fn, *args, **kwargs)
        finally:
            if masked:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._given.add(out)
        return out

    def settle(self) -> None:
        """After the end of the processes: wait until their futures are told, which the executor's own thread does."""
        wait([future for future in self._given if not future.cancelled()], timeout=SETTLES)


@contextmanager
def processes(_argument: str, workers: int | None) -> Iterator[Executor]:
    """New processes, as many as there are cores where no number is asked for; they end with the block, at once."""
    life, ours = Pipe(duplex=False)
    executor = _Processes(workers or os.cpu_count() or 1, life)
    try:
        yield executor
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
        ours.close()
        executor.settle()
        life.close()


def _begin(life: Connection) -> None:
    """In a new process: it ends when the program lets go of the other end, whatever it is doing, or has ended."""

    def watch() -> None:
        try:
            life.recv_bytes()
        except (EOFError, OSError):
            os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="life", daemon=True).start()
