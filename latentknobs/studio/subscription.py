"""How front ends are told of a session: of changes, and of the notes that follow."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

from latentknobs.core.live_session import Music
from latentknobs.core.parameter import Change


class Subscription:
    """
    Tells a front end of changes, in a thread of its own; of each parameter the newest value only.

    Attributes:
        closed: Whether it tells nothing more.
    """

    def __init__(
        self, on_change: Callable[[Change], None] | None, on_music: Callable[[Music], None] | None, name: str
    ) -> None:
        self._on_change, self._on_music = on_change, on_music
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
                if self._on_change is not None:
                    self._on_change(change)
            if music is not None and self._on_music is not None:
                self._on_music(music)
