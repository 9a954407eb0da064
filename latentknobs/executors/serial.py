"""Work in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

from latentknobs.errors import UsageError

P = ParamSpec("P")
R = TypeVar("R")


class SerialExecutor(Executor):
    """Does what it is given at once."""

    workers = 1

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """A future that is done."""
        out: Future[R] = Future()
        try:
            out.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - raised where the result is asked for
            out.set_exception(error)
        return out


@contextmanager
def serial(_argument: str, workers: int | None) -> Iterator[Any]:
    """
    An executor without workers.

    Raises:
        UsageError: Some are asked for.
    """
    if workers is not None:
        raise UsageError("The executor serial has no workers: leave out --workers, or add --executor processes.")
    yield SerialExecutor()
