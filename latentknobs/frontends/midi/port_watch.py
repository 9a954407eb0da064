"""The ports in use: found at the start, let go when they have gone, and taken again when they are back."""

from __future__ import annotations

import logging
from collections.abc import Callable

from attrs import define

from latentknobs.errors import LatentKnobsError
from latentknobs.frontends.midi.options import MidiOptions
from latentknobs.frontends.midi.ports import CLIENT, Heard, OpenPort, Output, PortSystem, port_named

_log = logging.getLogger(__name__)


@define(eq=False)
class _Place:
    """A port that is wanted: the part of its name that people gave, its whole name, and the port while it is there."""

    kind: str
    part: str
    name: str
    open: Callable[[str], OpenPort]
    output: Output | None = None
    port: OpenPort | None = None

    def take(self) -> None:
        self.port = self.open(self.name)
        if self.output is not None:
            self.output.use(self.port)

    def let_go(self) -> None:
        if self.output is not None:
            self.output.use(None)
        if self.port is not None:
            self.port.close()
        self.port = None

    @property
    def works(self) -> bool:
        return self.port is not None and (self.output is None or self.output.works)


class PortWatch:
    """
    The ports that people name, or our own.

    Args:
        ports: Where ports come from.
        heard: Told of messages.

    Attributes:
        output: For notes and clock.
        feedback: For values, each output once.
    """

    def __init__(self, ports: PortSystem, heard: Heard) -> None:
        self._ports, self._heard = ports, heard
        self.output = Output()
        self.feedback: list[Output] = []
        self._places: list[_Place] = []
        self._own: list[OpenPort] = []

    def open(self, options: MidiOptions) -> None:
        """
        Open what people name.

        Raises:
            LatentKnobsError: One is not there, or its name means several; none is open then.
        """
        try:
            self._find(options)
        except BaseException:
            self.close()
            raise

    def _find(self, options: MidiOptions) -> None:
        inputs, outputs = self._ports.inputs(), self._ports.outputs()
        names = {port_named(part, inputs, "input"): part for part in options.inputs}
        out = port_named(options.output, outputs, "output") if options.output else ""
        back = {port_named(options.feedback, outputs, "output"): options.feedback} if options.feedback else names
        for name, part in names.items():
            self._add(_Place("input", part, name, lambda one: self._ports.open_input(one, self._heard)))
        if out:
            self._add(_Place("output", options.output, out, self._ports.open_output, self.output))
        for name, part in back.items():
            if name == out:
                self.feedback.append(self.output)
            elif name in outputs:
                self.feedback.append(Output())
                self._add(_Place("output", part, name, self._ports.open_output, self.feedback[-1]))
        if options.virtual:
            self._own.append(self._ports.open_input(None, self._heard))
        if options.virtual and not out:
            self.output.use(self._ports.open_output(None))
            self.feedback.append(self.output)

    def _add(self, place: _Place) -> None:
        place.take()
        self._places.append(place)

    @property
    def where(self) -> str:
        """The ports, for people."""
        names = [f"{place.kind} {place.name}" for place in self._places]
        return ", ".join([*names, *([f"virtual ports {CLIENT}"] if self._own else [])])

    def look(self) -> bool:
        """Let go of what has gone, and take what is back; whether an output came."""
        came = False
        there = {"input": self._ports.inputs(), "output": self._ports.outputs()}
        for place in self._places:
            if place.port is not None and not (place.works and place.name in there[place.kind]):
                place.let_go()
                _log.warning("The MIDI %s %s has gone; it is taken again when it is back.", place.kind, place.name)
            elif place.port is None:
                try:
                    # On ALSA a whole name ends with a number that is another when it comes back.
                    name = place.name if place.name in there[place.kind] else place.part
                    place.name = port_named(name, there[place.kind], place.kind)
                    place.take()
                except LatentKnobsError:
                    continue
                _log.warning("The MIDI %s %s is back.", place.kind, place.name)
                came |= place.output is not None
        return came

    def close(self) -> None:
        """End all notes, and close all ports."""
        for output in (self.output, *self.feedback):
            output.close()
        for place in self._places:
            if place.output is None:
                place.let_go()
        for port in self._own:
            port.close()
