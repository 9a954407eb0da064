"""The decoder queue: batches, newest wins, order, errors and the end."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError

import numpy as np
import pytest

from latentknobs.core.backend import Posterior
from latentknobs.steering import batch_decoder
from latentknobs.steering.batch_decoder import BusyError, DecoderQueue, NearFirst
from latentknobs.steering.shared_model import SharedModel


class Held:
    """A model whose clip of a code is its first number; it decodes when it is let."""

    def __init__(self):
        self.go, self.began, self.batches = threading.Semaphore(0), threading.Semaphore(0), []

    def decode(self, z):
        self.began.release()
        assert self.go.acquire(timeout=20)
        self.batches.append(z[:, 0].tolist())
        if (z < 0).any():
            raise ValueError("a negative code")
        return z.astype(np.int16)


def codes(*values):
    """What gives these codes to one model."""
    return lambda: [np.asarray(values, dtype=np.float32)[:, None]]


@pytest.fixture
def queue():
    """A queue that is at work."""
    with DecoderQueue() as out:
        yield out


def ask(queue, client, model, *values):
    """The clips of these codes, and how many were decoded together."""
    return queue.decode(client, [model], codes(*values), lambda d: (d.clips[0][:, 0].tolist(), d.together))


def test_what_waits_is_one_batch(queue):
    """Each client has its own clips of it, in the order in which they came."""
    model = Held()
    first = ask(queue, "a", model, 1)
    model.began.acquire(timeout=20)
    others = [ask(queue, "b", model, 2, 3), ask(queue, "c", model, 4)]
    model.go.release(2)

    assert first.result(20) == ([1], 1)
    assert [one.result(20) for one in others] == [([2, 3], 3), ([4], 3)]
    assert (model.batches, queue.batches, queue.decoded) == ([[1], [2, 3, 4]], 2, 4)


def test_the_newest_of_a_client_wins_and_keeps_its_place(queue):
    """What it overtakes is cancelled, never decoded; others keep theirs."""
    model = Held()
    ask(queue, "x", model, 0)
    model.began.acquire(timeout=20)
    old = ask(queue, "a", model, 1)
    other = ask(queue, "b", model, 2)
    new = ask(queue, "a", model, 3)
    model.go.release(2)

    assert (new.result(20), other.result(20)) == (([3], 2), ([2], 2))
    assert old.cancelled()
    assert model.batches[1] == [3, 2]


def test_a_batch_has_an_end(queue, monkeypatch):
    """What is beyond it goes into the next one."""
    monkeypatch.setattr(batch_decoder, "MAX_CLIPS", 3)
    model = Held()
    ask(queue, "x", model, 0)
    model.began.acquire(timeout=20)
    asked = [ask(queue, name, model, *range(2)) for name in "abcd"]
    model.go.release(9)

    assert [one.result(20)[1] for one in asked] == [4, 4, 4, 4]
    assert len(model.batches) == 3


def test_two_models_are_two_batches(queue):
    """Each client's codes go to its own."""
    hold, one, two = Held(), Held(), Held()
    ask(queue, "x", hold, 0)
    hold.began.acquire(timeout=20)
    asked = [ask(queue, "a", one, 1), ask(queue, "b", two, 2), ask(queue, "c", one, 3)]
    for model in (hold, one, two):
        model.go.release()

    assert [a.result(20) for a in asked] == [([1], 2), ([2], 1), ([3], 2)]


def test_a_client_of_two_models_has_clips_of_both(queue):
    """Each model decodes its codes with those of all other clients, and the move ends with the last of them."""
    hold, one, two = Held(), Held(), Held()
    ask(queue, "x", hold, 0)
    hold.began.acquire(timeout=20)
    both = queue.decode(
        "a",
        [one, two],
        lambda: [*codes(1)(), *codes(2, 3)()],
        lambda d: ([c[:, 0].tolist() for c in d.clips], d.together),
    )
    other = ask(queue, "b", two, 4)
    for model in (hold, one, two):
        model.go.release()

    assert both.result(20) == ([[1], [2, 3]], 4)
    assert other.result(20) == ([4], 3)
    assert (one.batches, two.batches) == ([[1]], [[2, 3, 4]])


def test_a_model_that_fails_is_the_error_of_who_uses_it(queue):
    """A client of two models has it too; one of the other model alone does not."""
    one, two = Held(), Held()
    ask(queue, "x", one, 0)
    one.began.acquire(timeout=20)
    both = queue.decode("a", [two, one], lambda: [*codes(-1)(), *codes(1)()], list)
    other = ask(queue, "b", one, 2)
    one.go.release(9)
    two.go.release(9)

    assert other.result(20) == ([2], 1)
    with pytest.raises(ValueError, match="negative"):
        both.result(20)


