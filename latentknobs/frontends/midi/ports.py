"""MIDI ports: those of this machine, found by a part of their names, and an output that owes no note its end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

from latentknobs.errors import LatentKnobsError, UnknownNameError, UsageError, needs_extra

CLIENT = "latentknobs"
"""What our ports are called."""
LISTER = "latentknobs list"
"""Who asks what ports there are."""
ALL_NOTES_OFF = 123
FLUSH = 0.1
"""Seconds that JACK has to send the last messages before a port is closed; it drops those that it has not sent."""
MOST_ARRIVED = 16_384
"""Messages that wait to be fetched; JACK's further ones are lost."""
POLL = 0.001
"""Seconds between looks for messages, where they are fetched."""

Heard: TypeAlias = Callable[[Sequence[int]], None]
"""Told of a message, whole, as bytes; from a thread of the port."""


class OpenPort(Protocol):
    """A port that is open."""

    def send(self, data: Sequence[int]) -> None:
        """Send a message; of an input, nothing."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


class PortSystem(Protocol):
    """Where ports come from: the machine, or memory in tests."""

    def inputs(self) -> list[str]:
        """Names of what can be listened to."""
        ...

    def outputs(self) -> list[str]:
        """Names of what can be played."""
        ...

    def open_input(self, name: str | None, heard: Heard) -> OpenPort:
        """Listen to a port; None = to one of our own, which others send to."""
        ...

    def open_output(self, name: str | None) -> OpenPort:
        """Play a port; None = one of our own, which others listen to."""
        ...


class PortError(LatentKnobsError):
    """Raised when a MIDI port cannot be had."""


def port_named(wanted: str, there: Sequence[str], kind: str) -> str:
    """
    The port that a part of a name means, in any case; a whole name is that port.

    Args:
        wanted: The part.
        there: The names of all.
        kind: "input" or "output".

    Raises:
        UnknownNameError: There is none.
        UsageError: There are several, or the part is empty.
    """
    if wanted in there:
        return wanted
    found = [name for name in there if wanted.strip().lower() in name.lower()]
    if not found:
        raise UnknownNameError(f"MIDI {kind}", wanted, there)
    if len(found) > 1:
        raise UsageError(f"{wanted!r} is part of {len(found)} MIDI {kind}s, {', '.join(found)}: give more of the name.")
    return found[0]


class Output:
    """
    An output that remembers what sounds on it; may be used from any thread.

    Without a port it takes what it is given and sends nothing.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._port: OpenPort | None = None
        self._sounding: set[tuple[int, int]] = set()
        self._channels: set[int] = set()

    @property
    def sounding(self) -> frozenset[tuple[int, int]]:
        """Channel and pitch of what sounds."""
        return frozenset(self._sounding)

    @property
    def works(self) -> bool:
        """Whether it has a port that takes messages."""
        return self._port is not None

    def use(self, port: OpenPort | None) -> None:
        """Send to another port from now on, in which nothing sounds; None = to none."""
        with self._lock:
            self._port = port
            self._sounding.clear()
            self._put_all_off()  # the one that came back may still sound what it was told before

    def send(self, data: Sequence[int]) -> None:
        """Send a message that is no note."""
        with self._lock:
            self._put(data)

    def strike(self, channel: int, pitch: int, velocity: int) -> None:
        """Begin a note; one that sounds already is ended first."""
        with self._lock:
            if (channel, pitch) in self._sounding:
                self._put((0x80 | channel, pitch, 0))
            self._sounding.add((channel, pitch))
            self._channels.add(channel)
            self._put((0x90 | channel, pitch, velocity))

    def release(self, channel: int, pitch: int) -> None:
        """End a note, if it sounds."""
        with self._lock:
            if (channel, pitch) in self._sounding:
                self._sounding.discard((channel, pitch))
                self._put((0x80 | channel, pitch, 0))

    def silence(self) -> None:
        """End all notes."""
        with self._lock:
            for channel, pitch in sorted(self._sounding):
                self._put((0x80 | channel, pitch, 0))
            self._sounding.clear()

    def quiet(self) -> None:
        """End all notes, also those of which the end was lost on the way."""
        self.silence()
        with self._lock:
            self._put_all_off()

    def close(self) -> None:
        """End all notes and close the port."""
        self.quiet()
        with self._lock:
            if self._port is not None:
                self._port.close()
            self._port = None

    def _put_all_off(self) -> None:
        for channel in sorted(self._channels):
            self._put((0xB0 | channel, ALL_NOTES_OFF, 0))

    def _put(self, data: Sequence[int]) -> None:
        if self._port is None:
            return
        try:
            self._port.send(data)
        except OSError:  # a port that has gone: the watch finds out, and waits for it
            self._port = None
            self._sounding.clear()


