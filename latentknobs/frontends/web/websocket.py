"""
The WebSocket: a piece opened once, and its knobs turned many times a second.

What goes out to a client is bounded: of its turns one is being decoded, one waits for that and one to be sent, and of
other messages MOST_OUT; who reads nothing for SEND_SECONDS is let go.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from latentknobs.frontends.web.errors import RequestError, as_json, body_of, fault_of
from latentknobs.frontends.web.requests import LiveMessage, LiveOpen, LiveTurn
from latentknobs.frontends.web.security import MOST_BYTES
from latentknobs.frontends.web.service import OpenPiece, Service

PROTOCOL = "latentknobs.v1"
SEND_SECONDS = 10.0
MOST_OUT = 32
MOST_FAULTS = 100
"""Frames in a row that are none, after which a client is let go."""
TOO_LARGE, ABUSE = 1009, 1008
_MESSAGE: TypeAdapter[Any] = TypeAdapter(LiveMessage)


class LiveConnection:
    """One client's connection."""

    def __init__(self, socket: WebSocket, desk: Service, seconds: float = SEND_SECONDS) -> None:
        self._socket = socket
        self._desk = desk
        self._seconds = seconds
        self._open: OpenPiece | None = None
        self._model = ""
        self._out: asyncio.Queue[bytes | None] = asyncio.Queue(MOST_OUT)
        self._newest: bytes | None = None  # the newest turn that is not sent; None in the queue is its place
        self._turning: set[asyncio.Task[None]] = set()
        self._seq = -1
        self._sent = -1

    async def serve(self) -> None:
        """Answer frames until one side goes."""
        offered = self._socket.scope.get("subprotocols", [])
        await self._socket.accept(subprotocol=PROTOCOL if PROTOCOL in offered else None)
        sender = asyncio.create_task(self._send())
        listener = asyncio.create_task(self._listen())
        try:
            await asyncio.wait({sender, listener}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._desk.queue.forget(id(self))
            for task in (sender, listener, *self._turning):
                task.cancel()
            await asyncio.gather(sender, listener, *self._turning, return_exceptions=True)
            if self._socket.application_state is WebSocketState.CONNECTED:
                # Who reads nothing does not read this either: it is not waited for.
                with contextlib.suppress(RuntimeError, WebSocketDisconnect, TimeoutError):
                    await asyncio.wait_for(self._socket.close(self._code), 1.0)

    _code = 1000

    async def _listen(self) -> None:
        faults = 0
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            seq = None
            try:
                if len(text or "") > MOST_BYTES:
                    self._code = TOO_LARGE
                    return
                value = _json(text)
                seq = _seq_of(value)
                await self._take(_MESSAGE.validate_python(value))
                faults = 0
            except Exception as error:  # noqa: BLE001 - whatever a frame does, the connection stays
                faults += 1
                if faults > MOST_FAULTS:
                    self._code = ABUSE
                    return
                await self._say_fault(seq, error)

    async def _take(self, message: Any) -> None:
        if message.seq <= self._seq:
            raise RequestError(
                409,
                "old-seq",
                f"Each message has a larger seq than those before: {message.seq} is not over {self._seq}.",
            )
        self._seq = message.seq
        if isinstance(message, LiveOpen):
            # What was turned on the piece before is not heard any more.
            self._desk.queue.forget(id(self))
            self._open = self._newest = None
            opened = await self._desk.later(lambda: self._desk.open(message.model, message.piece))
            self._open = opened
            facts = await asyncio.to_thread(opened.facts)
            await self._say({"type": "opened", "seq": message.seq, **facts})
        elif isinstance(message, LiveTurn):
            if self._open is None:
                raise RequestError(409, "not-open", "No piece is open on this connection: send an open frame first.")
            task = asyncio.create_task(self._turn(self._open, message, time.perf_counter()))
            self._turning.add(task)
            task.add_done_callback(self._turning.discard)
            await asyncio.sleep(0)  # the turn is queued before the next frame is read
        else:
            await self._say({"type": "pong", "seq": message.seq})

    async def _turn(self, opened: OpenPiece, message: LiveTurn, began: float) -> None:
        try:
            answer, batch = await self._desk.move(id(self), opened, message, began)
        except asyncio.CancelledError:
            return  # overtaken
        except Exception as error:  # noqa: BLE001 - as above
            await self._say_fault(message.seq, error)
            return
        if opened is self._open and message.seq > self._sent:
            self._sent = message.seq
            waits = self._newest is not None
            self._newest = as_json({"type": "turned", "seq": message.seq, **answer, "batch": batch})
            if not waits:
                await self._out.put(None)

    async def _say_fault(self, seq: int | None, error: Exception) -> None:
        fault = fault_of(error)
        await self._say({"type": "error", "seq": seq, **body_of(fault)})

    async def _say(self, message: Mapping[str, Any]) -> None:
        # A client that does not read fills this, then its own frames are not read either, until it is let go.
        await self._out.put(as_json(message))

    async def _send(self) -> None:
        while True:
            data = await self._out.get()
            if data is None:
                data, self._newest = self._newest, None
            if data is None:  # another piece was opened meanwhile
                continue
            try:
                await asyncio.wait_for(self._socket.send_text(data.decode("ascii")), self._seconds)
            except (TimeoutError, WebSocketDisconnect, RuntimeError, OSError):
                self._code = ABUSE
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
    return seq if isinstance(seq, int) and not isinstance(seq, bool) and abs(seq) <= 2**53 else None
