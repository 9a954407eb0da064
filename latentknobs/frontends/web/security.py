"""
The door: who may ask, how much they may send, and what every answer says to browsers.

A page of another site can send requests to this server from its visitor's browser. So the Host must be a name of this
server (a foreign name that was made to point here is refused), an Origin that is sent must be our own, for WebSockets
too, and a request that the browser marks as another site's is refused. Outside loopback a token is needed besides.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
from collections.abc import Iterable
from urllib.parse import parse_qs

from attrs import frozen
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from latentknobs.frontends.web.errors import RequestError, answer

MOST_BYTES = 1024 * 1024
"""Bytes of a request's body and of a frame."""
BODY_SECONDS = 30.0
"""Longest that a body takes to arrive."""
COOKIE = "latentknobs"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src {connect}; "
    "media-src blob:; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


@frozen
class AccessPolicy:
    """
    Who may ask.

    Attributes:
        hosts: Names by which this server is called, in small letters, without port.
        any_address: Whether any IP address is such a name: where the server listens on all of them. (Only names can be
            made to point elsewhere.)
        token: What everybody must show, "" = nothing.
    """

    hosts: frozenset[str] = frozenset(LOOPBACK)
    any_address: bool = False
    token: str = ""

    @classmethod
    def of(cls, host: str, token: str = "", names: Iterable[str] = ()) -> AccessPolicy:
        """The door of a server that listens there and is called by these names too."""
        everywhere = host in ("", "0.0.0.0", "::")  # noqa: S104 - it is asked, not bound
        own = {*LOOPBACK, *(name.lower() for name in names), *([] if everywhere else [host.lower()])}
        return cls(frozenset(own), everywhere, token)

    def is_own(self, host: str) -> bool:
        """Whether a Host header (name, maybe with a port) is a name of this server."""
        name = _name_of(host)
        if name in self.hosts:
            return True
        if not self.any_address:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    @property
    def cookie(self) -> str:
        """What the browser keeps in place of the token."""
        return hashlib.sha256(f"{COOKIE}:{self.token}".encode()).hexdigest()

    def knows(self, headers: Headers) -> bool:
        """Whether a request shows the token, or needs none."""
        if not self.token:
            return True
        kind, _, shown = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and _same(shown.strip(), self.token):
            return True
        cookies = (part.strip().partition("=") for part in headers.get("cookie", "").split(";"))
        return any(name == COOKIE and _same(value, self.cookie) for name, _, value in cookies)

    def refusal(self, headers: Headers, path: str) -> RequestError | None:
        """Why a request is not let in, None where it is."""
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self.is_own(hosts[0]):
            message = "This server answers to its own name only: open the address that it printed when it started."
            return RequestError(421, "wrong-host", message)
        origins = headers.getlist("origin")
        if origins and (len(origins) != 1 or origins[0].lower() not in _origins(hosts[0])):
            return RequestError(403, "wrong-origin", "A page of another site asked; only this server's own page may.")
        if path.startswith("/api") and headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return RequestError(403, "wrong-origin", "A page of another site asked; only this server's own page may.")
        return None


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def _name_of(host: str) -> str:
    """The name in "name:port" or "[address]:port", in small letters; "" where it is none."""
    if host.startswith("["):
        name, bracket, port = host[1:].partition("]")
        return name.lower() if bracket and (not port or (port[0] == ":" and port[1:].isdigit())) else ""
    name, colon, port = host.partition(":")
    return name.lower() if not colon or port.isdigit() else ""


def _origins(host: str) -> tuple[str, str]:
    return f"http://{host.lower()}", f"https://{host.lower()}"


class Guarded:
    """The application behind the door: an ASGI application."""

    def __init__(
        self, app: ASGIApp, door: AccessPolicy, *, most_bytes: int = MOST_BYTES, seconds: float = BODY_SECONDS
    ) -> None:
        self._app = app
        self._door = door
        self._most_bytes = most_bytes
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        refused = self._door.refusal(headers, scope["path"])
        if scope["type"] == "websocket":
            if refused is None and self._door.knows(headers):
                await self._app(scope, receive, send)
                return
            await receive()  # the request to connect
            await send(
                {"type": "websocket.close", "code": 1008, "reason": "refused"}
            )  # before it is accepted: HTTP 403
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                _mark(MutableHeaders(scope=message), scope["path"], host if refused is None else "")
            await send(message)

        response = answer(refused) if refused is not None else self._exchange(scope, headers)
        if response is not None:
            await response(scope, receive, with_headers)
            return
        try:
            body = await asyncio.wait_for(_body(receive, self._most_bytes), self._seconds)
        except TimeoutError:
            await answer(RequestError(408, "too-slow", "The request took too long to arrive."))(
                scope, receive, with_headers
            )
            return
        except RequestError as error:
            await answer(error)(scope, receive, with_headers)
            return
        if body is None:
            return
        await self._app(scope, _replayed(body, receive), with_headers)

    def _exchange(self, scope: Scope, headers: Headers) -> Response | None:
        """The answer to who shows no token, or shows it in the address, which is then exchanged for a cookie."""
        if not self._door.token:
            return None
        if scope["path"] == "/" and scope["method"] == "GET":
            shown = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
            if len(shown) == 1 and _same(shown[0], self._door.token):
                out = RedirectResponse("/", status_code=303)
                out.set_cookie(COOKIE, self._door.cookie, httponly=True, samesite="strict", path="/")
                return out
        if self._door.knows(headers):
            return None
        message = "This server asks for its token: open the address with ?token= that it printed when it started."
        if scope["path"].startswith("/api"):
            return answer(RequestError(401, "no-token", message))
        return PlainTextResponse(message, status_code=401)


async def _body(receive: Receive, most: int) -> bytes | None:
    """The whole body, None where the client has gone; what it said of the length beforehand is not believed."""
    out = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        out += message.get("body", b"")
        if len(out) > most:
            raise RequestError(
                413, "too-large", f"At most {most} bytes are taken: send a smaller file or a part of it."
            )
        if not message.get("more_body", False):
            return bytes(out)


def _replayed(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _mark(headers: MutableHeaders, path: str, host: str) -> None:
    for name, value in HEADERS.items():
        headers[name] = value
    # 'self' means the page's own scheme: some browsers need the WebSocket's spelled out.
    connect = f"'self' ws://{host} wss://{host}" if host else "'self'"
    headers["Content-Security-Policy"] = POLICY.format(connect=connect)
    headers["Cache-Control"] = "no-cache" if path == "/" or path.startswith("/static/") else "no-store"
