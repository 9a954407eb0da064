"""What plugin code of any thread may change of the process, put back after each call."""

from __future__ import annotations

import builtins
import contextlib
import io
import json
import locale
import math
import operator
import os
import random
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any, ClassVar, TextIO

import numpy as np
from attrs import define

from latentknobs.core.containment.calls import PluginCall, whole_call
from latentknobs.core.containment.memory_limit import limit_memory, set_memory


@define(eq=False)
class ProcessState:
    """
    What the process was like when no plugin code ran; kept while some does.

    What a call in the main thread changes of it is put back and noted on the call. Beside a call in another thread it
    may be the program that changes it: only what is closed or replaced for all others is put back then.
    """

    streams: tuple[Any, Any, Any]
    folder: int | None
    files: tuple[tuple[int, int], ...]
    locale: str
    recursion: int
    hooks: list[Any]
    filters: list[Any]
    filters_then: list[Any]
    functions: list[_Functions]
    memory: tuple[int, int] | None
    running: int = 0

    _lock: ClassVar = threading.RLock()
    _now: ClassVar[ProcessState | None] = None

    @classmethod
    def enter(cls, call: PluginCall) -> None:
        """Before plugin code runs."""
        with cls._lock:
            call.errors = np.geterr()
            then = ProcessState._now
            if then is None:
                ProcessState._now = then = cls.of(call)
            elif _in_main_thread() and whole_call() is None:  # others began before: it may have changed since
                now = cls.of(call, like=then)
                _close(copy for _, copy in then.files)
                ProcessState._now = then = now
            then.running += 1

    @classmethod
    def of(cls, call: PluginCall, like: ProcessState | None = None) -> ProcessState:
        """What it is like now, with stand-ins for its streams; what holds for all threads is like what was before."""
        if like is None:
            names = [name for name in sys.modules if call.loading and name.startswith("latentknobs.")]
            for functions in _PATCHABLE:
                functions.read()
        out = cls(
            (None, None, sys.stderr),
            _open_folder() if like is None else like.folder,
            tuple(_copies((1, 2))),
            locale.setlocale(locale.LC_ALL),
            sys.getrecursionlimit(),
            [getattr(module, name) for module, name in _HOOKS],
            warnings.filters,  # type: ignore[arg-type] # a list, whatever its type is declared to be
            list(warnings.filters),
            [*_PATCHABLE, *(_Functions.of(sys.modules[name]) for name in names)] if like is None else like.functions,
            limit_memory() if like is None else like.memory,
            0 if like is None else like.running,
        )
        out.streams = (*_stand_in(), sys.stderr)
        return out

    @classmethod
    def leave(cls, call: PluginCall) -> list[str]:
        """After it: put back what it changed and note it on its call; the functions of others that it had replaced."""
        with cls._lock:
            then = ProcessState._now
            assert then is not None
            # First, since what follows needs some.
            if _in_main_thread() and sys.getrecursionlimit() != then.recursion:
                sys.setrecursionlimit(then.recursion)
                call.note("changed the recursion limit")
            then.running -= 1
            patched = then.put_back(call)
            if not then.running:
                ProcessState._now = None
                _give_streams_back()
                _close([*(copy for _, copy in then.files), *([] if then.folder is None else [then.folder])])
                if then.memory is not None:
                    set_memory(then.memory)
            return patched

    @classmethod
    def after_fork(cls) -> None:
        """In a copy of the process, which has none of the other threads: no plugin code runs in it yet."""
        cls._lock = threading.RLock()
        ProcessState._now = None
        _give_streams_back()

    def put_back(self, call: PluginCall) -> list[str]:
        """Put back what a call changed; the functions of others that it had replaced, which are back too."""
        main = _in_main_thread()
        for file, copy in self.files:
            if main or not _is_open(file):
                with contextlib.suppress(OSError):
                    os.dup2(copy, file)
        if main:
            self._put_main_back(call)
        elif getattr(sys.stderr, "closed", False):
            self._open_stderr()
        if call.moved and self.folder is not None and _moved(self.folder):
            call.note("changed the current folder")
            with contextlib.suppress(OSError):
                os.fchdir(self.folder)
        if np.geterr() != call.errors:
            np.seterr(**call.errors)
            call.note("changed what numpy does at errors (np.seterr)")
        return [name for functions in self.functions for name in functions.mend()]

    def _put_main_back(self, call: PluginCall) -> None:
        """Put back what nobody but the main thread changes."""
        if getattr(sys, "stderr", None) is not self.streams[2] or not isinstance(getattr(sys, "stdout", None), _Notes):
            call.note("replaced a standard stream")
            sys.stdout, sys.stderr = _Notes.of(self.streams[1]), self.streams[2]
        if not isinstance(getattr(sys, "stdin", None), _NoInput):
            sys.stdin = _NoInput.of(self.streams[0])
        if getattr(sys.stderr, "closed", False):
            self._open_stderr()
            call.note("closed a standard stream")
        if locale.setlocale(locale.LC_ALL) != self.locale:
            locale.setlocale(locale.LC_ALL, self.locale)
            call.note("changed the locale")
        for (module, name), then in zip(_HOOKS, self.hooks, strict=True):
            if getattr(module, name, None) is not then:
                setattr(module, name, then)
                call.note(f"changed {module.__name__}.{name}")
        if warnings.filters is not self.filters or self.filters != self.filters_then:
            # A library that is first imported here may add filters for its own warnings, as torch and sympy do.
            added = [one for one in warnings.filters if one not in self.filters_then]
            lost = any(one not in warnings.filters for one in self.filters_then)
            if lost or not added or any(map(_filters_all, added)):
                warnings.filters = self.filters
                warnings.resetwarnings()
                self.filters[:] = self.filters_then
                call.note("changed the warnings filters")

    def _open_stderr(self) -> None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115 - a descriptor
        self.streams = (*self.streams[:2], sys.stderr)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _behind(stream: Any) -> Any:
    """A stream, or what it stands for."""
    while isinstance(stream, _NoInput | _Notes):  # another thread has put back one that it met
        stream = stream.original
    return stream


