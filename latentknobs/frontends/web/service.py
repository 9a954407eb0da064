"""
What all clients share: models, knobs, opened pieces and the decoder queue.

Nothing here belongs to one client: a piece and how its knobs stand come with every request, and what is kept is kept
only to spare doing it again.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

import numpy as np
from attrs import define, evolve, field, frozen

from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.core.backend import VAEBackend
from latentknobs.core.clip import Note
from latentknobs.core.knob import Knob
from latentknobs.core.query_spec import KnobQuery
from latentknobs.errors import LatentKnobsError, UnknownNameError
from latentknobs.frontends.web.errors import RequestError
from latentknobs.frontends.web.piece_schema import piece_of, rows, windows_of
from latentknobs.frontends.web.requests import GridRequest, KnobTurns, MidiSource, PieceMessage, State
from latentknobs.session import GridCell, Session, TurnResult
from latentknobs.steering.batch_decoder import DecodedBatch, DecoderQueue
from latentknobs.steering.control_directions import in_order
from latentknobs.workbench import Workbench

T = TypeVar("T")
MOST_OPEN = 128
"""Opened pieces that are kept."""
MOST_GRID_CLIPS = 648
"""Clips that a grid decodes: eight in each of 81 places; a second or two, for which others wait."""
FRESH = 2.0
"""Seconds for which the knobs of the registry are taken to be as they were."""


@frozen(eq=False)
class OpenPiece:
    """
    A piece that is open with a model.

    Attributes:
        session: It.
        plain: The notes of the plain decoding.
    """

    session: Session
    plain: frozenset[Note]

    @classmethod
    def of(cls, session: Session) -> OpenPiece:
        """With what is needed for every turn worked out."""
        return cls(session, frozenset(session.join(session.plain).notes))

    def facts(self) -> dict[str, Any]:
        """The answer to opening it."""
        session = self.session
        return {
            "windows": windows_of(session),
            "remarks": list(session.remarks()),
            "accuracy": session.accuracy,
            "notes": rows(sorted(self.plain)),
            "steps": session.piece.steps,
            "codes": _short(session.codes),
            "differing": session.differing.tolist(),
        }

    def turned(self, turned: TurnResult, ms: float) -> dict[str, Any]:
        """The answer to turning it."""
        moved = np.abs(turned.codes - self.session.codes).max(axis=0)
        return {
            "notes": rows(turned.after.notes),
            "changed": [k for k, note in enumerate(turned.after.notes) if note not in self.plain],
            "codes": _short(turned.codes),
            "touched": np.flatnonzero(moved > 0).tolist(),
            "remarks": list(turned.remarks),
            "ms": round(ms, 2),
        }


def _short(codes: Any) -> list[list[float]]:
    out: list[list[float]] = np.round(codes.astype(np.float64), 4).tolist()
    return out


@define(eq=False)
class Service:
    """
    What the routes ask.

    Attributes:
        workbench: Has models and registry.
        queue: Does the work with models.
        default: Name or location of the model that is meant unless another is asked for.
        named: Whether the registry was named when the server was started: recipes must name it too.
    """

    workbench: Workbench
    queue: DecoderQueue
    default: str = DEFAULT_MODEL
    named: bool = False
    _models: dict[str, VAEBackend] = field(factory=dict, init=False)
    _open: OrderedDict[tuple[str, str], OpenPiece] = field(factory=OrderedDict, init=False)
    _knobs: dict[str, tuple[float, dict[str, Knob]]] = field(factory=dict, init=False)
    _lock: threading.RLock = field(factory=threading.RLock, init=False)

    def models(self) -> dict[str, VAEBackend]:
        """
        The models that clients may ask for, by name, the default first; loaded when first asked for.

        Clients name no files: only models that came with plugins and the one that the server was started with.

        Raises:
            LatentKnobsError: The default model cannot be loaded.
        """
        with self._lock:
            if not self._models:
                first = self.workbench.model(self.default)
                found = {first.spec.name: first}
                for name in self.workbench.models.names:
                    try:
                        found.setdefault(name, self.workbench.model(name))
                    except LatentKnobsError as error:
                        self.workbench.note(f"{name} is left out: {error}")
                self._models = found
            return self._models

    def model(self, name: str) -> VAEBackend:
        """
        The model of that name.

        Raises:
            UnknownNameError: Clients may ask for no such model.
        """
        known = self.models()
        if name not in known:
            raise UnknownNameError("model", name, known, "on this server")
        return known[name]

    def knobs(self, model: VAEBackend) -> Mapping[str, Knob]:
        """The model's current knobs, by name, as the registry has them now."""
        model_id = model.spec.model_id
        with self._lock:
            at, known = self._knobs.get(model_id, (float("-inf"), {}))
            if time.monotonic() - at < FRESH:
                return known
            there = self.workbench.registry.find(KnobQuery(model=model_id))
            now = {(knob.name, knob.run_id, knob.operator_sha256, knob.verdict) for knob in there}
            if at == float("-inf") or now != {(k.name, k.run_id, k.operator_sha256, k.verdict) for k in known.values()}:
                found = self.workbench.registry.knobs(model_id=model_id)
                known = {knob.name: knob for knob in in_order(found)}
                self._open.clear()
            self._knobs[model_id] = (time.monotonic(), known)
            return known

    def open(self, name: str, message: PieceMessage) -> OpenPiece:
        """A piece opened with a model, or as it was opened before; called by the worker."""
        model = self.model(name)
        key = (model.spec.model_id, hashlib.sha256(message.model_dump_json().encode("utf-8")).hexdigest())
        with self._lock:
            knobs = self.knobs(model)
            if key in self._open:
                self._open.move_to_end(key)
                return self._open[key]
        piece = piece_of(message, model.spec.clip_format)
        place = self.default if model is self.models().get(name) and name not in self.workbench.models.names else name
        session = Session.open(self.workbench, piece, place)
        source = message.source
        sha256 = source.sha256 if isinstance(source, MidiSource) else ""
        out = OpenPiece.of(evolve(session, knobs=knobs, source_sha256=sha256))
        with self._lock:
            self._open[key] = out
            while len(self._open) > MOST_OPEN:
                self._open.popitem(last=False)
        return out

    def turn(self, name: str, state: State) -> tuple[OpenPiece, TurnResult]:
        """A state's piece, open, and what turning gives; called by the worker."""
        opened = self.open(name, state.piece)
        return opened, opened.session.turn(state.knobs, like=state.like, seed=state.seed)

    def grid(self, name: str, request: GridRequest) -> tuple[Session, list[list[GridCell]]]:
        """The pieces between two, from what they sound like as turned, with the first of them; for the worker."""
        (one, first), (other, last) = self.turn(name, request.a), self.turn(name, request.b)
        clips = request.size**2 * min(len(first.codes), len(last.codes))
        if clips > MOST_GRID_CLIPS:
            raise RequestError(
                422,
                "too-much",
                f"A grid of {request.size} by {request.size} would have {clips} clips to decode, over the "
                f"{MOST_GRID_CLIPS} taken: choose a smaller grid or a shorter part.",
            )
        a, b = one.session.on(first), other.session.on(last)
        return a, a.two_way(b, request.size, request.rows, request.columns, request.rest)

    async def later(self, work: Callable[[], T]) -> T:
        """Have the worker do something."""
        return await asyncio.wrap_future(self.queue.run(work))

    async def move(
        self, client: Hashable, opened: OpenPiece, turning: KnobTurns, began: float
    ) -> tuple[dict[str, Any], int]:
        """
        The answer to a turn, decoded with those of other clients, and how many clips were decoded together.

        Raises:
            asyncio.CancelledError: The client has turned on before this was decoded.
        """
        session = opened.session
        moved = []

        def codes() -> Any:
            moved.append(session.move(turning.knobs, like=turning.like, seed=turning.seed))
            return moved[0].codes[session.accepted]

        def use(decoded: DecodedBatch) -> tuple[dict[str, Any], int]:
            turned = session.result(moved[0], session.with_kept(decoded.clips))
            return opened.turned(turned, (time.perf_counter() - began) * 1000), decoded.together

        return await asyncio.wrap_future(self.queue.decode(client, session.model, codes, use))
