"""What clients are told: values and notes as messages."""

from __future__ import annotations

from collections.abc import Iterator

from latentknobs.core.clip import ClipFormat
from latentknobs.core.live_session import LiveSession
from latentknobs.core.melody_format import HOLD, REST
from latentknobs.core.parameter import Value
from latentknobs.core.piece import Piece
from latentknobs.errors import LatentKnobsError, UsageError
from latentknobs.frontends.osc.addresses import Form, Target
from latentknobs.frontends.osc.packets import Argument, OscMessage

VELOCITY = 100
MOST_STEPS = 1500
"""Of a piece that is told as one list, which is one packet."""


def value_message(target: Target, value: Value) -> OscMessage:
    """A parameter's value in the form of its address."""
    parameter = target.parameter
    if target.form == "normalized" and not isinstance(value, str):
        return OscMessage(target.address, (float(parameter.normalized(value)),))
    return OscMessage(f"/{parameter.path}", (argument_of(parameter.kind, value),))


def argument_of(kind: str, value: Value) -> Argument:
    """A value as it is sent: whole numbers, on and off as int, other numbers as float."""
    return value if isinstance(value, str) else int(value) if kind in ("whole", "switch") else float(value)


def value_messages(session: LiveSession, path: str, value: Value) -> Iterator[OscMessage]:
    """A value in its own unit, and by its place in the range where it has one."""
    try:
        parameter = session.parameter(path)
    except LatentKnobsError:  # told only ("snapshots", "file"), or gone with the piece before
        if isinstance(value, str):
            yield OscMessage(f"/{path}", (value,))
        return
    forms: tuple[Form, ...] = ("own", "normalized") if parameter.kind == "number" else ("own",)
    for form in forms:
        yield value_message(Target(parameter, form), value)


def note_messages(piece: Piece, clip_format: ClipFormat) -> Iterator[OscMessage]:
    """The notes of a piece: how many, each with pitch, velocity, start and length in quarter notes, and an end."""
    per_quarter = clip_format.steps_per_beat
    yield OscMessage("/notes/begin", (len(piece.notes),))
    for note in piece.notes:
        yield OscMessage("/note", (note.pitch, VELOCITY, note.onset / per_quarter, note.length / per_quarter))
    yield OscMessage("/notes/end")


def steps_message(piece: Piece) -> OscMessage:
    """
    A piece as one number a step: the pitch (0 to 127) where a note begins, 128 where it goes on, 129 where none sounds.

    Of several notes on a step it is the highest.

    Raises:
        UsageError: It is too long for one message.
    """
    if piece.steps > MOST_STEPS:
        raise UsageError(f"{piece.name} has {piece.steps} steps, more than the {MOST_STEPS} of a list: get its notes.")
    steps = [REST] * piece.steps
    for note in piece.notes:  # by onset and pitch, so the highest one is the last
        steps[note.onset : note.end] = [note.pitch, *[HOLD] * (note.length - 1)]
    return OscMessage("/steps", tuple(steps))
