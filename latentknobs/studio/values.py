"""What people set in a session, as one frozen value, and as a tree of parameters."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve, field, frozen

from latentknobs.core.knob import RESERVED_NAMES
from latentknobs.core.parameter import Parameter, Value
from latentknobs.core.transport import Transport
from latentknobs.errors import UnknownNameError, UsageError
from latentknobs.session import Session
from latentknobs.steering.common_knobs import common_knobs
from latentknobs.studio.knob_settings import BarRange, KnobSettings, bar_starts, between
from latentknobs.studio.project import TEMPO, Project

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
        place: The step that playing was last sent to.
        cue: Where playing will begin, None = at its start.
        snapshots: Settings by name.
        morph: Names of the snapshots at its two ends, and the place between them, 0 to 1.
    """

    session: Session
    settings: KnobSettings
    transport: Transport
    loop_bars: str = ""
    place: float = 0.0
    cue: float | None = None
    snapshots: Mapping[str, KnobSettings] = field(factory=dict)
    morph: tuple[str, str, float] = ("", "", 0.0)


def fresh_values(session: Session) -> SessionValues:
    """Those of a piece that has just been opened."""
    transport = Transport(
        playing=False,
        tempo=tempo_of(session),
        steps_per_quarter=session.model.spec.clip_format.steps_per_beat,
        start=0,
        end=session.piece.steps,
        loop=True,
    )
    return SessionValues(session, KnobSettings(), transport)


def project_values(project: Project, session: Session) -> SessionValues:
    """
    Those of a project, whose piece has been opened.

    Raises:
        UsageError: It names bars or knobs that there are not, or amounts that a knob does not have.
    """
    values, clip_format = fresh_values(session), session.model.spec.clip_format
    start, end = values.transport.start, values.transport.end
    if project.loop_bars:
        start, end = BarRange.parse(project.loop_bars).steps(session.piece, clip_format)
    settings = project.settings.settings
    settings.regions(session.piece, clip_format)
    tree = parameter_tree(evolve(values, settings=settings))
    for amounts in (settings.knobs, *(own for _bars, own in settings.ranges)):
        for name, amount in amounts.items():
            if f"knob/{name}" not in tree:
                raise UnknownNameError(
                    "knob", name, [path[5:] for path in tree if path[:5] == "knob/"], "of the project"
                )
            tree[f"knob/{name}"].checked(amount)
    return evolve(
        values,
        settings=settings,
        transport=evolve(values.transport, tempo=project.tempo, loop=project.loop, start=start, end=end),
        loop_bars=project.loop_bars,
        snapshots={name: one.settings for name, one in project.snapshots.items()},
    )


def project_of(values: SessionValues) -> Project:
    """What a project file holds of them; raises as ``Project.of``."""
    return Project.of(
        values.session,
        values.settings,
        values.snapshots,
        tempo=values.transport.tempo,
        loop=values.transport.loop,
        loop_bars=values.loop_bars,
    )


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
    if like := out.get(f"knob/{values.settings.like}", next(iter(out.values()), None)):
        for name in RESERVED_NAMES:
            doc = f"A random direction, as a control: {name}."
            out[f"knob/{name}"] = Parameter(
                f"knob/{name}", "number", doc, 0.0, like.low, like.high, like.step, like.unit
            )
    others = (
        Parameter("seed", "whole", "Draws the controls and what edits leave to chance.", 0.0, 0.0, MOST_WHOLE),
        Parameter("like", "text", "The knob whose length and range the controls have; empty = the first one.", ""),
        Parameter("tempo", "number", "Quarter notes a minute.", piece_tempo, *TEMPO, unit="/min"),
        Parameter("play", "switch", "Whether it sounds.", default=False),
        Parameter("loop", "switch", "Whether it begins again at its end.", default=True),
        Parameter("loop/bars", "text", "The bars that are played, as 5-8; empty = all.", ""),
        Parameter("position", "number", "Sends playing to a step of the piece.", 0.0, 0.0, float(session.piece.steps)),
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


def settled(values: SessionValues) -> SessionValues:
    """The values where controls that are turned are like a knob that there is, and inside its range."""
    settings = values.settings
    if {*settings.knobs, *(name for _bars, own in settings.ranges for name in own)}.isdisjoint(RESERVED_NAMES):
        return values
    tree = parameter_tree(values)
    if f"knob/{settings.like}" not in tree:
        settings = evolve(settings, like=next(iter(tree)).removeprefix("knob/"))
    return evolve(values, settings=fitted(settings, tree, values.session))


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
        "like": settings.like or "",
        "tempo": transport.tempo,
        "play": transport.playing,
        "loop": transport.loop,
        "loop/bars": values.loop_bars,
        "position": values.place,
        "morph/from": one,
        "morph/to": other,
        "morph": place,
        "snapshots": ", ".join(values.snapshots),
        "file": values.session.piece.name,
    }


