"""
The process that watches calls of plugin code, since code that holds Python's lock stops every thread.

Started as ``python -I -S watchdog.py PID``; it imports nothing of the package. File 3 is memory shared with that
process, in slots: the number of a call that is under way (0 = none), then its limit, plugin and what it is, between
tabs; a limit of 0 is none. A call that hangs is told on stderr, then interrupted: SIGURG for code in the main thread,
its number on stdout for code in another. One that cannot be interrupted is ended with its process. The end of stdin is
the end of that process.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import select
import signal
import sys
import time

SLOTS, SLOT_BYTES, NUMBER_BYTES = 32, 512, 8
TELL = 10.0
"""Seconds after which a call that has not come back is told; a sixth of the limit, if that is less."""
GRACE = 5.0
"""Seconds that an interrupted call has to end."""
POLL = 0.5
TOLD: set[str] = set()
"""What has been told: a model that is slow is so at each call."""


class WatchedCall:
    """A call of plugin code that is under way."""

    def __init__(self, number: int, facts: bytes) -> None:
        limit, plugin, self.what = facts.rstrip(b"\0").decode("utf-8", "replace").split("\t", 2)
        self.number = number
        self.began = time.monotonic()
        self.limit = float(limit)
        self.hint = f"LATENTKNOBS_DISABLE={plugin} leaves the plugin out"
        self.interrupts = 0

    def look(self, parent: int, interrupted: float) -> None:
        """Tell, interrupt or end it, as its time has come; ``interrupted`` is when Ctrl-C was pressed, 0 = never."""
        now = time.monotonic()
        elapsed = now - self.began
        if self.what not in TOLD and elapsed >= min(TELL, self.limit / 6 or TELL):
            TOLD.add(self.what)
            _say(f"{self.what}: this has taken {elapsed:.0f} s so far. Ctrl-C ends it; {self.hint}.")
        if self.limit and elapsed >= self.limit + self.interrupts:
            self.interrupts += 1
            with contextlib.suppress(OSError):
                os.kill(parent, signal.SIGURG)
                os.write(1, b"%d\n" % self.number)
        if self.limit and elapsed >= self.limit + GRACE:
            why = f"this took more than {self.limit:g} s and could not be interrupted, so the program was ended"
            _end(parent, f"{self.what}: {why}; {self.hint}.")
        # Long work, as a model's, may need its time to stop.
        if self.limit and self.began < interrupted < now - GRACE:
            _end(parent, f"{self.what}: this did not stop at Ctrl-C, so the program was ended; {self.hint}.")


def watch(parent: int) -> None:
    """Watch the calls of a process until it ends."""
    calls: dict[int, WatchedCall] = {}
    interrupted = [0.0]
    signal.signal(signal.SIGINT, lambda *_: interrupted.__setitem__(0, time.monotonic()))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    shared = mmap.mmap(3, SLOTS * SLOT_BYTES, access=mmap.ACCESS_READ)
    while not select.select([0], [], [], POLL)[0]:  # nothing is written there: it becomes readable at the end
        slots = [shared[at : at + SLOT_BYTES] for at in range(0, len(shared), SLOT_BYTES)]
        facts = {int.from_bytes(slot[:NUMBER_BYTES], "little"): slot[NUMBER_BYTES:] for slot in slots}
        calls = {n: calls.get(n) or WatchedCall(n, facts[n]) for n in facts if n}
        for call in calls.values():
            call.look(parent, interrupted[0])


def _say(text: str) -> None:
    with contextlib.suppress(OSError):
        os.write(2, f"{text}\n".encode())


def _end(parent: int, why: str) -> None:
    _say(why)
    with contextlib.suppress(OSError):
        os.kill(parent, signal.SIGKILL)


if __name__ == "__main__":
    watch(int(sys.argv[1]))
