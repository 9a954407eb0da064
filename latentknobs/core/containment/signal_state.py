"""Signals while the main thread runs plugin code: Ctrl-C works, and what the code changes is put back."""

from __future__ import annotations

import os
import signal
import threading
import time
from types import CodeType, FrameType
from typing import Any, ClassVar

from attrs import define, field

from latentknobs.core.containment.calls import ENDS, PluginCall, PluginOverdue

INTERRUPTED = 130
"""Exit code after Ctrl-C."""
_SIGNALS = tuple(
    getattr(signal, f"SIG{name}")
    for name in ["INT", "TERM", "HUP", "QUIT", "ALRM", "USR1", "USR2", "CHLD", "PIPE", "TSTP", "CONT", "WINCH", "URG"]
    if hasattr(signal, f"SIG{name}")
)
"""Those that programs handle; the rest stop the process or are the system's."""
set_handler = signal.signal
"""The function itself, since plugin code meets another in its place."""
leave_process = os._exit
"""The same."""


@define(eq=False, repr=False)
class SignalState:
    """The signals while the main thread runs plugin code."""

    handlers: dict[int, Any] = field(init=False)
    mask: set[int] = field(init=False)
    timer: tuple[float, float] = field(init=False)
    thread: int = field(factory=threading.get_ident)
    interrupted: bool = False
    busy: bool = True

    current: ClassVar[SignalState | None] = None
    uninterrupted: ClassVar[tuple[CodeType, ...]] = ()
    """Functions in which, as while it is busy, nothing is raised."""

    @classmethod
    def enter(cls) -> SignalState | None:
        """Before plugin code runs; None where this is part of a call that is under way already."""
        if cls.current is not None or not hasattr(signal, "pthread_sigmask"):  # as on Windows
            return None
        SignalState.current = cls()
        return SignalState.current

    def __attrs_post_init__(self) -> None:
        self.handlers = {number: signal.getsignal(number) for number in _SIGNALS}
        self.mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        self.timer = signal.getitimer(signal.ITIMER_REAL)
        if callable(self.handlers[signal.SIGINT]):
            set_handler(signal.SIGINT, self._on_interrupt)
        set_handler(signal.SIGURG, self._on_overdue)

    def leave(self, call: PluginCall) -> None:
        """After it: put back what it changed, and note it on its call."""
        SignalState.current = None
        own = {signal.SIGINT: self._on_interrupt, signal.SIGURG: self._on_overdue}
        for number, then in self.handlers.items():
            now = signal.getsignal(number)
            if now is then or then is None:
                continue
            if now != own.get(signal.Signals(number)):
                call.note(f"changed the handler of {signal.Signals(number).name}")
            set_handler(number, then)
        if signal.pthread_sigmask(signal.SIG_SETMASK, self.mask) != self.mask:
            call.note("blocked signals")
        if not self.timer[0] and signal.getitimer(signal.ITIMER_REAL)[0]:
            signal.setitimer(signal.ITIMER_REAL, 0)
            call.note("left a timer running")

    def _on_interrupt(self, number: int, frame: FrameType | None) -> None:
        """Ctrl-C: a second one ends the program, since the code may have caught the first."""
        if self.interrupted:
            os.write(2, b"Interrupted: what was not finished is not written.\n")
            leave_process(INTERRUPTED)
        try:
            self.handlers[signal.SIGINT](number, frame)
        except KeyboardInterrupt:
            self.interrupted = True
            if self._may_raise(frame):
                raise

    def _may_raise(self, frame: FrameType | None) -> bool:
        return not self.busy and (frame is None or frame.f_code not in self.uninterrupted)

    def _on_overdue(self, _number: int, frame: FrameType | None) -> None:
        thread, now = threading.get_ident(), time.monotonic()
        if self._may_raise(frame) and any(of == thread and end <= now for of, end in list(ENDS.values())):
            raise PluginOverdue
