"""Following a MIDI clock: where the sender is and how fast, from clocks that come a little early or late."""

from __future__ import annotations

import threading
from collections import deque
from statistics import linear_regression
from typing import Protocol

from attrs import evolve

from latentknobs.core.live_session import LiveSession
from latentknobs.core.transport import Transport
from latentknobs.errors import LatentKnobsError
from latentknobs.frontends.midi.player import PER_QUARTER

SOURCE = "midi clock"
"""Who sets tempo and play."""
REMEMBERED = 2 * PER_QUARTER
"""Clocks that tempo and place are made of."""
FEW = 6
"""Clocks below which their tempo is not known."""
SHORTEST, LONGEST = 60 / (PER_QUARTER * 400), 60 / (PER_QUARTER * 20)
"""Seconds of a clock: 400 and 20 quarter notes a minute."""
LOST = 1.0
"""Seconds without a clock after which there is none."""
LEAST = 0.3
"""Quarter notes a minute by which the session's tempo must be wrong to be set."""


class Leader(Protocol):
    """What playing follows: a clock, Link, or nothing but the session."""

    def transport(self, now: float) -> Transport:
        """How it is played at a time."""
        ...

    def look(self, now: float) -> None:
        """Do what is to be done now and then."""
        ...

    def close(self) -> None:
        """Follow no more."""
        ...


class OwnTime:
    """Follows nothing: the session's own transport."""

    def __init__(self, session: LiveSession) -> None:
        self._session = session

    def transport(self, now: float) -> Transport:  # noqa: ARG002 - it holds at any time
        """The session's."""
        return self._session.transport

    def look(self, now: float) -> None:
        """Nothing is to be done."""

    def close(self) -> None:
        """Nothing is to be ended."""


class ClockFollower:
    """
    Follows a MIDI clock: sets tempo and play of a session, and says where the sender is.

    Args:
        session: Whose.
    """

    def __init__(self, session: LiveSession) -> None:
        self._session = session
        self._lock = threading.Lock()
        self._clocks: deque[float] = deque(maxlen=REMEMBERED)
        self._number = -1  # of the last clock, counted from the beginning of the sender's song
        self._running = False
        self._last = 0.0
        self._line: tuple[float, float] | None = None  # seconds of a clock, and when the last one should have come

    def clock(self, now: float) -> None:
        """A clock has come."""
        with self._lock:
            self._number += 1
            if self._clocks and now - self._last > LOST:
                self._clocks.clear()
            self._last = now
            self._clocks.append(now)
            self._line = self._fitted()
            if self._line and abs(now - self._line[1]) > self._line[0] / 2:  # another tempo, or the machine paused
                self._clocks.clear()
                self._clocks.append(now)
                self._line = (self._line[0], now)
            tempo = self._tempo() if self._number % PER_QUARTER == 0 and len(self._clocks) >= PER_QUARTER else None
        if tempo is not None:
            self._set_tempo(tempo)

    def start(self, *, again: bool) -> None:
        """The sender starts with its next clock, from the beginning or where it was."""
        with self._lock:
            if not again:
                self._number = -1
            self._clocks.clear()
            self._running = True
        self._session.set("play", True, SOURCE)

    def stop(self) -> None:
        """The sender stops."""
        with self._lock:
            self._running = False
        self._session.set("play", False, SOURCE)

    def locate(self, sixteenths: int) -> None:
        """The sender's song is at a sixteenth from its beginning."""
        with self._lock:
            self._number = sixteenths * PER_QUARTER // 4 - 1
            self._clocks.clear()

    def transport(self, now: float) -> Transport:  # noqa: ARG002 - it holds at any time
        """How the sender plays."""
        base = self._session.transport
        with self._lock:
            if not self._running or not self._clocks:
                return evolve(base, playing=False)
            when = self._line[1] if self._line else self._last
            tempo = self._tempo() or base.tempo
            place = self._number * base.steps_per_quarter / PER_QUARTER
        length = base.end - base.start
        origin = base.start + (place % length if base.loop else min(place, float(length)))
        return evolve(base, tempo=tempo, origin=origin, since=when)

    def look(self, now: float) -> None:
        """Stop where the clock has gone."""
        with self._lock:
            gone = self._running and bool(self._clocks) and now - self._last > LOST
        if gone:
            self.stop()

    def close(self) -> None:
        """Nothing is to be ended."""

    def _fitted(self) -> tuple[float, float] | None:
        """
        The straight line through the clocks: seconds of one, and when the last one should have come.

        Where there are few, or many have come at once after a pause, a clock lasts as long as before.
        """
        count = len(self._clocks)
        if count < (FEW if self._line else 2):
            return (self._line[0], self._clocks[-1]) if self._line else None
        slope, intercept = linear_regression(range(count), self._clocks)
        middle = (count - 1) / 2
        mean = intercept + slope * middle
        if not SHORTEST <= slope <= LONGEST:
            if self._line is None:
                return None
            slope = self._line[0]
        return slope, mean + slope * middle

    def _tempo(self) -> float | None:
        return 60.0 / (PER_QUARTER * self._line[0]) if self._line else None

    def _set_tempo(self, tempo: float) -> None:
        try:
            if abs(tempo - self._session.transport.tempo) > LEAST:
                parameter = self._session.parameter("tempo")
                self._session.set("tempo", parameter.nearest(round(tempo, 1)), SOURCE)
        except LatentKnobsError:
            return
