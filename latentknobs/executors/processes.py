"""Work in processes of this machine."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class _Processes(ProcessPoolExecutor):
    """Starts its processes such that Ctrl-C, which a terminal sends to all, reaches the program alone."""

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """As there."""
        if not hasattr(signal, "pthread_sigmask"):
            return super().submit(fn, *args, **kwargs)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # what is started inherits it
        try:
            return super().submit(fn, *args, **kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def processes(_argument: str, workers: int | None) -> Iterator[Executor]:
    """New processes, as many as there are cores where no number is asked for; they end with the block, at once."""
    context = get_context("spawn")
    life, ours = context.Pipe(duplex=False)
    executor = _Processes(workers or os.cpu_count() or 1, context, _begin, (life,))
    try:
        yield executor
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
        ours.close()
        executor.shutdown(wait=True)
        life.close()


def _begin(life: Connection) -> None:
    """In a new process: it ends when the program lets go of the other end, whatever it is doing, or has ended."""

    def watch() -> None:
        try:
            life.recv_bytes()
        except (EOFError, OSError):
            os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="life", daemon=True).start()
