"""The same results on any number of cores; :func:`latentknobs.backends.devices.one_thread` is the same for torch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread_sums() -> Iterator[None]:
    """
    Run products of numpy and scipy on one thread: OpenBLAS splits their sums by the number of threads.

    Models keep their threads: torch's results for a clip do not depend on them (measured), and they take nearly all
    of a discovery's time.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        yield
