"""Registers the web front end; its dependencies are imported when it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latentknobs.core.frontend_specs import FrontendSpec, RunningFrontend
from latentknobs.frontends.web import PORT
from latentknobs.hooks import hookimpl

if TYPE_CHECKING:
    from latentknobs.core.live_session import LiveSession


def _serve(arguments: list[str]) -> int:
    from latentknobs.frontends.web.server import serve

    return serve(arguments)


def _start(session: LiveSession, arguments: list[str]) -> RunningFrontend:
    from latentknobs.frontends.web.server import start

    return start(session, arguments)


def _check(arguments: list[str]) -> None:
    from latentknobs.frontends.web.server import checked_options

    checked_options(arguments)


@hookimpl
def register_frontends() -> list[FrontendSpec]:
    """The page in the browser."""
    doc = "A page in the browser: hear a melody, turn its knobs, export MIDI."
    return [FrontendSpec("web", doc, _serve, _start, check=_check, port=PORT)]
