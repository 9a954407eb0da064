"""The web front end over the tiny model: its application, a client, and a real server on a free port."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from latentknobs.core.clip import Note
from latentknobs.core.piece import Piece
from latentknobs.frontends.web.app import ServerConfig, create_app
from latentknobs.frontends.web.connections import ConnectionLimits, WebServer
from latentknobs.frontends.web.piece_schema import message_of
from latentknobs.frontends.web.requests import DrawnSource
from latentknobs.frontends.web.server import configuration
from latentknobs.session import Session
from latentknobs.workbench import Workbench
from tests.frontends.conftest import tune

API = "/api/v1"


@pytest.fixture(scope="module")
def port(bench: Workbench) -> Iterator[int]:
    """The port of a server over the tiny model."""
    with served(bench, ServerConfig(model="tiny")) as out:
        yield out


@pytest.fixture(scope="module")
def client(port: int) -> Iterator[httpx.Client]:
    """A client of that server."""
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as out:
        yield out


def as_message(piece: Piece) -> dict[str, Any]:
    """A drawn piece as it is sent."""
    return message_of(piece, DrawnSource(kind="drawn")).model_dump(mode="json")


def rows(notes: tuple[Note, ...]) -> list[list[int]]:
    """Notes as they are sent, worked out here and not by the server."""
    return [[n.onset, n.pitch, n.length, n.voice] for n in notes]


@pytest.fixture
def opened(bench: Workbench) -> Session:
    """The same tune in a session of Python."""
    return Session.open(bench, tune(), "tiny")


@pytest.fixture
def here(bench: Workbench, plugins_dir: Path, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to run things in, where the registry is the server's."""
    shutil.copy(bench.registry_url, own / "registry.db")
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@contextmanager
def served(bench: Workbench, config: ServerConfig, limits: ConnectionLimits | None = None) -> Iterator[int]:
    """A real server in a thread; gives its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)  # so that who does not read is soon felt
    server = WebServer(configuration(create_app(bench, config)), limits)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    until = time.monotonic() + 30
    while not server.started:
        assert time.monotonic() < until
        time.sleep(0.01)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(30)
        listener.close()
        assert not thread.is_alive()
