"""The page in a shared session: one subscription for all sockets, and what they are told."""

from __future__ import annotations

import asyncio
import base64
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

from attrs import asdict

from latentknobs.core.live_session import Music
from latentknobs.core.parameter import Change, Value
from latentknobs.frontends.web.errors import as_json, as_request_error
from latentknobs.frontends.web.open_piece import OpenPiece
from latentknobs.frontends.web.piece_schema import message_of
from latentknobs.frontends.web.requests import MAX_FILE_BYTES, DrawnSource, MidiSource, ReadOptions, Source
from latentknobs.session import Session
from latentknobs.studio.knob_settings import KnobSettings
from latentknobs.studio.project import ProjectReading
from latentknobs.studio.shared_session import SharedSession
from latentknobs.studio.turned_music import TurnedMusic


class Listener(Protocol):
    """A socket."""

    def tell(self, kind: str, frame: bytes) -> None:
        """Have a frame sent, in the place of one of its kind that was not sent yet."""
        ...


class SharedRoom:
    """
    The sockets of a page on one shared session; a context manager that tells them of it.

    Made and used in the server's event loop; the subscription's thread only hands over.

    Args:
        session: The session.
        opened: What clients are told of a piece that is open; called by the worker.
    """

    def __init__(self, session: SharedSession, opened: Callable[[str, Session], OpenPiece]) -> None:
        self.session = session
        self._opened = opened
        self._listeners: dict[Listener, str] = {}
        self._known: tuple[Session, OpenPiece] | None = None
        self._joined = 0
        self._loop = asyncio.get_running_loop()
        self._telling: set[asyncio.Task[None]] = set()
        self._untold: dict[str, Change] = {}
        """By path, the newest last; what comes while the loop is busy is told together."""
        self._taking = threading.Lock()

    def __enter__(self) -> Self:
        self._subscription = self.session.subscribe(self._on_change, self._on_music, "the page")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._subscription.close()

    @property
    def model(self) -> str:
        """The model that clients ask for."""
        return self.session.session.model.spec.name

    @property
    def facts(self) -> dict[str, Any]:
        """What is told with each change: all values, which are few, and what can be undone."""
        shared = self.session
        transport, now = shared.transport, time.monotonic()
        return {
            "number": shared.music.number,
            "values": dict(shared.values),
            "settings": settings_facts(shared.settings),
            "snapshots": {name: settings_facts(one) for name, one in shared.snapshots.items()},
            "history": list(shared.history[-50:]),
            "transport": {**asdict(transport), "position": transport.position(now), "now": now},
        }

    # Sockets.

    def join(self, listener: Listener) -> None:
        """A socket that is told from now on, of all that there is first."""
        self._joined += 1
        self._listeners[listener] = f"page {self._joined}"
        self._start(self._tell_all([listener]))

    def leave(self, listener: Listener) -> None:
        """One that is told no more."""
        self._listeners.pop(listener, None)

    def name_of(self, listener: Listener) -> str:
        """Who a socket's changes are of."""
        return self._listeners.get(listener, "page")

    def set(self, listener: Listener, values: Mapping[str, Value]) -> None:
        """Set parameters as one change; raises as :meth:`SharedSession.set`."""
        if len(values) == 1:
            for path, value in values.items():
                self.session.set(path, value, self.name_of(listener))
        else:
            self.session.set_all(values, self.name_of(listener))

    def clear(self, listener: Listener, paths: Sequence[str]) -> None:
        """Put parameters back; raises as :meth:`SharedSession.clear`."""
        self.session.clear_all(paths, self.name_of(listener))

    # Telling: in the subscription's thread, then in the loop.

    def _on_change(self, change: Change) -> None:
        with self._taking:
            first = not self._untold
            self._untold.pop(change.path, None)
            self._untold[change.path] = change
        if first:
            self._loop.call_soon_threadsafe(self._changed)

    def _on_music(self, music: Music) -> None:
        if isinstance(music, TurnedMusic):
            self._loop.call_soon_threadsafe(lambda: self._start(self._tell_music(music)))

    def _changed(self) -> None:
        with self._taking:
            changes, self._untold = self._untold, {}
        if "file" in changes:
            self._start(self._tell_all([*self._listeners]))
            return
        facts, frames = self.facts, dict[str, bytes]()
        for listener, name in self._listeners.items():
            newest = next((one for one in reversed(changes.values()) if one.source != name), None)
            if newest is None:
                continue
            if newest.path not in frames:
                frames[newest.path] = as_json({"type": "change", "path": newest.path, "value": newest.value, **facts})
            listener.tell("change", frames[newest.path])

    async def _tell_music(self, music: TurnedMusic) -> None:
        frame = as_json(await self._music_facts(music))
        for listener in self._listeners:
            listener.tell("music", frame)

    async def _tell_all(self, listeners: Sequence[Listener]) -> None:
        session = self.session.session
        opened = await self._open(session)
        source, file = _source(session)
        facts = {
            "type": "shared",
            "model": self.model,
            "piece": message_of(session.piece, source).model_dump(mode="json"),
            "file": file,
            "opened": (await asyncio.to_thread(opened.opened)).model_dump(mode="json"),
            "parameters": [asdict(one) for one in self.session.parameters.values()],
            **self.facts,
        }
        frame, music = as_json(facts), as_json(await self._music_facts(self.session.music))
        if session is not self.session.session:
            return  # another piece was opened meanwhile, and is told of next
        for listener in listeners:
            listener.tell("shared", frame)
            listener.tell("music", music)

    async def _music_facts(self, music: TurnedMusic) -> dict[str, Any]:
        turned = None
        if music.result is not None and music.session is not None:
            opened = await self._open(music.session)
            turned = opened.turned(music.result, music.seconds * 1000).model_dump(mode="json")
        settings = None if music.settings is None else settings_facts(music.settings)
        return {"type": "music", "number": music.number, "error": music.error, "settings": settings, "turned": turned}

    async def _open(self, session: Session) -> OpenPiece:
        known = self._known
        if known is None or known[0] is not session:
            name = session.model.spec.name
            work = self.session.queue.beside(lambda: self._opened(name, session))
            known = self._known = (session, await asyncio.wrap_future(work))
        return known[1]

    def _start(self, work: Any) -> None:
        task = asyncio.ensure_future(self._quietly(work))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _quietly(self, work: Any) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - a piece that the page cannot show, or too much work: the rest goes on
            told = as_request_error(error)
            self.session.workbench.note(f"The page: {told.message}")
            for listener in self._listeners:
                listener.tell("error", as_json({"type": "error", "seq": None, **told.as_dict()}))


def settings_facts(settings: KnobSettings) -> dict[str, Any]:
    """Knobs as KnobTurns has them."""
    return {"knobs": settings.named, "seed": settings.seed, "like": settings.like}


def read_options(reading: ProjectReading) -> ReadOptions:
    """How a file is read, as clients say it; raises ValidationError where they cannot."""
    return ReadOptions.model_validate({**asdict(reading), "track": reading.track or None})


def _source(session: Session) -> tuple[Source, str | None]:
    """Where a piece came from, and its file in base64 where a page may have it."""
    file = session.file
    if file is None or len(file.data) > MAX_FILE_BYTES:
        return DrawnSource(kind="drawn"), None
    options = read_options(ProjectReading.of(session.reading))
    source = MidiSource(kind="midi", file=file.path.name[:120], sha256=file.sha256, options=options)
    return source, base64.b64encode(file.data).decode()
