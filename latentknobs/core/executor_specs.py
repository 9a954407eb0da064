"""Executors, and the one form of work that they are given: a task on many items, none of which needs another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from attrs import frozen

from latentknobs.core.prefetch import ahead

T = TypeVar("T")
P = TypeVar("P")
R = TypeVar("R")
T_contra = TypeVar("T_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)


@frozen
class ExecutorFactory:
    """
    A place where work is done.

    Attributes:
        name: What ``--executor`` takes ("processes").
        doc: One sentence.
        open: The argument after the colon ("" = none) and the number of workers (None = as many as there are) to a
            context manager that gives a ``concurrent.futures.Executor``; its end ends what it began, at once. Where a
            worker is lost, the futures of its work raise ``BrokenExecutor`` or are cancelled: the work is then given
            out again, to an executor that is opened anew. Raises UsageError for what it does not take, ExecutorError
            where it cannot be opened. An executor may have a number ``workers``.
        takes: What stands after the colon in ``--executor NAME:ARGUMENT`` ("[an address]"), "" = nothing.
        in_process: Whether work is done in this process, so that models and plugins need not be loaded elsewhere.
    """

    name: str
    doc: str
    open: Callable[[str, int | None], AbstractContextManager[Executor]]
    takes: str = ""
    in_process: bool = False


class ShardTask(Protocol[T_contra, P, R_co]):
    """
    What is done to an item; a value that pickle carries.

    Models, and what plugins offer, travel by name (:mod:`latentknobs.executors.shipping`). The result depends on
    nothing but the task and the item.
    """

    def prepare(self, item: T_contra) -> P:
        """Work that calls no model: in this process it is done while the model computes for the item before."""
        ...

    def work(self, item: T_contra, prepared: P) -> R_co:
        """The rest of it."""
        ...


class ShardMap(Protocol):
    """Does a task to items, and gives each with its result, in their order, so that no sum depends on the workers."""

    def __call__(self, task: ShardTask[T, Any, R], items: Iterable[T]) -> Iterator[tuple[T, R]]:
        """Each item with its result; what the task raises is raised in its place."""
        ...


def in_turn(task: ShardTask[T, Any, R], items: Iterable[T]) -> Iterator[tuple[T, R]]:
    """The map of one process, item by item."""
    for item, prepared in ahead(task.prepare, items):
        yield item, task.work(item, prepared)
