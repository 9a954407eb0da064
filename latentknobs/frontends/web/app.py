"""The application: API, page and door, over a workbench."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from attrs import field, frozen
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from latentknobs import __version__, scores
from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.errors import LatentKnobsError
from latentknobs.frontends.web.errors import RequestError, answer, fault_of, invalid
from latentknobs.frontends.web.piece_schema import message_of
from latentknobs.frontends.web.requests import PieceMessage
from latentknobs.frontends.web.routes import PREFIX, routes
from latentknobs.frontends.web.security import AccessPolicy, Guarded
from latentknobs.frontends.web.service import Service
from latentknobs.steering.batch_decoder import BusyError, DecoderQueue
from latentknobs.workbench import Workbench

STATIC = Path(__file__).parent / "static"


@frozen
class ServerConfig:
    """
    How a server is set up.

    Attributes:
        model: Name or location of the model that is meant unless another is asked for.
        door: Who may ask.
        named: Whether the registry was named, so that recipes have to name it too.
        warm: Whether the model and the example are loaded at the start, not with the first question.
    """

    model: str = DEFAULT_MODEL
    door: AccessPolicy = field(factory=AccessPolicy)
    named: bool = False
    warm: bool = True


def create_app(workbench: Workbench, settings: ServerConfig | None = None) -> Guarded:
    """The ASGI application; its decoder works from the lifespan's start to its end, the workbench is not closed."""
    given = settings or ServerConfig()
    queue = DecoderQueue()
    desk = Service(workbench, queue, given.model, given.named)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        with queue:
            if given.warm:
                queue.run(lambda: _warm(desk))
            yield

    app = FastAPI(
        title="latentknobs",
        version=__version__,
        summary="Hear a melody, turn its knobs, take MIDI home.",
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # those pages load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.desk = desk
    app.include_router(routes(desk))
    app.mount("/static", StaticFiles(directory=STATIC), name="static")

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(STATIC / "index.html", media_type="text/html")

    async def told(_request: Request, error: Exception) -> Response:
        return answer(fault_of(error))

    async def refused(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return answer(invalid(error.errors()))

    async def missed(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code = {404: "not-found", 405: "wrong-method", 400: "bad-request"}.get(error.status_code, "failed")
        text = {
            404: f"There is nothing at this address: the API is described at {PREFIX}/openapi.json.",
            405: f"This address is not asked that way: the API is described at {PREFIX}/openapi.json.",
            400: "The body cannot be read as JSON.",
        }
        return answer(RequestError(error.status_code, code, text.get(error.status_code, "That cannot be done.")))

    app.add_exception_handler(RequestValidationError, refused)
    app.add_exception_handler(HTTPException, missed)
    for kind in (LatentKnobsError, RequestError, BusyError, Exception):
        app.add_exception_handler(kind, told)
    return Guarded(app, given.door)


def _warm(desk: Service) -> None:
    """Load the models, and open the example with the default one."""
    first = next(iter(desk.models()))
    desk.open(
        first, PieceMessage.model_validate(message_of(scores.read_twinkle(), {"kind": "example", "name": "twinkle"}))
    )
