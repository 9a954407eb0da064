"""Numbers as a report prints them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NONE = "not measured"


def number(value: float | None, digits: int = 3) -> str:
    """A number with so many digits behind the point."""
    return NONE if value is None else f"{value:.{digits}f}"


def signed(value: float | None, digits: int = 2) -> str:
    """The same with its sign."""
    return NONE if value is None else f"{value:+.{digits}f}"


def score(one: Mapping[str, Any] | None) -> str:
    """A score with its interval."""
    if one is None or one["value"] is None:
        return NONE
    ends = "" if one["low"] is None else f" ({one['low']:.3f} to {one['high']:.3f})"
    return f"{one['value']:.3f}{ends}"
