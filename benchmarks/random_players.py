"""A page, an OSC client and MIDI controls that make random moves on a shared session."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.random import Generator
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from benchmarks.jack import Device, Sounding
from benchmarks.surfaces import Client
from latentknobs.core.parameter import Parameter, Value
from latentknobs.frontends.osc.packets import read

SHARES = {
    "knob": 40, "bars": 14, "play": 12, "loop/bars": 8, "loop": 3, "tempo": 4, "seed": 1, "clear": 3, "reset": 1,
    "snapshot/store": 3, "snapshot/recall": 4, "morph": 3, "undo": 3, "redo": 1,
}  # fmt: skip
"""What moves of the page and of OSC are, and how often."""
SNAPSHOTS = ("1", "2", "3", "4")
PLACES = 8
"""Ranges of bars that have knobs of their own."""
SPECIAL = 0.01
"""Share of moves that open a piece, reconnect or subscribe again."""
CONTROLS = {"tempo": 14, "undo": 15, "redo": 16, "loop": 17, "bars/1-2/knob/pitch": 18}
"""Controllers besides the default ones."""
START, CONTINUE, STOP = 0xFA, 0xFB, 0xFC
PATIENCE = 60.0
"""Seconds in which everything must have come to rest."""


class Moves:
    """Draws values that the session takes."""

    def __init__(self, parameters: Sequence[Parameter], bars: int, rng: Generator) -> None:
        self.rng = rng
        self._known = {one.path: one for one in parameters}
        self._knobs = [one for one in parameters if one.path.startswith("knob/")]
        self._bars = bars
        self._kinds = list(SHARES)
        self._shares = np.array(list(SHARES.values())) / sum(SHARES.values())

    def draw(self) -> tuple[str, Value | None]:
        """A path and what it is set to; None = back to its default."""
        kind = str(self.rng.choice(self._kinds, p=self._shares))
        knob = self._knobs[self.rng.integers(len(self._knobs))]
        if kind == "knob":
            return knob.path, self._number(knob)
        if kind in ("bars", "clear"):
            return f"bars/{self._place(int(self.rng.integers(PLACES)))}/{knob.path}", (
                self._number(knob) if kind == "bars" else None
            )
        if kind in ("play", "loop"):
            return kind, bool(self.rng.random() < 0.8)
        if kind == "loop/bars":
            return kind, "" if self.rng.random() < 0.4 else self._place(int(self.rng.integers(self._bars)))
        if kind.startswith("snapshot"):
            return kind, str(self.rng.choice(SNAPSHOTS))
        if kind == "seed":
            return kind, float(self.rng.integers(1000))
        if kind in ("tempo", "morph"):
            return kind, self._number(self._known[kind])
        return kind, ""

    def _number(self, parameter: Parameter) -> float:
        assert parameter.low is not None
        assert parameter.high is not None
        return parameter.nearest(self.rng.uniform(parameter.low, parameter.high))

    def _place(self, number: int) -> str:
        first = number % self._bars + 1
        return f"{first}-{min(first + number % 4, self._bars)}"


class Surface(Protocol):
    """Something that a session is played from."""

    name: str
    faults: list[str]

    def move(self) -> None:
        """Make a random move."""
        ...


class Page:
    """The page: a WebSocket that sets values, opens pieces and comes back."""

    name = "page"

    def __init__(self, url: str, rng: Generator) -> None:
        self._url, self._rng = url, rng
        self.faults: list[str] = []
        self.musics = 0
        self.values: dict[str, Value] = {}
        self._first: dict[str, Any] = {}
        self._told = threading.Event()
        self._seq = self._answered = 0
        self._connect()
        assert self._told.wait(PATIENCE)
        self.parameters = [Parameter(**one) for one in self._first["parameters"]]
        self.bars = math.ceil(self._first["piece"]["steps"] / 16)
        self._moves = Moves(self.parameters, self.bars, rng)

    def _connect(self) -> None:
        self._socket: ClientConnection = connect(self._url, proxy=None, max_size=None)
        self._reading = threading.Thread(target=self._read, args=(self._socket,), daemon=True)
        self._reading.start()
        self._answered = self._seq  # what the connection before was not answered goes unanswered

    def _read(self, socket: ClientConnection) -> None:
        try:
            for text in socket:
                self._hear(json.loads(text))
        except ConnectionClosed as error:
            self.faults.append(f"page: {error}")

    def _hear(self, frame: dict[str, Any]) -> None:
        self._answered = frame.get("seq") or self._answered
        if frame["type"] == "error":
            self.faults.append(f"page: {frame['error']['message']}")
        elif frame["type"] == "music":
            self.musics += 1
            if frame["error"]:
                self.faults.append(f"page: {frame['error']}")
        elif frame["type"] == "shared":
            self._first = self._first or frame
            self._told.set()
        self.values = frame.get("values", self.values)

    @property
    def rests(self) -> bool:
        """Whether all that it sent was answered."""
        return self._answered == self._seq

    def send(self, **message: Any) -> None:
        """Send a frame."""
        self._seq += 1
        self._socket.send(json.dumps({**message, "seq": self._seq}))

    def move(self) -> None:
        """One of :class:`Moves`, several knobs at once, another key, or the page is reloaded."""
        if self._rng.random() < SPECIAL:
            if self._rng.random() < 0.5:
                self.close()
                self._connect()
            else:
                self.open()
            return
        path, new = self._moves.draw()
        if new is None:
            self.send(type="clear", paths=[path])
        else:
            self.send(type="set", values={path: new})

    def open(self) -> None:
        """Open the piece in another key."""
        piece, shift = self._first["piece"], int(self._rng.integers(-5, 6))
        notes = [[onset, min(max(pitch + shift, 0), 127), *more] for onset, pitch, *more in piece["notes"]]
        self.send(type="load", piece={**piece, "notes": notes, "source": {"kind": "drawn"}})

    def close(self) -> None:
        """Leave."""
        self._socket.close()
        self._reading.join(timeout=PATIENCE)


class Osc:
    """An OSC client that subscribes."""

    name = "OSC"

    def __init__(self, port: int, moves: Moves) -> None:
        self.client, self._moves = Client(port), moves
        self.client.socket.settimeout(0.2)
        self.faults: list[str] = []
        self._ended = False
        self.subscribe()
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def subscribe(self) -> None:
        """Be told of everything for an hour."""
        self.client.send("/subscribe", self.client.socket.getsockname()[1], 3600)

    def _read(self) -> None:
        while not self._ended:
            try:
                packet = self.client.socket.recv(65536)
            except TimeoutError:
                continue
            self.faults += [f"OSC: {one.arguments[0]}" for one in read(packet) if one.address == "/error"]

    def move(self) -> None:
        """One of :class:`Moves`, or it subscribes again."""
        if self._moves.rng.random() < SPECIAL:
            self.client.send("/unsubscribe")
            self.subscribe()
            return
        path, new = self._moves.draw()
        if new is None:
            self.client.send(f"/{path}/clear")
        else:
            self.client.send(f"/{path}", *([] if new == "" and path != "loop/bars" else [new]))

    def close(self) -> None:
        """Leave."""
        self._ended = True
        self._reading.join(timeout=PATIENCE)
        self.client.socket.close()


class Midi:
    """Controls on one port, and a synth that counts notes on the other."""

    name = "MIDI"

    def __init__(self, rng: Generator) -> None:
        self._rng = rng
        self.device = Device("Soak")
        self.faults: list[str] = []
        self.sounding, self.stopped = Sounding(), 0
        self._ended = False
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        while not self._ended:
            for message in self.device.new():
                self.sounding.take(message)
                self.stopped += message[0] == STOP
            time.sleep(0.005)

    def move(self) -> None:
        """A control, a program, a key, start or stop."""
        draw, level = self._rng.random(), int(self._rng.integers(128))
        if draw < 0.6:
            self._send(0xB0, 20 + int(self._rng.integers(8)), level)
        elif draw < 0.8:
            self._send(0xB0, int(self._rng.choice(list(CONTROLS.values()))), level)
        elif draw < 0.86:
            self._send(0xC0, int(self._rng.integers(len(SNAPSHOTS))))
        elif draw < 0.88:
            self._send(0xB0, int(self._rng.choice([121, 123])), 0)
        elif draw < 0.92:
            self._send(0x90, 60, level)
            self._send(0x80, 60, 0)
        else:
            self._send(int(self._rng.choice([START, START, START, CONTINUE, STOP])))

    def _send(self, *data: int) -> None:
        self.device.out.send_message(data)

    def close(self) -> None:
        """Leave."""
        self._ended = True
        self._reading.join(timeout=PATIENCE)
        self.device.close()
