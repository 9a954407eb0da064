"""What people set in a session, as one frozen value, and as a tree of parameters."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from latentknobs.core.knob import RESERVED_NAMES
from latentknobs.core.parameter import Parameter, Value
from latentknobs.core.transport import Transport
from latentknobs.errors import UsageError
from latentknobs.session import Session
from latentknobs.steering.common_knobs import common_knobs
from latentknobs.studio.knob_settings import BarRange, KnobSettings

TEMPO = (30.0, 300.0)
MOST_WHOLE = 2.0**53 - 1
"""The largest seed that every front end can count to."""


@frozen(eq=False)
class SessionValues:
    """
    All that people set; a new one for each change.

    Attributes:
        session: The piece.
        settings: Its knobs and those of its bars.
        transport: How it is played.
        loop_bars: The bars that are played, "" = all.
        snapshots: Settings by name.
        morph: Names of the snapshots at its two ends, and the place between them, 0 to 1.
    """

    session: Session
    settings: KnobSettings
    transport: Transport
    loop_bars: str = ""
    snapshots: Mapping[str, KnobSettings] = field(factory=dict)
    morph: tuple[str, str, float] = ("", "", 0.0)


def tempo_of(session: Session) -> float:
    """The tempo that a piece is opened with."""
    return min(max(session.piece.tempo, TEMPO[0]), TEMPO[1])


def parameter_tree(values: SessionValues) -> dict[str, Parameter]:
    """The parameters by path."""
    session, piece_tempo = values.session, tempo_of(values.session)
    knobs = common_knobs([session.knobs_of(part.model) for part in session.parts])
    out: dict[str, Parameter] = {}
    for knob in knobs.values():
        if knob.low < knob.high:
            doc = (
                f"Turns {knob.name}." if knob.verdict == "accepted" else f"Turns {knob.name}, which is {knob.verdict}."
            )
            out[f"knob/{knob.name}"] = Parameter(
                f"knob/{knob.name}", "number", doc, 0.0, knob.low, knob.high, knob.step, knob.unit, knob.verdict
            )
    if first := next(iter(out.values()), None):
        for name in RESERVED_NAMES:
            doc = f"A random direction, as a control: {name}."
            out[f"knob/{name}"] = Parameter(
                f"knob/{name}", "number", doc, 0.0, first.low, first.high, first.step, first.unit
            )
    others = (
        Parameter("seed", "whole", "Draws the controls and what edits leave to chance.", 0.0, 0.0, MOST_WHOLE),
        Parameter("tempo", "number", "Quarter notes a minute.", piece_tempo, *TEMPO, unit="/min"),
        Parameter("play", "switch", "Whether it sounds.", default=False),
        Parameter("loop", "switch", "Whether it begins again at its end.", default=True),
        Parameter("loop/bars", "text", "The bars that are played, as 5-8; empty = all.", ""),
        Parameter("morph/from", "text", "The snapshot that morph 0 is.", ""),
        Parameter("morph/to", "text", "The snapshot that morph 1 is.", ""),
        Parameter("morph", "number", "The way from one snapshot to the other.", 0.0, 0.0, 1.0),
        Parameter("snapshot/store", "trigger", "Keeps the knobs as they are under a name."),
        Parameter("snapshot/recall", "trigger", "Brings a snapshot's knobs back."),
        Parameter("snapshot/delete", "trigger", "Forgets a snapshot."),
        Parameter("reset", "trigger", "Turns all knobs back."),
        Parameter("undo", "trigger", "Takes the last step back."),
        Parameter("redo", "trigger", "Makes a step again that was taken back."),
    )
    return {**out, **{one.path: one for one in others}}


def flat(values: SessionValues, tree: Mapping[str, Parameter]) -> dict[str, Value]:
    """The values by path; those of ``snapshots`` and ``file`` are told, and no parameters."""
    settings, transport = values.settings, values.transport
    out: dict[str, Value] = {
        path: settings.knobs.get(path.removeprefix("knob/"), 0.0) for path in tree if path.startswith("knob/")
    }
    for bars, amounts in settings.ranges:
        out |= {f"bars/{bars}/knob/{name}": amount for name, amount in amounts.items()}
    one, other, place = values.morph
    return {
        **out,
        "seed": float(settings.seed),
        "tempo": transport.tempo,
        "play": transport.playing,
        "loop": transport.loop,
        "loop/bars": values.loop_bars,
        "morph/from": one,
        "morph/to": other,
        "morph": place,
        "snapshots": ", ".join(values.snapshots),
        "file": values.session.piece.name,
    }


def clip_bars(session: Session, number: str) -> BarRange:
    """
    The bars of a clip, which count from 1 in the order of the piece.

    Raises:
        UsageError: There is no such clip.
    """
    count = len(session.in_order)
    if not (number.isascii() and number.isdigit() and len(number) < 7 and 1 <= int(number) <= count):
        raise UsageError(f"{session.piece.name} has the clips 1 to {count}; there is no {number}.")
    starts = [
        (int(cut.starts[k]), int(cut.lengths[k]), cut.clip_format)
        for cut in session.cuts
        for k in range(len(cut.clips))
    ]
    start, steps, clip_format = starts[session.in_order[int(number) - 1]]
    return BarRange(*session.piece.bars_of(start, steps, clip_format))
