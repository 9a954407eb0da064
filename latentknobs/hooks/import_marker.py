"""
Markers of plugins that are being loaded, by which the next program knows a plugin that hung or ended the one before.

Each loading of a plugin is marked by a file of its own in the cache folder, locked until it is over. A
marker without a lock is that of a program that has ended in the middle. Files are named by the plugin's path and
bytes, so that a changed plugin starts afresh.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import IO

from latentknobs.core.containment.signal_state import set_handler
from latentknobs.core.containment.watchdog import TELL
from latentknobs.core.paths import cache_dir

with contextlib.suppress(ImportError):  # no POSIX: imports are not marked
    import fcntl


def has_failed(identity: str) -> bool:
    """Whether a plugin hung when it was loaded, or ended the program."""
    return any(_is_left(path) for path in _markers(identity))


def forget(identity: str) -> None:
    """Remove what programs that have ended left of a plugin's imports."""
    for path in _markers(identity):
        if _is_left(path):
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def marked(identity: str, hung: Callable[[], bool]) -> Iterator[None]:
    """
    Mark the loading of a plugin that goes on inside.

    The marker stays where that hung, or was interrupted late; the end of the program by a signal is like Ctrl-C.
    """
    began = time.monotonic()
    marker = _mark(identity) if identity else None
    if marker is None:  # nothing to mark, or the cache cannot be written
        yield
        return
    path, file = marker
    late = False
    try:
        with _removed_at_signals(path, began):
            yield
    except KeyboardInterrupt:
        late = time.monotonic() - began >= TELL
        raise
    finally:
        if not late and not hung():
            with contextlib.suppress(OSError):
                path.unlink()
        file.close()


@contextlib.contextmanager
def _removed_at_signals(path: Path, began: float) -> Iterator[None]:
    """Remove a marker before a signal from outside ends the program: a closed terminal is not the plugin's fault."""
    process = os.getpid()

    def end(number: int, _frame: FrameType | None) -> None:
        if os.getpid() == process and time.monotonic() - began < TELL:
            with contextlib.suppress(OSError):
                path.unlink()
        set_handler(number, signal.SIG_DFL)
        signal.raise_signal(number)

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    main = threading.current_thread() is threading.main_thread()
    numbers = [number for number in numbers if main and signal.getsignal(number) is signal.SIG_DFL]
    for number in numbers:
        set_handler(number, end)
    try:
        yield
    finally:
        for number in numbers:
            if signal.getsignal(number) is end:
                set_handler(number, signal.SIG_DFL)


def _mark(identity: str) -> tuple[Path, IO[bytes]] | None:
    name = f"{_digest(identity)}-{os.getpid()}-{time.monotonic_ns()}"
    path, draft = folder() / name, folder() / f".{name}"
    try:
        folder().mkdir(parents=True, exist_ok=True)
        file = draft.open("xb")
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        draft.rename(path)  # now that it is locked: another program must not take it for one that is left
    except (OSError, NameError):
        return None
    return path, file


def _is_left(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return os.fstat(file.fileno()).st_nlink > 0  # not if its program has just removed it
    except OSError:  # it is locked, or gone
        return False


def _markers(identity: str) -> Iterator[Path]:
    return folder().glob(f"{_digest(identity)}-*")


def _digest(identity: str) -> str:
    import hashlib

    return hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()[:24]


def folder() -> Path:
    """Where markers are."""
    return cache_dir() / "imports"
