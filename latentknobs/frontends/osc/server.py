"""The socket and the threads of the OSC front end."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable

from latentknobs.core.live_session import LiveSession, Music
from latentknobs.core.parameter import Change
from latentknobs.errors import LatentKnobsError, UsageError
from latentknobs.frontends.osc.control import OscControl
from latentknobs.frontends.osc.packets import MOST_BYTES, OscMessage, bundled, read, written
from latentknobs.frontends.osc.subscribers import Address, Rates

MOST_ARRIVED = 4096
"""Packets that wait to be played; beyond them the oldest go."""
TICK = 0.01
"""Seconds between two tellings of changes; of each parameter the newest value is told."""
LINES = (50.0, 100.0)
"""Of the monitor: per second, and at once."""
_POLL = 0.2
"""Seconds within which the reading thread sees that it is over."""


class OscServer:
    """
    Listens, plays what arrives on a session, and tells what changes there.

    One thread reads packets; another does everything else. The session tells through :meth:`_changed` and
    :meth:`_new_music`.

    Args:
        session: What is played.
        where: Host and port to listen on; port 0 = any free one.
        reply_port: Where senders are answered that have not subscribed.
        monitor: Whether traffic is printed on stderr.

    Raises:
        UsageError: The address cannot be listened on.
    """

    def __init__(self, session: LiveSession, where: tuple[str, int], reply_port: int, *, monitor: bool = False) -> None:
        self._socket = listening(*where)
        self.port: int = self._socket.getsockname()[1]
        self._monitor = Rates(*LINES) if monitor else None
        self._control = OscControl(session, self._send, reply_port)
        self._ready = threading.Condition()
        self._arrived: deque[tuple[bytes, Address]] = deque(maxlen=MOST_ARRIVED)
        self._changes: dict[str, Change] = {}
        self._music: Music | None = None
        self._told = 0.0
        self._closed = False
        self._threads = [
            threading.Thread(target=self._read, name="osc reads", daemon=True),
            threading.Thread(target=self._work, name="osc plays", daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        self._listening = session.subscribe(self._changed, self._new_music, "osc")

    def close(self) -> None:
        """Stop, and free the port."""
        self._listening.close()
        with self._ready:
            self._closed = True
            self._ready.notify()
        for thread in self._threads:
            thread.join(timeout=5)
        self._socket.close()

    def _changed(self, change: Change) -> None:
        with self._ready:
            self._changes.pop(change.path, None)
            self._changes[change.path] = change
            self._ready.notify()

    def _new_music(self, music: Music) -> None:
        with self._ready:
            self._music = music
            self._ready.notify()

    def _read(self) -> None:
        while not self._closed:
            try:
                # One byte more than there may be, which tells a packet that is too long.
                packet, sender = self._socket.recvfrom(MOST_BYTES + 1)
            except TimeoutError:
                continue
            except OSError:  # some systems say here that an answer did not arrive
                time.sleep(TICK)
                continue
            with self._ready:
                self._arrived.append((packet, sender))
                self._ready.notify()

    def _work(self) -> None:
        while True:
            with self._ready:
                while not self._has_work():
                    self._ready.wait(self._patience())
                if self._closed:
                    return
                arrived, self._arrived = self._arrived, deque(maxlen=MOST_ARRIVED)
                music, self._music = self._music, None
                changes: dict[str, Change] = {}
                # Notes never come before the values that they follow from.
                if music is not None or time.monotonic() >= self._told + TICK:
                    changes, self._changes = self._changes, {}
            try:
                self._round(arrived, list(changes.values()), music)
            except Exception as error:  # noqa: BLE001 - the next packet is played
                say(f"OSC: {type(error).__name__}: {error}")
                time.sleep(TICK)

    def _has_work(self) -> bool:
        return self._closed or bool(self._arrived) or self._music is not None or self._patience() == 0.0

    def _patience(self) -> float | None:
        """Seconds until there is something to do, though nothing happens; None = there is nothing."""
        times = [self._control.until_due(), max(0.0, self._told + TICK - time.monotonic()) if self._changes else None]
        return min((one for one in times if one is not None), default=None)

    def _round(self, arrived: deque[tuple[bytes, Address]], changes: list[Change], music: Music | None) -> None:
        if self._monitor is not None:
            for packet, sender in arrived:
                self._show("from", sender, packet)
        self._control.play(arrived)
        if changes:
            self._control.tell_change(changes)
            self._told = time.monotonic()
        if music is not None:
            self._control.tell_music(music)

    def _send(self, to: Address, messages: Iterable[OscMessage]) -> None:
        messages = list(messages)
        for packet in [written(messages[0])] if len(messages) == 1 else bundled(messages):
            if self._monitor is not None:
                self._show("to", to, packet)
            try:
                self._socket.sendto(packet, to)
            except OSError:
                continue  # nobody can be reached there; UDP promises nothing

    def _show(self, way: str, place: Address, packet: bytes) -> None:
        if self._monitor is None or not self._monitor.allow(way):
            return
        try:
            shown = "; ".join(" ".join([one.address, *map(str, one.arguments)]) for one in read(packet)[:8])
        except LatentKnobsError as error:
            shown = str(error)
        say(f"{way:<4} {place[0]}:{place[1]} {ascii(shown[:160])[1:-1]}")


def listening(host: str, port: int) -> socket.socket:
    """
    A socket that listens there; port 0 = any free one.

    Raises:
        UsageError: It cannot.
    """
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        out = socket.socket(family, kind, protocol)
        try:
            out.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**20)
            out.bind(place)
        except OSError:
            out.close()
            raise
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"OSC cannot listen on {host}, port {port} ({getattr(error, 'strerror', None) or error}): "
            "choose another address or port (--host and --port, beside others --osc-host and --osc-port); "
            "port 0 is any free one."
        ) from error
    out.settimeout(_POLL)
    return out


def say(text: str) -> None:
    """Print a note."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - notes go to stderr
