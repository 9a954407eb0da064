"""Which parameters an OSC address means, and which value a message's argument is for one."""

from __future__ import annotations

import fnmatch
import itertools
import math
import re
from collections.abc import Sequence
from typing import Literal, TypeAlias

from attrs import frozen

from latentknobs.core.live_session import LiveSession
from latentknobs.core.parameter import Parameter, Value
from latentknobs.errors import UnknownNameError, UsageError
from latentknobs.frontends.osc.packets import Argument

Form: TypeAlias = Literal["own", "normalized", "clear"]
"""In its own unit, by its place in the range, or back to its default."""
MOST_ALTERNATIVES = 64
"""Of the braces of an address."""
_NEAR = 1e-6
"""Relative; an end of a range that was sent in 32 bits is that end."""


@frozen
class Target:
    """
    What an address means.

    Attributes:
        parameter: Which.
        form: How it is set or told.
    """

    parameter: Parameter
    form: Form

    @property
    def address(self) -> str:
        """The address, without patterns."""
        return f"/{self.parameter.path}" + ("" if self.form == "own" else f"/{self.form}")


def targets(session: LiveSession, address: str) -> list[Target]:
    """
    The parameters of an address or of a pattern; a pattern means no triggers, and of bars those that are set.

    Raises:
        UnknownNameError: There is no such parameter.
        UsageError: The pattern means none, or the bars are none of the piece's.
    """
    path, form = _form(session, address)
    if not re.search(r"[*?\[{]", path):
        return [_target(session, path, form)]
    words = path.split("/")
    known = [parameter.path for parameter in session.parameters.values() if parameter.kind != "trigger"]
    if len(words) == 4 and words[0] in ("bars", "clip") and not re.search(r"[*?\[{]", words[1]):
        known = [f"{words[0]}/{words[1]}/{one}" for one in known if one.startswith("knob/")]
    patterns = [_alternatives(word) for word in words]
    out = [_target(session, one, form) for one in known if _matches(one.split("/"), patterns)]
    if not out:
        raise UnknownNameError("parameter", address, known, "in this session")
    return out


def _target(session: LiveSession, path: str, form: Form) -> Target:
    parameter = session.parameter(path)
    if form == "normalized" and parameter.kind not in ("number", "whole"):
        raise UsageError(f"{path} is no number, and has no place in a range.")
    if form == "clear" and parameter.kind == "trigger":
        raise UsageError(f"{path} is done, and has no default.")
    return Target(parameter, form)


def _form(session: LiveSession, address: str) -> tuple[str, Form]:
    path = address.removeprefix("/")
    head, _, last = path.rpartition("/")
    if last not in ("normalized", "clear") or path in session.parameters:  # a knob may have that name
        return path, "own"
    return head, "normalized" if last == "normalized" else "clear"


def _alternatives(word: str) -> list[re.Pattern[str]]:
    """What one part of an address may be; fnmatch knows all of OSC's wildcards but braces, and never backtracks."""
    pieces = [piece.split(",") if k % 2 else [piece] for k, piece in enumerate(re.split(r"\{([^{}]*)\}", word))]
    if math.prod(len(piece) for piece in pieces) > MOST_ALTERNATIVES:
        raise UsageError(f"An address has at most {MOST_ALTERNATIVES} alternatives in each part.")
    return [re.compile(fnmatch.translate("".join(one))) for one in itertools.product(*pieces)]


def _matches(words: Sequence[str], patterns: Sequence[Sequence[re.Pattern[str]]]) -> bool:
    return len(words) == len(patterns) and all(
        any(one.match(word) for one in own) for word, own in zip(words, patterns, strict=True)
    )


def value_of(target: Target, argument: Argument) -> tuple[Value, str]:
    """
    The value that an argument is for a parameter, and a sentence where it is another one ("" = it is not).

    Whole numbers stand for others, numbers for texts (a snapshot "1"); out of range is the nearest value.

    Raises:
        UsageError: No value of this parameter.
        AmountError: Not a finite number.
    """
    parameter = target.parameter
    if parameter.kind in ("text", "trigger"):
        return parameter.checked(f"{argument:g}" if isinstance(argument, float) else str(argument)), ""
    if parameter.kind == "switch" or isinstance(argument, str) or not math.isfinite(argument):
        return parameter.checked(argument), ""
    if target.form == "own":
        value, low, high, unit = (
            parameter.nearest(argument),
            parameter.low,
            parameter.high,
            f" {parameter.unit}".rstrip(),
        )
    else:
        value, low, high, unit = parameter.denormalized(argument), 0.0, 1.0, ""
    beyond = max((low or 0.0) - argument if low is not None else 0.0, argument - high if high is not None else 0.0)
    if beyond <= _NEAR * max(1.0, abs(argument)):
        return value, ""
    return value, (
        f"{target.address[1:]} goes from {low:g} to {high:g}{unit}; {argument:g} is outside, so {parameter.path} is "
        f"{value:g}."
    )
