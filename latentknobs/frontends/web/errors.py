"""What goes wrong, as a status, a code and a sentence; never a path, never a trace."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from starlette.responses import Response

from latentknobs.errors import (
    AmountError,
    ClipError,
    LatentKnobsError,
    MidiError,
    ModelError,
    UnknownNameError,
    UsageError,
)
from latentknobs.steering.batch_decoder import BusyError

_log = logging.getLogger(__name__)
_PATH = re.compile(r"(?:[A-Za-z]:\\|~?/)[^\s'\",;:)]*[/\\][^\s'\",;:)]*")
MOST_TEXT = 1000


class RequestError(Exception):
    """
    Raised when a request cannot be answered.

    Args:
        status: Of HTTP.
        code: A word for programs.
        message: A sentence for people.
        more: What else the error says.
    """

    def __init__(self, status: int, code: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.more = more


_KINDS: Sequence[tuple[type[LatentKnobsError], int, str | Callable[[Any], str]]] = (
    (UnknownNameError, 404, lambda error: f"unknown-{error.kind.replace(' ', '-')}"),
    (AmountError, 422, "bad-amount"),
    (ClipError, 422, "bad-piece"),
    (UsageError, 422, "bad-value"),
    (MidiError, 422, "bad-midi"),
    (ModelError, 422, "bad-model"),
)


def fault_of(error: BaseException) -> RequestError:
    """Any error as the one that is answered."""
    if isinstance(error, RequestError):
        return error
    if isinstance(error, ValidationError):
        return RequestError(422, "bad-request", _first(error.errors(include_input=False, include_url=False)))
    if isinstance(error, BusyError):
        return RequestError(503, "busy", str(error))
    for kind, status, code in _KINDS:
        if isinstance(error, kind):
            return RequestError(status, code if isinstance(code, str) else code(error), _plain(str(error)))
    if isinstance(error, LatentKnobsError):
        return RequestError(409, "failed", _plain(str(error)))
    _log.error("A request failed: %s: %s", type(error).__name__, error, exc_info=error)
    return RequestError(500, "fault", "The server made a mistake, which it has written to its own log.")


def invalid(errors: Sequence[Mapping[str, Any]]) -> RequestError:
    """What pydantic found wrong with a request."""
    return RequestError(422, "bad-request", _first(errors))


def body_of(error: RequestError) -> dict[str, Any]:
    """The answer's JSON."""
    return {"error": {"code": error.code, "message": error.message, **error.more}}


def answer(error: RequestError) -> Response:
    """The answer."""
    return Response(as_json(body_of(error)), error.status, media_type="application/json")


def as_json(value: Any) -> bytes:
    """JSON in ASCII, so that no text can fail to be sent; numbers that are not finite are a fault of ours."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode("ascii")


def _first(errors: Sequence[Mapping[str, Any]]) -> str:
    error = errors[0]
    # Places are made of field names and numbers, but a dictionary's key is the client's own text.
    place = ".".join(str(part)[:40] for part in error.get("loc", ()) if part not in ("body", "query", "path"))
    where = f" at {place}" if place else ""
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return _plain(f"The request is not as the API says{where}: {error.get('msg', 'wrong')}{more}.")


def _plain(text: str) -> str:
    """A message without folders of this machine, not longer than people read."""
    return _PATH.sub("(a file)", text)[:MOST_TEXT]