def fitted(settings: KnobSettings, tree: Mapping[str, Parameter], session: Session) -> KnobSettings:
    """Settings as a piece takes them: on its knobs' steps, without bars and knobs that it does not have."""
    known = {bar for _step, bar in bar_starts(session.piece, session.model.spec.clip_format)}

    def near(amounts: Mapping[str, float]) -> dict[str, float]:
        own = {name: tree.get(f"knob/{name}") for name in amounts}
        return {name: one.nearest(amounts[name]) for name, one in own.items() if one is not None}

    ranges = [
        (bars, near(amounts))
        for bars, amounts in settings.ranges
        if not known.isdisjoint(range(bars.first, bars.last + 1))
    ]
    return evolve(settings, knobs=near(settings.knobs), ranges=tuple(one for one in ranges if one[1]))


def snapshot_of(values: SessionValues, name: str) -> KnobSettings:
    """
    The snapshot of that name.

    Raises:
        UnknownNameError: There is none.
    """
    if name not in values.snapshots:
        raise UnknownNameError("snapshot", name, list(values.snapshots), "in this session")
    return values.snapshots[name]


def played(values: SessionValues, path: str, value: Value, now: float) -> SessionValues:
    """
    The values with another one of how the piece is played: tempo, play, loop, loop/bars or position.

    Raises:
        UsageError: The bars are none of the piece's.
    """
    transport = values.transport
    if path == "tempo":
        return evolve(values, transport=transport.at(now, tempo=float(value)))
    if path == "loop":
        return evolve(values, transport=transport.at(now, loop=bool(value)))
    if path == "play":
        if transport.ended(now):
            transport = transport.at(now)
        if value and not transport.playing:
            transport = evolve(transport, origin=float(transport.start) if values.cue is None else values.cue)
        return evolve(values, transport=transport.at(now, playing=bool(value)), cue=None)
    if path == "position":
        there = float(value) if float(value) < transport.end else float(transport.start)
        moved = evolve(transport.at(now), origin=there)
        return evolve(values, place=there, transport=moved, cue=None if moved.playing else there)
    assert path == "loop/bars", path
    piece, bars = values.session.piece, str(BarRange.parse(str(value))) if value else ""
    clip_format = values.session.model.spec.clip_format
    start, end = BarRange.parse(bars).steps(piece, clip_format) if bars else (0, piece.steps)
    return evolve(values, loop_bars=bars, transport=transport.at(now, start=start, end=end), cue=None)


def morphed(values: SessionValues, tree: Mapping[str, Parameter], path: str, value: Value) -> SessionValues:
    """
    The values with an end of the morph, or the place between them, set.

    Raises:
        UnknownNameError: There is no such snapshot.
        UsageError: The morph has no two ends.
    """
    one, other, place = values.morph
    if path != "morph":
        if value:
            snapshot_of(values, str(value))
        one, other = (str(value), other) if path == "morph/from" else (one, str(value))
        return evolve(values, morph=(one, other, place))
    if not (one and other):
        raise UsageError("The morph has no two ends yet: set morph/from and morph/to to snapshots.")
    between_them = between(snapshot_of(values, one), snapshot_of(values, other), float(value))
    return evolve(values, morph=(one, other, float(value)), settings=fitted(between_them, tree, values.session))


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
