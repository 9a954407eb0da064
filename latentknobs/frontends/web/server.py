"""``latentknobs serve``: its options, and how the server starts and ends."""

from __future__ import annotations

import argparse
import ipaddress
import socket
import sys
import threading
import webbrowser
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from latentknobs.core.frontend_options import FrontendParser, port
from latentknobs.errors import UsageError, needs_extra
from latentknobs.frontends.web import PORT
from latentknobs.frontends.web.token import add_token_options, token_of
from latentknobs.workbench import Workbench

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp

    from latentknobs.core.live_session import LiveSession
    from latentknobs.studio.shared_session import SharedSession

QUEUED = 1024
"""Connections that the system keeps until they are accepted."""
PING_SECONDS = 20.0
"""Time between pings on a WebSocket, and longest that its client takes to answer one."""
IDLE_SECONDS = 20
"""Longest that a connection stays without a request after the one before."""
GRACE = 3
"""Seconds that open connections get to finish at shutdown."""
_EXTRA = ("The web front end", "web")


def serve(arguments: Sequence[str]) -> int:
    """
    Serve the page until Ctrl-C; returns the exit code.

    Raises:
        MissingExtraError: The extra ``web`` is not installed.
        UsageError: An option is wrong, the address cannot be listened on, or the token cannot be read.
        LatentKnobsError: The model cannot be loaded.
    """
    options = _parser().parse_args(list(arguments))
    with needs_extra(*_EXTRA):
        from latentknobs.frontends.web.app import ServerConfig, create_app
        from latentknobs.frontends.web.connections import WebServer
        from latentknobs.frontends.web.security import AccessPolicy
    token = token_of(options, required=not is_loopback(options.host))
    config = ServerConfig(
        model=tuple(options.model),
        access=AccessPolicy.of(options.host, token, options.name),
        own_registry=options.registry is not None,
    )
    with (
        Workbench.open(options.registry, device=options.device) as workbench,
        _listening(options.host, options.port) as listener,
    ):
        # What is wrong with the names ends the command before anything starts.
        for name in options.model:
            workbench.models.precision_option(name, "")
        if len(options.model) > 1:
            workbench.models.formats(options.model, workbench.model)
        url = address(options.host, listener.getsockname()[1], token)
        _say(f"Open {url} in a browser; Ctrl-C ends it.")
        if options.open:
            webbrowser.open(url)
        try:
            WebServer(configuration(create_app(workbench, config))).run(sockets=[listener])
        except KeyboardInterrupt:
            _say("Ended.")
    return 0


class RunningPage:
    """
    The page on a shared session.

    Attributes:
        where: Where people find it.
    """

    def __init__(self, session: SharedSession, options: argparse.Namespace) -> None:
        from latentknobs.frontends.web.app import ServerConfig, create_app
        from latentknobs.frontends.web.connections import WebServer
        from latentknobs.frontends.web.security import AccessPolicy

        token = token_of(options, required=not is_loopback(options.host))
        access = AccessPolicy.of(options.host, token, options.name)
        config = ServerConfig(tuple(session.session.named), access, warm=False)
        self._listener = _listening(options.host, options.port)
        url = address(options.host, self._listener.getsockname()[1], token)
        self.where = f"Open {url} in a browser."
        self._server = WebServer(configuration(create_app(session.workbench, config, session)))
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._listener]}, name="page", daemon=True
        )
        self._thread.start()
        if options.open:
            webbrowser.open(url)

    def stop(self) -> None:
        """End it; open connections get a moment to finish."""
        self._server.should_exit = True
        self._thread.join(timeout=GRACE + 10)
        self._listener.close()


def start(session: LiveSession, arguments: Sequence[str]) -> RunningPage:
    """
    Serve the page on a session that other front ends play too.

    Raises:
        MissingExtraError: The extra ``web`` is not installed.
        UsageError: An option is wrong, the address cannot be listened on, or the session is none of this program's own.
    """
    from latentknobs.studio.shared_session import SharedSession

    options = checked_options(arguments)
    if not isinstance(session, SharedSession):
        raise UsageError("The page needs a session of serve: start it with serve web,osc.")
    return RunningPage(session, options)


def checked_options(arguments: Sequence[str]) -> argparse.Namespace:
    """
    What is said of the page that is not the session's.

    Raises:
        MissingExtraError: The extra ``web`` is not installed.
        UsageError: An option is unknown, or has no value that it can have.
    """
    options = _shared_parser().parse_args(list(arguments))
    with needs_extra(*_EXTRA):
        import uvicorn  # noqa: F401 - whether it is there
        import websockets  # noqa: F401 - uvicorn needs it for WebSockets
    return options


def configuration(app: ASGIApp) -> uvicorn.Config:
    """How uvicorn runs the server: frames, idle time and the time at shutdown are bounded."""
    import uvicorn

    from latentknobs.frontends.web.connections import HttpConnection, WebSocketConnection
    from latentknobs.frontends.web.requests import MAX_BODY_BYTES

    return uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,  # addresses may hold the token
        lifespan="on",
        http=HttpConnection,
        ws=WebSocketConnection,
        ws_max_size=MAX_BODY_BYTES,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PING_SECONDS,
        ws_per_message_deflate=False,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=GRACE,
        server_header=False,
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server on that address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def address(host: str, port: int, token: str) -> str:
    """The address to open, with the token that is exchanged for a cookie."""
    everywhere = host in ("0.0.0.0", "::")  # noqa: S104 - a comparison; nothing is bound here
    shown = socket.gethostname() if everywhere else f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/" + (f"?token={quote(token)}" if token else "")


def _listening(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(place[:2], family=family, backlog=QUEUED)
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"The server cannot listen on {host}, port {port} ({getattr(error, 'strerror', None) or error}): "
            "choose another address or port (--host and --port, beside others --web-host and --web-port); "
            "port 0 is any free one."
        ) from error
    # What is accepted inherits it. Without it an answer's body waits 40 ms for its header to be acknowledged; asyncio
    # sets it only on sockets whose protocol is named, and create_server names none.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _parser() -> FrontendParser:
    parser = _shared_parser()
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        help="shipped name, path, or KIND:LOCATION of the model; once for each clip format [those of the package]",
    )
    parser.add_argument("--registry", help="registry file or URL [LATENTKNOBS_REGISTRY, else registry.db here]")
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto")
    return parser


def _shared_parser() -> FrontendParser:
    """The options of the page that are not the session's."""
    parser = FrontendParser("web", "Serve the page: hear a melody, turn its knobs, export MIDI.")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on; outside loopback a token is required [127.0.0.1]"
    )
    parser.add_argument("--port", type=port, default=PORT, help=f"0 = any free port [{PORT}]")
    add_token_options(parser)
    parser.add_argument("--name", action="append", default=[], help="another host name of the server; repeatable")
    parser.add_argument(
        "--open", action=argparse.BooleanOptionalAction, default=False, help="open the page in a browser"
    )
    return parser


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - notes go to stderr
