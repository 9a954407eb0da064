"""
Typed parameters: what a session has that people set, and what front ends show of it.

A parameter is named by its path: ``tempo``, ``knob/pitch``, ``bars/5-8/knob/pitch``.
"""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

from attrs import field, frozen, validators

from latentknobs.errors import AmountError, UsageError

Value: TypeAlias = float | bool | str
"""What a parameter is set to."""
ParameterKind: TypeAlias = Literal["number", "whole", "switch", "text", "trigger"]
"""A number, a whole number, True or False, a text, or something that is done when it is set, to a text or to ""."""
MOST_TEXT = 120
ROUNDING = 1e-6
"""Part of a number by which it may be beside its step or end, as when it came as 32 bits."""


@frozen
class Parameter:
    """
    One thing that can be set.

    Attributes:
        path: Its name in the tree.
        kind: What its values are.
        doc: One sentence.
        default: What it is when nobody has set it.
        low: The lowest number, None where it is no number.
        high: The highest number.
        step: Numbers are multiples of it; None = continuous.
        unit: Unit of its numbers.
        verdict: That of the knob that it turns, "" where it turns none.
    """

    path: str
    kind: ParameterKind
    doc: str
    default: Value = 0.0
    low: float | None = None
    high: float | None = None
    step: float | None = field(default=None, validator=validators.optional(validators.gt(0)))
    unit: str = ""
    verdict: str = ""

    def checked(self, value: Value) -> Value:
        """
        The value as this parameter holds it.

        Raises:
            UsageError: It is of another kind, or a text that is too long or has control characters.
            AmountError: It is not finite or outside the range.
        """
        if self.kind == "switch":
            if value not in (0, 1):
                raise UsageError(f"{self.path} is on or off (1 or 0), not {value!r}.")
            return bool(value)
        if self.kind in ("text", "trigger"):
            if self.kind == "trigger" and not isinstance(value, str):
                return ""
            if not isinstance(value, str) or len(value) > MOST_TEXT or not value.isprintable():
                raise UsageError(f"{self.path} is a text of at most {MOST_TEXT} letters on one line.")
            return value
        return self._number(value)

    def _number(self, value: Value) -> float:
        if isinstance(value, str) or not math.isfinite(value):
            raise AmountError(f"{self.path} must be a finite number, not {value!r}.")
        number = float(value)
        if self.kind == "whole" and number != round(number):
            raise AmountError(f"{self.path} must be a whole number, not {number:g}.")
        low, high = self._range
        unit, near = f" {self.unit}" if self.unit else "", self.nearest(number)
        if not low - abs(low) * ROUNDING <= number <= high + abs(high) * ROUNDING:
            raise AmountError(f"{self.path} goes from {low:g} to {high:g}{unit}; {number:g} is outside.")
        if self.step is not None and abs(number - near) > self.step * ROUNDING:
            raise AmountError(f"{self.path} goes in steps of {self.step:g}{unit}; nearest to {number:g} is {near:g}.")
        return near

    @property
    def _range(self) -> tuple[float, float]:
        if self.kind == "switch":
            return 0.0, 1.0
        return (-math.inf if self.low is None else self.low, math.inf if self.high is None else self.high)

    def nearest(self, value: float) -> float:
        """The number of this parameter that is nearest to a finite one: in its range and on its steps."""
        low, high = self._range
        number = min(max(float(value), low), high)
        if self.kind in ("whole", "switch"):
            return float(round(number))
        if self.step is None:
            return number
        # A range may end between two steps.
        first, last = math.ceil(low / self.step - 1e-9), math.floor(high / self.step + 1e-9)
        return min(max(min(max(round(number / self.step), first), last) * self.step, low), high)

    def normalized(self, value: float) -> float:
        """
        Where a number lies in the range, 0 to 1; a switch is at one of its ends.

        A range around 0 has 0 in its middle, so that half a turn of a control leaves the music as it is.
        """
        low, high = self._range
        if not (math.isfinite(low) and math.isfinite(high)) or low == high:
            return 0.0
        value = min(max(value, low), high)
        if low < 0 < high:
            return 0.5 + 0.5 * (value / high if value > 0 else value / -low)
        return (value - low) / (high - low)

    def denormalized(self, place: float) -> float:
        """
        The number at a place of the range, the nearest one of this parameter's; inverse of :meth:`normalized`.

        Raises:
            AmountError: The place is not finite.
            UsageError: This parameter is no number and no switch.
        """
        if self.kind in ("text", "trigger"):
            raise UsageError(f"{self.path} is no number: it has no place in a range.")
        if not math.isfinite(place):
            raise AmountError(f"The place of {self.path} must be a finite number from 0 to 1, not {place!r}.")
        low, high = self._range
        if not (math.isfinite(low) and math.isfinite(high)):
            return self.nearest(place)
        place = min(max(place, 0.0), 1.0)
        if low < 0 < high:
            return self.nearest((place - 0.5) * 2 * (high if place > 0.5 else -low))
        return self.nearest(low + place * (high - low))


@frozen
class Change:
    """
    A parameter was set.

    Attributes:
        path: Which.
        value: To what.
        source: Who set it: the name that a front end gave itself or its client; "" = the session itself.
        number: Counts the changes of a session, from 1; a higher one is newer.
    """

    path: str
    value: Value
    source: str
    number: int
