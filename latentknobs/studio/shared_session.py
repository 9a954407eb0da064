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

from latentknobs.core.backend import VAEBackend
from latentknobs.core.clip import ClipFormat
from latentknobs.core.knob import RESERVED_NAMES
from latentknobs.core.live_session import Music
from latentknobs.core.parameter import Change, Parameter, Value
from latentknobs.core.piece import Piece
from latentknobs.core.transport import Transport
from latentknobs.errors import LatentKnobsError, UnknownNameError, UsageError
from latentknobs.session import Session
from latentknobs.steering.batch_decoder import DecodedBatch, DecoderQueue
from latentknobs.steering.shared_model import SharedModel
from latentknobs.steering.turn_result import SteeredCodes, TurnResult
from latentknobs.studio.history import History
from latentknobs.studio.knob_settings import BarRange, KnobSettings, turned
from latentknobs.studio.project import MOST_SNAPSHOTS, SUFFIX, Project
from latentknobs.studio.subscription import Subscription
from latentknobs.studio.turned_music import TurnedMusic
from latentknobs.studio.values import (
    SessionValues,
    clip_bars,
    fitted,
    flat,
    fresh_values,
    morphed,
    parameter_tree,
    played,
    project_of,
    project_values,
    settled,
    snapshot_of,
)
from latentknobs.workbench import Workbench

CACHED = 32
"""Turns that are kept."""


def _is_project(source: Session | Piece | Path | None) -> bool:
    return isinstance(source, Path) and source.suffix.lower() == SUFFIX


