"""The process that watches this one's calls of plugin code, from this side."""

from __future__ import annotations

import mmap
import os
import signal
import sys
import tempfile
import threading
import time
from typing import Any

from attrs import define, field

from latentknobs.core.containment import watchdog
from latentknobs.core.containment.calls import ENDS, PluginCall, PluginOverdue
from latentknobs.core.containment.watchdog import NUMBER_BYTES, SLOT_BYTES, SLOTS


@define(eq=False)
class Watchdog:
    """The process that watches this one's calls, started with the first of them; each call has a slot while it runs."""

    _shared: mmap.mmap | None = None
    _owner: int = 0
    _free: list[int] = field(factory=list)
    _taken: dict[int, int] = field(factory=dict)
    _lock: Any = field(factory=threading.RLock)

    def begin(self, number: int, call: PluginCall, limit: float) -> None:
        """A call begins; one for which no slot is free is not watched."""
        if self._owner != os.getpid():
            self._lock = threading.RLock()  # another thread may have held it when the process was forked
            self._owner, self._taken, self._free = os.getpid(), {}, list(range(0, SLOTS * SLOT_BYTES, SLOT_BYTES))
            self._shared = self._start()
        if self._shared is None or not self._free:
            return
        what = " ".join(call.what.split())
        facts = f"{limit:g}\t{' '.join(call.plugin.split())}\t{what[0].upper()}{what[1:]}".encode("utf-8", "replace")
        at = self._taken[number] = self._free.pop()
        self._shared[at + NUMBER_BYTES : at + SLOT_BYTES] = facts[: SLOT_BYTES - NUMBER_BYTES].ljust(
            SLOT_BYTES - NUMBER_BYTES, b"\0"
        )
        self._shared[at : at + NUMBER_BYTES] = number.to_bytes(NUMBER_BYTES, "little")

    def end(self, number: int) -> None:
        """The call of this thread has ended: nothing is raised in it any more. Once more does no harm."""
        with self._lock:
            _, end = ENDS.pop(number, (0, 0.0))
        if end <= time.monotonic():
            raise_in(threading.get_ident(), None)
        at = self._taken.get(number)
        if at is not None and self._shared is not None:
            self._shared[at : at + NUMBER_BYTES] = bytes(NUMBER_BYTES)
            del self._taken[number]
            self._free.append(at)

    def interrupt_threads(self, answers: int) -> None:
        """Raise PluginOverdue in the threads whose calls the watchdog names: no signal reaches them."""
        with open(answers, encoding="ascii") as lines:
            for line in lines:
                with self._lock:  # so that none of them ends meanwhile
                    thread, _ = ENDS.get(int(line), (0, 0.0))
                    if thread and thread != threading.main_thread().ident:
                        raise_in(thread, PluginOverdue)

    def _start(self) -> mmap.mmap | None:
        """Start it; the memory that it reads, None where it cannot be started."""
        if not sys.executable or not hasattr(os, "posix_spawn"):
            return None
        try:
            os.fstat(2)
            with tempfile.TemporaryFile() as file:
                file.truncate(SLOTS * SLOT_BYTES)
                shared = mmap.mmap(file.fileno(), SLOTS * SLOT_BYTES)
                life, _ = os.pipe()  # its other end is closed by our end
                answers, theirs = os.pipe()
                files = [(life, 0), (theirs, 1), (file.fileno(), 3)]
                os.posix_spawn(
                    sys.executable,
                    [sys.executable, "-I", "-S", watchdog.__file__, str(self._owner)],
                    os.environ,
                    file_actions=[(os.POSIX_SPAWN_DUP2, ours, its) for ours, its in files],
                    setsigmask=[signal.SIGINT],
                )
        except OSError:
            return None
        os.close(life)
        os.close(theirs)
        threading.Thread(target=self.interrupt_threads, args=(answers,), name="plugin-watchdog", daemon=True).start()
        return shared


WATCHDOG = Watchdog()


def raise_in(thread: int, error: type[BaseException] | None) -> None:
    """Raise an error in another thread at its next line of Python; None takes back one that has not been raised yet."""
    import ctypes

    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), error and ctypes.py_object(error))
