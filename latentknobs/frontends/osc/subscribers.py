"""Who is told of changes, where, and until when; and how often anybody is answered."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, TypeAlias

from attrs import define, field

from latentknobs.core.parameter import Change
from latentknobs.errors import UsageError

Address: TypeAlias = tuple[Any, ...]
"""As sockets give and take it: host, port, and two more numbers for IPv6."""
MOST_SUBSCRIBERS = 32
SECONDS, MOST_SECONDS = 60.0, 3600.0
"""How long a subscription lasts, unless it is renewed."""
MOST_BUCKETS = 256


def source_of(sender: Address) -> str:
    """The name that changes of a sender have in the session."""
    return f"osc {sender[0]}:{sender[1]}"


@define
class OscSubscriber:
    """
    Somebody who is told of changes.

    Attributes:
        to: Where.
        source: Whose it is among the sources of changes.
        until: When it ends, in seconds of ``time.monotonic``.
        sent: The address that it last set each parameter by, where that shows the value as it is.
    """

    to: Address
    source: str
    until: float
    sent: dict[str, str] = field(factory=dict)

    def wants(self, change: Change, address: str) -> bool:
        """
        Whether it is told a change at an address: all but what it set there itself.

        What it set in another form, and what its morph or trigger made of other parameters, it does not know.
        """
        own = change.source in (self.source, f"{self.source} {change.path}")
        return not own or address != self.sent.get(change.path)


@define
class OscSubscribers:
    """
    The subscriptions.

    Attributes:
        reply_port: Where senders without one are answered.
    """

    reply_port: int
    _by_place: dict[Address, OscSubscriber] = field(factory=dict, init=False)

    def __iter__(self) -> Iterator[OscSubscriber]:
        """Those that have not ended."""
        now = time.monotonic()
        self._by_place = {to: one for to, one in self._by_place.items() if one.until > now}
        return iter(self._by_place.values())

    def add(self, sender: Address, port: int, seconds: float) -> OscSubscriber:
        """
        Subscribe a sender, or renew it.

        Raises:
            UsageError: No port, no time from 1 to 3600 seconds, or there are too many.
        """
        if not 1 <= port <= 65535:
            raise UsageError(f"A port is a number from 1 to 65535, not {port}.")
        if not (math.isfinite(seconds) and 1 <= seconds <= MOST_SECONDS):
            raise UsageError(f"A subscription lasts 1 to {MOST_SECONDS:g} seconds, not {seconds:g}: renew it in time.")
        to = (sender[0], port, *sender[2:])
        places = {one.to for one in self}
        if to not in places and len(places) >= MOST_SUBSCRIBERS:
            raise UsageError(f"There are {MOST_SUBSCRIBERS} subscribers already: wait until one ends.")
        source = source_of(sender)
        sent = next((one.sent for one in self if one.source == source), {})
        self._by_place = {place: one for place, one in self._by_place.items() if one.source != source}
        self._by_place[to] = OscSubscriber(to, source, time.monotonic() + seconds, sent)
        return self._by_place[to]

    def set_by(self, sender: Address, path: str, address: str) -> None:
        """A sender has set a parameter by an address, "" = to another value than it asked for."""
        for one in self._by_place.values():
            if one.source == source_of(sender):
                one.sent[path] = address

    def remove(self, sender: Address) -> None:
        """
        End a sender's subscription.

        Raises:
            UsageError: It has none.
        """
        source = source_of(sender)
        mine = [one.to for one in self if one.source == source]
        if not mine:
            raise UsageError("There is no subscription of this sender.")
        for to in mine:
            del self._by_place[to]

    def reply_to(self, sender: Address) -> Address:
        """Where a sender is answered: its host, at the port that it subscribed with."""
        source = source_of(sender)
        own = next((one.to for one in self._by_place.values() if one.source == source), None)
        return own or (sender[0], self.reply_port, *sender[2:])


@define
class Rates:
    """
    Token buckets, one for each key, of which the ones used last are kept.

    Attributes:
        per_second: How often each may, in the long run.
        burst: How often at once.
    """

    per_second: float
    burst: float
    _buckets: OrderedDict[object, tuple[float, float]] = field(factory=OrderedDict, init=False)

    def allow(self, key: object) -> bool:
        """Whether it may once more, which counts."""
        now = time.monotonic()
        tokens, since = self._buckets.pop(key, (self.burst, now))
        tokens = min(self.burst, tokens + (now - since) * self.per_second)
        allowed = tokens >= 1
        self._buckets[key] = (tokens - allowed, now)
        if len(self._buckets) > MOST_BUCKETS:
            self._buckets.popitem(last=False)
        return allowed
