"""Knob assignments as people write them: ``pitch=+3``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from latentknobs.errors import AmountError, UsageError


def parse_assignments(texts: Iterable[str]) -> dict[str, float]:
    """
    Knob name to amount.

    Args:
        texts: ``NAME=AMOUNT`` each; "+" before the amount may be left out.

    Raises:
        UsageError: Not of that form, or the same knob twice.
        AmountError: The amount is no finite number.
    """
    out: dict[str, float] = {}
    for text in texts:
        name, equals, number = (part.strip() for part in text.partition("="))
        if not (equals and name and number):
            raise UsageError(f"A knob is turned by NAME=AMOUNT, as in pitch=+3; got {text!r}.")
        if name in out:
            raise UsageError(f"The knob {name!r} is named twice; name it once, with the whole amount.")
        try:
            amount = float(number)
        except ValueError:
            raise AmountError(f"The amount in {text!r} is not a number; write it as in {name}=+3.") from None
        if not math.isfinite(amount):
            raise AmountError(f"The amount in {text!r} must be a finite number.")
        out[name] = amount
    return out


def label(amounts: Mapping[str, float]) -> str:
    """Amounts as they stand in a file's name: ``pitch+3_rhythm+1``; ``plain`` for none."""
    return "_".join(f"{name}{amount:+g}" for name, amount in amounts.items()) or "plain"
