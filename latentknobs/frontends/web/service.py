"""
What all clients share: models, knobs, opened pieces and the decoder queue.

Nothing here belongs to one client: every request carries its piece and knob settings, and caches only avoid repeated
work.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TypeVar

from attrs import define, evolve, field

from latentknobs.analysis.own_melody import own_melody
from latentknobs.core.arrays import ClipBatch, Codes
from latentknobs.core.backend import VAEBackend
from latentknobs.core.clip import ClipFormat
from latentknobs.core.knob import Knob
from latentknobs.core.melody_format import MelodyFormat
from latentknobs.core.meter import signature_of
from latentknobs.core.model_calls import check_encodes
from latentknobs.core.piece import Piece
from latentknobs.core.query_spec import KnobQuery
from latentknobs.errors import LatentKnobsError, UnknownNameError
from latentknobs.frontends.web.errors import RequestError
from latentknobs.frontends.web.near_turn import LookedAt, NearTurn
from latentknobs.frontends.web.open_piece import OpenPiece
from latentknobs.frontends.web.piece_schema import piece_of
from latentknobs.frontends.web.requests import GridRequest, KnobTurns, MidiSource, PieceMessage, State
from latentknobs.frontends.web.responses import TurnResponse
from latentknobs.frontends.web.shared import SharedRoom
from latentknobs.frontends.web.upload import Reader
from latentknobs.session import Session
from latentknobs.steering.batch_decoder import DecodedBatch, DecoderQueue, NearFirst, PartlyDecoded
from latentknobs.steering.control_directions import in_order
from latentknobs.steering.shared_model import SharedModel
from latentknobs.steering.turn_result import GridCell, SteeredCodes, TurnResult
from latentknobs.studio.knob_settings import turned
from latentknobs.workbench import Workbench

T = TypeVar("T")
MAX_OPEN = 128
"""Opened pieces that are cached."""
MAX_GRID_CLIPS = 648
"""Clips that a grid decodes: eight in each of 81 cells, a second or two."""
ALONE = 2.0
"""Seconds for which a client that turned counts as one that others do not make wait."""
MAX_TURN_CLIPS = 2048
"""Clips that one move turns: 16 different settings in a piece of 128 clips."""
FRESH = 2.0
"""Seconds before the registry is queried again for a model's knobs."""