class RtMidiPorts:
    """
    The ports of this machine, by RtMidi: ALSA or JACK on Linux, Core MIDI, Windows.

    Raises:
        MissingExtraError: It is not installed.
        PortError: There is no MIDI here at all.
    """

    def __init__(self) -> None:
        with needs_extra("The MIDI front end", "midi"):
            import rtmidi
        self._rtmidi = rtmidi
        self._api = self._first_api()
        self._in = self._new(rtmidi.MidiIn, LISTER)
        self._out = self._new(rtmidi.MidiOut, LISTER)

    def _first_api(self) -> int:
        reasons = []
        for api in self._rtmidi.get_compiled_api():
            try:
                self._rtmidi.MidiIn(api, LISTER).delete()
            except OSError as error:
                reasons.append(f"{self._rtmidi.get_api_display_name(api)}: {str(error).rstrip('.')}")
            else:
                return int(api)
        raise PortError(f"This machine has no MIDI ({'; '.join(reasons)}): on Linux start JACK, or load snd-seq.")

    def _new(self, kind: Any, client: str = CLIENT, **more: int) -> Any:
        try:
            return kind(self._api, client, **more)
        except OSError as error:
            raise PortError(f"MIDI cannot be used any more ({error}): start it again.") from error

    def inputs(self) -> list[str]:
        """Names of what can be listened to."""
        return list(self._in.get_ports())

    def outputs(self) -> list[str]:
        """Names of what can be played."""
        return list(self._out.get_ports())

    def open_input(self, name: str | None, heard: Heard) -> OpenPort:
        """Listen to a port; PortError where it has gone, or virtual ones cannot be made (Windows)."""
        port = self._new(self._rtmidi.MidiIn, queue_size_limit=MOST_ARRIVED)
        port.ignore_types(sysex=True, timing=False, active_sense=True)
        self._open(port, name, "input")
        if self._api == self._rtmidi.API_UNIX_JACK:
            return _PolledInput(port, heard)
        port.set_callback(lambda event, _data: heard(event[0]))
        return _RtMidiPort(port)

    def open_output(self, name: str | None) -> OpenPort:
        """Play a port; raises as :meth:`open_input`."""
        port = self._new(self._rtmidi.MidiOut)
        self._open(port, name, "output")
        return _RtMidiPort(port, FLUSH if self._api == self._rtmidi.API_UNIX_JACK else 0.0)

    def _open(self, port: Any, name: str | None, kind: str) -> None:
        try:
            if name is not None:
                port.open_port(port.get_ports().index(name), kind)
            elif self._api == self._rtmidi.API_WINDOWS_MM:
                raise PortError(
                    "Windows has no virtual MIDI ports: make one with a program such as loopMIDI, and name it with "
                    "--in and --out."
                )
            else:
                port.open_virtual_port(CLIENT)
        except (OSError, ValueError) as error:
            port.delete()
            raise PortError(f"The MIDI {kind} {name or CLIENT!r} cannot be opened: {error}.") from error


class _RtMidiPort:
    def __init__(self, port: Any, flush: float = 0.0) -> None:
        self._port, self._flush = port, flush

    def send(self, data: Sequence[int]) -> None:
        self._port.send_message(data)

    def close(self) -> None:
        time.sleep(self._flush)
        self._port.close_port()
        self._port.delete()


class _PolledInput(_RtMidiPort):
    """
    An input whose messages are fetched by a thread.

    JACK's own thread may not wait for Python, which a callback does: messages were lost.
    """

    def __init__(self, port: Any, heard: Heard) -> None:
        super().__init__(port)
        self._heard = heard
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._fetch, name="midi input", daemon=True)
        self._thread.start()

    def _fetch(self) -> None:
        while not self._closed.wait(POLL):
            while event := self._port.get_message():
                self._heard(event[0])

    def close(self) -> None:
        self._closed.set()
        self._thread.join(timeout=5)
        super().close()
