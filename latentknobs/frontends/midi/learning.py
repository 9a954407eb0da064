"""Learning: people move a control, and what it sends says which and what kind it is."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from latentknobs.frontends.midi.mapping import FINE, Control, Turning

QUIET = 0.7
"""Seconds without a message after which the control has been moved."""
ENOUGH = 3
"""Messages below which a control may have been touched by chance."""


def turning_of(values: Sequence[int]) -> Turning:
    """
    What the values of a control say that was turned up and down.

    A control that says where it is does not say the same twice; one that says how far it was turned does.
    """
    same = sum(one == other for one, other in pairwise(values))
    if 2 * same < len(values) - 1 or len(values) < ENOUGH:
        return "absolute"
    distinct = set(values)
    if all(value < 16 or value > 111 for value in distinct):
        return "relative"
    if all(value < 16 or 64 < value < 80 for value in distinct) and min(distinct) < 16:
        return "relative-sign"
    return "relative-offset" if all(48 < value < 80 for value in distinct) else "absolute"


class Learner:
    """
    Asks for one control after the other.

    Args:
        paths: Of the parameters.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self._left = list(paths)
        self._heard: dict[int, list[int]] = {}
        self._last = 0.0
        self._used: set[int] = set()
        self.learned: list[Control] = []

    @property
    def asks(self) -> str:
        """The parameter whose control is asked for, "" = none any more."""
        return self._left[0] if self._left else ""

    def change(self, number: int, value: int, now: float) -> None:
        """A controller has a value."""
        if number < 120 and number not in self._used:
            self._heard.setdefault(number, []).append(value)
            self._last = now

    def look(self, now: float) -> bool:
        """Whether a control has just been learned."""
        if not (self._left and self._heard) or now - self._last < QUIET:
            return False
        heard, self._heard = self._heard, {}
        coarse = {number for number in heard if number - FINE not in heard}
        number = max(coarse, key=lambda one: len(heard[one]))
        if len(heard[number]) < ENOUGH:
            return False
        fine = number < FINE and len(heard.get(number + FINE, ())) >= ENOUGH
        turning = "absolute" if fine else turning_of(heard[number])
        self.learned.append(Control(self._left.pop(0), number, turning, fine))
        self._used |= {number, number + FINE} if fine else {number}
        return True