@define(eq=False)
class Service:
    """
    What the routes use.

    Attributes:
        workbench: Has models and registry.
        queue: Does the work with models.
        named: Names or locations of the models that the server was started with, the default first; () = those that
            come with the package.
        own_registry: Whether the server was started with a registry of its own, which commands must then name too.
        reader: Reads uploaded files.
        room: The shared session that the page shows, None where each client has its own.
        exporting: One export at a time, because sound and zip files take memory.
    """

    workbench: Workbench
    queue: DecoderQueue
    named: tuple[str, ...] = ()
    own_registry: bool = False
    reader: Reader = field(factory=Reader, init=False)
    exporting: asyncio.Semaphore = field(factory=lambda: asyncio.Semaphore(1), init=False)
    room: SharedRoom | None = field(default=None, init=False)
    _models: dict[str, VAEBackend] = field(factory=dict, init=False)
    _locations: dict[str, str] = field(factory=dict, init=False)
    _turned: dict[Hashable, float] = field(factory=dict, init=False)  # who turned lately, and when
    _open: OrderedDict[tuple[str, str], OpenPiece] = field(factory=OrderedDict, init=False)
    _knobs: dict[str, tuple[float, set[tuple[str, ...]], dict[str, Knob]]] = field(factory=dict, init=False)
    _lock: threading.RLock = field(factory=threading.RLock, init=False)

    def models(self) -> dict[str, VAEBackend]:
        """
        The models that clients may use, by name, the default first; loaded on first use.

        Clients never name files: only models of plugins and those that the server was started with are available.

        Raises:
            LatentKnobsError: The default model, or another that was named, cannot be loaded.
        """
        with self._lock:
            if not self._models:
                models: dict[str, VAEBackend] = {}
                for location in self.named or self.workbench.models.defaults[:1]:
                    model = self._shared(location)
                    check_encodes(model.spec)
                    models[model.spec.name] = model
                    self._locations[model.spec.name] = location
                others = self.workbench.models.names if self.room is None else ()  # a shared session has its own
                for name in others:
                    try:
                        models.setdefault(name, self._shared(name))
                    except LatentKnobsError as error:
                        self.workbench.note(f"{name} is left out: {error}")
                self._models = models
            return self._models

    def model(self, name: str) -> VAEBackend:
        """
        The model of that name.

        Raises:
            UnknownNameError: Clients may use no such model.
        """
        models = self.models()
        if name not in models:
            raise UnknownNameError("model", name, models, "on this server")
        return models[name]

    def _shared(self, location: str) -> VAEBackend:
        return SharedModel(self.workbench.model(location), self.queue)

    def melody(self, name: str) -> Piece:
        """A melody in a model's own format, which that model alone steers; called by the worker."""
        self.model(name)
        return evolve(own_melody(self.workbench, self._locations.get(name, name)), stretches=())

    def together(self, name: str) -> tuple[str, ...]:
        """
        The models that steer a piece: the one of that name, and those of the server for other time signatures.

        Raises:
            UnknownNameError: Clients may use no such model.
        """
        first, models = self.model(name).spec.clip_format, self.models()
        own = self._locations if self.named else self.workbench.models.defaults
        rest = {other: models[other].spec.clip_format for other in own if other in models and other != name}
        return name, *(other for other, one in rest.items() if _goes_with(one, first))

    def formats(self, name: str) -> list[ClipFormat]:
        """The clip formats of the models that steer a piece, as :meth:`together`."""
        return [self.model(one).spec.clip_format for one in self.together(name)]

    def knobs(self, model: VAEBackend) -> Mapping[str, Knob]:
        """The model's current knobs, by name, as the registry has them."""
        model_id = model.spec.model_id
        with self._lock:
            queried, versions, knobs = self._knobs.get(model_id, (float("-inf"), set(), {}))
            if time.monotonic() - queried < FRESH:
                return knobs
            stored = self.workbench.registry.find(KnobQuery(model=model_id), evidence=False)
            if queried == float("-inf") or set(map(_version, stored)) != versions:
                versions = set(map(_version, stored))
                knobs = {knob.name: knob for knob in in_order(self.workbench.registry.knobs(model_id=model_id))}
                self._open.clear()
            self._knobs[model_id] = (time.monotonic(), versions, knobs)
            return knobs

    def open(self, name: str, message: PieceMessage) -> OpenPiece:
        """A piece opened with a model, and those of its other time signatures, or the cached one."""
        names = self.together(name)
        models = [self.model(one) for one in names]
        key = (name, hashlib.sha256(message.model_dump_json().encode("utf-8")).hexdigest())
        with self._lock:
            knobs = {model.spec.model_id: self.knobs(model) for model in models}
            if key in self._open:
                self._open.move_to_end(key)
                return self._open[key]
        session = self.session_of(name, message, knobs)
        sha256 = message.source.sha256 if isinstance(message.source, MidiSource) else ""
        opened = self.opened(name, evolve(session, source_sha256=sha256))
        with self._lock:
            self._open[key] = opened
            while len(self._open) > MAX_OPEN:
                self._open.popitem(last=False)
        return opened

    def session_of(
        self, name: str, message: PieceMessage, knobs: Mapping[str, Mapping[str, Knob]] | None = None
    ) -> Session:
        """
        A piece, opened with a model and those of its other time signatures.

        Knobs that are not given are those that the server has: each piece that undo may bring back would hold its own.
        """
        piece = piece_of(message, self.formats(name))
        names = self.together(name)
        if knobs is None:
            knobs = {model.spec.model_id: self.knobs(model) for model in map(self.model, names)}
        locations = [self._locations.get(one, one) for one in names]
        load = dict(zip(locations, map(self.model, names), strict=True)).__getitem__
        return Session.open(self.workbench, piece, locations, all_by_model=message.by_model, knobs=knobs, load=load)

    def opened(self, name: str, session: Session) -> OpenPiece:
        """A session as clients are told of it, who asked for a model."""
        piece, plain = session.piece, session.turn({})
        steering = [part.model.spec.name for part in session.parts]
        elsewhere = ""
        if name not in steering:
            signature = signature_of(self.model(name).spec.clip_format)
            elsewhere = (
                f"{piece.name} has no bars of {signature}, which {name} is for: its knobs are those of "
                f"{' and '.join(steering)}."
            )
        return OpenPiece(name, elsewhere, session, plain, frozenset(plain.after.notes), session.style)

    def turn(self, name: str, state: State) -> tuple[OpenPiece, TurnResult]:
        """A state's piece, opened, and the result of turning its knobs."""
        opened = self.open(name, state.piece)
        session = opened.session
        if state.has_ranges:
            _distinct(session, state)
            return opened, turned(session, state.settings)
        return opened, session.turn(state.knobs, like=state.like, seed=state.seed)

    def grid(self, name: str, request: GridRequest) -> tuple[Session, list[list[GridCell]]]:
        """The session of a, and the cells between a and b as they are steered."""
        (open_a, turned_a), (open_b, turned_b) = self.turn(name, request.a), self.turn(name, request.b)
        pairs = zip(turned_a.codes_by_model, turned_b.codes_by_model, strict=False)
        clips = request.size**2 * sum(min(len(a), len(b)) for a, b in pairs)
        if clips > MAX_GRID_CLIPS:
            raise RequestError(
                422,
                "too-much",
                f"A grid of {request.size} by {request.size} would have {clips} clips to decode, over the limit of "
                f"{MAX_GRID_CLIPS}: choose a smaller grid or a shorter part.",
            )
        a, b = open_a.session.on(turned_a), open_b.session.on(turned_b)
        return a, a.two_way(b, request.size, request.rows, request.columns, request.rest)

    async def in_worker(self, work: Callable[[], T]) -> T:
        """Have the worker do something with a model that is not shared."""
        return await asyncio.wrap_future(self.queue.run(work))

    async def beside(self, work: Callable[[], T]) -> T:
        """Do something with models that takes long, while other clients' work goes on."""
        return await asyncio.wrap_future(self.queue.beside(work))

    async def decode_turn(
        self, client: Hashable, opened: OpenPiece, turns: KnobTurns, started: float, looked_at: LookedAt | None = None
    ) -> tuple[TurnResponse, int]:
        """
        The answer to a turn, decoded together with those of other clients, and the size of that batch in clips.

        Args:
            client: Whose turn it is.
            opened: The piece.
            turns: The knobs.
            started: When it was asked for, of ``time.perf_counter``.
            looked_at: What comes first of a long piece, and who is told of it, while no other client turns.

        Raises:
            asyncio.CancelledError: A newer turn of the same client arrived before this one was decoded.
        """
        session = opened.session
        each: list[Mapping[str, float]] = [turns.knobs]
        if turns.has_ranges:
            each = _distinct(session, turns)
        models = [part.model for part in session.parts]
        steered: list[SteeredCodes] = []

        def codes() -> Sequence[Codes]:
            steered.extend(session.move(amounts, like=turns.settings.like, seed=turns.seed) for amounts in each)
            return [codes for one in steered for codes in one.to_decode]

        def whole(moved: Sequence[SteeredCodes], clips: Sequence[ClipBatch]) -> TurnResult:
            def result(k: int) -> TurnResult:
                return session.result(moved[k], clips[k * len(models) : (k + 1) * len(models)])

            if not turns.has_ranges:
                return result(0)
            return turned(session, turns.settings, lambda amounts: result(each.index(amounts)))

        def since() -> float:
            return (time.perf_counter() - started) * 1000

        def answer(batch: DecodedBatch) -> tuple[TurnResponse, int]:
            return opened.turned(whole(steered, batch.clips), since()), batch.together

        near, alone = None, self._is_alone(client, started)
        if looked_at is not None and alone:
            plan = NearTurn(session, turns.settings if turns.has_ranges else None, looked_at.step, steered)

            def partly(batch: PartlyDecoded) -> None:
                if plan.is_in_order and (pending := plan.pending(batch.done)):
                    looked_at.tell(lambda: opened.turned(whole(*plan.there(batch)), since(), pending))

            near = NearFirst(plan.distances, partly)
        return await asyncio.wrap_future(self.queue.decode(client, models * len(each), codes, answer, near))

    def _is_alone(self, client: Hashable, now: float) -> bool:
        """Whether nobody else turns: what comes first for one client is work that others would wait for."""
        self._turned = {one: at for one, at in self._turned.items() if now - at < ALONE} | {client: now}
        return len(self._turned) == 1


def _distinct(session: Session, turns: KnobTurns) -> list[Mapping[str, float]]:
    """
    The sets of amounts by which a piece is turned, each as a whole.

    Raises:
        RequestError: They are too many for others to wait for.
    """
    each = turns.settings.distinct(session)
    clips = len(each) * sum(len(cut.clips) for cut in session.cuts)
    if clips > MAX_TURN_CLIPS:
        raise RequestError(
            422,
            "too-much",
            f"Knobs of so many bars would have {clips} clips to turn, over the limit of {MAX_TURN_CLIPS}: give fewer "
            "bars knobs of their own, or open a shorter part.",
        )
    return each


def _goes_with(other: ClipFormat, first: ClipFormat) -> bool:
    """Whether clips of another format may be in a piece on the grid of the first, in another time signature."""
    melodies = isinstance(other, MelodyFormat) and isinstance(first, MelodyFormat)
    same = other.steps_per_beat == first.steps_per_beat
    return melodies and same and signature_of(other) != signature_of(first)


def _version(knob: Knob) -> tuple[str, ...]:
    """What changes where a stored knob changes."""
    return knob.name, knob.run_id, knob.operator_sha256, knob.verdict
