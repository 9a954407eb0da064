"""Project files over HTTP: the page saves what it has open, and opens it again."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

from attrs import evolve
from fastapi import APIRouter, Request
from fastapi.responses import Response

from latentknobs.errors import ProjectError, UsageError
from latentknobs.frontends.web.errors import RequestError
from latentknobs.frontends.web.export import stem_of
from latentknobs.frontends.web.piece_schema import message_of, piece_of
from latentknobs.frontends.web.requests import (
    PREFIX,
    DrawnSource,
    KnobTurns,
    MidiSource,
    PieceMessage,
    ProjectRequest,
)
from latentknobs.frontends.web.responses import AccompanimentFacts, OpenedProject
from latentknobs.frontends.web.routes import FAILURES, Services, download
from latentknobs.frontends.web.service import Service
from latentknobs.frontends.web.shared import read_options, settings_facts
from latentknobs.scores.music_file import MusicFile
from latentknobs.scores.reading import Reading
from latentknobs.session import Session
from latentknobs.studio.project import SUFFIX, Project, ProjectReading
from latentknobs.studio.values import project_values

router = APIRouter(prefix=PREFIX, responses=FAILURES)
MEDIA_TYPE = "application/json"
NONE = AccompanimentFacts(timbre="", timbres=[], sounds=[])


@router.post("/models/{model}/project", response_class=Response, responses={200: {"content": {MEDIA_TYPE: {}}}})
async def save(model: str, body: ProjectRequest, service: Services) -> Response:
    """What the page has open as a project file; of a shared session what that has."""
    if service.room is not None:
        project = await asyncio.to_thread(service.room.session.project)
    else:
        session = await service.beside(lambda: service.open(model, body.state.piece).session)
        session = await _with_file(service, session, body)
        snapshots = {name: one.settings for name, one in body.snapshots.items()}
        tempo = body.state.piece.tempo
        project = await asyncio.to_thread(
            lambda: Project.of(
                session, body.state.settings, snapshots, tempo=tempo, loop=body.loop, loop_bars=body.loop_bars
            )
        )
    return download(f"{stem_of(Path(project.piece.name).stem)}{SUFFIX}", MEDIA_TYPE, project.text.encode())


async def _with_file(service: Service, session: Session, body: ProjectRequest) -> Session:
    """The session with the file that its piece came from, where the page has that."""
    source = body.state.piece.source
    if body.file is None or not isinstance(source, MidiSource):
        return session
    result = await service.beside(lambda: session.turn({}))
    # That it holds the piece is made sure of.
    await service.reader.splice(body.file, body.state.piece, result, "", session.model.spec.clip_format)
    asked = source.options.model_dump()
    reading = Reading(**ProjectReading(**{**asked, "track": asked["track"] or ""}).options)
    return evolve(session, file=MusicFile(Path(source.file), base64.b64decode(body.file)), reading=reading)


@router.post(
    "/models/{model}/project/read",
    openapi_extra={"requestBody": {"required": True, "content": {MEDIA_TYPE: {"schema": {"type": "object"}}}}},
)
async def read(model: str, request: Request, service: Services) -> OpenedProject:
    """A project file (the body): its piece, knobs and snapshots; a shared session opens it for all."""
    try:
        project = await asyncio.to_thread(Project.parse, await request.body(), "The file")
    except ProjectError as error:
        raise RequestError(422, "bad-project", str(error)) from error
    known = service.models()
    if lacking := next((one for one in project.models if one.model_id and one.name not in known), None):
        reason = f"The project needs the model {lacking.name}, which this server does not have."
        raise RequestError(422, "bad-project", reason)
    name = next((one.name for one in project.models if one.model_id), model)
    if any(one.model_id not in ("", known[one.name].spec.model_id) for one in project.models if one.name in known):
        reason = "The project was made with another model of that name, so it would play other notes."
        raise RequestError(422, "bad-project", reason)
    formats = await service.beside(lambda: service.formats(name))
    accompaniment, file = NONE, None
    if project.piece.file:
        asked = read_options(project.piece.reading)
        found = await service.reader.read(project.piece.data, project.piece.name, asked, *formats)
        piece, accompaniment, file = found.piece, found.accompaniment, project.piece.file
    else:
        piece = message_of(project.piece.drawn(project.tempo), DrawnSource(kind="drawn"))
    piece = PieceMessage.model_validate({**piece.model_dump(), "by_model": project.by_model})
    piece_of(piece, formats)  # refuses what is too long for this server
    if service.room is None and (project.key or project.axis):
        reason = "The project names a key or an axis, which the page cannot: open it with latentknobs turn."
        raise RequestError(422, "key-or-axis", reason)
    if service.room is None:
        await service.beside(lambda: _check(project, service.open(name, piece).session))
    answer = OpenedProject(
        model=name,
        piece=piece,
        settings=KnobTurns(**settings_facts(project.settings.settings)),
        snapshots={one: KnobTurns(**settings_facts(own.settings)) for one, own in project.snapshots.items()},
        tempo=project.tempo,
        loop=project.loop,
        loop_bars=project.loop_bars,
        file=file,
        accompaniment=accompaniment,
        shared=service.room is not None,
    )
    if service.room is not None:
        await asyncio.to_thread(service.room.session.open_project, project, "page")
    return answer


def _check(project: Project, session: Session) -> None:
    """
    That a page can set what a project holds, as a shared session makes sure of it.

    Raises:
        RequestError: It names bars or knobs that there are not, or amounts that a knob does not have.
    """
    try:
        project_values(project, session)
    except UsageError as error:
        raise RequestError(422, "bad-project", str(error)) from error
