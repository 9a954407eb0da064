"""Ableton Link: tempo and beat are shared with other programs of the network."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from attrs import evolve

from latentknobs.core.live_session import LiveSession
from latentknobs.core.meter import signature_of
from latentknobs.core.transport import Transport
from latentknobs.errors import needs_extra

SOURCE = "link"
"""Who sets the tempo."""
SAME = 0.01
"""Quarter notes a minute below which tempos are one."""


class LinkFollower:
    """
    Takes the tempo of Link and gives it the session's; plays so that bars begin with those of the others.

    Args:
        session: Whose tempo.

    Raises:
        MissingExtraError: aalink is not installed.
    """

    def __init__(self, session: LiveSession) -> None:
        with needs_extra("Ableton Link", "link"):
            import aalink
        self._session = session
        self._loop = asyncio.new_event_loop()  # aalink asks for one that runs
        self._thread = threading.Thread(target=self._loop.run_forever, name="link", daemon=True)
        self._thread.start()
        self._seen = session.transport.tempo
        self._link = asyncio.run_coroutine_threadsafe(_made(aalink.Link, self._seen), self._loop).result(timeout=10)
        self._link.quantum = float(signature_of(session.clip_format).quarters)
        self._link.enabled = True

    def transport(self, now: float) -> Transport:
        """Where the others are: the loop goes on with their beats."""
        base = self._session.transport
        if not (base.playing and base.loop):
            return base
        place = self._link.beat * base.steps_per_quarter % (base.end - base.start)
        return evolve(base, tempo=self._link.tempo, origin=base.start + place, since=now)

    def look(self, now: float) -> None:  # noqa: ARG002 - it is to be done at any time
        """Take the tempo that others have set, or give them the session's."""
        tempo, own = self._link.tempo, self._session.transport.tempo
        if abs(tempo - self._seen) > SAME:
            self._seen = tempo
            self._session.set("tempo", self._session.parameter("tempo").nearest(tempo), SOURCE)
        elif abs(own - self._seen) > SAME:
            self._link.tempo = self._seen = own

    def close(self) -> None:
        """Leave Link."""
        self._link.enabled = False
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        self._loop.close()


async def _made(kind: Callable[[float], Any], tempo: float) -> Any:
    return kind(tempo)
