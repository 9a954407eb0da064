"""Work one item ahead."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

from latentknobs.core.prefetch import ahead


def test_items_come_in_order_with_what_was_made_of_them():
    """As map would give them, whether there are none, one or many."""
    for count in (0, 1, 5):
        assert list(ahead(lambda n: n * n, range(count))) == [(n, n * n) for n in range(count)]


def test_the_next_item_is_worked_on_while_one_is_in_use():
    """Whoever uses an item can wait for the work on the next one, in another thread, and for no further one."""
    begun = [threading.Event() for _ in range(4)]
    threads = set()

    def work(n):
        threads.add(threading.get_ident())
        begun[n].set()
        return n

    for n, _ in ahead(work, range(4)):
        if n < 3:
            assert begun[n + 1].wait(timeout=10)
        assert not any(event.is_set() for event in begun[n + 2 :])
    assert threading.get_ident() not in threads


def test_an_error_comes_in_its_items_place():
    """Items before it are given out first."""
    seen = []
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - what is seen before matters
        for n, result in ahead(lambda n: 6 // (2 - n), range(5)):
            seen.append((n, result))
    assert seen == [(0, 3), (1, 6)]


def test_who_stops_early_has_begun_one_item_more():
    """Closing the iterator begins no further work."""
    begun = []
    walk = ahead(begun.append, range(100))
    next(walk)
    walk.close()
    assert begun in ([0], [0, 1])


ENDLESS = """
import time
from latentknobs.core.prefetch import ahead

def work(n):
    while n:
        time.sleep(0.01)

for n, _ in ahead(work, range(3)):
    print("here", flush=True)
"""


def test_work_that_never_ends_can_be_interrupted():
    """One Ctrl-C ends the program, whatever an edit is doing in the other thread."""
    with subprocess.Popen([sys.executable, "-c", ENDLESS], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout.readline() == b"here\n"
            process.send_signal(signal.SIGINT)
            assert b"KeyboardInterrupt" in process.communicate(timeout=30)[1]
        finally:
            process.kill()
