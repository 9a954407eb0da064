"""The HTTP API, version 1, and the address of the WebSocket."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request, WebSocket
from fastapi.responses import Response
from starlette.requests import HTTPConnection

from latentknobs import __version__
from latentknobs.core.backend import VAEBackend
from latentknobs.core.clip import DrumFormat
from latentknobs.core.meter import signature_of, steps_per_bar
from latentknobs.errors import UnknownNameError
from latentknobs.frontends.web import knobs, responses
from latentknobs.frontends.web.errors import RequestError
from latentknobs.frontends.web.export import melody_of, name_of, zip_of
from latentknobs.frontends.web.piece_schema import cell_of, message_of
from latentknobs.frontends.web.reproduction_snippet import Recipes
from latentknobs.frontends.web.requests import (
    MAX_CLIPS,
    MAX_FILE_BYTES,
    MAX_GRID,
    MAX_KNOBS,
    MAX_NOTES,
    PREFIX,
    DrawnSource,
    ExampleSource,
    ExportRequest,
    GridRequest,
    OpenRequest,
    PieceMessage,
    ReadOptions,
    RecipeRequest,
    State,
)
from latentknobs.frontends.web.service import Service
from latentknobs.frontends.web.websocket import LiveConnection
from latentknobs.scores import EXAMPLES
from latentknobs.session import Session

API_VERSION = 1
FAILURES: dict[int | str, dict[str, Any]] = {
    status: {"model": responses.ErrorResponse, "description": text}
    for status, text in {
        404: "There is no such name.",
        413: "The body is too large.",
        422: "It cannot be done; the sentence says why.",
    }.items()
}


def _service(connection: HTTPConnection) -> Service:
    service: Service = connection.app.state.service
    return service


Services = Annotated[Service, Depends(_service)]


async def _backend(model: str, service: Services) -> VAEBackend:
    return await service.beside(lambda: service.model(model))


Text = Annotated[str, Query(max_length=200)]
router = APIRouter(prefix=PREFIX, responses=FAILURES)


# The server


@router.get("/info")
async def info(service: Services) -> responses.Info:
    """Version, models, limits and examples."""
    models = await service.beside(service.models)
    return responses.Info(
        api=API_VERSION,
        version=__version__,
        models=[_model_facts(name, model) for name, model in models.items()],
        model=next(iter(models)),
        limits=responses.Limits(bytes=MAX_FILE_BYTES, clips=MAX_CLIPS, notes=MAX_NOTES, knobs=MAX_KNOBS, grid=MAX_GRID),
        examples=[
            responses.Example(
                name=one.name,
                title=one.title,
                style=one.style,
                about=one.about,
                signature=str(signature_of(one.clip_format)),
                bars=int(one.piece.steps // steps_per_bar(one.clip_format)),
            )
            for one in EXAMPLES.values()
        ],
    )


@router.get("/examples/{name}")
async def example(name: str) -> PieceMessage:
    """A piece that ships with the package."""
    if name not in EXAMPLES:
        raise UnknownNameError("example", name[:80], EXAMPLES, "on this server")
    return message_of(EXAMPLES[name].read(), ExampleSource(kind="example", name=name))


def _model_facts(name: str, model: VAEBackend) -> responses.ModelFacts:
    spec = model.spec
    clip_format = spec.clip_format
    signature = signature_of(clip_format)
    return responses.ModelFacts(
        name=name,
        model_id=spec.model_id,
        latent_size=spec.latent_size,
        format=responses.FormatFacts(
            name=clip_format.name,
            steps=clip_format.steps,
            steps_per_beat=clip_format.steps_per_beat,
            beats_per_bar=float(clip_format.beats_per_bar),
            beats=signature.beats,
            unit=signature.unit,
            drums=[voice.name for voice in clip_format.drums] if isinstance(clip_format, DrumFormat) else None,
        ),
        pitch_range=spec.pitch_range,
    )


# Knobs of a model


@router.get("/models/{model}/melody")
async def melody(model: str, service: Services) -> PieceMessage:
    """A melody in the model's own format to hear its knobs on: an example that fits, else a sample of the model."""
    piece = await service.in_worker(lambda: service.melody(model))
    return message_of(piece, DrawnSource(kind="drawn"))


@router.get("/models/{model}/knobs")
async def knobs_of(
    backend: Annotated[VAEBackend, Depends(_backend)],
    service: Services,
    all: bool = False,  # noqa: A002 - the API's word
) -> list[responses.KnobFacts]:
    """The accepted knobs and the controls; with all=true the other knobs too."""
    return knobs.listed(await asyncio.to_thread(service.knobs, backend), every=all)


@router.get("/models/{model}/knobs/{name}")
async def knob(
    backend: Annotated[VAEBackend, Depends(_backend)],
    service: Services,
    name: str,
    amount: Annotated[float | None, Query(allow_inf_nan=False)] = None,
) -> responses.KnobCard:
    """One knob with its card, and its curves at the measured amount nearest to ``amount``."""
    stored = await asyncio.to_thread(service.knobs, backend)
    return knobs.detailed(name, stored, amount, backend.spec.name)


# Pieces