def test_errors_are_the_asking_clients(queue):
    """Codes that cannot be made are one client's error, a model's that of its batch; the worker goes on."""
    model = Held()
    model.go.release(9)

    with pytest.raises(ZeroDivisionError):
        queue.decode("a", [model], lambda: 1 / 0, list).result(20)
    with pytest.raises(ValueError, match="negative"):
        ask(queue, "a", model, -1).result(20)
    with pytest.raises(ZeroDivisionError):
        queue.decode("a", [model], codes(1), lambda _decoded: 1 / 0).result(20)
    with pytest.raises(ZeroDivisionError):
        queue.run(lambda: 1 / 0).result(20)
    assert ask(queue, "a", model, 1).result(20) == ([1], 1)


def test_a_long_move_is_decoded_in_slices_between_the_moves_of_others(queue, monkeypatch):
    """Others wait for one slice of it at most, and it has all its clips in their order."""
    monkeypatch.setattr(batch_decoder, "SLICE", 3)
    hold, model = Held(), Held()
    ask(queue, "x", hold, 0)
    hold.began.acquire(timeout=20)
    long = ask(queue, "a", model, *range(1, 9))
    hold.go.release()
    model.began.acquire(timeout=20)
    others = [ask(queue, "b", model, 21), ask(queue, "c", model, 22, 23)]
    model.go.release(9)

    assert long.result(20) == (list(range(1, 9)), 8)
    assert [one.result(20)[0] for one in others] == [[21], [22, 23]]
    assert model.batches == [[1, 2, 3], [21, 22, 23], [4, 5, 6], [7, 8]]


def test_of_one_client_one_long_move_is_decoded_at_a_time(queue, monkeypatch):
    """The newest waits until the one before is done, and what came between is never decoded."""
    monkeypatch.setattr(batch_decoder, "SLICE", 1)
    model = Held()
    first = ask(queue, "a", model, 1, 2)
    model.began.acquire(timeout=20)
    between, last = ask(queue, "a", model, 3, 4), ask(queue, "a", model, 5, 6)
    model.go.release(9)

    assert (first.result(20)[0], last.result(20)[0]) == ([1, 2], [5, 6])
    assert between.cancelled()
    assert model.batches == [[1], [2], [5], [6]]


def test_a_long_move_of_two_models_is_decoded_by_both(queue, monkeypatch):
    """Slices are of one model, and empty codes need none."""
    monkeypatch.setattr(batch_decoder, "SLICE", 2)
    one, two, none = Held(), Held(), Held()
    for model in (one, two, none):
        model.go.release(9)
    numbers = lambda: [*codes(1, 2, 3)(), np.zeros((0, 1), np.float32), *codes(4)()]  # noqa: E731 - as codes gives
    done = queue.decode("a", [one, none, two], numbers, lambda d: [c[:, 0].tolist() for c in d.clips])

    assert done.result(20) == [[1, 2, 3], [], [4]]
    assert (one.batches, two.batches) == ([[1, 2], [3]], [[4]])


def test_a_long_move_of_who_has_gone_is_given_up(queue, monkeypatch):
    """After the slice that is being decoded; the worker goes on."""
    monkeypatch.setattr(batch_decoder, "SLICE", 1)
    model = Held()
    gone = ask(queue, "a", model, 1, 2, 3)
    model.began.acquire(timeout=20)
    queue.forget("a")
    model.go.release(9)

    with pytest.raises(CancelledError):
        gone.result(20)
    assert ask(queue, "b", model, 4).result(20) == ([4], 1)
    assert model.batches in ([[1], [4]], [[1], [2], [4]])


def near(told, *distances):
    """Has clips come by these distances of one model's codes, and notes which are there."""
    return NearFirst(lambda: [np.asarray(distances, dtype=float)], lambda part: told.append(part.done[0].tolist()))


def test_the_nearest_clips_come_first_and_are_told_of(queue, monkeypatch):
    """The result is that of any other order."""
    monkeypatch.setattr(batch_decoder, "FIRST", 1)
    monkeypatch.setattr(batch_decoder, "SLICE", 2)
    model, told = Held(), []
    model.go.release(9)
    done = queue.decode("a", [model], codes(1, 2, 3, 4), lambda d: d.clips[0][:, 0].tolist(), near(told, 20, 10, 0, 10))

    assert done.result(20) == [1, 2, 3, 4]
    assert model.batches == [[3], [2, 4], [1]]
    assert told == [[False, False, True, False], [False, True, True, True]]


