"""The HTTP API, version 1, and the place of the WebSocket."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, WebSocket
from fastapi.responses import JSONResponse, Response

from latentknobs import __version__, scores
from latentknobs.core.clip import DrumFormat
from latentknobs.core.knob import RESERVED_NAMES
from latentknobs.errors import UnknownNameError
from latentknobs.frontends.web import knobs, requests, responses
from latentknobs.frontends.web.errors import RequestError, as_json
from latentknobs.frontends.web.export import file_of, zip_of
from latentknobs.frontends.web.piece_schema import message_of, rows
from latentknobs.frontends.web.reproduction_snippet import Recipes
from latentknobs.frontends.web.requests import (
    MOST_CLIPS,
    MOST_GRID,
    MOST_KNOBS,
    MOST_NOTES,
    ExportRequest,
    GridRequest,
    OpenRequest,
    PieceMessage,
    ReadOptions,
    RecipeRequest,
    State,
)
from latentknobs.frontends.web.security import MOST_BYTES
from latentknobs.frontends.web.service import Service
from latentknobs.frontends.web.upload import Reader
from latentknobs.frontends.web.websocket import LiveConnection

T = TypeVar("T")
API = 1
PREFIX = "/api/v1"
EXAMPLES = {"twinkle": ("Twinkle, twinkle, little star", scores.read_twinkle)}
WRONG: dict[int | str, dict[str, Any]] = {
    status: {"model": responses.ErrorResponse, "description": text}
    for status, text in {
        404: "There is no such name.",
        413: "The body is too large.",
        422: "It cannot be done; the sentence says why.",
    }.items()
}
Text = Annotated[str, Query(max_length=200)]


class Answer(JSONResponse):
    """JSON in ASCII, without numbers that are not finite."""

    def render(self, content: Any) -> bytes:
        return as_json(content)


def routes(desk: Service) -> APIRouter:
    """The routes over a desk."""
    api = APIRouter(prefix=PREFIX, responses=WRONG, default_response_class=Answer)
    reader = Reader()
    heavy = asyncio.Semaphore(1)  # sound and zips: one at a time, since they take memory

    async def aside(work: Callable[[], T]) -> T:
        """Have a thread do what needs no model."""
        return await asyncio.to_thread(work)

    @api.get("/info", response_model=responses.Info)
    async def info() -> Any:
        """What this server is and takes."""
        models = await desk.later(desk.models)
        return {
            "api": API,
            "version": __version__,
            "models": [_model_facts(name, model.spec) for name, model in models.items()],
            "model": next(iter(models)),
            "limits": {
                "bytes": MOST_BYTES,
                "clips": MOST_CLIPS,
                "notes": MOST_NOTES,
                "knobs": MOST_KNOBS,
                "grid": MOST_GRID,
            },
            "examples": [{"name": name, "title": title} for name, (title, _read) in EXAMPLES.items()],
        }

    @api.get("/examples/{name}", response_model=PieceMessage)
    async def example(name: str) -> Any:
        """A piece that comes with the program."""
        if name not in EXAMPLES:
            raise UnknownNameError("example", name[:80], EXAMPLES, "on this server")
        return message_of(await aside(EXAMPLES[name][1]), {"kind": "example", "name": name})

    @api.get("/models/{model}/knobs", response_model=list[responses.KnobFacts])
    async def knobs_of(model: str, all: bool = False) -> Any:  # noqa: A002 - the API's word
        """The knobs that are accepted and the controls; with all=true the others too."""
        backend = await desk.later(lambda: desk.model(model))
        return knobs.listed(await aside(lambda: desk.knobs(backend)), every=all)

    @api.get("/models/{model}/knobs/{name}", response_model=responses.KnobCard)
    async def knob(model: str, name: str, amount: Annotated[float | None, Query(allow_inf_nan=False)] = None) -> Any:
        """One knob with its card and its curves at the measured amount nearest to the one that is asked for."""
        backend = await desk.later(lambda: desk.model(model))
        known = await aside(lambda: desk.knobs(backend))
        if name in RESERVED_NAMES and known:
            like = next(iter(known.values()))
            facts = knobs.control(name, like)
            empty = {"effect": [], "leakage": [], "gates": [], "text": [facts["reason"]]}
            return {**facts, "card": empty, "curves": {"amounts": [], "amount": None, "mean_change": [], "sorted": []}}
        if name not in known:
            raise UnknownNameError("knob", name[:80], known, f"for the model {backend.spec.name}")
        found = known[name]
        return {**knobs.facts(found), "card": knobs.card(found), "curves": knobs.curves(found, amount)}

    @api.post(
        "/models/{model}/read",
        response_model=responses.ReadResponse,
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
        policy: Literal["auto", "error", "highest-onset", "skyline"] = "auto",
        track: Annotated[str, Query(max_length=120)] = "",
        offset: Annotated[float, Query(ge=-4096, le=4096, allow_inf_nan=False)] = 0.0,
        regroup: bool = False,
        file: Annotated[str, Query(max_length=300)] = "piece.mid",
    ) -> Any:
        """A MIDI file (the body) as a piece, with all its clips."""
        backend = await desk.later(lambda: desk.model(model))
        options = ReadOptions(policy=policy, track=track or None, offset=offset, regroup=regroup)
        return await reader.read(await request.body(), file, options, backend, desk.later)

    @api.post("/models/{model}/open", response_model=responses.Opened)
    async def open_(model: str, asked: OpenRequest) -> Any:
        """A piece as the model has it: its clips, its codes, and what they decode to."""
        opened = await desk.later(lambda: desk.open(model, asked.piece))
        return await aside(opened.facts)

    @api.post("/models/{model}/turn", response_model=responses.TurnResponse)
    async def turn(model: str, state: State) -> Any:
        """Turn knobs on a piece; decoded with what other clients wait for."""
        began = time.perf_counter()
        opened = await desk.later(lambda: desk.open(model, state.piece))
        answer, _batch = await desk.move(object(), opened, state, began)
        return answer

    @api.post("/models/{model}/grid", response_model=responses.GridResponse)
    async def grid(model: str, asked: GridRequest) -> Any:
        """The pieces between two: a as it sounds top left, b bottom right."""
        _first, spots = await desk.later(lambda: desk.grid(model, asked))
        return {"cells": [[_cell(spot) for spot in row] for row in spots]}

    @api.post("/models/{model}/export", response_class=Response, responses={200: {"content": {"audio/midi": {}}}})
    async def export(model: str, asked: ExportRequest) -> Response:
        """What is heard, as a MIDI file with where it comes from inside, or as sound."""
        opened, turned = await desk.later(lambda: desk.turn(model, asked.state))
        clip_format = opened.session.model.spec.clip_format
        async with heavy:
            name, media, data = await aside(lambda: file_of(turned, clip_format, asked.as_))
        return _file(name, media, data)

    @api.post(
        "/models/{model}/export/grid", response_class=Response, responses={200: {"content": {"application/zip": {}}}}
    )
    async def export_grid(model: str, asked: GridRequest) -> Response:
        """A grid as a zip of MIDI files with manifest.json."""
        first, spots = await desk.later(lambda: desk.grid(model, asked))
        async with heavy:
            name, data = await aside(lambda: zip_of(spots, first))
        return _file(name, "application/zip", data)

    @api.post("/models/{model}/recipe", response_model=responses.Recipe)
    async def recipe(model: str, asked: RecipeRequest) -> Any:
        """A command and a piece of Python that give exactly these notes, with the files that they need."""
        if (asked.state is None) == (asked.grid is None):
            raise RequestError(422, "bad-request", "A recipe is of a state or of a grid: send one of the two.")
        backend = await desk.later(lambda: desk.model(model))
        shipped = backend.spec.name in desk.workbench.models.names
        recipes = Recipes(backend, shipped=shipped, named=desk.named)
        if asked.grid is not None:
            given = asked.grid
            await desk.later(lambda: desk.grid(model, given))  # so that what cannot be done has no recipe
            return await aside(lambda: recipes.grid(given))
        state = asked.state
        assert state is not None
        await desk.later(lambda: desk.turn(model, state))
        return await aside(lambda: recipes.state(state))

    @api.get("/registry/knobs")
    async def registry_knobs(asked: Annotated[requests.Filters, Query()]) -> list[dict[str, Any]]:
        """The knobs that meet every condition given, as `latentknobs knobs list --json` has them."""
        filters = {name: value for name, value in asked if value != ""}
        model = filters.get("model")

        def find() -> list[dict[str, Any]]:
            # A model is named, not located: clients open no files here.
            if model and model not in {word for pair in desk.workbench.registry.models() for word in pair}:
                known = [name for name, _id in desk.workbench.registry.models()]
                raise UnknownNameError("model", model, known, "in the registry")
            return [knob.as_dict() for knob in desk.workbench.knobs(**filters)]

        return await aside(find)

    @api.get("/registry/runs")
    async def registry_runs(model: Text = "", augmentation: Text = "") -> list[dict[str, Any]]:
        """The stored runs, the oldest first, as `latentknobs runs list --json` has them."""

        def find() -> list[dict[str, Any]]:
            runs = sorted(desk.workbench.registry.runs(), key=lambda run: run.started)
            return [
                run.as_row()
                for run in runs
                if (not model or model in (run.spec.model_name, run.spec.model_id))
                and (not augmentation or run.spec.augmentation == augmentation)
            ]

        return await aside(find)

    @api.websocket("/live")
    async def live(socket: WebSocket) -> None:
        await LiveConnection(socket, desk).serve()

    return api


def _model_facts(name: str, spec: Any) -> dict[str, Any]:
    clip_format = spec.clip_format
    drums = [voice.name for voice in clip_format.drums] if isinstance(clip_format, DrumFormat) else None
    return {
        "name": name,
        "model_id": spec.model_id,
        "latent_size": spec.latent_size,
        "format": {
            "name": clip_format.name,
            "steps": clip_format.steps,
            "steps_per_beat": clip_format.steps_per_beat,
            "beats_per_bar": clip_format.beats_per_bar,
            "drums": drums,
        },
        "pitch_range": spec.pitch_range,
    }


def _cell(spot: Any) -> dict[str, Any]:

    return {"at": [t for _way, t in spot.at], "notes": rows(spot.piece.notes), "clips": len(spot.clips)}


def _file(name: str, media: str, data: bytes) -> Response:
    return Response(
        data, media_type=media, headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
    )
