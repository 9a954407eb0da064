"""Where playing is, counted on over loops and changes of tempo."""

from __future__ import annotations

from latentknobs.core.transport import Transport

JUMP = 0.5
"""Steps by which a new transport may lie beside the old one and still go on with it: a clock that is followed."""


class Playhead:
    """
    Counts the steps of one playing.

    Attributes:
        transport: The one that counts now.
    """

    def __init__(self) -> None:
        self.transport: Transport | None = None
        self._base = 0.0

    def take(self, transport: Transport) -> float | None:
        """
        Go on with this transport.

        Returns:
            Steps by which the same place is a lower number in it, as loops were counted on; None where it is another
            place, or playing begins.
        """
        old, self.transport = self.transport, transport
        if old is transport:
            return 0.0
        if old is None or not (old.playing and transport.playing):
            self._base = 0.0
            return None
        apart = old.origin + old.passed(transport.since) - transport.origin
        length = old.end - old.start
        shift = float(round(apart / length) * length) if old.loop else 0.0
        if abs(apart - shift) > JUMP:
            self._base = 0.0
            return None
        self._base += shift
        return shift

    def raw(self, now: float) -> float:
        """The step at a time, loops counted on since this transport began."""
        assert self.transport is not None
        return self.transport.origin + self.transport.passed(now)

    def counted(self, now: float) -> float:
        """The step at a time, loops counted on since playing began."""
        return self._base + self.raw(now)

    def time_of(self, raw: float) -> float:
        """When a step of :meth:`raw` is."""
        assert self.transport is not None
        return self.transport.since + (raw - self.transport.origin) * self.transport.step_seconds

    def step(self, raw: int) -> int:
        """The step of the piece that a whole one of :meth:`raw` is."""
        one = self.transport
        assert one is not None
        return one.start + (raw - one.start) % (one.end - one.start) if one.loop and raw >= one.end else raw