def _stand_in() -> tuple[Any, Any]:
    """Put stand-ins for stdin and stdout in their place; gives what they stand for."""
    # The program may replace a stream in another thread at this very moment: with no call between the comparison and
    # the assignment, Python runs no other thread there.
    while True:
        stdin = sys.stdin
        no_input = _NoInput.of(_behind(stdin))
        if sys.stdin is stdin:
            sys.stdin = no_input
            break
    while True:
        stdout = sys.stdout
        notes = _Notes.of(_behind(stdout))
        if sys.stdout is stdout:
            sys.stdout = notes
            break
    return _behind(stdin), _behind(stdout)


def _give_streams_back() -> None:
    """Take the stand-ins away, where another thread has not done so."""
    # As above.
    while isinstance(stdin := getattr(sys, "stdin", None), _NoInput):
        original = _behind(stdin)
        if sys.stdin is stdin:
            sys.stdin = original
    while isinstance(stdout := getattr(sys, "stdout", None), _Notes):
        original = _behind(stdout)
        if sys.stdout is stdout:
            sys.stdout = original


def _filters_all(one: Any) -> bool:
    """Whether a filter is for anybody's warnings: of a category of Python's, whatever their message and module."""
    _, message, category, module, _ = one
    return message is None and module is None and category.__module__ == "builtins"


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=ProcessState.after_fork)


class _NoInput(io.StringIO):
    """Stands for stdin while plugin code runs: there is nothing to read."""

    _made: ClassVar[deque[_NoInput]] = deque(maxlen=8)

    def __init__(self, original: TextIO | None) -> None:
        super().__init__()
        self.original = original

    @classmethod
    def of(cls, original: TextIO | None) -> _NoInput:
        """The one that stands for a stream."""
        for one in list(cls._made):
            if one.original is original and not one.closed:
                return one
        cls._made.append(out := cls(original))
        return out


