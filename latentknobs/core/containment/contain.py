"""Runs plugin code so that the program goes on, whatever that does."""

from __future__ import annotations

import itertools
import os
import threading
import time
from types import TracebackType
from typing import Self

from attrs import define, field

from latentknobs.core.containment.calls import (
    ENDS,
    EndsProgram,
    PluginCall,
    PluginOverdue,
    PluginStopped,
    stack,
    time_limit,
)
from latentknobs.core.containment.import_state import ImportState
from latentknobs.core.containment.process_end import guard_process
from latentknobs.core.containment.process_state import ProcessState
from latentknobs.core.containment.signal_state import SignalState, leave_process
from latentknobs.core.containment.watchdog_client import WATCHDOG


@define(eq=False)
class Containment(PluginCall):
    """
    A call of plugin code in a with-block.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed, whatever became of it in the code.
        PluginStopped: The code raised what is no Exception, called os._exit or exec, took too long, or replaced a
            function that others use.
    """

    _number: int = field(factory=itertools.count(1).__next__, init=False)
    _imports: ImportState | None = field(default=None, init=False)
    _signals: SignalState | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        guard_process()
        calls = stack()
        signals = SignalState.current
        if signals is not None and signals.thread == threading.get_ident():
            signals.busy = True  # nothing may interrupt what prepares to put things back
        else:
            signals = None
        try:
            if self.whole:
                if threading.current_thread() is threading.main_thread() and signals is None:
                    signals = self._signals = SignalState.enter()
                ProcessState.enter(self)
                limit = time_limit() if self.limited else 0.0
                ENDS[self._number] = (threading.get_ident(), time.monotonic() + limit if limit else float("inf"))
                WATCHDOG.begin(self._number, self, limit)
            if self.loading:
                self._imports = ImportState()
            calls.append(self)
        finally:
            if signals is not None:
                signals.busy = False
        if signals is not None and signals.interrupted:
            self.__exit__(None, None, None)  # which raises it
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # First, and without a call of Python code: nothing may interrupt what puts things back.
        signals = SignalState.current
        if signals is not None and signals.thread == threading.get_ident():
            signals.busy = True
        else:
            signals = None
        if os.getpid() != self.process:  # the code has forked, and this copy of the program has no work to do
            leave_process(1)
        patched: list[str] = []
        if self.whole:
            try:
                WATCHDOG.end(self._number)
            except PluginOverdue:  # in a thread, at this very moment
                WATCHDOG.end(self._number)
            patched = ProcessState.leave(self)
        calls = stack()
        calls.remove(self)
        if self._imports is not None:
            self._imports.put_back(self)
        for change in self.changes if calls else ():
            calls[-1].note(change)
        if signals is not None:
            if self._signals is signals:
                signals.leave(self)
            else:
                signals.busy = False
            if signals.interrupted:
                raise KeyboardInterrupt from error
        if patched:
            raise PluginStopped(f"it replaces {', '.join(patched)}, which all others use") from error
        ctrl_c = isinstance(error, KeyboardInterrupt) and not self.whole  # its own handler of signals raised it
        if error is not None and not isinstance(error, Exception) and not ctrl_c:
            raise PluginStopped(str(error) if isinstance(error, EndsProgram) else "") from error


# Before the first line of these, and after the last, they are not yet or no longer busy.
SignalState.uninterrupted = (Containment.__enter__.__code__, Containment.__exit__.__code__)
