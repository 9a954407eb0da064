"""JSON schemas of attrs classes: what the package publishes is generated, and tests hold files against it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, get_args, get_origin, get_type_hints

import attrs

PLAIN = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
LIMITS = {"<=": "maximum", ">=": "minimum"}


def schema_of(kind: Any) -> dict[str, Any]:
    """The JSON schema of a type, descriptions and limits included."""
    origin, arguments = get_origin(kind), get_args(kind)
    if attrs.has(kind):
        hints = get_type_hints(kind)
        told = dict(re.findall(r"^ {4}(?: {4})?(\w+): (.*?)$", inspect.getdoc(kind) or "", re.MULTILINE))
        properties = {
            a.name: {"description": told[a.name]} | schema_of(hints[a.name]) | limits(a.validator)
            for a in attrs.fields(kind)
        }
        for one in properties.values():
            counted = {"array": "Items", "object": "Properties"}.get(str(one.get("type")), "Length")
            for end in ("min", "max"):
                if f"{end}Length" in one:
                    one[f"{end}{counted}"] = one.pop(f"{end}Length")
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }
    if origin is Literal:
        return {"const": arguments[0]}
    if origin is tuple:
        return {"type": "array", "items": schema_of(arguments[0])}
    if origin is Mapping:
        return {"type": "object"} if arguments[1] is Any else {
            "type": "object", "additionalProperties": schema_of(arguments[1])
        }  # fmt: skip
    if kind is datetime:
        return {"type": "string", "format": "date-time"}
    return {"type": [PLAIN[one] for one in arguments] if arguments else PLAIN[kind]}


def limits(validator: Any) -> dict[str, Any]:
    """What a validator of attrs asks for."""
    if hasattr(validator, "_validators"):
        return {key: value for one in validator._validators for key, value in limits(one).items()}
    if hasattr(validator, "validator"):
        return limits(validator.validator)
    if hasattr(validator, "pattern"):
        return {"pattern": f"^(?:{validator.pattern.pattern})$"}
    if hasattr(validator, "compare_op"):
        return {LIMITS[validator.compare_op]: validator.bound}
    names = {"min_length": "minLength", "max_length": "maxLength"}
    return {key: getattr(validator, name) for name, key in names.items() if hasattr(validator, name)}
