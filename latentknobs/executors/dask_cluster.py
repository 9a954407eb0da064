"""Work on a dask cluster: one of this machine, or that of a scheduler."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from latentknobs.errors import ExecutorError, needs_extra

if TYPE_CHECKING:
    from distributed import Client

P = ParamSpec("P")
R = TypeVar("R")
ANSWER = 10.0
"""Seconds in which a scheduler must answer."""
PATIENCE = 30.0
"""Seconds in which it must have the workers, and that it may be without any before its work counts as lost."""
LOOKS = 2.0
"""Seconds between two looks at them."""
SAME = ("dask", "distributed", "python")
"""What must have one version on the program, the scheduler and the workers; of Python, its first two numbers."""


class DaskExecutor(Executor):
    """
    What a dask client gives as an executor, in the terms of ours: lost work raises BrokenExecutor.

    Attributes:
        workers: Threads of the cluster when it was opened; it may grow and shrink.
    """

    def __init__(self, client: Client, workers: int) -> None:
        self.workers = workers
        self._client = client
        self._inner = client.get_executor(pure=False)
        self._open: set[Future[Any]] = set()
        self._ended = threading.Event()
        threading.Thread(target=self._watch, name="dask-workers", daemon=True).start()

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """As there."""
        out: Future[R] = Future()
        self._open.add(out)
        if self._ended.is_set():
            raise BrokenExecutor("the scheduler or all its workers were lost")
        try:
            inner = self._inner.submit(fn, *args, **kwargs)
        except Exception as error:
            raise BrokenExecutor(str(error)) from error

        def pass_on(done: Future[R]) -> None:
            self._open.discard(out)
            if out.done():
                return
            if done.cancelled():
                out.set_exception(BrokenExecutor("the scheduler was lost"))
            elif (error := done.exception()) is None:
                out.set_result(done.result())
            else:
                out.set_exception(BrokenExecutor(_clause(error)) if _is_loss(error) else error)

        inner.add_done_callback(pass_on)
        out.add_done_callback(lambda done: inner.cancel() if done.cancelled() else None)
        return out

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """As there; what is under way is left."""
        self._ended.set()
        with suppress(Exception):  # the scheduler may be gone
            self._inner.shutdown(wait=wait and not cancel_futures)

    def _watch(self) -> None:
        """Give up work whose scheduler has started again, of which the client may never be told, or has no workers."""
        scheduler, without = self._client.scheduler_info()["id"], 0.0
        while not self._ended.wait(LOOKS):
            try:
                without = 0.0 if self._client.nthreads() else without + LOOKS
                lost = self._client.scheduler_info()["id"] != scheduler
            except Exception:  # noqa: BLE001 - no answer is no worker
                without, lost = without + LOOKS, False
            if lost or without >= PATIENCE:
                self._ended.set()
                for future in list(self._open):
                    with suppress(Exception):  # it may be done at this very moment
                        future.set_exception(BrokenExecutor("the scheduler or all its workers were lost"))


def _is_loss(error: BaseException) -> bool:
    """Whether an error is dask's own on work whose worker or connection was lost."""
    from distributed import KilledWorker
    from distributed.client import FutureCancelledError
    from distributed.comm.core import CommClosedError

    return isinstance(error, KilledWorker | FutureCancelledError | CommClosedError)


def _clause(error: BaseException) -> str:
    return " ".join(str(error).split()).partition(". ")[0].rstrip(".")


@contextmanager
def dask(address: str, workers: int | None) -> Iterator[Executor]:
    """
    The executor of a scheduler, "" = of a new cluster of this machine with so many processes of one thread.

    Raises:
        MissingExtraError: dask is not installed.
        ExecutorError: Nobody answers, there are no workers, or the versions differ.
    """
    with needs_extra("The executor dask", "dask"):
        from distributed import Client, LocalCluster
    with ExitStack() as stack:
        if address:
            client = _client(address, stack)
        else:
            cluster = LocalCluster(
                n_workers=workers or os.cpu_count() or 1,
                threads_per_worker=1,
                dashboard_address="127.0.0.1:0",  # any free port: without one, 8787 is taken, by two clusters too
                silence_logs=50,
            )
            stack.callback(cluster.close, timeout=ANSWER)
            client = stack.enter_context(Client(cluster, set_as_default=False))
        threads = _threads(client, address, workers)
        executor = DaskExecutor(client, threads)
        stack.callback(executor.shutdown, cancel_futures=True)
        yield executor


def _client(address: str, stack: ExitStack) -> Client:
    from distributed import Client
    from distributed.comm.addressing import resolve_address

    try:
        resolve_address(address)  # a client of an address that is none is closed by its destructor, in 20 seconds
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of versions that differ: these are checked, and told in one sentence
            client = Client(address, timeout=ANSWER, set_as_default=False)
            stack.callback(_close, client)
            versions: Any = client.get_versions()
    except (OSError, ValueError, TypeError) as error:
        raise ExecutorError(
            f"No dask scheduler answers at {address} ({_clause(error) or 'it took too long'}): start one with dask "
            "scheduler, and give the address that it prints."
        ) from error
    _check_versions(address, versions)
    return client


def _close(client: Client) -> None:
    with suppress(Exception):  # whatever has become of the scheduler
        client.close(timeout=ANSWER)


def _check_versions(address: str, versions: Mapping[str, Any]) -> None:
    """See that what dask compares is the same everywhere."""
    own = _versions(versions["client"])
    others = [
        ("the scheduler", versions["scheduler"]),
        *((f"a worker ({a})", v) for a, v in versions["workers"].items()),
    ]
    for who, other in others:
        for name, version in _versions(other).items():
            if version != own[name]:
                raise ExecutorError(
                    f"The dask cluster at {address} has another {name}: {version} on {who}, {own[name]} here; install "
                    "the same version."
                )


def _versions(of: Mapping[str, Any]) -> dict[str, str]:
    packages = of["packages"]
    found = {name: str(packages.get(name)) for name in SAME}
    return {**found, "python": ".".join(found["python"].split(".")[:2])}


def _threads(client: Client, address: str, workers: int | None) -> int:
    """How many threads the cluster has, once it has so many workers."""
    try:
        client.wait_for_workers(workers or 1, timeout=PATIENCE)
    except TimeoutError as error:
        found = len(client.nthreads())
        raise ExecutorError(
            f"The dask cluster{f' at {address}' if address else ''} has {found} workers, and {workers or 1} were to "
            f"work: start more with dask worker {address or 'ADDRESS'} --nthreads 1, where this latentknobs is "
            "installed, or ask for fewer."
        ) from error
    return sum(client.nthreads().values())
