"""
Access control: who may use the server, and which headers every answer carries.

A page of another site can make its visitor's browser send requests to this server. So the Host must be a name of this
server (against DNS rebinding), an Origin must be the server's own, for WebSockets too, and requests that the browser
marks as cross-site are refused. Outside loopback a token is required as well.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import re
from collections.abc import Iterable

from attrs import frozen
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from latentknobs.frontends.web.errors import RequestError, error_response
from latentknobs.frontends.web.requests import MAX_BODY_BYTES, MAX_FILE_BODY_BYTES

BODY_SECONDS = 30.0
"""Longest that a body takes to arrive."""
WITH_FILE = ("/export", "/recipe", "/project", "/project/read")
"""Ends of the addresses whose requests may have a file beside the piece."""
COOKIE = "latentknobs"
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
CONTENT_POLICY = (
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
_HOST = re.compile(r"([\w.-]+|\[[0-9A-Fa-f:.]+\])(:\d+)?", re.ASCII)


@frozen
class AccessPolicy:
    """
    Who may use the server.

    Attributes:
        hosts: Names of this server, in lower case, without port; an IPv6 address in brackets.
        any_address: Whether any IP address is such a name, because the server listens on all of them. (Only names can
            be made to resolve to another machine.)
        token: What every client must present, "" = nothing.
    """

    hosts: frozenset[str] = frozenset(LOOPBACK)
    any_address: bool = False
    token: str = ""

    @classmethod
    def of(cls, host: str, token: str = "", names: Iterable[str] = ()) -> AccessPolicy:
        """The policy of a server that listens on ``host`` and is also called by ``names``."""
        everywhere = host in ("", "0.0.0.0", "::")  # noqa: S104 - a comparison; nothing is bound here
        own = [] if everywhere else [f"[{host}]" if ":" in host else host]
        return cls(frozenset({*LOOPBACK, *(name.lower() for name in (*own, *names))}), everywhere, token)

    @property
    def cookie(self) -> str:
        """What the browser keeps in place of the token."""
        return hashlib.sha256(f"{COOKIE}:{self.token}".encode()).hexdigest()

    def admits(self, connection: HTTPConnection) -> bool:
        """Whether a request presents the token, as a bearer token or a cookie, or needs none."""
        scheme, _, credentials = connection.headers.get("authorization", "").partition(" ")
        return (
            not self.token
            or (scheme.lower() == "bearer" and _equal(credentials.strip(), self.token))
            or _equal(connection.cookies.get(COOKIE, ""), self.cookie)
        )


def secured(app: ASGIApp, policy: AccessPolicy) -> ASGIApp:
    """The application behind access control; every answer, refusals included, carries the security headers."""
    return SecurityHeaders(TrustedHosts(AccessControl(app, policy), policy))


class TrustedHosts(TrustedHostMiddleware):
    """Starlette's check of the Host header, which also admits any IP address where the policy does."""

    def __init__(self, app: ASGIApp, policy: AccessPolicy) -> None:
        super().__init__(app, sorted(policy.hosts), www_redirect=False)
        self._any_address = policy.any_address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the connection on, or answer 400."""
        if self._any_address and _is_address(Headers(scope=scope).get("host", "")):
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


class AccessControl:
    """Refuses other sites' pages, clients without the token, and bodies that are too large or too slow."""

    def __init__(self, app: ASGIApp, policy: AccessPolicy) -> None:
        self._app = app
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the connection on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        refusal = error_response(CROSS_SITE) if _is_cross_site(connection) else None
        if scope["type"] == "websocket":
            admitted = refusal is None and self._policy.admits(connection)
            await (self._app if admitted else WebSocketClose(1008))(scope, receive, send)
            return
        response = refusal or self._sign_in(connection)
        with_file = scope["path"].endswith(WITH_FILE)
        most = MAX_FILE_BODY_BYTES if with_file else MAX_BODY_BYTES
        await (response or self._app)(scope, _bounded(receive, most), send)

    def _sign_in(self, connection: HTTPConnection) -> Response | None:
        """A 401 for clients without the token; a token in the page's address is exchanged for a cookie."""
        if not self._policy.token:
            return None
        path = connection.scope["path"]
        if path == "/" and _equal(connection.query_params.get("token", ""), self._policy.token):
            response = RedirectResponse("/", status_code=303)
            response.set_cookie(COOKIE, self._policy.cookie, httponly=True, samesite="strict")
            return response
        if self._policy.admits(connection):
            return None
        if path.startswith("/api"):
            return error_response(NO_TOKEN)
        return PlainTextResponse(NO_TOKEN.message, status_code=401)


CROSS_SITE = RequestError(403, "wrong-origin", "A page of another site sent this; only this server's own page may.")
NO_TOKEN = RequestError(
    401, "no-token", "This server requires its token: open the address with ?token= that it printed when it started."
)


class SecurityHeaders:
    """Adds the security headers to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the connection on."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers["Content-Security-Policy"] = CONTENT_POLICY.format(connect=_connect_sources(scope))
                page = scope["path"] == "/" or scope["path"].startswith(("/static/", "/registry"))
                headers["Cache-Control"] = "no-cache" if page else "no-store"
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _connect_sources(scope: Scope) -> str:
    # 'self' means the page's own scheme: some browsers need the WebSocket's spelled out.
    host = Headers(scope=scope).get("host", "")
    return f"'self' ws://{host} wss://{host}" if _HOST.fullmatch(host) else "'self'"


def _is_cross_site(connection: HTTPConnection) -> bool:
    origins = connection.headers.getlist("origin")
    host = connection.headers.get("host", "").lower()
    if origins and (len(origins) > 1 or origins[0].lower() not in (f"http://{host}", f"https://{host}")):
        return True
    site = connection.headers.get("sec-fetch-site", "none")
    return connection.scope["path"].startswith("/api") and site not in ("same-origin", "none")


def _is_address(host: str) -> bool:
    match = _HOST.fullmatch(host)
    try:
        ipaddress.ip_address(match[1].strip("[]") if match else "")
    except ValueError:
        return False
    return True


def _equal(presented: str, secret: str) -> bool:
    return hmac.compare_digest(presented.encode("utf-8", "replace"), secret.encode("utf-8", "replace"))


def _bounded(receive: Receive, most: int) -> Receive:
    """``receive`` that ends the request where its body is over ``most`` bytes or takes longer than BODY_SECONDS."""
    deadline = asyncio.get_running_loop().time() + BODY_SECONDS
    size, complete = 0, False

    async def receive_within_bounds() -> Message:
        nonlocal size, complete
        try:
            async with asyncio.timeout_at(None if complete else deadline):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408) from None
        size += len(message.get("body", b""))  # counted, whatever Content-Length says
        if size > most:
            raise HTTPException(413)
        complete = not message.get("more_body", False)
        return message

    return receive_within_bounds
