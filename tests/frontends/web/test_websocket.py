"""The WebSocket: what each message is answered with, newest wins, clients apart, nobody harmed."""

from __future__ import annotations

import itertools
import json
import socket
import threading
import time
from contextlib import ExitStack, contextmanager, suppress

import numpy as np
import pytest
from starlette.websockets import WebSocket
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.uri import parse_uri

from latentknobs.frontends.web import service, websocket
from latentknobs.frontends.web.app import ServerConfig
from latentknobs.steering import batch_decoder
from latentknobs.testing.tiny import TinyBackend
from tests.frontends.web.conftest import API, as_message, rows, served, tune


def dial(port, **more):
    """A WebSocket to the server."""
    return connect(f"ws://127.0.0.1:{port}{API}/live", subprotocols=["latentknobs.v1"], proxy=None, **more)


class Talk:
    """A client that counts its messages."""

    def __init__(self, socket):
        self.socket, self.seq = socket, 0

    def say(self, kind, **more):
        self.seq += 1
        self.socket.send(json.dumps({"type": kind, "seq": self.seq, **more}))
        return self.seq

    def hear(self):
        return json.loads(self.socket.recv(30))

    def open(self, piece):
        self.say("open", model="tiny", piece=as_message(piece))
        return self.hear()


@pytest.fixture
def talk(port):
    """One client."""
    with dial(port) as link:
        yield Talk(link)


