"""What can be undone in a session."""

from __future__ import annotations

import time

from attrs import define, field

from latentknobs.session import Session
from latentknobs.studio.values import SessionValues

DEPTH = 200
"""Steps that can be undone."""
MOST_PIECES = 8
"""Pieces that can be gone back to: each has its codes and its file with it."""
GESTURE = 0.7
"""Seconds within which a front end's next value of the same parameter belongs to the same step."""


@define(eq=False)
class History:
    """Values of before, each with what was then set, and those that were taken back."""

    _past: list[tuple[str, SessionValues]] = field(factory=list, init=False)
    _future: list[tuple[str, SessionValues]] = field(factory=list, init=False)
    _last: tuple[str, str, float] = field(default=("", "", 0.0), init=False)

    @property
    def labels(self) -> tuple[str, ...]:
        """What can be undone, the newest last: the paths that were set."""
        return tuple(label for label, _ in self._past)

    def add(self, label: str, source: str, before: SessionValues, *, other_piece: bool) -> None:
        """A step, or the next value of a gesture."""
        now = time.monotonic()
        path, by, at = self._last
        gesture = label == path and source == by and now - at < GESTURE and self._past
        if not gesture or other_piece or path.startswith("snapshot/"):
            self._past = [*self._past[-(DEPTH - 1) :], (label, before)]
        self._future = []
        self._last = (label, source, now)
        if other_piece:
            self._forget_old_pieces()

    def back(self, values: SessionValues) -> SessionValues | None:
        """The values of before, None where there are none."""
        return self._move(self._past, self._future, values)

    def forward(self, values: SessionValues) -> SessionValues | None:
        """Those that were taken back."""
        return self._move(self._future, self._past, values)

    def _move(
        self, source: list[tuple[str, SessionValues]], target: list[tuple[str, SessionValues]], values: SessionValues
    ) -> SessionValues | None:
        self._last = ("", "", 0.0)
        if not source:
            return None
        label, back = source.pop()
        target.append((label, values))
        return back

    def _forget_old_pieces(self) -> None:
        pieces: list[Session] = []
        for k in range(len(self._past) - 1, -1, -1):
            session = self._past[k][1].session
            if session not in pieces:
                pieces.append(session)
            if len(pieces) > MOST_PIECES:
                self._past = self._past[k + 1 :]
                return
