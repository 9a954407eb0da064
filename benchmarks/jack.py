"""A JACK server without a sound card, and a MIDI device on it: real ports on machines that have none."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from latentknobs.frontends.midi.ports import ALL_NOTES_OFF, PortError, RtMidiPorts

SECONDS = 60.0
"""Longest that a server takes to answer."""
MOST_HEARD = 10_000
"""Messages that a device keeps until it is asked."""


@contextmanager
def jack_server(name: str, log: Path) -> Iterator[dict[str, str]]:
    """
    A server of that name while the block runs.

    Args:
        name: Of the server.
        log: What it says is written there.

    Yields:
        The environment of programs that use it, which this one has meanwhile.

    Raises:
        OSError: There is no jackd.
        PortError: It did not answer.
    """
    own = {"JACK_DEFAULT_SERVER": name, "JACK_NO_AUDIO_RESERVATION": "1"}
    before = {key: os.environ.get(key) for key in own}
    os.environ.update(own)
    words = ["jackd", "-r", "-n", name, "-d", "dummy", "-r", "48000", "-p", "512"]
    try:
        with log.open("w") as file, subprocess.Popen(words, stdout=file, stderr=file) as server:
            try:
                _until_it_answers()
                yield own
            finally:
                server.terminate()
                server.wait(timeout=20)
    finally:
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value


def _until_it_answers() -> None:
    end = time.monotonic() + SECONDS
    while True:
        try:
            RtMidiPorts()
        except PortError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return


class Device:
    """Another program with a port of each direction, ``NAME:out`` and ``NAME in:in``."""

    def __init__(self, name: str) -> None:
        import rtmidi

        self._heard: list[tuple[int, ...]] = []
        self.out = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name)
        self.out.open_virtual_port("out")
        self.into = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, f"{name} in", queue_size_limit=MOST_HEARD)
        self.into.ignore_types(timing=False)
        self.into.open_virtual_port("in")

    def new(self) -> Iterator[tuple[int, ...]]:
        """The messages that have come since it was asked last."""
        while event := self.into.get_message():
            yield tuple(event[0])

    @property
    def heard(self) -> list[tuple[int, ...]]:
        """All messages so far."""
        self._heard += self.new()
        return self._heard

    def close(self) -> None:
        """Free the ports."""
        for port in (self.out, self.into):
            port.close_port()
            port.delete()


class Sounding:
    """
    The notes that sound on a device, which knows All Notes Off.

    Attributes:
        begun: Number of notes that have begun.
        lost: Number of messages that cannot have come: ends of what did not sound, and what sounds begun or ended by
            All Notes Off. JACK loses some where a client is late for its cycle.
        hanging: Channel and pitch of what sounds.
    """

    def __init__(self) -> None:
        self.begun = self.lost = 0
        self.hanging: set[tuple[int, int]] = set()

    def take(self, message: tuple[int, ...]) -> None:
        """A message has come."""
        kind, channel = message[0] & 0xF0, message[0] & 0xF
        at = channel, message[1] if len(message) > 1 else 0
        if kind == 0x90 and message[2]:
            self.begun += 1
            self.lost += at in self.hanging
            self.hanging.add(at)
        elif kind in (0x80, 0x90):
            self.lost += at not in self.hanging
            self.hanging.discard(at)
        elif kind == 0xB0 and message[1] == ALL_NOTES_OFF:
            left = {one for one in self.hanging if one[0] == channel}
            self.lost += len(left)
            self.hanging -= left
