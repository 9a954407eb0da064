"""OSCQuery: what there is to be set and read, as JSON over HTTP (https://github.com/Vidvox/OSCQueryProposal)."""

from __future__ import annotations

import http.server
import ipaddress
import json
import socket
import socketserver
import threading
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

from attrs import define, field, frozen

from latentknobs.core.live_session import LiveSession
from latentknobs.core.parameter import Parameter, Value
from latentknobs.frontends.osc.feedback import argument_of
from latentknobs.frontends.osc.packets import Argument

NAME = "latentknobs"
MOST_CONNECTIONS = 16
TIMEOUT = 5.0
"""Seconds for a request."""
_READ, _WRITE = 1, 2
_ATTRIBUTES = ("ACCESS", "CONTENTS", "DESCRIPTION", "FULL_PATH", "RANGE", "TYPE", "UNIT", "VALUE")
_COMMANDS = {
    "subscribe": ("ii", "Tells this sender's host of changes, at a port, for so many seconds."),
    "unsubscribe": ("", "Ends that."),
    "ping": ("", "Answers with /pong and the version."),
    "get/notes": ("", "Answers with the notes."),
    "get/steps": ("", "Answers with one number a step."),
}


@define
class OscNode:
    """
    A node of the tree, with OSCQuery's attributes.

    Attributes:
        path: Its address.
        description: One sentence.
        access: 0 = none, 1 = read, 2 = write, 3 = both.
        type_tags: Types of its arguments, None = it takes none and has none.
        value: What it is, () = nothing that can be read.
        low: Lowest number, None = no number.
        high: Highest number.
        unit: Of its numbers.
        contents: The nodes below.
    """

    path: str
    description: str = ""
    access: int = 0
    type_tags: str | None = None
    value: tuple[Argument, ...] = ()
    low: float | None = None
    high: float | None = None
    unit: str = ""
    contents: dict[str, OscNode] = field(factory=dict)

    def below(self, path: str) -> OscNode:
        """The node of a path from here, which is made where there is none."""
        node = self
        for word in path.split("/"):
            node = node.contents.setdefault(word, OscNode(f"{node.path.rstrip('/')}/{word}"))
        return node

    def found(self, path: str) -> OscNode | None:
        """The node of a path from here, None = there is none."""
        node: OscNode | None = self
        for word in filter(None, path.split("/")):
            node = node.contents.get(word) if node is not None else None
        return node

    def as_json(self) -> dict[str, Any]:
        """As OSCQuery writes it."""
        out: dict[str, Any] = {"FULL_PATH": self.path, "ACCESS": self.access}
        if self.description:
            out["DESCRIPTION"] = self.description
        if self.type_tags is not None:
            out["TYPE"] = self.type_tags
        if self.value:
            out["VALUE"] = list(self.value)
        if self.low is not None and self.high is not None:
            out["RANGE"] = [{"MIN": self.low, "MAX": self.high}]
        if self.unit:
            out["UNIT"] = [self.unit]
        if self.contents:
            out["CONTENTS"] = {name: node.as_json() for name, node in self.contents.items()}
        return out


def tree(session: LiveSession) -> OscNode:
    """The session's parameters, and what else there are addresses for."""
    root, values = OscNode("/", "A session of latentknobs."), session.values
    for path, parameter in session.parameters.items():
        _describe(root.below(path), parameter, values.get(path))
    for path in ("snapshots", "file"):
        node = root.below(path)
        node.description, node.access = f"The {path} of the session.", _READ
        node.type_tags, node.value = "s", (str(values.get(path, "")),)
    for path, (tags, description) in _COMMANDS.items():
        node = root.below(path)
        node.description, node.access, node.type_tags = description, _WRITE, tags
    return root


def _describe(node: OscNode, parameter: Parameter, value: Value | None) -> None:
    node.description = parameter.doc
    if parameter.kind == "trigger":
        node.access, node.type_tags = _WRITE, "s" if parameter.path.startswith("snapshot/") else "I"
        return
    node.access, node.unit = _READ | _WRITE, parameter.unit
    own = parameter.default if value is None else value
    node.value = (argument_of(parameter.kind, own),)
    node.type_tags = {"number": "f", "text": "s", "whole": "i", "switch": "i"}[parameter.kind]
    node.low, node.high = (0, 1) if parameter.kind == "switch" else (parameter.low, parameter.high)
    if parameter.kind == "number" and not isinstance(own, str):
        place = node.below("normalized")
        place.description, place.access = f"The place of {parameter.path} in its range.", _READ | _WRITE
        place.type_tags, place.value = "f", (parameter.normalized(own),)
        place.low, place.high = 0.0, 1.0


@frozen
class QueryAnswers:
    """
    Answers requests.

    Attributes:
        session: What is described.
        host: Where OSC is listened to.
        port: The port of that.
    """

    session: LiveSession
    host: str
    port: int

    def answer(self, target: str) -> tuple[int, Any]:
        """Status and JSON (None = no body) for a request's path and query."""
        parts = urlsplit(target)
        if parts.query == "HOST_INFO":
            return 200, {
                "NAME": NAME,
                "OSC_IP": self.host,
                "OSC_PORT": self.port,
                "OSC_TRANSPORT": "UDP",
                "EXTENSIONS": dict.fromkeys(("ACCESS", "DESCRIPTION", "RANGE", "TYPE", "UNIT", "VALUE"), True),
            }
        node = tree(self.session).found(unquote(parts.path))
        if node is None:
            return 404, {"error": f"There is no address {unquote(parts.path)[:100]}."}
        if not parts.query:
            return 200, node.as_json()
        if parts.query not in _ATTRIBUTES:
            return 400, {"error": f"The attributes are HOST_INFO, {', '.join(_ATTRIBUTES)}."}
        attributes = node.as_json()
        return (200, {parts.query: attributes[parts.query]}) if parts.query in attributes else (204, None)


class _QueryHandler(http.server.BaseHTTPRequestHandler):
    """One request."""

    timeout = TIMEOUT

    def __init__(self, answers: QueryAnswers, *args: Any) -> None:
        self._answers = answers
        super().__init__(*args)

    def do_GET(self) -> None:
        """Answer it."""
        # A page of the network that has its own name lead here is not answered.
        status, body = self._answers.answer(self.path) if _known(self.headers.get("Host", "")) else (403, None)
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_args: object) -> None:
        """Say nothing: a request is no news."""


def _known(host: str) -> bool:
    name = urlsplit(f"//{host}").hostname or ""
    if name in ("", "localhost", socket.gethostname().lower()) or name.endswith(".local"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class QueryServer(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """
    Serves the description; a thread for each of at most 16 connections, others are closed.

    Args:
        answers: What is answered.
        port: Where to listen, if it is free; else any port.

    Raises:
        OSError: The host cannot be listened on.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, answers: QueryAnswers, port: int) -> None:
        self._free = threading.Semaphore(MOST_CONNECTIONS)
        self.address_family = socket.getaddrinfo(answers.host, port, type=socket.SOCK_STREAM)[0][0]
        handler: Any = partial(_QueryHandler, answers)
        try:
            super().__init__((answers.host, port), handler)
        except OSError:
            super().__init__((answers.host, 0), handler)
        self.port: int = self.server_address[1]
        self._thread = threading.Thread(target=self.serve_forever, args=(0.1,), name="osc query", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop, and free the port."""
        self.shutdown()
        self.server_close()
        self._thread.join(timeout=5)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread, where one is free."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and be free again."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, _request: Any, _client_address: Any) -> None:
        """Say nothing: who has gone cannot be answered."""
