"""Checking data against a JSON Schema: those of its words that our own schemas use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}
_WORDS = "type const enum pattern minimum items properties required additionalProperties"
_NOTES = "$ref $defs $schema $id title description"
_KNOWN = frozenset(f"{_WORDS} {_NOTES}".split())


def check(data: Any, schema: Mapping[str, Any]) -> None:
    """
    Refuse data that a schema does not allow.

    Args:
        data: What ``json.loads`` gives.
        schema: With references to its own $defs only.

    Raises:
        ValueError: The first place that is wrong, and what is asked for there.
    """
    _check(data, schema, schema, "")


def _check(data: Any, schema: Mapping[str, Any], root: Mapping[str, Any], where: str) -> None:
    assert set(schema) <= _KNOWN, f"the schema uses a word that is not checked: {sorted(set(schema) - _KNOWN)}"
    if "$ref" in schema:
        return _check(data, root["$defs"][schema["$ref"].rpartition("/")[2]], root, where)
    place = where or "the file"
    if "type" in schema:
        types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        if not any(_is(data, name) for name in types):
            raise ValueError(f"{place} must be {' or '.join(types)}, not {_shown(data)}")
    if "const" in schema and data != schema["const"]:
        raise ValueError(f"{place} must be {schema['const']!r}, not {_shown(data)}")
    if "enum" in schema and data not in schema["enum"]:
        raise ValueError(f"{place} must be one of {', '.join(map(str, schema['enum']))}, not {_shown(data)}")
    if isinstance(data, str) and "pattern" in schema and not re.search(schema["pattern"], data):
        raise ValueError(f"{place} must match {schema['pattern']}, not {_shown(data)}")
    if _is(data, "number") and "minimum" in schema and data < schema["minimum"]:
        raise ValueError(f"{place} must be at least {schema['minimum']}, not {_shown(data)}")
    if isinstance(data, list) and "items" in schema:
        for i, item in enumerate(data):
            _check(item, schema["items"], root, f"{where}[{i}]")
    if isinstance(data, dict):
        _check_object(data, schema, root, where)
    return None


def _check_object(data: dict[str, Any], schema: Mapping[str, Any], root: Mapping[str, Any], where: str) -> None:
    known = schema.get("properties", {})
    others = schema.get("additionalProperties", True)
    for name in schema.get("required", ()):
        if name not in data:
            raise ValueError(f"{where or 'the file'} has no {name!r}")
    for name, value in data.items():
        inner = f"{where}.{name}" if where else name
        if name in known:
            _check(value, known[name], root, inner)
        elif others is False:
            raise ValueError(f"{inner} is not part of the format")
        elif isinstance(others, dict):
            _check(value, others, root, inner)


def _is(data: Any, name: str) -> bool:
    if isinstance(data, bool):
        return name == "boolean"
    return isinstance(data, _TYPES[name]) or (name == "integer" and isinstance(data, float) and data.is_integer())


def _shown(data: Any, most: int = 40) -> str:
    text = repr(data)
    return text if len(text) <= most else f"{text[:most]}..."
