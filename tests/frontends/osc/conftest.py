"""The OSC front end over the tiny model: a session, a client with a socket of its own, and the control alone."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from latentknobs.frontends.osc.control import OscControl
from latentknobs.frontends.osc.options import start
from latentknobs.frontends.osc.packets import OscMessage, bundled, read, written
from latentknobs.steering.batch_decoder import DecoderQueue
from latentknobs.studio.shared_session import SharedSession
from latentknobs.workbench import Workbench
from tests.frontends.conftest import tune

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "osc.md"
PATIENCE = 60.0
SENDER = ("127.0.0.1", 50_000)


def example(language: str) -> str:
    """The example of that language in docs/how-to/osc.md."""
    (out,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return str(out)


@pytest.fixture
def session(bench: Workbench) -> Iterator[SharedSession]:
    """A session of four bars of quarter notes, two clips."""
    with DecoderQueue() as queue, SharedSession(bench, queue, ("tiny",), tune()) as out:
        out.wait()  # its first notes are told to nobody
        yield out


class OscClient:
    """Sends from one socket and is answered at another."""

    def __init__(self, port: int, reply_port: int = 0) -> None:
        self.out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.out.bind(("127.0.0.1", 0))
        self.inbox = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.inbox.bind(("127.0.0.1", reply_port))
        self.inbox.settimeout(0.2)
        self.reply_port: int = self.inbox.getsockname()[1]
        self.to = ("127.0.0.1", port)

    def send(self, address: str, *arguments: float | str) -> None:
        """Send one message."""
        self.send_packet(written(OscMessage(address, arguments)))

    def send_packet(self, packet: bytes) -> None:
        """Send these bytes."""
        self.out.sendto(packet, self.to)

    def until(self, *addresses: str) -> list[OscMessage]:
        """What arrives until a message with one of the addresses has come, that included."""
        out: list[OscMessage] = []
        end = time.monotonic() + PATIENCE
        while not any(message.address in addresses for message in out):
            assert time.monotonic() < end, (addresses, out)
            try:
                out += read(self.inbox.recv(65536))
            except TimeoutError:
                continue
        return out

    def subscribed(self) -> list[OscMessage]:
        """Subscribe, and return what is told then."""
        self.send("/subscribe", self.reply_port, 600)
        return self.until("/steps")

    def asked(self, address: str) -> list[OscMessage]:
        """Everything that arrives until the answer to a ping that is sent after this message."""
        self.send(address)
        self.send("/ping")
        return self.until("/pong")[:-1]

    def close(self) -> None:
        """Close both."""
        self.out.close()
        self.inbox.close()


@pytest.fixture
def free_port() -> int:
    """A port for answers that nobody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def port(session: SharedSession, free_port: int) -> Iterator[int]:
    """The port of the front end on that session, whose senders are answered at ``free_port``."""
    running = start(session, ["--port", "0", "--no-zeroconf", "--reply-port", str(free_port)])
    found = re.search(r"port (\d+);", running.where)
    assert found
    yield int(found[1])
    running.stop()


@pytest.fixture
def client(port: int, free_port: int) -> Iterator[OscClient]:
    """A client that has not subscribed."""
    out = OscClient(port, free_port)
    yield out
    out.close()


@pytest.fixture
def other(port: int) -> Iterator[OscClient]:
    """Another client, with a port of its own for answers."""
    out = OscClient(port)
    yield out
    out.close()


class Dialogue:
    """The control without sockets: packets in, what it sends out."""

    def __init__(self, session: SharedSession) -> None:
        self.sent: list[tuple[tuple[object, ...], OscMessage]] = []
        self.control = OscControl(session, lambda to, out: self.sent.extend((to, one) for one in out), 7771)

    def play(self, *packets: bytes, sender: tuple[object, ...] = SENDER) -> None:
        """Play packets that came together."""
        self.control.play([(packet, sender) for packet in packets])

    def say(self, address: str, *arguments: float | str, sender: tuple[object, ...] = SENDER) -> list[OscMessage]:
        """Play one message; what is sent because of it."""
        del self.sent[:]
        self.play(written(OscMessage(address, arguments)), sender=sender)
        return [message for _to, message in self.sent]


@pytest.fixture
def dialogue(session: SharedSession) -> Dialogue:
    """The control on that session."""
    return Dialogue(session)


@pytest.fixture
def bundle() -> Callable[..., bytes]:
    """Makes a bundle of (address, value) pairs."""

    def make(*pairs: tuple[str, float | str]) -> bytes:
        (out,) = bundled(OscMessage(address, (value,)) for address, value in pairs)
        return out

    return make
