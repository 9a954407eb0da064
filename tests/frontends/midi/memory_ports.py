"""MIDI ports in memory: what is sent is kept, and tests say what is heard and which ports there are."""

from __future__ import annotations

import time
from collections.abc import Sequence

from latentknobs.frontends.midi.ports import Heard, PortError

OURS = "latentknobs"


class MemoryPorts:
    """
    A machine's ports.

    Attributes:
        ins: Names of what can be listened to.
        outs: Names of what can be played.
        sent: All messages: when, to which port, and what.
    """

    def __init__(self, ins: Sequence[str] = (), outs: Sequence[str] = ()) -> None:
        self.ins, self.outs = list(ins), list(outs)
        self.sent: list[tuple[float, str, tuple[int, ...]]] = []
        self.heard: dict[str, Heard] = {}
        self.open: list[str] = []

    def inputs(self) -> list[str]:
        return list(self.ins)

    def outputs(self) -> list[str]:
        return list(self.outs)

    def open_input(self, name: str | None, heard: Heard) -> _MemoryPort:
        if name is not None and name not in self.ins:
            raise PortError(f"{name} is gone.")
        self.heard[name or OURS] = heard
        return _MemoryPort(self, name or OURS)

    def open_output(self, name: str | None) -> _MemoryPort:
        if name is not None and name not in self.outs:
            raise PortError(f"{name} is gone.")
        return _MemoryPort(self, name or OURS)

    def say(self, *data: int, to: str = OURS) -> None:
        """Send a message to an input that the front end listens to."""
        self.heard[to](list(data))

    def messages(self, kind: int | None = None, port: str = OURS) -> list[tuple[int, ...]]:
        """What was sent to a port, of a kind (the status, without a channel), None = all."""
        found = [data for _when, name, data in self.sent if name == port]
        return found if kind is None else [m for m in found if (m[0] if m[0] >= 0xF0 else m[0] & 0xF0) == kind]

    def hanging(self, port: str = OURS) -> dict[tuple[int, int], int]:
        """Notes that began and did not end: channel and pitch, with how many."""
        count: dict[tuple[int, int], int] = {}
        for data in self.messages(port=port):
            key = (data[0] & 0xF, data[1]) if len(data) > 1 else (0, 0)
            if data[0] & 0xF0 == 0x90:
                count[key] = count.get(key, 0) + 1
            elif data[0] & 0xF0 == 0x80:
                count[key] = count.get(key, 0) - 1
        return {key: n for key, n in count.items() if n}


class _MemoryPort:
    def __init__(self, ports: MemoryPorts, name: str) -> None:
        self._ports, self._name = ports, name
        ports.open.append(name)

    def send(self, data: Sequence[int]) -> None:
        if self._name != OURS and self._name not in self._ports.outs:
            raise OSError("it is gone")
        self._ports.sent.append((time.monotonic(), self._name, tuple(data)))

    def close(self) -> None:
        self._ports.open.remove(self._name)
