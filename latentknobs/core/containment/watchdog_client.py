"""The process that watches this one's calls of plugin code, from this side."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading

from attrs import define

from latentknobs.core.containment import watchdog
from latentknobs.core.containment.calls import ENDS, PluginOverdue


@define(eq=False)
class Watchdog:
    """The process that watches this one's calls; started with the first of them."""

    _pipe: int = -1
    _owner: int = 0

    def tell(self, line: str) -> None:
        """Tell it what begins or ends."""
        if self._owner != os.getpid():
            self._owner = os.getpid()
            self._pipe = self._start()
        with contextlib.suppress(OSError):  # it has been ended, or sleeps: then calls are not watched
            if self._pipe >= 0:
                os.write(self._pipe, f"{line}\n".encode())

    def _start(self) -> int:
        """Start it; the pipe to it, -1 where it cannot be started."""
        if not sys.executable or not hasattr(os, "posix_spawn"):
            return -1
        try:
            os.fstat(2)
            there, here = os.pipe()
            answers, theirs = os.pipe()
            os.set_blocking(here, False)
            os.posix_spawn(
                sys.executable,
                [sys.executable, "-I", "-S", watchdog.__file__, str(self._owner)],
                os.environ,
                file_actions=[(os.POSIX_SPAWN_DUP2, there, 0), (os.POSIX_SPAWN_DUP2, theirs, 1)],
                setsigmask=[signal.SIGINT],
            )
        except OSError:
            return -1
        os.close(there)
        os.close(theirs)
        threading.Thread(target=_interrupt_threads, args=(answers,), name="plugin-watchdog", daemon=True).start()
        return here


WATCHDOG = Watchdog()


def _interrupt_threads(answers: int) -> None:
    """Raise PluginOverdue in the threads whose calls the watchdog names: no signal reaches them."""
    with open(answers, "rb", buffering=0) as file:
        rest = b""
        while data := file.read(4096):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                thread, _ = ENDS.get(int(line), (0, 0.0))
                if thread and thread != threading.main_thread().ident:
                    raise_in(thread, PluginOverdue)


def raise_in(thread: int, error: type[BaseException] | None) -> None:
    """Raise an error in another thread at its next line of Python; None takes back one that has not been raised yet."""
    import ctypes

    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), error and ctypes.py_object(error))
