"""
The decoder queue: one worker does all work with models, and codes that wait are decoded in one batch for each model.

Front ends with several clients put their work here. When the worker is free it does other work in turn, and decodes the
waiting codes of all clients together; those of a long piece in slices, between which others have their turn, and the
nearest to what a person looks at first. Of one client only the newest move is kept. Work that calls models now and
then, such as opening a piece, runs beside the worker, which does its calls in slices too
(:class:`~latentknobs.steering.shared_model.SharedModel`).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray

from latentknobs.core.arrays import Bools, ClipBatch, Codes, Ints
from latentknobs.core.backend import VAEBackend

T = TypeVar("T")
MAX_CLIPS = 256
"""A batch takes no further move once it has this many clips; the next batch does."""
SLICE = 32
"""Clips of one client that a model is given at a time; others wait for no more than these."""
FIRST = 8
"""Clips of the first slice where the nearest come first."""
BESIDE = 4
"""Threads for work beside the worker."""
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
class PartlyDecoded:
    """
    What is there of a move.

    Attributes:
        clips: For each of the client's models int16 (N, *shape), of which those that are done count; None without any.
        done: For each of them which are decoded, bool (N,).
    """

    clips: tuple[ClipBatch | None, ...]
    done: tuple[Bools, ...]


@frozen(eq=False)
class NearFirst:
    """
    How a client has the clips that it looks at before the others; a newer move of its own then ends this one.

    Attributes:
        distances: How far off each of the codes is, for each model (N,); called by the worker, after the codes.
        tell: Called by the worker with what is there, whenever that is more but not all; it must not take long.
    """

    distances: Callable[[], Sequence[NDArray[np.float64]]]
    tell: Callable[[PartlyDecoded], None]


@frozen(eq=False)
class _Move(Generic[T]):
    client: Hashable
    models: Sequence[VAEBackend]
    codes: Callable[[], Sequence[Codes]]
    use: Callable[[DecodedBatch], T]
    near: NearFirst | None
    future: Future[T]

    def finish(self, batch: DecodedBatch) -> None:
        """Give the future what becomes of the clips."""
        try:
            self.future.set_result(self.use(batch))
        except Exception as error:  # noqa: BLE001 - it is the client's error; the worker goes on
            self.future.set_exception(error)


@define(eq=False)
class _Decoding:
    """A move whose codes are being decoded, model by model; one that is gone is wanted by nobody."""

    move: _Move[Any]
    codes: Sequence[Codes]
    distances: Sequence[NDArray[np.float64]] | None
    done: Sequence[Bools]
    clips: dict[int, ClipBatch] = field(factory=dict)
    together: int = 0
    failed: bool = False
    gone: bool = False

    @classmethod
    def of(cls, move: _Move[Any]) -> Self:
        """A move whose codes are made now; raises what making them raises."""
        codes = move.codes()
        distances = None if move.near is None else move.near.distances()
        return cls(move, codes, distances, [np.zeros(len(own), dtype=bool) for own in codes])

    def numbers(self, model: VAEBackend) -> list[int]:
        """Which of its codes a model decodes."""
        return [k for k, own in enumerate(self.move.models) if own is model]

    @property
    def is_long(self) -> bool:
        """Whether it is decoded in slices."""
        return sum(map(len, self.codes)) > (SLICE if self.distances is None else 2 * FIRST)

    @property
    def is_done(self) -> bool:
        """Whether all clips are there."""
        return all(k in self.clips and done.all() for k, done in enumerate(self.done))

    def next_slice(self) -> tuple[int, Ints]:
        """The number of the codes that are decoded next, and which of them: the nearest that are not there."""
        left = [np.flatnonzero(~done) for done in self.done]
        missing = [k for k, rows in enumerate(left) if len(rows) or k not in self.clips]
        if self.distances is None:
            return missing[0], left[missing[0]][:SLICE]
        far = self.distances
        k = min(missing, key=lambda k: float(far[k][left[k]].min(initial=np.inf)))
        nearest = left[k][np.argsort(far[k][left[k]], kind="stable")]
        return k, np.sort(nearest[: SLICE if self.done[k].any() else FIRST])

    def take(self, k: int, rows: Ints, clips: ClipBatch, together: int) -> None:
        """The clips of some codes, of a batch of so many; the last ones finish the move."""
        if k not in self.clips:
            self.clips[k] = np.zeros((len(self.codes[k]), *clips.shape[1:]), dtype=clips.dtype)
        self.clips[k][rows], self.done[k][rows] = clips, True
        self.together += together
        if self.is_done:
            self.move.finish(DecodedBatch(tuple(self.clips[k] for k in range(len(self.codes))), self.together))
        elif self.move.near is not None and self.is_long:
            clips_now = (None if (own := self.clips.get(k)) is None else own.copy() for k in range(len(self.codes)))
            self.move.near.tell(PartlyDecoded(tuple(clips_now), tuple(done.copy() for done in self.done)))

    def fail(self, error: BaseException) -> None:
        """Give the future what went wrong."""
        self.failed = True
        self.move.future.set_exception(error)


@define(eq=False)
class DecoderQueue:
    """
    One worker thread for all work with models, and some beside it; a context manager that ends them.

    Attributes:
        batches: Number of decoded batches.
        decoded: Number of clips in them.
    """

    batches: int = field(default=0, init=False)
    decoded: int = field(default=0, init=False)
    _moves: OrderedDict[Hashable, _Move[Any]] = field(factory=OrderedDict, init=False)
    _long: list[_Decoding] = field(factory=list, init=False)
    _slice_next: bool = field(default=False, init=False)
    _batches_due: int = field(default=0, init=False)
    _tasks: int = field(default=0, init=False)
    _lock: threading.RLock = field(factory=threading.RLock, init=False)
    _worker: ThreadPoolExecutor | None = field(default=None, init=False)
    _beside: ThreadPoolExecutor | None = field(default=None, init=False)
    _worker_thread: int | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="decoder", initializer=self._begin)
        self._beside = ThreadPoolExecutor(BESIDE, thread_name_prefix="beside")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the worker after its current work; what waits is cancelled."""
        with self._lock:
            worker, self._worker = self._worker, None
            beside, self._beside = self._beside, None
            for move in self._moves.values():
                move.future.cancel()
            self._moves.clear()
            for one in self._long:
                one.gone = True
        if worker is not None and beside is not None:
            worker.shutdown(cancel_futures=True)
            beside.shutdown(cancel_futures=True)
        for one in self._long:
            one.fail(CancelledError())
        self._long.clear()

    def decode(
        self,
        client: Hashable,
        models: Sequence[VAEBackend],
        codes: Callable[[], Sequence[Codes]],
        use: Callable[[DecodedBatch], T],
        near: NearFirst | None = None,
    ) -> Future[T]:
        """
        Have codes decoded together with those of all other clients.

        A waiting move of the same client is cancelled, and this one takes its place.

        Args:
            client: Whose move it is.
            models: What decodes: one for each format of the client's piece.
            codes: Gives for each of them the codes, (N, D); called by the worker. The future gets what it raises.
            use: Makes the result from the clips; called by the worker.
            near: Which clips come first where they are many, and who is told of them; None = nobody.
        """
        future: Future[T] = Future()
        with self._lock:
            older = self._moves.get(client)
            if self._worker is None or (older is None and self._is_full()):
                return self._refused()
            self._moves[client] = _Move(client, models, codes, use, near, future)
            if older is not None:
                older.future.cancel()
            else:
                self._batch()
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
            self._batch()
        return future

    def beside(self, work: Callable[[], T]) -> Future[T]:
        """Have a thread beside the worker do something that takes long; what it does with models is the worker's."""
        with self._lock:
            if self._beside is None or self._is_full():
                return self._refused()
            self._tasks += 1
            future = self._beside.submit(work)
            future.add_done_callback(self._task_done)
        return future

    @property
    def is_worker(self) -> bool:
        """Whether the worker itself asks; it cannot wait for itself."""
        return threading.get_ident() == self._worker_thread

    def forget(self, client: Hashable) -> None:
        """Cancel the waiting move of a client that has gone, and give up its long one."""
        with self._lock:
            move = self._moves.pop(client, None)
            for one in self._long:
                one.gone |= one.move.client == client
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

    def _begin(self) -> None:
        self._worker_thread = threading.get_ident()

    def _batch(self) -> None:
        """Have the worker decode what waits, unless it is about to; of one that holds the lock."""
        if self._worker is not None and not self._batches_due:
            self._batches_due += 1
            self._worker.submit(self._decode_waiting)

    def _decode_waiting(self) -> None:
        """Decode a batch of short moves or a slice of a long one, in turn, and come back for the rest."""
        with self._lock:
            self._batches_due -= 1
            sliced = bool(self._long) and (self._slice_next or not self._moves)
            self._slice_next = not sliced
        if sliced:
            self._decode_slice()
        else:
            self._decode_short()
        with self._lock:
            if self._moves or self._long:
                self._batch()

    def _decode_short(self) -> None:
        """Decode the waiting moves, as far as one batch goes, the longest waiting first; a long one is put aside."""
        waiting: list[_Decoding] = []
        clips = 0
        with self._lock:
            busy = {one.move.client for one in self._long}
            keys = [key for key in self._moves if key not in busy]  # of one client one long move at a time
        for key in keys:
            if clips >= MAX_CLIPS:
                break
            with self._lock:
                move = self._moves.pop(key, None)
            if move is None or not move.future.set_running_or_notify_cancel():
                continue
            try:
                one = _Decoding.of(move)
            except Exception as error:  # noqa: BLE001 - it is the client's error; the worker goes on
                move.future.set_exception(error)
                continue
            if one.is_long:
                with self._lock:
                    self._long.append(one)
                break  # that took a while already
            waiting.append(one)
            clips += sum(map(len, one.codes))
        for model in {id(model): model for one in waiting for model in one.move.models}.values():
            self._decode(model, [one for one in waiting if any(own is model for own in one.move.models)])

    def _decode_slice(self) -> None:
        """Decode the next slice of the long move that has waited longest, which then waits again."""
        with self._lock:
            one = self._long[0]
        if not one.gone:
            self._decode_next(one)
        with self._lock:
            # What is near has been told of: the newer move begins with that too.
            one.gone |= one.move.near is not None and one.move.client in self._moves
            self._long.remove(one)
            if one.gone and not one.is_done and not one.failed:
                one.fail(CancelledError())
            elif not one.is_done and not one.failed:
                self._long.append(one)

    def _decode_next(self, one: _Decoding) -> None:
        k, rows = one.next_slice()
        try:
            clips = one.move.models[k].decode(one.codes[k][rows])
        except Exception as error:  # noqa: BLE001 - it is the client's error; the worker goes on
            one.fail(error)
            return
        self.batches += 1
        self.decoded += len(rows)
        one.take(k, rows, clips, len(rows))

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
            count = len(one.codes[k])
            one.take(k, np.arange(count), clips[end - count : end], len(codes))
