"""The calls of plugin code that are under way, and how they may end."""

from __future__ import annotations

import os
import threading
from typing import Any

from attrs import define, field

LOCAL_PACKAGE = "latentknobs_plugins"
"""Local files are loaded as modules of this package, so that tracebacks and pickles name them."""
TIME_LIMIT = 60.0
"""Seconds after which a call is given up, unless LATENTKNOBS_PLUGIN_TIMEOUT says otherwise (0 = never)."""


class PluginStopped(Exception):  # noqa: N818 - the exception that stands for another
    """Raised in place of what would end more than the call; its cause is what the plugin's code raised."""


class EndsProgram(BaseException):
    """Raised in plugin code in place of ending the process; the message says what was called."""


class PluginOverdue(BaseException):
    """Raised in plugin code whose time is over."""


def time_limit() -> float:
    """
    Seconds after which a call of plugin code is given up, 0 = never.

    LATENTKNOBS_PLUGIN_TIMEOUT, if that is a number from 0.
    """
    try:
        seconds = float(os.environ.get("LATENTKNOBS_PLUGIN_TIMEOUT", ""))
    except ValueError:
        return TIME_LIMIT
    return seconds if 0 <= seconds < float("inf") else TIME_LIMIT


@define(eq=False)
class PluginCall:
    """
    A call of plugin code.

    Attributes:
        what: What is under way, for messages.
        plugin: The plugin's name, by which LATENTKNOBS_DISABLE leaves it out.
        limited: Whether it is given up after :func:`time_limit`; otherwise it is only told that it takes long.
        whole: False for code that is a program of its own, as a plugin's command: it may print, take long and handle
            signals. It still ends the process only by what it raises.
        loading: Whether the plugin is being loaded: then the package's own functions are looked after too.
        process: The process that makes it: a fork in the code gives another.
        moved: Whether the code has called os.chdir: another thread may change the current folder beside it.
        errors: What numpy did at errors in this thread before, as np.geterr tells.
        changes: Afterwards, what the code did to the process, in clauses that follow "it"; all was put back.
    """

    what: str
    plugin: str = "NAME"
    limited: bool = True
    whole: bool = True
    loading: bool = False
    process: int = field(factory=os.getpid, init=False)
    moved: bool = field(default=False, init=False)
    errors: Any = field(default=None, init=False)
    changes: list[str] = field(factory=list, init=False)

    def note(self, change: str) -> None:
        """Remember what the code did, once."""
        if change not in self.changes:
            self.changes.append(change)


class _Inside(threading.local):
    """The calls that a thread is in, innermost last."""

    def __init__(self) -> None:
        self.stack: list[PluginCall] = []


_INSIDE = _Inside()
ENDS: dict[int, tuple[int, float]] = {}
"""Calls under way: number to thread and when it is over."""


def stack() -> list[PluginCall]:
    """The calls that this thread is in, innermost last."""
    return _INSIDE.stack


def whole_call() -> PluginCall | None:
    """The innermost call of this thread in which nothing may be printed."""
    return next((call for call in reversed(stack()) if call.whole), None)