class SharedSession:
    """
    A session that several front ends play at once; a context manager that ends it.

    Args:
        workbench: Where models and knobs come from; it is not closed.
        queue: The worker that computes, which other clients may use as well.
        models: Names or locations of models, () = those that come with the package.
        source: The piece to begin with, a file of one or of a project, or a session; None = the example.

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
        self.queue = queue
        self._models = tuple(models)
        self._lock = threading.RLock()
        self._work = threading.Condition(self._lock)
        self._number = self._wanted = 1
        self._closed = False
        self._history = History()
        self._subscriptions: list[Subscription] = []
        self._turns: OrderedDict[Any, TurnResult] = OrderedDict()
        self._values = settled(self._opened(source))
        self._parameters = parameter_tree(self._values)
        self._music = TurnedMusic(self._values.session.piece, 0)
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
        self.queue.forget(self)
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
        """The values of all parameters but triggers, by path; and ``file`` and ``snapshots``, which are only told."""
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
    def music(self) -> TurnedMusic:
        """The newest notes that are made; ``number`` says of which change."""
        return self._music

    @property
    def clip_format(self) -> ClipFormat:
        """The format of the first model's clips, which gives the steps of a beat."""
        return self.session.model.spec.clip_format

    @property
    def history(self) -> tuple[str, ...]:
        """What can be undone, the newest last: the paths that were set."""
        with self._lock:
            return self._history.labels

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

        A change that changes no note (of the tempo) has those of the one before.

        Raises:
            TimeoutError: They were not made in time.
        """
        with self._lock:
            wanted = self._wanted if number is None else min(number, self._wanted)
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
        self.clear_all((path,), source)

    def clear_all(self, paths: Sequence[str], source: str = "") -> None:
        """Put parameters back as one change, or none of them; raises as :meth:`set`."""
        with self._lock:
            after = self._values
            for path in paths:
                parameter = self.parameter(path)
                if parameter.kind == "trigger":
                    raise UsageError(f"{path} is done, not set: it has no default.")
                bars, knob = self._place(parameter.path)
                if bars is None:
                    after = self._with(after, parameter.path, parameter.default)
                else:
                    after = evolve(after, settings=after.settings.with_amount(knob, None, bars))
            self._become(after, f"clear {', '.join(paths)}", source)  # no part of the gesture that set them

    def open(self, source: Session | Piece | Path | None, source_name: str = "", *, go_on: bool = False) -> None:
        """
        Open another piece, with no knob turned. Snapshots and the ends of the morph stay; a project brings its own.

        Args:
            source: As for the session.
            source_name: Who opens it.
            go_on: Whether tempo, play and loop stay as they are once it is open, from its first step on.

        Raises:
            LatentKnobsError: It cannot be opened; what was open stays.
        """
        opened = self._opened(source)
        with self._lock:
            if not _is_project(source):
                ends = (*self._values.morph[:2], 0.0)
                opened = evolve(opened, snapshots=self._values.snapshots, morph=ends)
            if go_on:
                opened = evolve(opened, transport=opened.transport.as_set(self._values.transport, time.monotonic()))
            self._become(opened, "file", source_name)

    def open_project(self, project: Project, source_name: str = "") -> None:
        """Open a project; raises as :meth:`open`."""
        values = self._of_project(project)
        with self._lock:
            self._become(values, "file", source_name)

    def project(self) -> Project:
        """
        All of it, to be written to a file.

        Raises:
            UsageError: The piece has no notes.
        """
        return project_of(self._values)

    def subscribe(
        self,
        on_change: Callable[[Change], None] | None = None,
        on_music: Callable[[Music], None] | None = None,
        name: str = "front end",
    ) -> Subscription:
        """
        Be told of changes and of new notes, from a thread of the subscription's own.

        A slow listener is told less: of each parameter only its newest value. What it raises is noted for people, and
        it is told of what comes next.
        """
        subscription = Subscription(on_change, on_music, name, self.workbench.note)
        with self._lock:
            ended = self._closed
            self._subscriptions = [*(one for one in self._subscriptions if not one.closed), subscription]
        if ended:
            subscription.close()
        return subscription

    def widget(self, frontend: str = "notebook", **options: Any) -> Any:
        """What a notebook shows of this session: as :meth:`latentknobs.session.Session.widget`."""
        return self.workbench.plugins.widget(frontend)(self, **options)

    # How values change.

    def _opened(self, source: Session | Piece | Path | None) -> SessionValues:
        if isinstance(source, Session):
            return fresh_values(source)
        if _is_project(source):
            assert isinstance(source, Path)
            return self._of_project(Project.read(source))
        opening = self.queue.beside(lambda: Session.open(self.workbench, source, self._models, load=self._model))
        session = opening.result()
        return fresh_values(session)

    def _of_project(self, project: Project) -> SessionValues:
        session = self.queue.beside(lambda: project.open(self.workbench, self._models, self._model)).result()
        return project_values(project, session)

    def _model(self, name: str) -> VAEBackend:
        """A model whose calls do not hold up the queue's other clients."""
        return SharedModel(self.workbench.model(name), self.queue)

    def _with(self, values: SessionValues, path: str, value: Value) -> SessionValues:
        """The values with one of them set."""
        bars, knob = self._place(path)
        settings = values.settings
        if path.startswith("knob/") or bars is not None:
            return evolve(values, settings=settings.with_amount(knob, float(value), bars))
        if path == "seed":
            return evolve(values, settings=evolve(settings, seed=int(value)))
        if path == "like":
            if value and (value in RESERVED_NAMES or f"knob/{value}" not in self._parameters):
                raise UnknownNameError("parameter", f"knob/{value}", list(self._parameters), "in this session")
            return evolve(values, settings=evolve(settings, like=str(value) or None))
        if path.startswith("morph"):
            return morphed(values, self._parameters, path, value)
        return played(values, path, value, time.monotonic())

    def _triggered(self, path: str, value: str) -> SessionValues:
        values, now = self._values, time.monotonic()
        if path == "reset":
            return evolve(values, settings=evolve(values.settings, knobs={}, ranges=()))
        if path in ("undo", "redo"):
            back = self._history.back(values) if path == "undo" else self._history.forward(values)
            if back is None:
                return values
            # What sounds goes on where it is.
            names = ("tempo", "steps_per_quarter", "start", "end", "loop")
            own = {name: getattr(back.transport, name) for name in names}
            return evolve(back, place=values.place, cue=values.cue, transport=values.transport.at(now, **own))
        name = value.strip()
        if path == "snapshot/store":
            if not name or "," in name or "/" in name:
                raise UsageError("A snapshot has a name without commas and slashes: send one.")
            if name not in values.snapshots and len(values.snapshots) >= MOST_SNAPSHOTS:
                raise UsageError(f"There are {MOST_SNAPSHOTS} snapshots already: delete one (snapshot/delete).")
            return evolve(values, snapshots={**values.snapshots, name: values.settings})
        known = snapshot_of(values, name)
        if path == "snapshot/recall":
            return evolve(values, settings=fitted(known, self._parameters, values.session))
        return evolve(values, snapshots={other: one for other, one in values.snapshots.items() if other != name})

    def _become(self, after: SessionValues, label: str, source: str) -> None:
        """Take new values, remember the old ones, tell of what differs, and have the notes made."""
        before, after = self._values, settled(after)
        other_piece, other_like = after.session is not before.session, after.settings.like != before.settings.like
        tree = parameter_tree(after) if other_piece or other_like else self._parameters
        old, new = flat(before, self._parameters), flat(after, tree)
        differing = [path for path in {**old, **new} if old.get(path) != new.get(path)]
        if other_piece and "file" not in differing:
            differing.append("file")
        if dict(after.snapshots) != dict(before.snapshots) and "snapshots" not in differing:
            differing.append("snapshots")  # one was stored anew under its name
        if label == "position" and "position" not in differing:
            differing.append("position")  # to the same place once more
        if not differing and after.settings == before.settings:
            self._values = after  # where playing is, at most
            return
        if label not in ("undo", "redo") and set(differing) - {"play", "position"}:
            self._history.add(label, source, before, other_piece=other_piece)
        self._number += 1
        self._values, self._parameters = after, tree
        # Bars that have no amount of their own any more have that of the piece.
        gone = {path: after.settings.amount(path.rpartition("/")[2]) for path in differing if path not in new}
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
                    self._stop_at_the_end()
                    left = self._values.transport.ends - time.monotonic()
                    self._work.wait(left if left < threading.TIMEOUT_MAX else None)
                if self._closed:
                    return
                values, done = self._values, self._wanted
            started = time.perf_counter()
            try:
                result = turned(values.session, values.settings, partial(self._turn, values))
                seconds, remarks = time.perf_counter() - started, (*result.remarks, *result.left)
                music = TurnedMusic(result.after, done, seconds, remarks, "", values.session, values.settings, result)
            except CancelledError:
                music = evolve(self._music, number=done, error="The worker that computes has ended: start it again.")
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

    def _stop_at_the_end(self) -> None:
        """Playing that has come to its end by itself is switched off."""
        values, now = self._values, time.monotonic()
        if values.transport.ended(now):
            self._become(evolve(values, transport=values.transport.at(now)), "play", "")

    def _turn(self, values: SessionValues, amounts: Mapping[str, float]) -> TurnResult:
        session, settings = values.session, values.settings
        key = (session, tuple(amounts.items()), settings.seed, settings.like)
        if any(known[0] is not session for known in self._turns):
            self._turns.clear()  # another piece is open
        if key in self._turns:
            self._turns.move_to_end(key)
            return self._turns[key]
        steered: list[SteeredCodes] = []

        def codes() -> Sequence[Any]:
            steered.append(session.move(amounts, like=settings.like, seed=settings.seed))
            return steered[0].to_decode

        def result(batch: DecodedBatch) -> TurnResult:
            return session.result(steered[0], batch.clips)

        made = self.queue.decode(self, [part.model for part in session.parts], codes, result).result()
        self._turns[key] = made
        while len(self._turns) > CACHED:
            self._turns.popitem(last=False)
        return made
