"""
The decoder queue: one worker does all work with models, and codes that wait are decoded in one batch.

Front ends that serve several people at once put their work here. As soon as the worker is free it takes what waits:
other work (opening a piece) in turn, and of the codes that are to be decoded those of all clients together. Of one
client only the newest move is kept.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from functools import partial
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import numpy as np
from attrs import define, field, frozen

from latentknobs.core.arrays import ClipBatch, Codes
from latentknobs.core.backend import VAEBackend

T = TypeVar("T")
MOST_CLIPS = 256
"""Clips that one batch has at most, beyond the first move: what waits behind them goes into the next one."""
MOST_WAITING = 1024
"""Work that may wait: beyond it new work is refused at once, so that memory has an end."""


class BusyError(RuntimeError):
    """Raised into the future of work that is refused because too much waits."""


@frozen(eq=False)
class DecodedBatch:
    """
    Clips from the worker.

    Attributes:
        clips: int16 (N, *shape), those that were asked for.
        together: How many clips the batch had, others' included.
    """

    clips: ClipBatch
    together: int


@frozen(eq=False)
class _Move(Generic[T]):
    model: VAEBackend
    codes: Callable[[], Codes]
    use: Callable[[DecodedBatch], T]
    future: Future[T]


@frozen(eq=False)
class _Task(Generic[T]):
    run: Callable[[], T]
    future: Future[T]


@define(eq=False)
class DecoderQueue:
    """
    One worker thread for all work with models; a context manager that ends it.

    Attributes:
        batches: How many batches were decoded.
        decoded: How many clips those had in all.
    """

    batches: int = field(default=0, init=False)
    decoded: int = field(default=0, init=False)
    _moves: OrderedDict[Hashable, _Move[Any]] = field(factory=OrderedDict, init=False)
    _tasks: deque[_Task[Any]] = field(factory=deque, init=False)
    _ready: threading.Condition = field(factory=threading.Condition, init=False)
    _ended: bool = field(default=False, init=False)
    _worker: threading.Thread | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        self._worker = threading.Thread(target=self._work, name="decoder", daemon=True)
        self._worker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the worker after what it is at; what waits is cancelled."""
        with self._ready:
            self._ended = True
            for future in (*(move.future for move in self._moves.values()), *(task.future for task in self._tasks)):
                future.cancel()
            self._moves.clear()
            self._tasks.clear()
            self._ready.notify()
        if self._worker is not None:
            self._worker.join()
            self._worker = None

    def decode(
        self, client: Hashable, model: VAEBackend, codes: Callable[[], Codes], use: Callable[[DecodedBatch], T]
    ) -> Future[T]:
        """
        Have codes decoded with those of all other clients.

        A move of the same client that still waits is given up: its future is cancelled, and this one has its place.

        Args:
            client: Whose move it is.
            model: What decodes.
            codes: Gives the codes, (N, D); called by the worker. What it raises is the future's.
            use: Makes the result of the clips; called by the worker.
        """
        future: Future[T] = Future()
        with self._ready:
            if not self._refused(future, waiting=client in self._moves):
                older = self._moves.get(client)
                self._moves[client] = _Move(model, codes, use, future)
                if older is not None:
                    older.future.cancel()
                self._ready.notify()
        return future

    def run(self, work: Callable[[], T]) -> Future[T]:
        """Have the worker do something else with a model, in its turn."""
        future: Future[T] = Future()
        with self._ready:
            if not self._refused(future, waiting=False):
                self._tasks.append(_Task(work, future))
                self._ready.notify()
        return future

    def forget(self, client: Hashable) -> None:
        """Give up what a client that has gone still waits for."""
        with self._ready:
            move = self._moves.pop(client, None)
            if move is not None:
                move.future.cancel()

    def _refused(self, future: Future[Any], *, waiting: bool) -> bool:
        if self._ended:
            future.cancel()
            return True
        if not waiting and len(self._moves) + len(self._tasks) >= MOST_WAITING:
            future.set_exception(BusyError("Too much work waits for the model: try again in a moment."))
            return True
        return False

    def _work(self) -> None:
        while True:
            with self._ready:
                while not (self._moves or self._tasks or self._ended):
                    self._ready.wait()
                if self._ended:
                    return
                # One piece of other work, then a batch: neither keeps the other waiting for long.
                task = self._tasks.popleft() if self._tasks else None
                moves = list(self._moves.values())
                keys = list(self._moves)
            if task is not None:
                _do(task.future, task.run)
            if moves:
                self._tick(keys)

    def _tick(self, keys: Sequence[Hashable]) -> None:
        """Decode what these clients wait for now, as far as one batch goes, the longest waiting first."""
        taken: list[tuple[_Move[Any], Codes]] = []
        clips = 0
        for key in keys:
            with self._ready:
                if clips >= MOST_CLIPS:
                    break
                move = self._moves.pop(key, None)
            if move is None or not move.future.set_running_or_notify_cancel():
                continue
            try:
                codes = move.codes()
            except Exception as error:  # noqa: BLE001 - it is the asking client's, not the worker's
                move.future.set_exception(error)
                continue
            taken.append((move, codes))
            clips += len(codes)
        for model in {id(move.model): move.model for move, _codes in taken}.values():
            self._batch(model, [(move, codes) for move, codes in taken if move.model is model])

    def _batch(self, model: VAEBackend, taken: Sequence[tuple[_Move[Any], Codes]]) -> None:
        every = np.concatenate([codes for _move, codes in taken])
        try:
            clips = model.decode(every)
        except Exception as error:  # noqa: BLE001 - as above
            for move, _codes in taken:
                move.future.set_exception(error)
            return
        self.batches += 1
        self.decoded += len(every)
        start = 0
        for move, codes in taken:
            own = DecodedBatch(clips[start : start + len(codes)], len(every))
            start += len(codes)
            _finish(move.future, partial(move.use, own))


def _do(future: Future[T], work: Callable[[], T]) -> None:
    if future.set_running_or_notify_cancel():
        _finish(future, work)


def _finish(future: Future[T], work: Callable[[], T]) -> None:
    try:
        result = work()
    except Exception as error:  # noqa: BLE001 - whoever asked is told, and the worker goes on
        future.set_exception(error)
    else:
        future.set_result(result)
