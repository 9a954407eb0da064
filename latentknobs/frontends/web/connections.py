"""
The door: how many connections there are, in all and from one address, and how long each may make others wait.

A connection without a complete request holds its place only until somebody else needs it, so who sends half a request,
or nothing at all, keeps nobody out. Under a flood connections are accepted no faster than their requests can be read:
they queue in the system, first come, first served.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Collection
from enum import Enum
from typing import Any

import uvicorn
from attrs import define, field, frozen
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from latentknobs.frontends.web.errors import RequestError, error_response

GRACE_SECONDS = 0.25
"""Shortest that a connection has its place, so that what its client has sent is read."""
LEAST_READ = 65536
"""Bytes that a client reads in ``ConnectionLimits.write_seconds``, or all that is left."""
REFUSED, REFUSED_SECONDS = 16, 2.0
"""Connections beyond the limit that are still told so at a time, and how long each may take to hear it."""
FULL = RequestError(503, "full", "The server has all the connections that it takes: try again in a moment.")


@frozen
class ConnectionLimits:
    """
    What clients may take.

    Attributes:
        connections: Most connections at a time, WebSockets among them.
        of_address: Most of one address, or of one IPv6 network of 64 bits. Loopback is one address for all programs of
            this machine, and a proxy's for all its clients: it has no such limit.
        header_seconds: Longest that a request's header takes to arrive.
        write_seconds: Longest that a client reads less than LEAST_READ of an answer.
    """

    connections: int = 256
    of_address: int = 64
    header_seconds: float = 10.0
    write_seconds: float = 10.0


class Phase(Enum):
    """What a connection is doing; in the order in which places are taken away."""

    HEADER = 0
    """A request's header, or the rest of a body that nobody reads, is on its way."""
    BODY = 1
    """A body is on its way; how long is for the application to say."""
    IDLE = 2
    """The last answer is sent and no other request has begun; uvicorn ends it."""
    SERVED = 3
    """A complete request is being answered, or it is a WebSocket; its place is its own."""


@define(eq=False)
class Connection:
    """A client's connection: its transport, and what it is doing since when (seconds of the loop's clock)."""

    transport: asyncio.Transport
    since: float
    address: str = ""
    phase: Phase = Phase.HEADER
    paused: bool = False
    _unsent: int = field(default=0, init=False)
    _unsent_since: float = field(default=0.0, init=False)

    def enter(self, phase: Phase, now: float) -> None:
        """Note what it is doing from now on."""
        if phase is not self.phase:
            self.phase, self.since = phase, now

    def is_late(self, limits: ConnectionLimits, now: float) -> bool:
        """Whether its header takes too long or its client reads too little."""
        unsent = self.transport.get_write_buffer_size()
        waits = unsent > 0 and (self.paused or self.transport.is_closing())
        if not waits or unsent <= self._unsent - LEAST_READ or not self._unsent:
            self._unsent, self._unsent_since = unsent if waits else 0, now
        return (self.phase is Phase.HEADER and now > self.since + limits.header_seconds) or (
            waits and now > self._unsent_since + limits.write_seconds
        )


