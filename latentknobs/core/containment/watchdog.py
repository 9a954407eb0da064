"""
The process that watches calls of plugin code, since code that holds Python's lock stops every thread.

Started as ``python -I -S watchdog.py PID``; it imports nothing of the package.
Lines on stdin say what begins (``+NUMBER``, limit, plugin and what it is, between tabs; a limit of 0 is none) and ends
(``-NUMBER``). A call that hangs
is told on stderr, then interrupted: SIGURG for code in the main thread, its number on stdout for code in another.
One that cannot be interrupted is ended with its process. The end of stdin is the end of that process.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time

TELL = 10.0
"""Seconds after which a call that has not come back is told; a sixth of the limit, if that is less."""
GRACE = 5.0
"""Seconds that an interrupted call has to end."""
POLL = 0.25


class WatchedCall:
    """A call of plugin code that has begun."""

    def __init__(self, limit: str, plugin: str, what: str) -> None:
        self.began = time.monotonic()
        self.limit = float(limit)
        self.what = what
        self.hint = f"LATENTKNOBS_DISABLE={plugin} leaves the plugin out"
        self.told = False
        self.interrupts = 0

    def look(self, parent: int, number: bytes, interrupted: float) -> None:
        """Tell, interrupt or end it, as its time has come; ``interrupted`` is when Ctrl-C was pressed, 0 = never."""
        now = time.monotonic()
        elapsed = now - self.began
        if not self.told and elapsed >= min(TELL, self.limit / 6 or TELL):
            self.told = True
            _say(f"{self.what}: this has taken {elapsed:.0f} s so far. Ctrl-C ends it; {self.hint}.")
        if self.limit and elapsed >= self.limit + self.interrupts:
            self.interrupts += 1
            with contextlib.suppress(OSError):
                os.kill(parent, signal.SIGURG)
                os.write(1, number + b"\n")
        if self.limit and elapsed >= self.limit + GRACE:
            why = f"this took more than {self.limit:g} s and could not be interrupted, so the program was ended"
            _end(parent, f"{self.what}: {why}; {self.hint}.")
        if self.began < interrupted < now - GRACE:
            _end(parent, f"{self.what}: this did not stop at Ctrl-C, so the program was ended; {self.hint}.")


def watch(parent: int) -> None:
    """Watch the calls of a process until it ends."""
    calls: dict[bytes, WatchedCall] = {}
    interrupted, rest = [0.0], b""
    signal.signal(signal.SIGINT, lambda *_: interrupted.__setitem__(0, time.monotonic()))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    while True:
        if select.select([0], [], [], POLL if calls else None)[0]:
            data = os.read(0, 65536)
            if not data:
                return
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                number, *facts = line[1:].split(b"\t")
                if line.startswith(b"-"):
                    calls.pop(number, None)
                else:
                    calls[number] = WatchedCall(*(fact.decode("utf-8", "replace") for fact in facts))
        for number, call in calls.items():
            call.look(parent, number, interrupted[0])


def _say(text: str) -> None:
    with contextlib.suppress(OSError):
        os.write(2, f"{text}\n".encode())


def _end(parent: int, why: str) -> None:
    _say(why)
    with contextlib.suppress(OSError):
        os.kill(parent, signal.SIGKILL)


if __name__ == "__main__":
    watch(int(sys.argv[1]))
