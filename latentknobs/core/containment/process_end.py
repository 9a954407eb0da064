"""The end of the process: plugin code does not bring it about, and does not put it off."""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from attrs import define

from latentknobs.core.containment.calls import LOCAL_PACKAGE, EndsProgram, stack, whole_call
from latentknobs.core.containment.signal_state import leave_process, set_handler

LEFT_BEHIND = 1.0
"""Seconds that threads and exit handlers of plugins may take at the program's end."""
_register_at_exit = atexit.register
_kill = os.kill
_ENDING = [
    getattr(signal, f"SIG{name}")
    for name in ("TERM", "HUP", "QUIT", "ABRT", "KILL", "STOP")
    if hasattr(signal, f"SIG{name}")
]
"""Signals that end or stop a program; only a person sends them."""


@define(eq=False)
class _End:
    """The end of the process: the exit code once it is decided, None before, and whether plugin code has run."""

    code: int | None = None
    guarded: bool = False


_END = _End()


def guard_process() -> None:
    """Stand in for what ends the process or its output, for good: plugin code may leave a thread or an exit handler."""
    if _END.guarded:
        return
    _END.guarded = True
    owner = os.getpid()

    def ends(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def stand_in(*args: Any, **named: Any) -> Any:
            if not (given := [*args, *named.values()]):
                return real()  # which raises the TypeError
            if (calls := stack()) and calls[-1].process == os.getpid():
                raise EndsProgram(f"it calls os.{name}({given[0]!r}), which a plugin must not do")
            if os.getpid() == owner:
                if name == "_exit" and _END.code is not None:
                    leave_process(_END.code)
                if name == "_exit" and threading.current_thread() is not threading.main_thread():
                    os.write(2, b"A thread called os._exit, which has ended the program.\n")
                    leave_process(given[0] or 1)  # a thread that is left behind cannot know that the work is done
            return real(*args, **named)

        return stand_in

    for name in ("_exit", "execv", "execve", "closerange"):
        setattr(os, name, ends(name, getattr(os, name)))
    for name in ("chdir", "fchdir"):
        if hasattr(os, name):
            setattr(os, name, _noting_moves(getattr(os, name)))
    os.kill = _kill_stand_in
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_note_fork)
    signal.signal = _signal_stand_in  # type: ignore[assignment] # of plainer types
    atexit.register = _register_stand_in  # type: ignore[assignment] # the same


def _noting_moves(real: Callable[[Any], None]) -> Callable[[Any], None]:
    def stand_in(path: Any) -> None:
        if (call := whole_call()) is not None:
            call.moved = True
        real(path)

    return stand_in


def _kill_stand_in(process: int, number: int) -> None:
    calls = stack()
    if process == os.getpid() and number in _ENDING and calls and calls[-1].whole and calls[-1].process == process:
        raise EndsProgram(f"it sends {signal.Signals(number).name} to the program, which a plugin must not do")
    _kill(process, number)


def _note_fork() -> None:
    if (calls := stack()) and calls[-1].loading:
        calls[-1].note("copied the program (os.fork)")


def _signal_stand_in(number: int, handler: Any) -> Any:
    calls = stack()
    if number == signal.SIGINT and calls and calls[-1].whole:
        calls[-1].note("tried to change the handler of SIGINT, which is Ctrl-C")
        return signal.getsignal(number)
    return set_handler(number, handler)


def _register_stand_in(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[..., Any]:
    # Not those of libraries that it imports.
    if (calls := stack()) and str(getattr(function, "__module__", "")).startswith(f"{LOCAL_PACKAGE}."):
        calls[-1].note("registered an exit handler")
    return _register_at_exit(function, *args, **kwargs)


def end_soon(code: int) -> None:
    """
    Let the process end with this exit code, whatever plugin code has left behind.

    Threads and exit handlers get :data:`LEFT_BEHIND` seconds. What they print goes to stderr. Where no plugin code has
    run, nothing is done.
    """
    if not _END.guarded:
        return
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError):
        code = code or 1
    _END.code = code
    sys.stdout = sys.stderr
    with contextlib.suppress(OSError):
        os.dup2(2, 1)

    def end() -> None:
        time.sleep(LEFT_BEHIND)
        left = [t.name for t in threading.enumerate() if not t.daemon and t is not threading.main_thread()]
        what = f"the threads {', '.join(left)}" if left else "exit handlers"
        os.write(2, f"Ended without waiting for what plugins left behind: {what}.\n".encode())
        leave_process(code)

    threading.Thread(target=end, name="end", daemon=True).start()


class _Results(io.TextIOWrapper):
    """Standard output of the main thread; what other threads print is no result."""

    def write(self, text: str) -> int:
        """Write a result, or to stderr."""
        if threading.current_thread() is threading.main_thread():
            return super().write(text)
        return len(text) if sys.stderr is None else sys.stderr.write(text)


@contextlib.contextmanager
def results_apart() -> Iterator[None]:
    """Keep stdout for what the main thread prints: file 1 leads to stderr, for programs and libraries alike."""
    stream = sys.stdout
    copy = _copy_of(stream)
    if copy is None:  # stdout is closed, or no file of its own
        yield
        return
    os.dup2(2, 1)
    file = io.BufferedWriter(io.FileIO(copy, "w"))
    sys.stdout = results = _Results(file, stream.encoding, stream.errors, line_buffering=stream.isatty())
    try:
        yield
        results.flush()
    finally:
        sys.stdout = stream
        os.dup2(copy, 1)
        with contextlib.suppress(OSError):  # what cannot be written has been told
            results.close()


def _copy_of(stdout: Any) -> int | None:
    """A copy of file 1, None where stdout is not that."""
    try:
        if stdout is None or stdout.fileno() != 1:
            return None
        stdout.flush()
        os.fstat(2)
        return os.dup(1)
    except (OSError, ValueError):
        return None