class Connections(ServerState):
    """All connections of a server, and who of them has to go."""

    def __init__(self, limits: ConnectionLimits) -> None:
        super().__init__()
        self._limits = limits
        self._open: dict[asyncio.Transport, Connection] = {}
        self._refused: dict[asyncio.Transport, float] = {}  # since when, the first one first
        self._watch: asyncio.TimerHandle | None = None

    async def place(self, count: int) -> None:
        """Wait until so many more connections can be served, or nobody is left who would make place for them."""
        while len(self._open) + count > self._limits.connections:
            one = _first_to_go(self._open.values())
            if one is None:
                return
            if asyncio.get_running_loop().time() > one.since + GRACE_SECONDS:
                self._abort(one.transport)
            else:
                await asyncio.sleep(GRACE_SECONDS / 10)

    def admit(self, transport: asyncio.Transport) -> bool:
        """Count a new connection; of an address with too many one without a request goes, or else there is no place."""
        loop = asyncio.get_running_loop()
        new = Connection(transport, loop.time(), _network(transport))
        neighbours = [one for one in self._open.values() if new.address and one.address == new.address]
        if len(neighbours) >= self._limits.of_address:
            one = _first_to_go(neighbours)
            if one is None:
                return False
            self._abort(one.transport)
        if len(self._open) >= self._limits.connections:
            return False
        self._open[transport] = new
        if self._watch is None:
            self._watch = loop.call_later(1.0, self._drop_late)
        return True

    def refuse(self, transport: asyncio.Transport) -> None:
        """Keep a connection only until it is told that there is no place."""
        self._refused[transport] = asyncio.get_running_loop().time()
        if len(self._refused) > REFUSED:
            self._abort(next(iter(self._refused)))

    def leave(self, transport: asyncio.Transport) -> None:
        """Forget a connection that has ended."""
        self._open.pop(transport, None)
        self._refused.pop(transport, None)

    def enter(self, transport: asyncio.Transport, phase: Phase) -> None:
        """Note what a connection is doing from now on."""
        if one := self._open.get(transport):
            one.enter(phase, asyncio.get_running_loop().time())

    def pause(self, transport: asyncio.Transport, paused: bool) -> None:
        """Note whether more is to be sent to a client than it has read."""
        if one := self._open.get(transport):
            one.paused = paused

    def _drop_late(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        late = [one.transport for one in self._open.values() if one.is_late(self._limits, now)]
        late += [transport for transport, since in self._refused.items() if now > since + REFUSED_SECONDS]
        for transport in late:
            self._abort(transport)
        self._watch = loop.call_later(1.0, self._drop_late) if self._open or self._refused else None

    def _abort(self, transport: asyncio.Transport) -> None:
        self.leave(transport)
        transport.abort()  # closing would wait for the client to read


class _Counted(asyncio.Protocol):
    """What both protocols tell the door."""

    transport: asyncio.Transport
    door: Connections

    def connection_lost(self, exc: Exception | None) -> None:
        """Count it no longer."""
        self.door.leave(self.transport)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client reads too slowly."""
        self.door.pause(self.transport, True)
        super().pause_writing()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self.door.pause(self.transport, False)
        super().resume_writing()


class HttpConnection(_Counted, H11Protocol):
    """uvicorn's HTTP protocol behind the door."""

    def __init__(self, config: uvicorn.Config, server_state: ServerState, *args: Any, **kwargs: Any) -> None:
        super().__init__(config, server_state, *args, **kwargs)
        assert isinstance(server_state, Connections)
        self.door = server_state
        self._admitted = self._told = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Let it in, or answer 503 when it asks."""
        super().connection_made(transport)
        self._admitted = self.door.admit(transport)
        if not self._admitted:
            self.door.refuse(transport)

    def data_received(self, data: bytes) -> None:
        """Read on, and note how far the request is."""
        if self._admitted:
            super().data_received(data)
            self._tell()
        elif not self._told:
            # Clients hear no answer before they ask, nor where the connection is closed while they do.
            self._told = True
            self.transport.write(_answer(FULL))
            self.transport.write_eof()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._tell()

    def _tell(self) -> None:
        if self.transport.get_protocol() is self:  # else it is a WebSocket now
            self.door.enter(self.transport, self._phase())

    def _phase(self) -> Phase:
        if self.cycle is None:
            return Phase.HEADER  # type: ignore[unreachable] # uvicorn says that it is never None
        if not self.cycle.response_complete:
            return Phase.BODY if self.cycle.more_body else Phase.SERVED
        return Phase.HEADER if self.cycle.more_body or self.conn.trailing_data[0] else Phase.IDLE


class WebSocketConnection(_Counted, WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol behind the door, where it is counted since it was an HTTP connection."""

    def __init__(self, config: uvicorn.Config, server_state: ServerState, *args: Any, **kwargs: Any) -> None:
        super().__init__(config, server_state, *args, **kwargs)
        assert isinstance(server_state, Connections)
        self.door = server_state

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It has its place for as long as it answers pings."""
        super().connection_made(transport)
        self.door.enter(self.transport, Phase.SERVED)


class WebServer(uvicorn.Server):
    """uvicorn's server with a door; its configuration names the protocols of this module."""

    def __init__(self, config: uvicorn.Config, limits: ConnectionLimits | None = None) -> None:
        super().__init__(config)
        limits = limits or ConnectionLimits()
        self.server_state: Connections = Connections(limits)
        self._accepting: list[asyncio.Task[None]] = []
        self._at_once = max(1, limits.connections // 16)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and accept connections here: uvicorn would accept all that wait at once."""
        await super().startup([])
        for listener in sockets or ():
            listener.setblocking(False)
            self._accepting.append(asyncio.create_task(self._accept(listener)))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more, and end."""
        for task in self._accepting:
            task.cancel()
        await asyncio.gather(*self._accepting, return_exceptions=True)
        await super().shutdown(sockets)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            arrived: list[socket.socket] = []
            try:
                arrived.append((await loop.sock_accept(listener))[0])
                while len(arrived) < self._at_once:
                    arrived.append(listener.accept()[0])
            except BlockingIOError:
                pass  # these are all
            except OSError:  # the client has gone, or the system gives no more connections now
                await asyncio.sleep(GRACE_SECONDS)
            try:
                await self.server_state.place(len(arrived))
                for one in arrived:
                    one.setblocking(False)
                made = (loop.connect_accepted_socket(self._protocol, one) for one in arrived)
                await asyncio.gather(*made, return_exceptions=True)  # a client may have gone by now
            except BaseException:
                for one in arrived:
                    one.close()
                raise

    def _protocol(self) -> asyncio.Protocol:
        return HttpConnection(self.config, self.server_state, self.lifespan.state)


def _first_to_go(connections: Collection[Connection]) -> Connection | None:
    """Who has waited longest of those without a complete request, before idle ones; None where all are served."""
    waiting = [one for one in connections if one.phase is not Phase.SERVED]
    return min(waiting, key=lambda one: (one.phase is Phase.IDLE, one.since), default=None)


def _network(transport: asyncio.Transport) -> str:
    """Whose connections are counted together, "" = nobody's."""
    peer = transport.get_extra_info("peername")
    address = ipaddress.ip_address(peer[0] if peer else "::1")
    address = getattr(address, "ipv4_mapped", None) or address
    if address.is_loopback:
        return ""
    return str(ipaddress.ip_network((address, 64), strict=False) if address.version == 6 else address)


def _answer(error: RequestError) -> bytes:
    """An answer without a request, after which the connection ends."""
    response = error_response(error)
    lines = [b"HTTP/1.1 %d Service Unavailable" % error.status, b"connection: close"]
    lines += [name + b": " + value for name, value in response.raw_headers]
    return b"\r\n".join([*lines, b"", bytes(response.body)])
