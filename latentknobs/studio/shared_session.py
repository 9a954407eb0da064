"""
A session that several front ends play at once.

What a person has in hand is a tree of typed parameters. Front ends set them from any thread, by path; the newest wins.
They are told of every change, their own too, with who made it, and of the notes that follow.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from attrs import evolve

from latentknobs.core.clip import ClipFormat
from latentknobs.core.live_session import Music
from latentknobs.core.parameter import Change, Parameter, Value
from latentknobs.core.piece import Piece
from latentknobs.core.transport import Transport
from latentknobs.errors import LatentKnobsError, UnknownNameError, UsageError
from latentknobs.session import Session
from latentknobs.steering.batch_decoder import DecodedBatch, DecoderQueue
from latentknobs.steering.turn_result import SteeredCodes, TurnResult
from latentknobs.studio.knob_settings import BarRange, KnobSettings, between, turned
from latentknobs.studio.subscription import Subscription
from latentknobs.studio.values import TEMPO, SessionValues, clip_bars, flat, parameter_tree
from latentknobs.workbench import Workbench

MOST_SNAPSHOTS = 64
DEPTH = 200
"""Steps that can be undone."""
GESTURE = 0.7
"""Seconds within which a front end's next value of the same parameter belongs to the same step."""
CACHED = 32
"""Turns that are kept."""


