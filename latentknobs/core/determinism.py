"""The same sums on any number of cores: what a discovery computes must not depend on the machine's threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread_sums() -> Iterator[None]:
    """
    Products of numpy and scipy on one thread: OpenBLAS splits their sums by the number of threads.

    Models are left as they are: what torch computes for a clip does not depend on its threads (measured), and nearly
    all of a discovery's time is there.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        yield
