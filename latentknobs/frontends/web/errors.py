"""Errors as the API answers them: a status, a code and a sentence; never a path, never a stack trace."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
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
from latentknobs.frontends.web.requests import MAX_FILE_BYTES, PREFIX
from latentknobs.steering.batch_decoder import BusyError

_log = logging.getLogger(__name__)
_PATH = re.compile(r"(?:[A-Za-z]:\\|~?/)[^\s'\",;:)]*[/\\][^\s'\",;:)]*")
MAX_TEXT = 1000
DESCRIBED = f"{PREFIX}/openapi.json describes the API"


class RequestError(Exception):
    """
    Raised when a request cannot be answered.

    Args:
        status: The HTTP status.
        code: A word for programs.
        message: A sentence for people.
        more: Further fields of the error's JSON.
    """

    def __init__(self, status: int, code: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.more = more

    def as_dict(self) -> dict[str, Any]:
        """The answer's JSON."""
        return {"error": {"code": self.code, "message": self.message, **self.more}}


HTTP_ERRORS = {
    400: ("bad-request", "The body cannot be read as JSON."),
    404: ("not-found", f"There is nothing at this address; {DESCRIBED}."),
    405: ("wrong-method", f"This address does not answer this method; {DESCRIBED}."),
    408: ("too-slow", "The request took too long to arrive."),
    413: ("too-large", f"At most {MAX_FILE_BYTES} bytes are accepted: send a smaller file or a part of it."),
}
_KINDS: Sequence[tuple[type[LatentKnobsError], int, str | Callable[[Any], str]]] = (
    (UnknownNameError, 404, lambda error: f"unknown-{error.kind.replace(' ', '-')}"),
    (AmountError, 422, "bad-amount"),
    (ClipError, 422, "bad-piece"),
    (UsageError, 422, "bad-value"),
    (MidiError, 422, "bad-midi"),
    (ModelError, 422, "bad-model"),
)


def as_request_error(error: BaseException) -> RequestError:
    """Any error as the one that is answered; one that nobody foresaw is logged and answered as a 500."""
    if isinstance(error, RequestError):
        return error
    if isinstance(error, ValidationError | RequestValidationError):
        return RequestError(422, "bad-request", _validation_message(error.errors()))
    if isinstance(error, HTTPException):
        return RequestError(
            error.status_code, *HTTP_ERRORS.get(error.status_code, ("failed", "The request cannot be answered."))
        )
    if isinstance(error, BusyError):
        return RequestError(503, "busy", str(error))
    for kind, status, code in _KINDS:
        if isinstance(error, kind):
            return RequestError(status, code if isinstance(code, str) else code(error), _without_paths(str(error)))
    if isinstance(error, LatentKnobsError):
        return RequestError(409, "failed", _without_paths(str(error)))
    _log.error("A request failed: %s: %s", type(error).__name__, error, exc_info=error)
    return RequestError(500, "fault", "The server failed on this request; its own log has the details.")


def error_response(error: BaseException) -> Response:
    """The answer to a request that raised this."""
    request_error = as_request_error(error)
    return Response(as_json(request_error.as_dict()), request_error.status, media_type="application/json")


def as_json(value: Any) -> bytes:
    """JSON in ASCII, so that any text can be sent; a number that is not finite raises ValueError."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode("ascii")


def _validation_message(errors: Sequence[Mapping[str, Any]]) -> str:
    error = errors[0]
    # Locations are field names and numbers, but a dictionary's key is the client's own text.
    location = ".".join(str(part)[:40] for part in error.get("loc", ()) if part not in ("body", "query", "path"))
    place = f" at {location}" if location else ""
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return _without_paths(f"The request does not match the API{place}: {error.get('msg', 'invalid')}{more}.")


def _without_paths(text: str) -> str:
    """A message without folders of this machine, cut to MAX_TEXT."""
    return _PATH.sub("(a file)", text)[:MAX_TEXT]
