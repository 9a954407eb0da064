"""
The WebSocket: a piece is opened once, and its knobs are turned many times a second.

What waits for a client is bounded: one turn is being decoded, one waits to be decoded and one to be sent, and of a long
piece the newest part, besides MAX_OUT other messages. Clients that stop reading for SEND_SECONDS are disconnected.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, TypeAdapter
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from latentknobs.errors import LatentKnobsError
from latentknobs.frontends.web.errors import RequestError, as_json, as_request_error
from latentknobs.frontends.web.near_turn import LookedAt
from latentknobs.frontends.web.open_piece import OpenPiece
from latentknobs.frontends.web.requests import (
    MAX_BODY_BYTES,
    MAX_SEQ,
    LiveClear,
    LiveLoad,
    LiveMessage,
    LiveOpen,
    LiveSet,
    LiveTurn,
)
from latentknobs.frontends.web.responses import TurnResponse
from latentknobs.frontends.web.service import Service

PROTOCOL = "latentknobs.v1"
SEND_SECONDS = 10.0
MAX_OUT = 32
PART_GAP = 0.5
"""Seconds between two parts of answers: making one takes time from other clients."""
MAX_FAULTS = 100
"""Bad frames in a row after which a client is disconnected."""
TOO_LARGE, ABUSE = 1009, 1008
_MESSAGE: TypeAdapter[Any] = TypeAdapter(LiveMessage)


class LiveConnection:
    """One client's connection."""

    def __init__(self, socket: WebSocket, service: Service) -> None:
        self._socket = socket
        self._service = service
        self._piece: OpenPiece | None = None
        self._out: asyncio.Queue[bytes | None] = asyncio.Queue(MAX_OUT)  # None stands for the newest turn
        self._newest: bytes | None = None  # the newest turn that is not sent yet
        self._told: dict[str, bytes] = {}  # parts of a turn, and frames of the shared session; of each kind the newest
        self._part: asyncio.Task[None] | None = None
        self._part_at = -PART_GAP  # when the newest part was begun
        self._turning: set[asyncio.Task[None]] = set()
        self._last_seq = -1
        self._answered_seq = -1
        self._close_code = 1000

    async def serve(self) -> None:
        """Answer frames until one side closes."""
        offered = self._socket.scope.get("subprotocols", [])
        await self._socket.accept(subprotocol=PROTOCOL if PROTOCOL in offered else None)
        if self._service.room is not None:
            self._service.room.join(self)
        sender = asyncio.create_task(self._send())
        listener = asyncio.create_task(self._listen())
        try:
            await asyncio.wait({sender, listener}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if self._service.room is not None:
                self._service.room.leave(self)
            self._service.queue.forget(id(self))
            for task in (sender, listener, *self._turning):
                task.cancel()
            await asyncio.gather(sender, listener, *self._turning, return_exceptions=True)
            if self._socket.application_state is WebSocketState.CONNECTED:
                # A client that does not read does not read this either: closing does not wait for it.
                with contextlib.suppress(RuntimeError, WebSocketDisconnect, TimeoutError):
                    await asyncio.wait_for(self._socket.close(self._close_code), 1.0)

    async def _listen(self) -> None:
        faults = 0
        while True:
            frame = await self._socket.receive()
            if frame["type"] == "websocket.disconnect":
                return
            text = frame.get("text")
            if len(text or "") > MAX_BODY_BYTES:
                self._close_code = TOO_LARGE
                return
            seq = None
            try:
                value = _json(text)
                seq = _seq_of(value)
                await self._handle(_MESSAGE.validate_python(value))
                faults = 0
            except Exception as error:  # noqa: BLE001 - whatever a frame does, the connection stays
                faults += 1
                if faults > MAX_FAULTS:
                    self._close_code = ABUSE
                    return
                await self._answer_error(seq, error)

    async def _handle(self, message: Any) -> None:
        if message.seq <= self._last_seq:
            raise RequestError(
                409,
                "old-seq",
                f"Each message needs a larger seq than those before: {message.seq} is not over {self._last_seq}.",
            )
        self._last_seq = message.seq
        if isinstance(message, LiveOpen):
            # Turns of the piece before are obsolete.
            self._service.queue.forget(id(self))
            self._piece = self._newest = None
            self._told.pop("part", None)
            piece = await self._service.beside(lambda: self._service.open(message.model, message.piece))
            self._piece = piece
            await self._answer("opened", message.seq, await asyncio.to_thread(piece.opened))
        elif isinstance(message, LiveTurn):
            if self._piece is None:
                raise RequestError(409, "not-open", "No piece is open on this connection: send an open frame first.")
            task = asyncio.create_task(self._turn(self._piece, message, time.perf_counter()))
            self._turning.add(task)
            task.add_done_callback(self._turning.discard)
            await asyncio.sleep(0)  # the turn is queued before the next frame is read
        elif isinstance(message, LiveSet | LiveClear | LiveLoad):
            await self._share(message)
        else:
            await self._out.put(as_json({"type": "pong", "seq": message.seq, "clock": time.monotonic()}))

    async def _share(self, message: LiveSet | LiveClear | LiveLoad) -> None:
        room = self._service.room
        if room is None:
            raise RequestError(409, "not-shared", "This server has no shared session: start it with serve web,osc.")
        if isinstance(message, LiveSet):
            room.set(self, message.values)
        elif isinstance(message, LiveClear):
            room.clear(self, message.paths)
        else:
            session = await self._service.beside(lambda: self._service.session_of(room.model, message.piece))
            await asyncio.to_thread(room.session.open, session, room.name_of(self))
        await self._out.put(as_json({"type": "done", "seq": message.seq, **room.facts}))

    def tell(self, kind: str, frame: bytes) -> None:
        """Have a frame sent, in the place of one of its kind that was not sent yet."""
        self._told.pop(kind, None)
        self._told[kind] = frame
        if not self._out.full():  # else the sender is busy, and sends this too when it goes on
            self._out.put_nowait(None)

    async def _turn(self, piece: OpenPiece, message: LiveTurn, started: float) -> None:
        loop = asyncio.get_running_loop()

        def tell(make: Callable[[], TurnResponse]) -> None:
            loop.call_soon_threadsafe(self._start_part, piece, message.seq, make)

        looked_at = None if message.near is None else LookedAt(message.near, tell)
        try:
            answer, batch = await self._service.decode_turn(id(self), piece, message, started, looked_at)
        except asyncio.CancelledError:
            return  # a newer turn took its place
        except Exception as error:  # noqa: BLE001 - as above
            await self._answer_error(message.seq, error)
            return
        if piece is self._piece and message.seq > self._answered_seq:
            self._answered_seq = message.seq
            self._told.pop("part", None)
            waiting = self._newest is not None
            self._newest = as_json({"type": "turned", "seq": message.seq, **answer.model_dump(), "batch": batch})
            if not waiting:
                await self._out.put(None)

    def _start_part(self, piece: OpenPiece, seq: int, make: Callable[[], TurnResponse]) -> None:
        """Make and send a part of an answer, unless one was made lately."""
        now = time.monotonic()
        if (self._part is None or self._part.done()) and now - self._part_at > PART_GAP:
            self._part_at = now
            self._part = asyncio.create_task(self._tell_part(piece, seq, make))
            self._turning.add(self._part)
            self._part.add_done_callback(self._turning.discard)

    async def _tell_part(self, piece: OpenPiece, seq: int, make: Callable[[], TurnResponse]) -> None:
        try:
            answer = await asyncio.to_thread(make)
        except LatentKnobsError:
            return  # the whole answer tells of it
        if piece is self._piece and seq > self._answered_seq:
            self.tell("part", as_json({"type": "turned", "seq": seq, **answer.model_dump()}))

    async def _answer(self, kind: str, seq: int, answer: BaseModel | None = None) -> None:
        # A client that does not read fills the queue; then its frames are not read either, until it is disconnected.
        await self._out.put(as_json({"type": kind, "seq": seq, **(answer.model_dump() if answer else {})}))

    async def _answer_error(self, seq: int | None, error: Exception) -> None:
        await self._out.put(as_json({"type": "error", "seq": seq, **as_request_error(error).as_dict()}))

    async def _send(self) -> None:
        while True:
            data = await self._out.get()
            if data is None:
                data, self._newest = self._newest, None
            told, self._told = self._told, {}
            frames = [*filter(None, [data]), *told.values()]  # none where another piece was opened meanwhile
            try:
                for frame in frames:
                    await asyncio.wait_for(self._socket.send_text(frame.decode("ascii")), SEND_SECONDS)
            except (TimeoutError, WebSocketDisconnect, RuntimeError, OSError):
                self._close_code = ABUSE
                return


def _json(text: str | None) -> Any:
    if text is None:
        raise RequestError(400, "bad-frame", "A frame is text, one JSON object.")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RequestError(400, "bad-frame", "The frame is not JSON: send one object in each frame.") from error


def _seq_of(value: Any) -> int | None:
    seq = value.get("seq") if isinstance(value, dict) else None
    return seq if isinstance(seq, int) and not isinstance(seq, bool) and abs(seq) <= MAX_SEQ else None
