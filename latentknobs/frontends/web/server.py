"""``latentknobs serve``: the options of the web front end, and the server's start and end."""

from __future__ import annotations

import argparse
import ipaddress
import secrets
import socket
import sys
import webbrowser
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.errors import MissingExtraError, UsageError
from latentknobs.workbench import Workbench

if TYPE_CHECKING:
    import uvicorn

PORT = 8765
MOST_FRAME = 1024 * 1024
"""Bytes of a WebSocket frame; a larger one ends its connection."""
MOST_CONNECTIONS = 256
"""Connections at a time; beyond them the server answers 503."""
GRACE = 3
"""Seconds that connections have at the end."""


def serve(arguments: Sequence[str]) -> int:
    """
    Serve the page until Ctrl-C; returns the exit code.

    Raises:
        MissingExtraError: The extra ``web`` is not installed.
        UsageError: The address cannot be listened on.
        LatentKnobsError: The model cannot be loaded.
    """
    asked = _parser().parse_args(list(arguments))
    try:
        import uvicorn
        import websockets  # noqa: F401 - uvicorn takes it for WebSockets

        from latentknobs.frontends.web.app import ServerConfig, create_app
        from latentknobs.frontends.web.security import AccessPolicy
    except ImportError as error:
        if (error.name or "").split(".")[0] == "latentknobs":
            raise
        raise MissingExtraError("The web front end", "web") from error
    token = asked.token or ("" if is_loopback(asked.host) else secrets.token_urlsafe(24))
    door = AccessPolicy.of(asked.host, token, asked.name)
    with Workbench.open(asked.registry, device=asked.device) as bench, _listening(asked.host, asked.port) as listener:
        bench.models.asked(asked.model, "")  # a name that is none is told before anything starts
        settings = ServerConfig(model=asked.model, door=door, named=asked.registry is not None)
        url = address(asked.host, listener.getsockname()[1], token)
        _say(f"Open {url} in a browser; Ctrl-C ends it.")
        if asked.open:
            webbrowser.open(url)
        try:
            uvicorn.Server(configuration(create_app(bench, settings))).run(sockets=[listener])
        except KeyboardInterrupt:
            _say("Ended.")
    return 0


def configuration(app: Any) -> uvicorn.Config:
    """How the server is run, whoever runs it: bounded in frames, connections and time at the end."""
    import uvicorn

    return uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,  # addresses may hold the token
        lifespan="on",
        ws_max_size=MOST_FRAME,
        ws_max_queue=16,
        ws_per_message_deflate=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=20,
        timeout_graceful_shutdown=GRACE,
        server_header=False,
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def address(host: str, port: int, token: str) -> str:
    """The address to open, with the token that is exchanged for a cookie."""
    everywhere = host in ("0.0.0.0", "::")  # noqa: S104 - it is asked, not bound
    shown = socket.gethostname() if everywhere else f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/" + (f"?token={quote(token)}" if token else "")


def _listening(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(place[:2], family=family, backlog=128)
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"{host}, port {port}, cannot be listened on ({getattr(error, 'strerror', None) or error}): "
            "name another with --port, or --port 0 for any that is free."
        ) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="latentknobs serve", description="Serve the page: hear a melody, turn its knobs, take MIDI home."
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="where to listen; outside loopback with a token [127.0.0.1]"
    )
    parser.add_argument("--port", type=_port, default=PORT, help=f"0 = any that is free [{PORT}]")
    parser.add_argument(
        "--token", default="", type=_token, help="what clients must show [outside loopback one is made]"
    )
    parser.add_argument(
        "--name", action="append", default=[], help="another name that the server is called by; may be given again"
    )
    parser.add_argument("--model", default=DEFAULT_MODEL, help="shipped name, path, or KIND:LOCATION of the model")
    parser.add_argument("--registry", help="registry file or URL [LATENTKNOBS_REGISTRY, else registry.db here]")
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto")
    parser.add_argument("--open", action=argparse.BooleanOptionalAction, default=False, help="open a browser on it")
    return parser


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port < 65536:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return port


def _token(text: str) -> str:
    if text and (len(text) < 16 or not text.isascii() or not text.isprintable() or " " in text):
        raise argparse.ArgumentTypeError("a token has 16 letters, digits or signs at least, and no blanks")
    return text


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - where people read notes
