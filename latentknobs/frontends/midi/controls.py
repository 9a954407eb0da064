"""What controls do: from their messages to values, with takeover, and from values back to their lights."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Literal, TypeAlias

from attrs import define

from latentknobs.core.live_session import LiveSession
from latentknobs.core.parameter import Change, Parameter
from latentknobs.errors import LatentKnobsError
from latentknobs.frontends.midi.mapping import FINE, RECORD, RESET, SILENCES, Control

Takeover: TypeAlias = Literal["pickup", "jump", "scale"]
"""What a control does that is elsewhere than the value: waits until it passes it, sets it, or goes its share."""
BUTTONS = "midi"
"""Who does what buttons and programs do, of which controls are told."""
TURN = 1 / 128
"""Share of the range by which a relative control turns at a time."""
NEAR = 2.5 / 127
"""Share of the range within which a control is taken to be at the value."""
_log = logging.getLogger(__name__)


def place_of(value: int, bits: int) -> float:
    """Where a value of that many bits lies, 0 to 1; its middle (64 of 7 bits) is exactly one half."""
    middle = 1 << (bits - 1)
    return 0.5 * value / middle if value <= middle else 0.5 + 0.5 * (value - middle) / (middle - 1)


def value_at(place: float, bits: int) -> int:
    """The value of that many bits at a place, 0 to 1: inverse of :func:`place_of`."""
    middle = 1 << (bits - 1)
    return round(place * 2 * middle) if place <= 0.5 else middle + round((place - 0.5) * 2 * (middle - 1))


def turned(value: int, control: Control) -> int:
    """By how much a relative control was turned."""
    if control.turning == "relative-offset":
        return value - 64
    if control.turning == "relative-sign":
        return -(value & 0x3F) if value & 0x40 else value
    return value - 128 if value & 0x40 else value


@define
class _Hardware:
    """What is known of a control: its place and whether it has the value; its bits; the value, between its steps."""

    at: float | None = None
    holds: bool = False
    high: int = 0
    bits: int = 7
    value: float | None = None


class Controls:
    """
    Turns parameters as controls say, and gives what is set elsewhere back to them.

    Args:
        session: Whose parameters.
        controls: Which control turns which.
        takeover: What a control does that is elsewhere than the value.
        silence: Ends all notes.
        record: Begins a recording.
    """

    def __init__(
        self,
        session: LiveSession,
        controls: Iterable[Control],
        takeover: Takeover,
        silence: Callable[[], None],
        record: Callable[[], None],
    ) -> None:
        self._session, self._takeover, self._silence, self._record = session, takeover, silence, record
        self._hardware: dict[Control, _Hardware] = {}
        self._by_number: dict[int, tuple[Control, ...]] = {}
        self.use(controls)

    def use(self, controls: Iterable[Control]) -> None:
        """Have these controls from now on."""
        by_number: dict[int, tuple[Control, ...]] = {}
        for control in controls:
            for number in (control.number, *([control.number + FINE] if control.fine else ())):
                by_number[number] = (*by_number.get(number, ()), control)
        self._hardware = {one: self._hardware.get(one, _Hardware()) for all_ in by_number.values() for one in all_}
        self._by_number = by_number

    def change(self, channel: int, number: int, value: int) -> None:
        """A controller has a value; channels from 0."""
        found = [one for one in self._by_number.get(number, ()) if one.channel in (0, channel + 1)]
        for control in found:
            try:
                self._move(control, number, value)
            except LatentKnobsError as error:  # a knob that this piece does not have, or a value that it cannot have
                _log.debug("%s", error)
        if found:
            return
        if number == RESET:
            self._session.set("reset", source=BUTTONS)
        elif number in SILENCES:
            self._silence()

    def program(self, number: int) -> None:
        """A program is chosen, from 0: snapshot "1" to "128", else the one of that place among those with words."""
        names = [name for name in str(self._session.values.get("snapshots", "")).split(", ") if name]
        words = [name for name in names if not name.isdigit()]
        numbered = str(number + 1)
        if numbered in names or number < len(words):
            name = numbered if numbered in names else words[number]
            self._session.set("snapshot/recall", name, source=BUTTONS)

    def _move(self, control: Control, number: int, value: int) -> None:
        if control.path == RECORD:
            if value >= 64:
                self._record()
            return
        parameter, known = self._session.parameter(control.path), self._hardware[control]
        if parameter.kind == "trigger":
            if value >= 64:
                self._session.set(control.path, source=BUTTONS)
        elif parameter.kind == "switch":
            self._session.set(control.path, value >= 64, control.name)
        elif control.turning == "absolute":
            self._place(control, parameter, self._read(known, control, number, value))
        else:
            self._set(control, self._now(control, parameter) + TURN * turned(value, control))

    def _read(self, known: _Hardware, control: Control, number: int, value: int) -> float:
        """The place that a control is at; its seven lower bits count once it has sent any."""
        if number == control.number:
            known.high = value
            return place_of(value << (known.bits - 7), known.bits)
        known.bits = 14
        return place_of(known.high << 7 | value, 14)

    def _place(self, control: Control, parameter: Parameter, place: float) -> None:
        """Have a control at a place set the value, if it may."""
        known, value = self._hardware[control], self._now(control, parameter)
        before, known.at = known.at, place
        if value_at(place, known.bits) == value_at(value, known.bits):
            known.holds = True  # it is there: the lights of another device may have said so
            return
        if self._takeover == "jump":
            known.holds = True
        elif not known.holds:
            passed = before is not None and (before - value) * (place - value) <= 0
            known.holds = passed or abs(place - value) <= NEAR
        if known.holds:
            self._set(control, place)
        elif self._takeover == "scale" and before is not None and place != before:
            room, way = (1 - value, 1 - before) if place > before else (value, before)
            self._set(control, value + (place - before) * (room / way if way > 0 else 0.0))

    def _now(self, control: Control, parameter: Parameter) -> float:
        """The value's place: as the control left it, between the parameter's steps, or where it is now."""
        known = self._hardware[control]
        if known.value is None:
            value = self._session.values.get(control.path, parameter.default)
            known.value = parameter.normalized(float(value))
        return known.value

    def _set(self, control: Control, place: float) -> None:
        place = min(max(place, 0.0), 1.0)
        self._hardware[control].value = place
        self._session.set_normalized(control.path, place, control.name)

    def told(self, change: Change) -> list[tuple[int, int, int]]:
        """
        What a change means for the controls: messages (status, controller, value) for their lights.

        A control that has made it itself gets none.
        """
        out: list[tuple[int, int, int]] = []
        for control, known in list(self._hardware.items()):
            if control.path == change.path and control.name != change.source:
                known.value, known.holds = None, False
                out.extend(self._lights(control, known, change))
        return out

    def lights(self, values: Mapping[str, float | bool | str]) -> list[tuple[int, int, int]]:
        """The messages that show all values, for a device that has come."""
        return [m for path, value in values.items() for m in self.told(Change(path, value, "", 0))]

    def _lights(self, control: Control, known: _Hardware, change: Change) -> list[tuple[int, int, int]]:
        try:
            parameter = self._session.parameter(control.path)
        except LatentKnobsError:
            return []
        status = 0xB0 | max(control.channel - 1, 0)
        if parameter.kind == "switch":
            return [(status, control.number, 127 if change.value else 0)]
        if parameter.kind not in ("number", "whole") or isinstance(change.value, str):
            return []
        value = value_at(parameter.normalized(float(change.value)), known.bits)
        if known.bits == 7:
            return [(status, control.number, value)]
        return [(status, control.number, value >> 7), (status, control.number + FINE, value & 0x7F)]
