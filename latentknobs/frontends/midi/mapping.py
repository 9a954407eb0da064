"""Which control turns which parameter: by default, from a file, from the command line."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from attrs import evolve, field, frozen, validators

from latentknobs.core.atomic_write import write_file
from latentknobs.core.live_session import LiveSession
from latentknobs.core.paths import config_dir
from latentknobs.errors import UnknownNameError, UsageError

Turning: TypeAlias = Literal["absolute", "relative", "relative-offset", "relative-sign"]
"""
What a control's values say: where it is, or how far it was turned: in two's complement (65 to 127 are -63 to -1), as an
offset (64 = not at all), or with a sign (65 = -1).
"""
TURNINGS: dict[str, Turning] = {word: word for word in get_args(Turning)}
FIRST, SECOND = range(20, 28), range(102, 110)
"""Controllers of the first and second eight accepted knobs; the first have fine ones as well, 32 higher."""
FINE = 32
"""From a controller to the one that has its lower seven bits."""
RESET, SILENCES = 121, (120, 123)
"""Reset All Controllers; All Sound Off and All Notes Off."""
RECORD = "record"
"""What stands for a path where a control begins a recording."""
_WRITTEN = re.compile(r"cc(\d{1,3})")


@frozen
class Control:
    """
    A control and what it turns.

    Attributes:
        path: Of the parameter.
        number: The controller, 0 to 119.
        turning: What its values say.
        fine: Whether the controller 32 higher has seven more bits.
        channel: 1 to 16; 0 = any.
    """

    path: str
    number: int = field(validator=[validators.ge(0), validators.le(119)])
    turning: Turning = "absolute"
    fine: bool = False
    channel: int = field(default=0, validator=[validators.ge(0), validators.le(16)])

    @classmethod
    def parse(cls, path: str, text: str) -> Control:
        """
        Read what is written as ``cc21,14bit``.

        After the controller come any of 14bit, relative, relative-offset, relative-sign and ch1 to ch16.

        Raises:
            UsageError: It is none.
        """
        word, *more = (part.strip().lower() for part in text.split(","))
        match = _WRITTEN.fullmatch(word)
        if not match or int(match[1]) > 119:
            raise UsageError(f"{path} cannot be turned by {text!r}: write cc0 to cc119, as in cc20 or cc21,14bit.")
        out = cls(path, int(match[1]))
        for word in more:
            channel = re.fullmatch(r"ch(\d{1,2})", word)
            if word == "14bit" and out.number < FINE:
                out = evolve(out, fine=True)
            elif word in TURNINGS:
                out = evolve(out, turning=TURNINGS[word])
            elif channel and 1 <= int(channel[1]) <= 16:
                out = evolve(out, channel=int(channel[1]))
            else:
                raise UsageError(
                    f"{path}: {word!r} says nothing of cc{out.number}: there are 14bit (of cc0 to cc31), "
                    f"{', '.join(TURNINGS)}, and ch1 to ch16."
                )
        return out

    @property
    def name(self) -> str:
        """Who sets what it turns."""
        return f"midi cc{self.number}"

    def __str__(self) -> str:
        words = [f"cc{self.number}"]
        words += ["14bit"] * self.fine + [self.turning] * (self.turning != "absolute")
        return ",".join([*words, *([f"ch{self.channel}"] if self.channel else [])])

    def meets(self, other: Control) -> bool:
        """Whether a message may be of both."""
        numbers = {self.number, self.number + FINE * self.fine} & {other.number, other.number + FINE * other.fine}
        return bool(numbers) and (0 in (self.channel, other.channel) or self.channel == other.channel)


def parameter_path(name: str, session: LiveSession) -> str:
    """
    The path that people mean: ``pitch`` is ``knob/pitch``.

    Raises:
        UnknownNameError: There is no such parameter.
        UsageError: It is a text, which no control sets.
    """
    if name == RECORD:
        return name
    path = f"knob/{name}" if f"knob/{name}" in session.parameters else name
    parameter = session.parameter(path)
    if parameter.kind == "text" or path.startswith("snapshot/"):
        raise UsageError(f"{name} is set by a text: a control turns numbers and switches, and does reset, undo, redo.")
    return parameter.path


def default_controls(session: LiveSession) -> list[Control]:
    """Controls of the accepted knobs, in the session's order."""
    knobs = [one.path for one in session.parameters.values() if one.verdict == "accepted"]
    numbers = (*FIRST, *SECOND)
    return [Control(path, number, fine=number in FIRST) for path, number in zip(knobs, numbers, strict=False)]


def over(under: Iterable[Control], upper: Iterable[Control]) -> list[Control]:
    """The upper controls, and those under them that they neither replace nor meet."""
    own = list(upper)
    return [*own, *(one for one in under if not any(one.path == two.path or one.meets(two) for two in own))]


def checked(controls: Iterable[Control]) -> list[Control]:
    """
    The controls, each of messages of its own.

    Raises:
        UsageError: Two are of the same messages.
    """
    out: list[Control] = []
    for one in controls:
        for other in out:
            if one.meets(other):
                raise UsageError(f"{other.path} and {one.path} are both turned by cc{one.number}: give one another.")
        out.append(one)
    return out


def written(words: Iterable[str], session: LiveSession) -> list[Control]:
    """
    Controls as the command line has them, ``pitch=cc20``.

    Raises:
        UsageError: One is none, or two have the same messages.
    """
    out = []
    for word in words:
        name, equals, text = word.rpartition("=")
        if not equals:
            raise UsageError(f"{word!r} maps nothing: write a parameter and its control, as in pitch=cc20.")
        out.append(Control.parse(parameter_path(name.strip(), session), text))
    return checked(out)


def mapping_path() -> Path:
    """The file that is read where nobody names one, ``midi.toml`` in the user's configuration folder."""
    return config_dir() / "midi.toml"


def read_mapping(path: Path) -> dict[str, str]:
    """
    What a mapping file says, parameter to control.

    Raises:
        UsageError: It is not there, or no mapping.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("controls", {})
    except OSError as error:
        raise UsageError(
            f"The mapping {path} cannot be read ({error.strerror}): name another with --mapping."
        ) from error
    except ValueError as error:
        raise UsageError(f"The mapping {path} is not TOML ({error}): correct it, or learn it anew.") from error
    if not isinstance(table, dict) or not all(isinstance(text, str) for text in table.values()):
        raise UsageError(f'The mapping {path} must have a table [controls] of lines such as "pitch" = "cc20".')
    return table


def write_mapping(path: Path, controls: Mapping[str, str]) -> None:
    """
    Write a mapping file, over one that is there.

    Raises:
        OutputError: It cannot be written.
    """
    lines = [f"{json.dumps(name, ensure_ascii=False)} = {json.dumps(text)}" for name, text in controls.items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, "\n".join(["[controls]", *lines, ""]).encode(), overwrite=True)


def from_file(table: Mapping[str, str], session: LiveSession) -> tuple[list[Control], list[str]]:
    """
    Controls of a mapping file, and the names in it that this session does not have.

    Raises:
        UsageError: A control is none, or two have the same messages.
    """
    controls, others = [], []
    for name, text in table.items():
        try:
            path = parameter_path(name, session)
        except UnknownNameError:
            others.append(name)
        else:
            controls.append(Control.parse(path, text))
    return checked(controls), others