def test_a_newer_move_ends_one_whose_nearest_clips_are_there(queue, monkeypatch):
    """What is far off is decoded for the newest alone."""
    monkeypatch.setattr(batch_decoder, "FIRST", 1)
    model, told = Held(), []
    first = queue.decode("a", [model], codes(1, 2, 3), list, near(told, 2, 1, 0))
    model.began.acquire(timeout=20)
    last = queue.decode("a", [model], codes(4, 5, 6), lambda d: d.clips[0][:, 0].tolist(), near(told, 0, 1, 2))
    model.go.release(9)

    assert last.result(20) == [4, 5, 6]
    with pytest.raises(CancelledError):
        first.result(20)
    assert model.batches == [[3], [4], [5, 6]]
    assert told == [[False, False, True], [True, False, False]]


def test_a_shared_model_is_called_by_the_worker_in_slices(queue):
    """Several threads may call it, the worker too; clips, codes, scales and log-probabilities are joined in order."""

    class Model:
        def __init__(self):
            self.calls, self.threads, self.extra = [], set(), "of the model"

        def _called(self, clips):
            self.calls.append(len(clips))
            self.threads.add(threading.current_thread().name)

        def accepts(self, clips):
            self._called(clips)
            return clips[:, 0] > 0

        def encode(self, clips):
            self._called(clips)
            return Posterior(clips.astype(np.float32), np.ones(clips.shape, np.float32))

        def decode(self, z):
            self._called(z)
            return z.astype(np.int16)

        def decode_log_probs(self, z, given=None):
            self._called(z)
            return z + (0 if given is None else given)

    model = Model()
    shared = SharedModel(model, queue)
    clips = np.arange(batch_decoder.SLICE + 2, dtype=np.int16)[:, None]

    def work():
        posterior = shared.encode(clips)
        assert (shared.accepts(clips) == (clips[:, 0] > 0)).all()
        assert posterior.scale.shape == clips.shape
        assert (shared.decode_log_probs(posterior.mean, clips) == 2 * clips).all()
        assert len(shared.decode(posterior.mean[:0])) == 0
        return shared.decode(posterior.mean)

    for where in (queue.beside, queue.run):
        assert (where(work).result(20) == clips).all()
    assert set(model.calls) == {batch_decoder.SLICE, 2, 0}
    assert {name.partition("_")[0] for name in model.threads} == {"decoder"}
    assert shared.extra == "of the model"


def test_other_work_is_done_in_between(queue):
    """A task and the moves that wait take turns."""
    model, done = Held(), []
    ask(queue, "x", model, 0)
    model.began.acquire(timeout=20)
    tasks = [queue.run(lambda k=k: done.append((k, len(model.batches)))) for k in range(2)]
    move = ask(queue, "a", model, 1)
    model.go.release(9)
    for task in (*tasks, move):
        task.result(20)

    assert done == [(0, 1), (1, 2)]


def test_who_has_gone_is_forgotten(queue):
    """Its move is cancelled."""
    model = Held()
    ask(queue, "x", model, 0)
    model.began.acquire(timeout=20)
    gone = ask(queue, "a", model, 1)
    queue.forget("a")
    queue.forget("nobody")
    model.go.release(9)

    assert gone.cancelled()
    assert ask(queue, "b", model, 2).result(20) == ([2], 1)


def test_too_much_work_is_refused(queue, monkeypatch):
    """At once; a client that waits already may still turn on."""
    monkeypatch.setattr(batch_decoder, "MAX_WAITING", 1)
    model = Held()
    ask(queue, "x", model, 0)
    model.began.acquire(timeout=20)
    ask(queue, "a", model, 1)

    with pytest.raises(BusyError, match="try again"):
        ask(queue, "b", model, 2).result(20)
    again = ask(queue, "a", model, 3)
    model.go.release(9)
    assert again.result(20) == ([3], 1)


def test_the_end_cancels_what_waits():
    """What is being decoded is finished; nothing is taken after it."""
    model = Held()
    with DecoderQueue() as queue:
        first = ask(queue, "x", model, 0)
        model.began.acquire(timeout=20)
        waits, task = ask(queue, "a", model, 1), queue.run(list)
        model.go.release()

    assert first.result(20) == ([0], 1)
    assert waits.cancelled()
    assert task.cancelled()
    with pytest.raises(CancelledError):
        queue.run(list).result(20)
