"""Conditions on rows, as SQL means them: what is missing meets no comparison, nor its opposite."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from latentknobs.core.where import COMPARING, Compared, Condition

_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    **COMPARING,
    "like": lambda text, pattern: re.fullmatch(_regular(pattern), text, re.IGNORECASE | re.DOTALL) is not None,
    "contains": lambda text, part: part.lower() in text.lower(),
}


def holds(condition: Condition, row: Mapping[str, Any]) -> bool | None:
    """Whether a row meets a condition; None where that is not known, since a value is missing."""
    if isinstance(condition, Compared):
        value = row[condition.term.name]
        if condition.operation == "is null":
            return value is None
        if value is None:
            return None
        if condition.operation == "in":
            return value in condition.values
        return _COMPARED[condition.operation](value, *condition.values)
    parts = [holds(part, row) for part in condition.parts]
    if condition.kind == "not":
        return None if parts[0] is None else not parts[0]
    decisive = condition.kind == "or"
    return decisive if decisive in parts else None if None in parts else not decisive


def _regular(pattern: str) -> str:
    return "".join({"%": ".*", "_": "."}.get(character, re.escape(character)) for character in pattern)
