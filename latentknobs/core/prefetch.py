"""Work that goes on in another thread, while a model computes or is loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def ahead(work: Callable[[T], R], items: Iterable[T]) -> Iterator[tuple[T, R]]:
    """
    Each item with what work makes of it; another thread works on one item while its predecessor is in use.

    Results come in the order of the items, and work is done in that order, one item at a time. Libraries that compute
    without Python's lock, as torch and numpy do, then run side by side. Whoever stops early or interrupts waits for
    nothing: work that has begun is left to itself, and ends with the program at the latest.

    Raises:
        Exception: What work raises, in place of the item that it was raised for.
    """
    before: tuple[T, Future[R]] | None = None
    for item in items:
        done = None if before is None else (before[0], before[1].result())
        before = item, begin(work, item)
        if done is not None:
            yield done
    if before is not None:
        yield before[0], before[1].result()


def begin(work: Callable[[T], R], item: T) -> Future[R]:
    """Start work on an item in a thread of its own; what it raises is raised where its result is asked for."""
    out: Future[R] = Future()

    def run() -> None:
        try:
            out.set_result(work(item))
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
            out.set_exception(error)

    # An executor's threads are waited for at the program's end: an edit that never ends could not be interrupted.
    Thread(target=run, name="ahead", daemon=True).start()
    return out
