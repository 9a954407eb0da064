"""The web application: API and page over a workbench, behind access control."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from attrs import field, frozen
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from latentknobs import __version__, scores
from latentknobs.errors import LatentKnobsError
from latentknobs.frontends.web.errors import RequestError, error_response
from latentknobs.frontends.web.piece_schema import message_of
from latentknobs.frontends.web.project_routes import router as project_router
from latentknobs.frontends.web.registry_routes import router as registry_router
from latentknobs.frontends.web.requests import PREFIX, ExampleSource
from latentknobs.frontends.web.routes import router
from latentknobs.frontends.web.security import AccessPolicy, secured
from latentknobs.frontends.web.service import Service
from latentknobs.frontends.web.shared import SharedRoom
from latentknobs.steering.batch_decoder import BusyError, DecoderQueue
from latentknobs.studio.shared_session import SharedSession
from latentknobs.workbench import Workbench

STATIC = Path(__file__).parent / "static"


def _names(model: str | Sequence[str]) -> tuple[str, ...]:
    return (model,) if isinstance(model, str) else tuple(model)


@frozen
class ServerConfig:
    """
    How a server is set up.

    Attributes:
        model: Name or location of a model, or of one for each clip format, the default first; () = those that come with
            the package.
        access: Who may use the server.
        own_registry: Whether it was started with a registry of its own, which commands must then name too.
        warm: Whether the model and the example are loaded at the start, not with the first request.
    """

    model: tuple[str, ...] = field(default=(), converter=_names)
    access: AccessPolicy = field(factory=AccessPolicy)
    own_registry: bool = False
    warm: bool = True


def create_app(
    workbench: Workbench, config: ServerConfig | None = None, shared: SharedSession | None = None
) -> ASGIApp:
    """
    The ASGI application; its decoder works while the application runs. The workbench is not closed.

    Args:
        workbench: Has models and registry.
        config: How the server is set up.
        shared: The session that all clients share, whose decoder is used; None = each has its own.
    """
    config = config or ServerConfig()
    queue = DecoderQueue() if shared is None else shared.queue
    service = Service(workbench, queue, config.model, config.own_registry)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        if shared is not None:
            service.room = SharedRoom(shared, service.opened)
            with service.room:
                yield
            return
        with service.queue:
            if config.warm:
                service.queue.beside(lambda: _warm(service))
            yield

    app = _application(lifespan=lifespan)
    app.state.service = service
    return secured(app, config.access)


def openapi_document() -> dict[str, Any]:
    """The API's OpenAPI document, from which the page's types are generated."""
    return _application().openapi()


def _application(**options: Any) -> FastAPI:
    app = FastAPI(
        title="latentknobs",
        version=__version__,
        summary="Hear a melody, turn its knobs, export MIDI.",
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # those pages load scripts from elsewhere
        redoc_url=None,
        separate_input_output_schemas=False,
        **options,
    )
    app.include_router(router)
    app.include_router(registry_router)
    app.include_router(project_router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_api_route("/", _page, include_in_schema=False)
    for path in ("/registry", "/registry/{view:path}"):
        app.add_api_route(path, _registry_page, include_in_schema=False)
    for kind in (RequestValidationError, HTTPException, LatentKnobsError, RequestError, BusyError, Exception):
        app.add_exception_handler(kind, _answer_error)
    return app


async def _page() -> FileResponse:
    return FileResponse(STATIC / "index.html", media_type="text/html")


async def _registry_page() -> FileResponse:
    return FileResponse(STATIC / "registry.html", media_type="text/html")


async def _answer_error(_request: Request, error: Exception) -> Response:
    return error_response(error)


def _warm(service: Service) -> None:
    """Load the models, and open the example with the default one."""
    example = message_of(scores.TWINKLE.read(), ExampleSource(kind="example", name="twinkle"))
    service.open(next(iter(service.models())), example)
