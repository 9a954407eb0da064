"""
The decoder queue: one worker does all work with models, and codes that wait are decoded in one batch.

Front ends with several clients put their work here. When the worker is free it does other work (opening a piece) in
turn, and decodes the waiting codes of all clients together. Of one client only the newest move is kept.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import numpy as np
from attrs import define, field, frozen

from latentknobs.core.arrays import ClipBatch, Codes
from latentknobs.core.backend import VAEBackend

T = TypeVar("T")
MAX_CLIPS = 256
"""A batch takes no further move once it has this many clips; the next batch does."""
MAX_WAITING = 1024
"""Work that may wait; more is refused at once, which bounds memory."""


class BusyError(RuntimeError):
    """Raised into the future of work that is refused because too much waits."""


@frozen(eq=False)
class DecodedBatch:
    """
    Clips from the worker.

    Attributes:
        clips: int16 (N, *shape), of this client.
        together: Number of clips in the batch, other clients' included.
    """

    clips: ClipBatch
    together: int


@frozen(eq=False)
class _Move(Generic[T]):
    model: VAEBackend
    codes: Callable[[], Codes]
    use: Callable[[DecodedBatch], T]
    future: Future[T]

    def finish(self, batch: DecodedBatch) -> None:
        """Give the future what becomes of the clips."""
        try:
            self.future.set_result(self.use(batch))
        except Exception as error:  # noqa: BLE001 - it is the client's error; the worker goes on
            self.future.set_exception(error)


@define(eq=False)
class DecoderQueue:
    """
    One worker thread for all work with models; a context manager that ends it.

    Attributes:
        batches: Number of decoded batches.
        decoded: Number of clips in them.
    """

    batches: int = field(default=0, init=False)
    decoded: int = field(default=0, init=False)
    _moves: OrderedDict[Hashable, _Move[Any]] = field(factory=OrderedDict, init=False)
    _tasks: int = field(default=0, init=False)
    _lock: threading.RLock = field(factory=threading.RLock, init=False)
    _worker: ThreadPoolExecutor | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="decoder")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the worker after its current work; what waits is cancelled."""
        with self._lock:
            worker, self._worker = self._worker, None
            for move in self._moves.values():
                move.future.cancel()
            self._moves.clear()
        if worker is not None:
            worker.shutdown(cancel_futures=True)

    def decode(
        self, client: Hashable, model: VAEBackend, codes: Callable[[], Codes], use: Callable[[DecodedBatch], T]
    ) -> Future[T]:
        """
        Have codes decoded together with those of all other clients.

        A waiting move of the same client is cancelled, and this one takes its place.

        Args:
            client: Whose move it is.
            model: What decodes.
            codes: Gives the codes, (N, D); called by the worker. The future gets what it raises.
            use: Makes the result from the clips; called by the worker.
        """
        future: Future[T] = Future()
        with self._lock:
            older = self._moves.get(client)
            if self._worker is None or (older is None and self._is_full()):
                return self._refused()
            self._moves[client] = _Move(model, codes, use, future)
            if older is not None:
                older.future.cancel()
            else:
                self._worker.submit(self._decode_waiting)
        return future

    def run(self, work: Callable[[], T]) -> Future[T]:
        """Have the worker do something else with a model, in its turn."""
        with self._lock:
            if self._worker is None or self._is_full():
                return self._refused()
            self._tasks += 1
            future = self._worker.submit(work)
            future.add_done_callback(self._task_done)
            # A batch follows each task, so that neither kind of work keeps the other waiting for long.
            self._worker.submit(self._decode_waiting)
        return future

    def forget(self, client: Hashable) -> None:
        """Cancel the waiting move of a client that has gone."""
        with self._lock:
            move = self._moves.pop(client, None)
        if move is not None:
            move.future.cancel()

    def _is_full(self) -> bool:
        return len(self._moves) + self._tasks >= MAX_WAITING

    def _refused(self) -> Future[Any]:
        future: Future[Any] = Future()
        if self._worker is None:
            future.cancel()
        else:
            future.set_exception(BusyError("Too much work waits for the model: try again in a moment."))
        return future

    def _task_done(self, _future: Future[Any]) -> None:
        with self._lock:
            self._tasks -= 1

    def _decode_waiting(self) -> None:
        """Decode the waiting moves, as far as one batch goes, the longest waiting first."""
        taken: list[tuple[_Move[Any], Codes]] = []
        clips = 0
        with self._lock:
            keys = list(self._moves)
        for key in keys:
            with self._lock:
                if clips >= MAX_CLIPS:
                    if self._moves and self._worker is not None:
                        self._worker.submit(self._decode_waiting)
                    break
                move = self._moves.pop(key, None)
            if move is None or not move.future.set_running_or_notify_cancel():
                continue
            try:
                codes = move.codes()
            except Exception as error:  # noqa: BLE001 - it is the client's error; the worker goes on
                move.future.set_exception(error)
                continue
            taken.append((move, codes))
            clips += len(codes)
        for model in {id(move.model): move.model for move, _codes in taken}.values():
            self._decode(model, [(move, codes) for move, codes in taken if move.model is model])

    def _decode(self, model: VAEBackend, taken: Sequence[tuple[_Move[Any], Codes]]) -> None:
        codes = np.concatenate([codes for _move, codes in taken])
        try:
            clips = model.decode(codes)
        except Exception as error:  # noqa: BLE001 - it is the clients' error; the worker goes on
            for move, _codes in taken:
                move.future.set_exception(error)
            return
        self.batches += 1
        self.decoded += len(codes)
        ends = np.cumsum([len(own) for _move, own in taken])
        for (move, own), end in zip(taken, ends, strict=True):
            move.finish(DecodedBatch(clips[end - len(own) : end], len(codes)))
