"""
The decoder queue: one worker does all work with models, and codes that wait are decoded in one batch for each model.

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
        clips: For each of the client's models int16 (N, *shape).
        together: Number of clips in the batches of these models, other clients' included.
    """

    clips: tuple[ClipBatch, ...]
    together: int


@frozen(eq=False)
class _Move(Generic[T]):
    models: Sequence[VAEBackend]
    codes: Callable[[], Sequence[Codes]]
    use: Callable[[DecodedBatch], T]
    future: Future[T]

    def finish(self, batch: DecodedBatch) -> None:
        """Give the future what becomes of the clips."""
        try:
            self.future.set_result(self.use(batch))
        except Exception as error:  # noqa: BLE001 - it is the client's error; the worker goes on
            self.future.set_exception(error)


@define(eq=False)
class _Decoding:
    """A move whose codes are being decoded, model by model."""

    move: _Move[Any]
    codes: Sequence[Codes]
    clips: dict[int, ClipBatch] = field(factory=dict)
    together: int = 0
    failed: bool = False

    def numbers(self, model: VAEBackend) -> list[int]:
        """Which of its codes a model decodes."""
        return [k for k, own in enumerate(self.move.models) if own is model]

    def take(self, k: int, clips: ClipBatch, together: int) -> None:
        """The clips of some codes, of a batch of so many; the last ones finish the move."""
        self.clips[k] = clips
        self.together += together
        if len(self.clips) == len(self.codes):
            self.move.finish(DecodedBatch(tuple(self.clips[k] for k in range(len(self.codes))), self.together))

    def fail(self, error: Exception) -> None:
        """Give the future what went wrong."""
        self.failed = True
        self.move.future.set_exception(error)


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
        self,
        client: Hashable,
        models: Sequence[VAEBackend],
        codes: Callable[[], Sequence[Codes]],
        use: Callable[[DecodedBatch], T],
    ) -> Future[T]:
        """
        Have codes decoded together with those of all other clients.

        A waiting move of the same client is cancelled, and this one takes its place.

        Args:
            client: Whose move it is.
            models: What decodes: one for each format of the client's piece.
            codes: Gives for each of them the codes, (N, D); called by the worker. The future gets what it raises.
            use: Makes the result from the clips; called by the worker.
        """
        future: Future[T] = Future()
        with self._lock:
            older = self._moves.get(client)
            if self._worker is None or (older is None and self._is_full()):
                return self._refused()
            self._moves[client] = _Move(models, codes, use, future)
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
        taken: list[tuple[_Move[Any], Sequence[Codes]]] = []
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
            clips += sum(map(len, codes))
        waiting = [_Decoding(*one) for one in taken]
        for model in {id(model): model for move, _codes in taken for model in move.models}.values():
            self._decode(model, [one for one in waiting if any(own is model for own in one.move.models)])

    def _decode(self, model: VAEBackend, waiting: Sequence[_Decoding]) -> None:
        """Decode the codes of one model, and finish the moves that waited for it alone."""
        parts = [(one, k) for one in waiting if not one.failed for k in one.numbers(model)]
        if not parts:
            return
        codes = np.concatenate([one.codes[k] for one, k in parts])
        try:
            clips = model.decode(codes)
        except Exception as error:  # noqa: BLE001 - it is the clients' error; the worker goes on
            for one, _k in parts:
                one.fail(error)
            return
        self.batches += 1
        self.decoded += len(codes)
        ends = np.cumsum([len(one.codes[k]) for one, k in parts])
        for (one, k), end in zip(parts, ends, strict=True):
            one.take(k, clips[end - len(one.codes[k]) : end], len(codes))
