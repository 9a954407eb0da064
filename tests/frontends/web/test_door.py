"""The door: nobody who sends half a request, nothing, or too much keeps others out."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from contextlib import ExitStack, suppress

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from latentknobs.frontends.web.app import ServerConfig
from latentknobs.frontends.web.connections import ConnectionLimits, Connections
from tests.frontends.web.conftest import API, served

HALF = b"GET /api/v1/info HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
REST = b"x\r\n\r\n"
UNSENT = b"POST /api/v1/models/tiny/open HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n{"
FOREIGN = UNSENT.replace(b"Host: ", b"Origin: http://evil.com\r\nHost: ")  # answered before its body is read
PATIENCE = 60


@pytest.fixture
def door(bench):
    """Starts servers with these limits; gives the port."""
    with ExitStack() as stack:
        yield lambda **limits: stack.enter_context(
            served(bench, ServerConfig(model="tiny"), ConnectionLimits(**limits))
        )


@pytest.fixture
def dial():
    """Connects to a port and sends that; all are closed at the end."""
    with ExitStack() as stack:

        def dial(port, data=b"", buffer=None):
            link = stack.enter_context(socket.socket())
            if buffer:
                link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            link.settimeout(PATIENCE)
            link.connect(("127.0.0.1", port))
            link.sendall(data)
            return link

        yield dial


def live(port):
    """A WebSocket."""
    return connect(f"ws://127.0.0.1:{port}{API}/live", proxy=None)


def asks(port):
    """The answer to a request on a connection of its own."""
    return httpx.get(f"http://127.0.0.1:{port}{API}/info", timeout=PATIENCE, trust_env=False)


def ended(link):
    """What the server still sends until it ends the connection."""
    heard = b""
    with suppress(ConnectionError):
        while data := link.recv(65536):
            heard += data
    return heard


@pytest.mark.parametrize("data", [b"", HALF, UNSENT, HALF + REST], ids=["silent", "header", "body", "idle"])
def test_what_is_no_complete_request_keeps_nobody_out(door, dial, data):
    """Where all places are taken the connection that has waited longest gives up its own."""
    port = door(connections=8, header_seconds=PATIENCE)
    links = []
    for _ in range(20):
        links.append(dial(port, data))
        if data.endswith(REST):
            links[-1].recv(65536)

    assert [asks(port).status_code for _ in range(10)] == [200] * 10
    ended(links[0])  # a silent one is told nothing


def test_all_connections_are_counted(door):
    """WebSockets too: one more of either kind is answered 503, until one ends."""
    port = door(connections=4)
    with ExitStack() as stack:
        links = [stack.enter_context(live(port)) for _ in range(4)]
        answer = asks(port)
        with pytest.raises(InvalidStatus) as refused:
            live(port)
        links[0].send(json.dumps({"type": "ping", "seq": 1}))
        pong = json.loads(links[0].recv(PATIENCE))
        links[1].close()
        until = time.monotonic() + PATIENCE
        while (status := asks(port).status_code) == 503 and time.monotonic() < until:
            time.sleep(0.1)

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "full")
    assert refused.value.response.status_code == 503
    assert (pong["type"], status) == ("pong", 200)


@pytest.mark.parametrize("data", [b"", HALF, HALF + REST + HALF, FOREIGN], ids=["silent", "first", "next", "answered"])
def test_a_header_that_does_not_come_ends_the_connection(door, dial, data):
    """Also the second one, one that comes byte by byte, and a body that nobody reads."""
    link = dial(door(header_seconds=1), data)
    link.settimeout(0.2)
    until = time.monotonic() + PATIENCE
    with suppress(ConnectionError):
        while time.monotonic() < until:
            with suppress(TimeoutError):
                if not link.recv(65536):
                    break
            if data:
                link.send(b"x")

    assert time.monotonic() < until


def test_who_does_not_read_an_answer_is_let_go(door, dial):
    """Its connection ends before all is sent; who reads slowly, but does, gets all."""
    port = door(write_seconds=2)
    get = b"GET /static/app.js HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    whole = ended(dial(port, get))
    deaf, slow = dial(port, get, 4096), dial(port, get, 4096)
    heard = b""
    until = time.monotonic() + 6
    while len(heard) < len(whole):
        heard += slow.recv(16384)
        time.sleep(0.02)
    time.sleep(max(0, until - time.monotonic()))

    assert heard.partition(b"\r\n\r\n")[2] == whole.partition(b"\r\n\r\n")[2]
    assert len(ended(deaf)) < len(whole)


class Transport:
    """Stands for a connection from an address."""

    def __init__(self, address):
        self.address, self.aborted = address, False

    def get_extra_info(self, _name):
        return (self.address, 1)

    def abort(self):
        self.aborted = True


@pytest.mark.parametrize(
    ("addresses", "kept"),
    [
        (["192.168.0.7"] * 3 + ["192.168.0.8"], [False, True, True, True]),
        (["::ffff:192.168.0.7", "192.168.0.7", "192.168.0.7"], [False, True, True]),
        (["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:1::1"], [False, True, True, True]),
        (["127.0.0.1"] * 4, [True] * 4),
        (["::1"] * 4, [True] * 4),
    ],
    ids=str,
)
def test_connections_of_an_address_are_counted(addresses, kept):
    """One too many takes the place of one from the same address or network; loopback is everybody's."""

    async def arrive():
        door = Connections(ConnectionLimits(connections=10, of_address=2))
        links = [Transport(address) for address in addresses]
        assert all(map(door.admit, links))
        return [not link.aborted for link in links]

    assert asyncio.run(arrive()) == kept
