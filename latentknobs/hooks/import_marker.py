"""
Markers of imports under way, by which the next program knows a plugin that hung or ended the one before.

Each import of a plugin's file is marked by a file of its own in the cache folder, locked until the import is over. A
marker without a lock is that of a program that has ended in the middle. Files are named by the plugin's path and
bytes, so that a changed plugin starts afresh.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from latentknobs.core.containment.calls import PluginOverdue
from latentknobs.core.containment.watchdog import TELL
from latentknobs.core.paths import cache_dir

with contextlib.suppress(ImportError):  # no POSIX: imports are not marked
    import fcntl


def has_failed(identity: str) -> bool:
    """Whether an import of a plugin hung, or ended its program."""
    return any(_is_left(path) for path in _markers(identity))


def forget(identity: str) -> None:
    """Remove what programs that have ended left of a plugin's imports."""
    for path in _markers(identity):
        if _is_left(path):
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def marked(identity: str) -> Iterator[None]:
    """Mark the import of a plugin that goes on inside; the marker stays if it is given up or interrupted late."""
    began = time.monotonic()
    marker = _mark(identity)
    if marker is None:  # the cache cannot be written: nothing is marked
        yield
        return
    path, file = marker
    hung = False
    try:
        yield
    except BaseException as error:
        late = isinstance(error, KeyboardInterrupt) and time.monotonic() - began >= TELL
        hung = late or isinstance(error, PluginOverdue)
        raise
    finally:
        if not hung:
            with contextlib.suppress(OSError):
                path.unlink()
        file.close()


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
    return hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()[:24]


def folder() -> Path:
    """Where markers are."""
    return cache_dir() / "imports"
