"""
Control surfaces on a shared session: python -m benchmarks.surfaces.

Starts ``latentknobs serve osc`` in a process of its own, on a piece of one clip, and prints what is measured from
clients on loopback: the time from a message to its new notes for one that waits for them; then a flood from one client,
and one from many, each on a knob of its own bars or the same, after which the last value of each must hold and memory
must not have grown.
"""

from __future__ import annotations

import argparse
import json
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

from benchmarks.load import memory, row
from latentknobs.core.clip import Note
from latentknobs.core.piece import Piece
from latentknobs.frontends.osc.packets import OscMessage, read, written
from latentknobs.scores import write_piece

THEME = (60, 60, 67, 67, 69, 69, 67, 65)
QUIET = build_opener(ProxyHandler({}))


class Client:
    """Sends from one socket, and is told at it."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(30)
        self.to = ("127.0.0.1", port)

    def send(self, address: str, *arguments: float | str) -> None:
        """Send a message."""
        self.socket.sendto(written(OscMessage(address, arguments)), self.to)

    def until(self, address: str) -> None:
        """Wait for a message with this address."""
        while not any(message.address == address for message in read(self.socket.recv(65536))):
            pass


def value(port: int, address: str) -> float:
    """A value, as OSCQuery tells it."""
    with QUIET.open(f"http://127.0.0.1:{port}{address}?VALUE", timeout=30) as answer:
        return float(json.load(answer)["VALUE"][0])


def holds(port: int, address: str, expected: float) -> float:
    """Seconds until an address has a value; raises after 10."""
    began = time.perf_counter()
    while abs(value(port, address) - expected) > 1e-6:
        assert time.perf_counter() - began < 10, (address, value(port, address), expected)
        time.sleep(0.05)
    return time.perf_counter() - began


def alone(port: int, turns: int) -> list[float]:
    """Milliseconds from a message to its new notes, all different, for a client that waits for them."""
    client = Client(port)
    client.send("/subscribe", client.socket.getsockname()[1], 3600)
    client.until("/notes/end")
    out = []
    for k in range(1, turns + 21):
        began = time.perf_counter()
        client.send("/knob/pitch", (k * 7 % 240) / 10 - 12.05)
        client.until("/notes/end")
        out.append((time.perf_counter() - began) * 1000)
        time.sleep(0.02)
    client.send("/unsubscribe")
    return out[20:]


def flood(port: int, clients: int, rate: float, seconds: float) -> float:
    """Each client sends so many a second; seconds until the last value of each holds."""
    senders = [Client(port) for _ in range(clients)]
    addresses = ["/knob/pitch", "/bars/1-1/knob/pitch", "/bars/2-2/knob/pitch", "/knob/rhythm", "/tempo"]
    began, sent = time.perf_counter(), 0
    while (now := time.perf_counter() - began) < seconds:
        while sent < now * rate:
            for number, sender in enumerate(senders):
                low, high = (60, 90) if addresses[number % 5] == "/tempo" else (-3, 3)
                sender.send(addresses[number % 5], low + sent % 50 / 50 * (high - low))
            sent += 1
        time.sleep(0.002)
    for number, sender in enumerate(senders):  # in order, so that the last one of each address is known
        sender.send(addresses[number % 5], 70.0 + number if addresses[number % 5] == "/tempo" else 1.0)
    last = {addresses[number % 5]: 70.0 + number for number in range(clients)}
    print(f"{sent * clients} messages sent by {clients} in {seconds:g} s.")
    return max(holds(port, one, at if one == "/tempo" else 1.0) for one, at in last.items())


def main(arguments: Sequence[str] | None = None) -> int:
    """Start the front end, load it, and print what was measured."""
    parser = argparse.ArgumentParser(description="Control surfaces on a shared session.")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each flood")
    parser.add_argument("--turns", type=int, default=300, help="of the client that waits for notes")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        tune = Path(folder, "tune.mid")
        write_piece(Piece(tuple(Note(4 * k, pitch, 4) for k, pitch in enumerate(THEME)), 32, name="tune"), tune)
        words = [
            sys.executable,
            "-m",
            "latentknobs",
            "serve",
            "osc",
            "--port",
            "0",
            "--no-zeroconf",
            "--file",
            str(tune),
        ]
        with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as server:
            try:
                assert server.stderr is not None
                found = None
                while not (found := re.search(r"OSC on 127\.0\.0\.1, port (\d+)", server.stderr.readline())):
                    pass
                port = int(found[1])
                waits = alone(port, options.turns)
                flood(port, 1, 2000, 3)  # until memory has settled
                before = memory(server.pid)
                one = flood(port, 1, 2000, options.seconds)
                many = flood(port, 20, 50, options.seconds)
                after = memory(server.pid)
            finally:
                server.terminate()
    print("| from message to new notes, ms | median | 99th percentile |\n|---|---|---|")
    print(row("one client", waits))
    print(
        f"\nThe last values held {one:.2f} s and {many:.2f} s after the floods of 2000 a second from one client and of "
        f"50 from each of 20; memory {before:.0f} MB at the start, {after:.0f} MB at the end."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
