"""How much memory plugin code may take: a MemoryError is better than a machine that stands still."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from attrs import define

MEMORY_SHARE = 0.8
"""Of the memory that is free when a call begins, as much as it may take."""
KNOWN_FOR = 1.0
"""Seconds for which a reading holds: reading takes as long as a short call."""


@define(eq=False)
class _FreeMemory:
    """How many bytes were free, and when that was read."""

    at: float = float("-inf")
    bytes: int = 0


_FREE = _FreeMemory()


def limit_memory() -> tuple[int, int] | None:
    """Let this process take a share of what is free and no more; the limits as they were, None = left as they are."""
    try:
        import resource

        used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[5]) * resource.getpagesize()
        then = resource.getrlimit(resource.RLIMIT_DATA)
        most = used + int(MEMORY_SHARE * _free_memory())
        if then[0] == resource.RLIM_INFINITY or most < then[0]:
            resource.setrlimit(resource.RLIMIT_DATA, (most, then[1]))
            return then
    except (ImportError, OSError, ValueError, IndexError):  # no Linux
        pass
    return None


def set_memory(limits: tuple[int, int]) -> None:
    """Set the limits again that :func:`limit_memory` found."""
    import resource

    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, limits)


def _free_memory() -> int:
    """Bytes that this process could still take: of the machine, and of its control group if that has a limit."""
    now = time.monotonic()
    if now - _FREE.at < KNOWN_FOR:
        return _FREE.bytes
    facts = Path("/proc/meminfo").read_text(encoding="ascii")
    free = int(facts.partition("MemAvailable:")[2].split()[0]) * 1024
    with contextlib.suppress(OSError, ValueError):
        group = Path("/sys/fs/cgroup")
        most = int((group / "memory.max").read_text(encoding="ascii"))
        free = min(free, most - int((group / "memory.current").read_text(encoding="ascii")))
    _FREE.at, _FREE.bytes = now, free
    return free