@router.post(
    "/models/{model}/read",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"audio/midi": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def read(
    request: Request,
    model: str,
    service: Services,
    policy: Literal["auto", "error", "highest-onset", "skyline"] = "auto",
    track: Annotated[str, Query(max_length=120)] = "",
    offset: Annotated[float, Query(ge=-4096, le=4096, allow_inf_nan=False)] = 0.0,
    bars: Annotated[str, Query(max_length=20)] = "",
    time_signature: Annotated[str, Query(max_length=10)] = "",
    quantize: bool = False,
    file: Annotated[str, Query(max_length=300)] = "piece.mid",
) -> responses.ReadResponse:
    """A file of MIDI or notation (the body) as a piece, with its clips, its tracks and what sounds beside it."""
    options = ReadOptions(
        policy=policy,
        track=track or None,
        offset=offset,
        bars=bars,
        time_signature=time_signature,
        quantize=quantize,
    )
    formats = await service.beside(lambda: service.formats(model))
    found = await service.reader.read(await request.body(), file, options, *formats)
    opened = await service.beside(lambda: service.open(model, found.piece))
    clips = await asyncio.to_thread(opened.opened)
    return responses.ReadResponse(
        piece=found.piece,
        windows=clips.windows,
        note=found.note,
        remarks=[*found.remarks, *clips.remarks],
        tracks=found.tracks,
        accompaniment=found.accompaniment,
    )


@router.post("/models/{model}/open")
async def open_(model: str, body: OpenRequest, service: Services) -> responses.Opened:
    """A piece as the model encodes and decodes it."""
    piece = await service.beside(lambda: service.open(model, body.piece))
    return await asyncio.to_thread(piece.opened)


@router.post("/models/{model}/turn")
async def turn(model: str, state: State, service: Services) -> responses.TurnResponse:
    """Turn knobs on a piece; decoded in one batch with the turns of other clients."""
    started = time.perf_counter()
    piece = await service.beside(lambda: service.open(model, state.piece))
    answer, _batch = await service.decode_turn(object(), piece, state, started)
    return answer


@router.post("/models/{model}/grid")
async def grid(
    model: str, body: GridRequest, backend: Annotated[VAEBackend, Depends(_backend)], service: Services
) -> responses.GridResponse:
    """A two-way interpolation: a as it sounds top left, b bottom right."""
    first, cells = await service.beside(lambda: service.grid(model, body))
    clip_format = backend.spec.clip_format
    return responses.GridResponse(cells=[[cell_of(cell, first, clip_format) for cell in row] for row in cells])


# Exports


@router.post("/models/{model}/export", response_class=Response, responses={200: {"content": {"audio/midi": {}}}})
async def export(model: str, body: ExportRequest, service: Services) -> Response:
    """The steered piece as MIDI or a score, with its provenance, or as sound: in its file, or else alone."""
    piece, result = await service.beside(lambda: service.turn(model, body.state))
    clip_format = piece.session.model.spec.clip_format
    async with service.exporting:
        if body.file is not None:
            data = await service.reader.splice(body.file, body.state.piece, result, body.as_, clip_format)
        else:
            data = await asyncio.to_thread(melody_of, result, clip_format, body.as_)
    return download(*name_of(result, body.as_), data)


@router.post(
    "/models/{model}/export/grid", response_class=Response, responses={200: {"content": {"application/zip": {}}}}
)
async def export_grid(model: str, body: GridRequest, service: Services) -> Response:
    """A grid as a zip of MIDI files with manifest.json."""
    first, cells = await service.beside(lambda: service.grid(model, body))
    async with service.exporting:
        name, data = await asyncio.to_thread(zip_of, cells, first)
    return download(name, "application/zip", data)


@router.post("/models/{model}/recipe")
async def recipe(
    model: str, body: RecipeRequest, backend: Annotated[VAEBackend, Depends(_backend)], service: Services
) -> responses.Recipe:
    """A command and Python code that reproduce exactly these notes, with the files that they read."""
    # What cannot be turned has no recipe: it is turned first, so that it is refused in the same way.
    if body.state is not None and body.grid is None:
        state = body.state
        piece, result = await service.beside(lambda: service.turn(model, state))
        recipes = _recipes(model, backend, piece.session, service)
        if body.file is not None:  # that it holds the piece is made sure of
            await service.reader.splice(body.file, state.piece, result, "", backend.spec.clip_format)
        return await asyncio.to_thread(recipes.state, state, body.file, partial=bool(result.left))
    if body.grid is not None and body.state is None:
        request = body.grid
        first, _cells = await service.beside(lambda: service.grid(model, request))
        recipes = _recipes(model, backend, first, service)
        return await asyncio.to_thread(recipes.grid, request)
    raise RequestError(422, "bad-request", "A recipe is of a state or of a grid: send one of the two.")


def _recipes(model: str, backend: VAEBackend, session: Session, service: Service) -> Recipes:
    """What recipes of a piece need to know: its models are named where they are not those that commands take."""
    known = service.workbench.models
    names = tuple(part.model.spec.name for part in session.parts)
    usual = service.together(model) == known.defaults
    shipped = all(name in known.names for name in names)
    own_registry = service.own_registry
    return Recipes(backend.spec.clip_format, () if usual else names, shipped=shipped, own_registry=own_registry)


def download(name: str, media_type: str, data: bytes) -> Response:
    """A file to save."""
    return Response(
        data, media_type=media_type, headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
    )


# Live


@router.websocket("/live")
async def live(socket: WebSocket, service: Services) -> None:
    """The WebSocket."""
    await LiveConnection(socket, service).serve()