def test_open_turn_and_ping(talk, opened):
    """Each answer has its message's seq and what the session gives."""
    first = talk.open(tune())
    talk.say("turn", knobs={"pitch": 2, "others": 1}, seed=4)
    turned = talk.hear()
    talk.say("ping")
    want = opened.turn({"pitch": 2, "others": 1}, seed=4)

    assert talk.socket.subprotocol == "latentknobs.v1"
    assert (first["type"], first["seq"]) == ("opened", 1)
    assert first["notes"] == rows(opened.join(opened.plain).notes)
    assert (turned["type"], turned["seq"], turned["batch"]) == ("turned", 2, 2)
    assert turned["notes"] == rows(want.after.notes)
    assert turned["codes"] == np.round(want.codes.astype(float), 4).tolist()
    assert turned["ms"] > 0
    pong = talk.hear()
    assert (pong["type"], pong["seq"]) == ("pong", 3)
    assert 0 < pong["clock"] <= time.monotonic()


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("nonsense", "bad-frame"),
        ("[" * 100_000, "bad-frame"),
        (b"{}", "bad-frame"),
        ("[]", "bad-request"),
        ("null", "bad-request"),
        ('{"type": "turn"}', "bad-request"),
        ('{"type": "dance", "seq": 9}', "bad-request"),
        ('{"type": "turn", "seq": 9, "knobs": {"pitch": NaN}}', "bad-request"),
        ('{"type": "turn", "seq": 9, "knobs": {"pitch": 1e999}}', "bad-request"),
        ('{"type": "turn", "seq": 9, "knobs": {"pitch": "3"}}', "bad-request"),
        ('{"type": "turn", "seq": 9, "knobs": {"pitch": 1000}}', "bad-amount"),
        ('{"type": "turn", "seq": 9, "knobs": {"nothing": 1}}', "unknown-knob"),
        ('{"type": "turn", "seq": 1, "knobs": {}}', "old-seq"),
        ('{"type": "ping", "seq": 1' + "0" * 5000 + "}", "bad-frame"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_bad_frame_changes_nothing(talk, frame, code):
    """It is told, and the next turn is of the same piece."""
    talk.open(tune())
    talk.socket.send(frame)
    told = talk.hear()
    talk.seq = 20
    talk.say("turn", knobs={})

    assert (told["type"], told["error"]["code"]) == ("error", code)
    assert talk.hear()["notes"] == rows(tune().notes)


def test_a_turn_needs_a_piece(talk):
    """Before one is open, and after one that could not be opened."""
    talk.say("turn", knobs={})
    first = talk.hear()
    talk.open(tune())
    talk.say("open", model="gone", piece=as_message(tune()))
    second = talk.hear()
    talk.say("turn", knobs={})

    assert (first["error"]["code"], second["error"]["code"]) == ("not-open", "unknown-model")
    assert talk.hear()["error"]["code"] == "not-open"


def test_too_large_a_frame_ends_the_connection(talk):
    """With the code for it, and others go on."""
    talk.socket.send("x" * (1024 * 1024 + 1))

    with pytest.raises(ConnectionClosed) as closed:
        talk.hear()
    assert closed.value.rcvd.code == 1009


def test_nonsense_without_end_ends_the_connection(talk):
    """After a hundred bad frames in a row."""
    for _ in range(100):
        talk.socket.send("nonsense")
        assert talk.hear()["error"]["code"] == "bad-frame"
    talk.socket.send("nonsense")

    with pytest.raises(ConnectionClosed) as closed:
        talk.hear()
    assert closed.value.rcvd.code == 1008


def test_clients_are_apart(port):
    """Each hears its own piece, whatever the other opens and turns."""
    with dial(port) as one, dial(port) as other:
        a, b = Talk(one), Talk(other)
        a.open(tune())
        b.open(tune(beats=8, shift=7))
        for _ in range(5):
            a.say("turn", knobs={"pitch": 1})
            b.say("turn", knobs={"pitch": -1})
            assert a.hear()["notes"] == [[on, pitch + 1, *rest] for on, pitch, *rest in rows(tune().notes)]
            assert b.hear()["notes"] == [[on, p - 1, *rest] for on, p, *rest in rows(tune(beats=8, shift=7).notes)]


@pytest.fixture
def held(bench, monkeypatch):
    """A server whose model decodes only when it is let; the sizes of its batches; ``gate.begun`` counts decodings."""
    sizes, gate = [], threading.Semaphore(0)
    gate.begun = threading.Semaphore(0)
    real = TinyBackend.decode

    def decode(self, z):
        if threading.current_thread().name.startswith("decoder") and sizes is not None:
            gate.begun.release()
            gate.acquire(timeout=30)
            sizes.append(len(z))
        return real(self, z)

    with ExitStack() as stack:
        port = stack.enter_context(served(bench, ServerConfig(model="tiny")))
        clients = [Talk(stack.enter_context(dial(port))) for _ in range(3)]
        for client in clients:
            client.open(tune())
        monkeypatch.setattr(TinyBackend, "decode", decode)
        yield clients, sizes, gate
        gate.release(1000)


def test_newest_wins(held):
    """Of many turns the one that is being decoded and the last are answered, and no other."""
    (talk, *_), sizes, gate = held
    talk.say("turn", knobs={"pitch": 1})
    assert gate.begun.acquire(timeout=30)
    last = [talk.say("turn", knobs={"pitch": n}) for n in (2, 3, 4, 5)][-1]
    ping = talk.say("ping")
    assert talk.hear()["seq"] == ping  # so all four have been read
    gate.release(1)
    assert talk.hear()["seq"] == 2
    gate.release(4)
    assert talk.hear()["seq"] == last
    ping = talk.say("ping")
    assert talk.hear()["seq"] == ping
    assert sizes == [2, 2]


@pytest.fixture
def parting(monkeypatch):
    """Small parts of pieces, and a model that is slow enough for the first to be sent before all is there."""
    decode = TinyBackend.decode

    def slow(*args, **options):
        time.sleep(0.1)
        return decode(*args, **options)

    monkeypatch.setattr(service, "ALONE", 0.0)  # clients of other tests do not count
    monkeypatch.setattr(batch_decoder, "FIRST", 2)
    monkeypatch.setattr(batch_decoder, "SLICE", 4)
    monkeypatch.setattr(TinyBackend, "decode", slow)


@pytest.mark.parametrize("knobs", [{"pitch": 2}, {"pitch": 2, "pitch@5-8": -1}])
def test_what_is_looked_at_comes_first(talk, parting, knobs):
    """Parts come before the whole, each with notes of it around that place; the whole is what it is without."""
    talk.open(tune(beats=96))
    talk.say("turn", knobs=knobs)
    plain = talk.hear()
    seq = talk.say("turn", knobs=knobs, near=200)
    parts = [talk.hear()]
    while parts[-1]["pending"]:
        parts.append(talk.hear())

    assert {one["seq"] for one in parts} == {seq}
    assert {**parts[-1], "seq": 0, "ms": 0, "batch": 0} == {**plain, "seq": 0, "ms": 0, "batch": 0}
    assert len(parts) > 1
    for part in parts[:-1]:
        late = [step for first, after in part["pending"] for step in range(first, after)]
        assert part["notes"] == [note for note in plain["notes"] if note[0] not in late]
        assert 200 not in late
        changed = [plain["notes"][k] for k in plain["changed"]]
        assert [part["notes"][k] for k in part["changed"]] == [note for note in changed if note[0] not in late]


def test_others_do_not_wait_for_what_is_looked_at(talk, port, parting, monkeypatch):
    """Once another client has turned, a long piece comes as a whole."""
    monkeypatch.setattr(service, "ALONE", 600.0)
    with dial(port) as link:
        other = Talk(link)
        other.open(tune())
        other.say("turn", knobs={"pitch": 1})
        other.hear()
    talk.open(tune(beats=96))
    talk.say("turn", knobs={"pitch": 2}, near=200)
    whole = talk.hear()

    assert (whole["type"], whole["pending"]) == ("turned", [])


def test_moves_that_wait_are_decoded_together(held):
    """Two clients' moves are one batch of four clips, and each answer says so."""
    (first, *others), sizes, gate = held
    first.say("turn", knobs={"pitch": 1})
    assert gate.begun.acquire(timeout=30)
    for client in others:
        client.say("turn", knobs={"pitch": 2})
        ping = client.say("ping")
        assert client.hear()["seq"] == ping
    gate.release(5)

    assert first.hear()["batch"] == 2
    assert [client.hear()["batch"] for client in others] == [4, 4]
    assert sizes == [2, 4]


def test_who_vanishes_is_forgotten(held):
    """Its move that waits is not decoded, and the others' are."""
    (first, gone, other), sizes, gate = held
    first.say("turn", knobs={"pitch": 1})
    assert gate.begun.acquire(timeout=30)
    gone.say("turn", knobs={"pitch": 2})
    gone.socket.close()
    other.say("turn", knobs={"pitch": 3})
    time.sleep(1)  # until the server knows that it is gone
    gate.release(5)

    assert first.hear()["batch"] == other.hear()["batch"] == 2
    assert sizes == [2, 2]


def test_who_reads_nothing_is_let_go(bench, monkeypatch):
    """After the time for sending; another client is answered all the while."""
    ended, codes = threading.Event(), []
    real = WebSocket.close

    async def close(self, code=1000, reason=None):
        codes.append(code)
        ended.set()
        await real(self, code, reason)

    monkeypatch.setattr(websocket, "SEND_SECONDS", 0.3)
    monkeypatch.setattr(WebSocket, "close", close)
    with served(bench, ServerConfig(model="tiny")) as port, deaf(port) as flood, dial(port) as link:
        talk = Talk(link)
        talk.open(tune())
        end = time.monotonic() + 30
        while not ended.is_set():
            assert time.monotonic() < end
            flood()
            began = time.monotonic()
            talk.say("turn", knobs={"pitch": 1})
            assert talk.hear()["type"] == "turned"
            assert time.monotonic() - began < 5
        talk.say("turn", knobs={"pitch": 2})
        assert talk.hear()["type"] == "turned"
        assert codes == [1008]


@contextmanager
def deaf(port):
    """A client that sends and never reads: gives the function that sends a frame whose answer is large."""
    piece = as_message(tune(beats=8 * 128))
    protocol = ClientProtocol(parse_uri(f"ws://127.0.0.1:{port}{API}/live"))
    with socket.socket() as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        link.connect(("127.0.0.1", port))
        protocol.send_request(protocol.connect())
        link.sendall(b"".join(protocol.data_to_send()))
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += link.recv(1)
        protocol.receive_data(answer)
        link.setblocking(False)
        seq, left = itertools.count(1), bytearray()

        def flood():
            frame = json.dumps({"type": "open", "seq": next(seq), "model": "tiny", "piece": piece})
            if not left:
                protocol.send_text(frame.encode())
                left.extend(b"".join(protocol.data_to_send()))
            with suppress(BlockingIOError, ConnectionError):
                del left[: link.send(left)]

        yield flood
