"""How front ends are told of a session: of changes, and of the notes that follow."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TypeVar

from latentknobs.core.live_session import Music
from latentknobs.core.parameter import Change

T = TypeVar("T")
MOST_NOTED = 20
"""Sentences about a front end that fails."""


class Subscription:
    """
    Tells a front end of changes, in a thread of its own; of each parameter the newest value only.

    What a listener raises is noted, each sentence once, and the next things are told all the same.

    Args:
        on_change: Called with each change.
        on_music: Called with new notes.
        name: Of the front end.
        note: Tells people of what a listener raised.

    Attributes:
        closed: Whether it tells nothing more.
    """

    def __init__(
        self,
        on_change: Callable[[Change], None] | None,
        on_music: Callable[[Music], None] | None,
        name: str,
        note: Callable[[str], None],
    ) -> None:
        self._on_change, self._on_music, self._name, self._note = on_change, on_music, name, note
        self._noted: set[str] = set()
        self._changes: OrderedDict[str, Change] = OrderedDict()
        self._music: Music | None = None
        self._ready = threading.Condition()
        self.closed = False
        self._thread = threading.Thread(target=self._tell, name=f"tells {name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Tell nothing more."""
        with self._ready:
            self.closed = True
            self._ready.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout=5)

    def put(self, changes: Sequence[Change], music: Music | None) -> None:
        """Have these told; called by the session."""
        with self._ready:
            for change in changes:
                self._changes.pop(change.path, None)  # so that they are told in the order in which they were made
                self._changes[change.path] = change
            self._music = music or self._music
            self._ready.notify()

    def _tell(self) -> None:
        while True:
            with self._ready:
                self._ready.wait_for(lambda: self.closed or self._changes or self._music is not None)
                if self.closed:
                    return
                changes, self._changes = self._changes, OrderedDict()
                music, self._music = self._music, None
            for change in changes.values():
                self._call(self._on_change, change)
            if music is not None:
                self._call(self._on_music, music)

    def _call(self, listener: Callable[[T], None] | None, told: T) -> None:
        if listener is None or self.closed:
            return
        try:
            listener(told)
        except Exception as error:  # noqa: BLE001 - a front end's own; the others are told, and it of what comes next
            sentence = f"{self._name} failed when it was told of a change: {type(error).__name__}: {error}"
            if sentence not in self._noted and len(self._noted) < MOST_NOTED:
                self._noted.add(sentence)
                self._note(sentence)