class _Notes(io.TextIOBase):
    """Stands for stdout while plugin code runs: stdout is for results."""

    # The last ones are kept: ``print`` of another thread may be about to write to one that has just been taken away,
    # and Python before 3.14 keeps no reference to it there.
    _made: ClassVar[deque[_Notes]] = deque(maxlen=8)

    def __init__(self, original: TextIO | None) -> None:
        self.original = original

    @classmethod
    def of(cls, original: TextIO | None) -> _Notes:
        """The one that stands for a stream."""
        for one in list(cls._made):
            if one.original is original:
                return one
        cls._made.append(out := cls(original))
        return out

    @property
    def buffer(self) -> Any:
        """The bytes below the text."""
        return self.original.buffer if whole_call() is None and self.original is not None else _NotedBytes()

    @property
    def encoding(self) -> str:  # type: ignore[override] # a field there
        """As of what it stands for."""
        return getattr(self.original, "encoding", None) or "utf-8"

    @property
    def errors(self) -> str | None:  # type: ignore[override] # a field there
        """As of what it stands for."""
        return getattr(self.original, "errors", None)

    def writable(self) -> bool:
        """Whether it can be written to."""
        return True

    def write(self, text: str) -> int:
        """Write to stderr what plugin code writes."""
        stream = self.original if (call := whole_call()) is None else _noted(call)
        return len(text) if stream is None else stream.write(text)

    def flush(self) -> None:
        """Flush what it stands for."""
        if (stream := self.original if whole_call() is None else sys.stderr) is not None:
            stream.flush()

    def fileno(self) -> int:
        """The file of what it stands for."""
        return 2 if whole_call() is not None or self.original is None else self.original.fileno()

    def close(self) -> None:
        """Nothing: it is not the plugin's to close."""


class _NotedBytes(io.BufferedIOBase):
    """Stands for the bytes of stdout in plugin code."""

    def writable(self) -> bool:
        """Whether it can be written to."""
        return True

    def write(self, data: Any) -> int:
        """Write to stderr what plugin code writes."""
        out = getattr(sys.stderr if (call := whole_call()) is None else _noted(call), "buffer", None)
        return memoryview(data).nbytes if out is None else out.write(data)

    def flush(self) -> None:
        """Flush stderr."""
        if sys.stderr is not None:
            sys.stderr.flush()

    def fileno(self) -> int:
        """That of stderr."""
        return 2


def _noted(call: PluginCall) -> TextIO | None:
    """Where what a call prints goes."""
    call.note("printed to stdout, which is for results")
    return sys.stderr


def _open_folder() -> int | None:
    try:
        return os.open(".", getattr(os, "O_PATH", os.O_RDONLY))
    except OSError:
        return None


def _close(files: Iterable[int]) -> None:
    for file in files:
        with contextlib.suppress(OSError):
            os.close(file)


def _is_open(file: int) -> bool:
    try:
        os.fstat(file)
    except OSError:
        return False
    return True


def _moved(folder: int) -> bool:
    try:
        return not os.path.samestat(os.fstat(folder), os.stat("."))  # noqa: PTH116 - a path would be made for each call
    except OSError:
        return True


def _copies(files: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    for file in files:
        with contextlib.suppress(OSError):  # a closed stream stays closed
            yield file, os.dup(file)


@define(eq=False)
class _Functions:
    """The functions and classes of a module, to be put back where one is replaced."""

    module: ModuleType
    names: tuple[str, ...]
    get: Callable[[Any], Any]
    then: Any = None

    @classmethod
    def of(cls, module: ModuleType) -> _Functions:
        """Those of a module, as they are."""
        names = tuple(name for name, value in list(vars(module).items()) if callable(value))
        names = tuple(name for name in names if (module, name) not in _HOOKS)
        out = cls(module, names, operator.itemgetter(*names, "__name__", "__doc__"))
        out.read()
        return out

    def read(self) -> None:
        """Read what the names stand for now."""
        self.then = self.get(vars(self.module))

    def mend(self) -> list[str]:
        """Put back those that were replaced, and name them."""
        now = vars(self.module)
        with contextlib.suppress(KeyError):
            if all(map(operator.is_, self.get(now), self.then)):
                return []
        out = [name for name, then in zip(self.names, self.then, strict=False) if now.get(name) is not then]
        for name, then in zip(self.names, self.then, strict=False):
            setattr(self.module, name, then)
        return [f"{self.module.__name__}.{name}" for name in out]


_HOOKS = ((sys, "excepthook"), (sys, "displayhook"), (sys, "unraisablehook"), (threading, "excepthook"))
"""Functions that are there to be replaced, by the program: they are put back like other state."""
_MODULES = (builtins, json, math, os, random, sys, time, np, np.linalg, np.random)
_PATCHABLE = [_Functions.of(module) for module in _MODULES]
"""Those that everybody uses: a plugin that replaces one changes what all others compute."""