class SharedSession:
    """
    A session that several front ends play at once; a context manager that ends it.

    Args:
        workbench: Where models and knobs come from; it is not closed.
        queue: The worker that computes, which other clients may use as well.
        models: Names or locations of models, () = those that come with the package.
        source: The piece to begin with, or a file of one, or a session that has it open; None = the example.

    Raises:
        LatentKnobsError: The piece or a model cannot be opened.
    """

    def __init__(
        self,
        workbench: Workbench,
        queue: DecoderQueue,
        models: Sequence[str] = (),
        source: Session | Piece | Path | None = None,
    ) -> None:
        self.workbench = workbench
        self._queue = queue
        self._models = tuple(models)
        self._lock = threading.RLock()
        self._work = threading.Condition(self._lock)
        self._number = self._wanted = 1
        self._closed = False
        self._past: list[tuple[str, SessionValues]] = []
        self._future: list[tuple[str, SessionValues]] = []
        self._last_set: tuple[str, str, float] = ("", "", 0.0)
        self._subscriptions: list[Subscription] = []
        self._turns: OrderedDict[Any, TurnResult] = OrderedDict()
        self._values = self._opened(source)
        self._parameters = parameter_tree(self._values)
        self._music = Music(self._values.session.piece, 0)
        self._thread = threading.Thread(target=self._compute, name="shared session", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop computing and telling."""
        with self._lock:
            self._closed = True
            self._work.notify_all()
            subscriptions, self._subscriptions = self._subscriptions, []
        self._queue.forget(self)
        for subscription in subscriptions:
            subscription.close()
        self._thread.join(timeout=30)

    # Reading.

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """All parameters by path, without those of bar ranges that nobody has set."""
        with self._lock:
            out = dict(self._parameters)
            for bars, amounts in self._values.settings.ranges:
                for name in amounts:
                    out[f"bars/{bars}/knob/{name}"] = self.parameter(f"bars/{bars}/knob/{name}")
            return out

    @property
    def values(self) -> Mapping[str, Value]:
        """The values of all parameters, triggers apart, by path."""
        with self._lock:
            return flat(self._values, self._parameters)

    @property
    def session(self) -> Session:
        """The piece that is open."""
        return self._values.session

    @property
    def piece(self) -> Piece:
        """The piece that is open, with no knob turned."""
        return self.session.piece

    @property
    def settings(self) -> KnobSettings:
        """The knobs of the piece and of its bars."""
        return self._values.settings

    @property
    def snapshots(self) -> Mapping[str, KnobSettings]:
        """The snapshots by name."""
        return self._values.snapshots

    @property
    def transport(self) -> Transport:
        """How it is played."""
        return self._values.transport

    @property
    def music(self) -> Music:
        """The newest notes that are made; ``number`` says of which change."""
        return self._music

    @property
    def clip_format(self) -> ClipFormat:
        """The format of the first model's clips, which gives the steps of a beat."""
        return self.session.model.spec.clip_format

    @property
    def history(self) -> tuple[str, ...]:
        """What can be undone, the newest last: the paths that were set."""
        return tuple(label for label, _ in self._past)

    def parameter(self, path: str) -> Parameter:
        """
        The parameter of that path.

        ``clip/3/knob/pitch`` is another name of that clip's bars, ``bars/5-6/knob/pitch``.

        Raises:
            UnknownNameError: There is none.
            UsageError: The bars or the clip are none of the piece's.
        """
        with self._lock:
            if path in self._parameters:
                return self._parameters[path]
            bars, knob = self._place(path)
            if bars is None:
                raise UnknownNameError("parameter", path, list(self._parameters), "in this session")
            own = self._parameters[f"knob/{knob}"]
            return evolve(own, path=f"bars/{bars}/knob/{knob}", doc=f"{own.doc.rstrip('.')}, in bars {bars}.")

    def _place(self, path: str) -> tuple[BarRange | None, str]:
        """The bars (None = the piece) and the knob of a path."""
        words = path.split("/")
        if len(words) != 4 or words[0] not in ("bars", "clip") or words[2] != "knob":
            return None, words[-1]
        if f"knob/{words[3]}" not in self._parameters:
            raise UnknownNameError("parameter", path, list(self._parameters), "in this session")
        session = self._values.session
        if words[0] == "bars":
            bars = BarRange.parse(words[1])
            bars.steps(session.piece, self.clip_format)
            return bars, words[3]
        return clip_bars(session, words[1]), words[3]

    def wait(self, number: int | None = None, timeout: float = 60.0) -> Music:
        """
        The notes of a change, or of a newer one; None = of the newest so far.

        Raises:
            TimeoutError: They were not made in time.
        """
        with self._lock:
            wanted = self._wanted if number is None else number
            if not self._work.wait_for(lambda: self._closed or self._music.number >= wanted, timeout):
                raise TimeoutError(f"the notes of change {wanted} were not made in {timeout:g} s")
            return self._music

    # Setting.

    def set(self, path: str, value: Value = "", source: str = "") -> Change:
        """
        Set a parameter, or do what a trigger does.

        Args:
            path: Its path.
            value: In the parameter's own unit.
            source: Who sets it.

        Raises:
            UnknownNameError: There is no such parameter.
            UsageError: No value of this parameter.
            AmountError: Outside its range.
        """
        with self._lock:
            parameter = self.parameter(path)
            checked = parameter.checked(value)
            if parameter.kind == "trigger":
                after, label = self._triggered(parameter.path, str(checked)), parameter.path
            else:
                after, label = self._with(self._values, parameter.path, checked), parameter.path
            self._become(after, label, source)
            return Change(parameter.path, checked, source, self._number)

    def set_all(self, values: Mapping[str, Value], source: str = "") -> None:
        """Set several parameters as one change, or none of them; raises as :meth:`set`."""
        with self._lock:
            after = self._values
            for path, value in values.items():
                parameter = self.parameter(path)
                if parameter.kind == "trigger":
                    raise UsageError(f"{path} is done, not set: send it by itself.")
                after = self._with(after, parameter.path, parameter.checked(value))
            self._become(after, ", ".join(values), source)

    def set_normalized(self, path: str, place: float, source: str = "") -> Change:
        """Set a number by its place in the range, 0 to 1, as a controller does; beyond the ends it is the end."""
        parameter = self.parameter(path)
        return self.set(path, parameter.denormalized(place), source)

    def clear(self, path: str, source: str = "") -> None:
        """Put a parameter back to its default; a knob of bars follows that of the piece again."""
        with self._lock:
            parameter = self.parameter(path)
            bars, knob = self._place(parameter.path)
            if bars is None:
                self.set(path, parameter.default, source)
            else:
                settings = self._values.settings.with_amount(knob, None, bars)
                self._become(evolve(self._values, settings=settings), parameter.path, source)

    def open(self, source: Piece | Path | None, source_name: str = "") -> None:
        """
        Open another piece, with no knob turned; snapshots stay.

        Raises:
            LatentKnobsError: It cannot be opened; what was open stays.
        """
        opened = self._opened(source)
        with self._lock:
            self._become(evolve(opened, snapshots=self._values.snapshots), "file", source_name)

    def adopt(self, session: Session, settings: KnobSettings, snapshots: Mapping[str, KnobSettings]) -> None:
        """Take what a project file holds."""
        with self._lock:
            values = self._fresh(session)
            self._become(evolve(values, settings=settings, snapshots=dict(snapshots)), "file", "")

    def subscribe(
        self,
        on_change: Callable[[Change], None] | None = None,
        on_music: Callable[[Music], None] | None = None,
        name: str = "front end",
    ) -> Subscription:
        """
        Be told of changes and of new notes, from a thread of the subscription's own.

        A slow listener is told less: of each parameter only its newest value. It must not raise.
        """
        subscription = Subscription(on_change, on_music, name)
        with self._lock:
            self._subscriptions.append(subscription)
        return subscription

    def widget(self, frontend: str = "notebook", **options: Any) -> Any:
        """What a notebook shows of this session: as :meth:`latentknobs.session.Session.widget`."""
        return self.workbench.plugins.widget(frontend)(self, **options)

    # How values change.

    def _opened(self, source: Session | Piece | Path | None) -> SessionValues:
        if isinstance(source, Session):
            return self._fresh(source)
        session = self._queue.run(lambda: Session.open(self.workbench, source, self._models)).result()
        return self._fresh(session)

    def _fresh(self, session: Session) -> SessionValues:
        piece = session.piece
        tempo = min(max(piece.tempo, TEMPO[0]), TEMPO[1])
        per_quarter = session.model.spec.clip_format.steps_per_beat
        transport = Transport(
            playing=False, tempo=tempo, steps_per_quarter=per_quarter, start=0, end=piece.steps, loop=True
        )
        return SessionValues(session, KnobSettings(), transport)

    def _with(self, values: SessionValues, path: str, value: Value) -> SessionValues:
        """The values with one of them set."""
        bars, knob = self._place(path)
        settings, transport, now = values.settings, values.transport, time.monotonic()
        if path.startswith("knob/") or bars is not None:
            return evolve(values, settings=settings.with_amount(knob, float(value), bars))
        if path == "seed":
            return evolve(values, settings=evolve(settings, seed=int(value)))
        if path == "tempo":
            return evolve(values, transport=transport.at(now, tempo=float(value)))
        if path == "play":
            started = evolve(transport, origin=float(transport.start)) if value and not transport.playing else transport
            return evolve(values, transport=started.at(now, playing=bool(value)))
        if path == "loop":
            return evolve(values, transport=transport.at(now, loop=bool(value)))
        if path == "loop/bars":
            piece = values.session.piece
            bars_text = str(BarRange.parse(str(value))) if value else ""
            start, end = BarRange.parse(bars_text).steps(piece, self.clip_format) if bars_text else (0, piece.steps)
            return evolve(values, loop_bars=bars_text, transport=transport.at(now, start=start, end=end))
        return self._morphed(values, path, value)

    def _morphed(self, values: SessionValues, path: str, value: Value) -> SessionValues:
        one, other, place = values.morph
        if path == "morph":
            place = float(value)
        else:
            if value:
                self._snapshot(str(value))
            one, other = (str(value), other) if path == "morph/from" else (one, str(value))
        settings = values.settings
        if path == "morph":
            settings = between(self._snapshot(one), self._snapshot(other), place)
            settings = self._on_steps(settings)
        return evolve(values, morph=(one, other, place), settings=settings)

    def _on_steps(self, settings: KnobSettings) -> KnobSettings:
        def near(amounts: Mapping[str, float]) -> dict[str, float]:
            known = {name: self._parameters.get(f"knob/{name}") for name in amounts}
            return {name: one.nearest(amounts[name]) for name, one in known.items() if one is not None}

        ranges = tuple((bars, near(amounts)) for bars, amounts in settings.ranges)
        return evolve(settings, knobs=near(settings.knobs), ranges=ranges)

    def _snapshot(self, name: str) -> KnobSettings:
        if name not in self._values.snapshots:
            raise UnknownNameError("snapshot", name, list(self._values.snapshots), "in this session")
        return self._values.snapshots[name]

    def _triggered(self, path: str, value: str) -> SessionValues:
        values, now = self._values, time.monotonic()
        if path == "reset":
            return evolve(values, settings=KnobSettings(seed=values.settings.seed))
        if path in ("undo", "redo"):
            source, target = (self._past, self._future) if path == "undo" else (self._future, self._past)
            if not source:
                return values
            label, back = source.pop()
            target.append((label, values))
            return evolve(back, transport=back.transport.at(now, playing=values.transport.playing))
        name = value.strip()
        if path == "snapshot/store":
            if not name or "," in name or "/" in name:
                raise UsageError("A snapshot has a name without commas and slashes: send one.")
            if name not in values.snapshots and len(values.snapshots) >= MOST_SNAPSHOTS:
                raise UsageError(f"There are {MOST_SNAPSHOTS} snapshots already: delete one (snapshot/delete).")
            return evolve(values, snapshots={**values.snapshots, name: values.settings})
        known = self._snapshot(name)
        if path == "snapshot/recall":
            return evolve(values, settings=self._on_steps(known))
        return evolve(values, snapshots={other: one for other, one in values.snapshots.items() if other != name})

    def _become(self, after: SessionValues, label: str, source: str) -> None:
        """Take new values, remember the old ones, tell of what differs, and have the notes made."""
        before, now = self._values, time.monotonic()
        other_piece = after.session is not before.session
        tree = parameter_tree(after) if other_piece else self._parameters
        old, new = flat(before, self._parameters), flat(after, tree)
        differing = [path for path in {**old, **new} if old.get(path) != new.get(path)]
        if other_piece and "file" not in differing:
            differing.append("file")
        if not differing:
            return
        if label not in ("undo", "redo") and set(differing) - {"play"}:
            path, by, at = self._last_set
            if not (label == path and source == by and now - at < GESTURE and self._past):
                self._past = [*self._past[-(DEPTH - 1) :], (label, before)]
            self._future = []
        self._last_set = (label, source, now)
        self._number += 1
        self._values, self._parameters = after, tree
        gone = {path: tree[path].default if path in tree else 0.0 for path in differing if path not in new}
        changes = [Change(path, new.get(path, gone.get(path, 0.0)), source, self._number) for path in differing]
        self._subscriptions = [one for one in self._subscriptions if not one.closed]
        for subscription in self._subscriptions:
            subscription.put(changes, None)
        if other_piece or after.settings != before.settings:
            self._wanted = self._number
            self._work.notify_all()

    # Making the notes.

    def _compute(self) -> None:
        done = 0
        while True:
            with self._lock:
                while not self._closed and self._wanted <= done:
                    self._work.wait()
                if self._closed:
                    self._work.notify_all()
                    return
                values, done = self._values, self._wanted
            started = time.perf_counter()
            try:
                piece, clip_format = values.session.piece, values.session.model.spec.clip_format
                result = turned(piece, clip_format, values.settings, partial(self._turn, values))
                music = Music(result.after, done, time.perf_counter() - started, (*result.remarks, *result.left))
            except CancelledError:
                continue
            except LatentKnobsError as error:
                music = evolve(self._music, number=done, error=str(error))
            except Exception as error:  # noqa: BLE001 - a plugin's; the session goes on
                music = evolve(self._music, number=done, error=f"{type(error).__name__}: {error}")
            with self._lock:
                self._music = music
                self._work.notify_all()
                subscriptions = list(self._subscriptions)
            for subscription in subscriptions:
                subscription.put((), music)

    def _turn(self, values: SessionValues, amounts: Mapping[str, float]) -> TurnResult:
        session, settings = values.session, values.settings
        key = (session, tuple(amounts.items()), settings.seed, settings.like)
        if key in self._turns:
            self._turns.move_to_end(key)
            return self._turns[key]
        steered: list[SteeredCodes] = []

        def codes() -> Sequence[Any]:
            steered.append(session.move(amounts, like=settings.like, seed=settings.seed))
            return steered[0].to_decode

        def result(batch: DecodedBatch) -> TurnResult:
            return session.result(steered[0], batch.clips)

        made = self._queue.decode(self, [part.model for part in session.parts], codes, result).result()
        self._turns[key] = made
        while len(self._turns) > CACHED:
            self._turns.popitem(last=False)
        return made
