"""Where playing is: every front end computes the same place from the same few numbers."""

from __future__ import annotations

import math
from typing import Any

from attrs import evolve, frozen


@frozen
class Transport:
    """
    How a piece is played.

    Attributes:
        playing: Whether it sounds.
        tempo: Quarter notes a minute.
        steps_per_quarter: Of the piece's grid.
        start: The first step that is played.
        end: The step after the last one.
        loop: Whether it begins again at its end.
        origin: The step that sounded at ``since``.
        since: When that was, in seconds of ``time.monotonic``.
    """

    playing: bool
    tempo: float
    steps_per_quarter: int
    start: int
    end: int
    loop: bool
    origin: float = 0.0
    since: float = 0.0

    @property
    def step_seconds(self) -> float:
        """Seconds that a step lasts."""
        return 60.0 / (self.tempo * self.steps_per_quarter)

    def passed(self, now: float) -> float:
        """Steps that have been played since ``origin``, not below 0; goes on past the end."""
        return max(0.0, (now - self.since) / self.step_seconds) if self.playing else 0.0

    def position(self, now: float) -> float:
        """The step that sounds at a time; past the end it is the end where nothing loops."""
        step = self.origin + self.passed(now)
        if step < self.end or not self.playing:
            return step
        return self.start + (step - self.start) % (self.end - self.start) if self.loop else float(self.end)

    def ended(self, now: float) -> bool:
        """Whether playing has come to an end by itself."""
        return self.playing and now >= self.ends

    @property
    def ends(self) -> float:
        """When playing comes to an end by itself, in seconds of ``time.monotonic``; infinite where it does not."""
        over = not self.playing or self.loop
        return math.inf if over else self.since + (self.end - self.origin) * self.step_seconds

    def at(self, now: float, **changes: Any) -> Transport:
        """The same with other values from now on: what sounds goes on where it is; what has ended has stopped."""
        if self.ended(now):
            changes = {"playing": False, **changes}
        changed = evolve(self, origin=self.position(now), since=now, **changes)
        inside = changed.start <= changed.origin < changed.end
        return changed if inside else evolve(changed, origin=float(changed.start))

    def as_set(self, other: Transport, now: float) -> Transport:
        """This one played as another is now: whether, how fast, and whether again and again."""
        set_so = other.at(now)
        return evolve(self, playing=set_so.playing, tempo=set_so.tempo, loop=set_so.loop, since=now)
