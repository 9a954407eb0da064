"""The options of the OSC front end, and how it starts and ends."""

from __future__ import annotations

import argparse
import ipaddress
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from latentknobs.core.frontend_options import FrontendParser, port
from latentknobs.core.live_session import LiveSession
from latentknobs.errors import UsageError, needs_extra
from latentknobs.frontends.osc import PORT

if TYPE_CHECKING:
    from latentknobs.frontends.osc.query import QueryServer

REPLY_PORT = 7771


class OscFrontend:
    """OSC with its description and its announcement, started."""

    def __init__(self, where: str, running: ExitStack) -> None:
        self.where = where
        self._running = running

    def stop(self) -> None:
        """End it."""
        self._running.close()


def start(session: LiveSession, arguments: Sequence[str]) -> OscFrontend:
    """
    Listen for OSC until it is stopped.

    Raises:
        MissingExtraError: The extra ``osc`` is not installed.
        UsageError: An option is wrong, or the address cannot be listened on.
    """
    options = read_options(arguments)
    with needs_extra("The OSC front end", "osc"):
        from latentknobs.frontends.osc.announcing import Announced, Announcement
        from latentknobs.frontends.osc.server import OscServer
    host = _address(options.host)
    running = ExitStack()
    server = OscServer(session, (host, options.port), options.reply_port, monitor=options.monitor)
    running.callback(server.close)
    where = f"OSC on {host}, port {server.port}; it answers to port {options.reply_port}."
    query = _described(session, host, server.port)
    if query is not None:
        running.callback(query.close)
        shown = f"[{host}]" if ":" in host else host
        where += f" http://{shown}:{query.port}/ describes it."
        if options.zeroconf:
            running.callback(Announcement(Announced(host, server.port, query.port)).close)
    if not ipaddress.ip_address(host).is_loopback:
        where += " Everybody in the network can play it."
    return OscFrontend(where, running)


def read_options(arguments: Sequence[str]) -> argparse.Namespace:
    """
    The options of a command line.

    Raises:
        UsageError: One is unknown, or has no value that it can have.
    """
    return _parser().parse_args(list(arguments))


def _described(session: LiveSession, host: str, port: int) -> QueryServer | None:
    from latentknobs.frontends.osc.query import QueryAnswers, QueryServer
    from latentknobs.frontends.osc.server import say

    try:
        return QueryServer(QueryAnswers(session, host, port), port)
    except OSError as error:
        say(f"OSC is not described over HTTP ({error.strerror or error}); it can be played all the same.")
        return None


def _address(host: str) -> str:
    """The IP address of a host."""
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)[0][4][0])
    except OSError as error:
        raise UsageError(
            f"OSC cannot listen on {host} ({error.strerror or error}): give an address of yours."
        ) from error


def _parser() -> FrontendParser:
    parser = FrontendParser("osc", "Play a session by Open Sound Control.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on [127.0.0.1: this machine only]")
    parser.add_argument("--port", type=port, default=PORT, help=f"0 = any free port [{PORT}]")
    parser.add_argument(
        "--reply-port", type=_reply_port, default=REPLY_PORT, help=f"where senders are answered [{REPLY_PORT}]"
    )
    parser.add_argument(
        "--zeroconf", action=argparse.BooleanOptionalAction, default=True, help="announce it to clients [on]"
    )
    parser.add_argument("--monitor", action="store_true", help="print traffic on stderr")
    return parser


def _reply_port(text: str) -> int:
    if not (number := port(text)):
        raise argparse.ArgumentTypeError("a port to answer to is a number from 1 to 65535")
    return number
