"""Registers the built-in executors; multiprocessing and dask are loaded when one is opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from latentknobs.hooks import hookimpl

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from latentknobs.core.executor_specs import ExecutorFactory


@contextmanager
def _processes(argument: str, workers: int | None) -> Iterator[Executor]:
    from latentknobs.executors.processes import processes

    with processes(argument, workers) as executor:
        yield executor


@contextmanager
def _dask(argument: str, workers: int | None) -> Iterator[Executor]:
    from latentknobs.executors.dask_cluster import dask

    with dask(argument, workers) as executor:
        yield executor


@hookimpl
def register_executors() -> list[ExecutorFactory]:
    """This process, processes of this machine, dask."""
    from latentknobs.core.executor_specs import ExecutorFactory
    from latentknobs.executors.serial import serial

    return [
        ExecutorFactory("serial", "This process alone.", serial, in_process=True),
        ExecutorFactory("processes", "Processes of this machine.", _processes),
        ExecutorFactory("dask", "A dask cluster: of this machine, or of the scheduler at ADDRESS.", _dask, "[ADDRESS]"),
    ]
