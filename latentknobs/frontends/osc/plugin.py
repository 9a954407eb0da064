"""Registers the OSC front end; its dependencies are imported when it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latentknobs.core.frontend_specs import FrontendSpec, RunningFrontend
from latentknobs.errors import needs_extra
from latentknobs.frontends.osc import PORT
from latentknobs.hooks import hookimpl

if TYPE_CHECKING:
    from latentknobs.core.live_session import LiveSession


def _start(session: LiveSession, arguments: list[str]) -> RunningFrontend:
    from latentknobs.frontends.osc.options import start

    return start(session, arguments)


def _check(arguments: list[str]) -> None:
    from latentknobs.frontends.osc.options import read_options

    read_options(arguments)
    with needs_extra("The OSC front end", "osc"):
        import pythonosc  # noqa: F401 - whether it is there
        import zeroconf  # noqa: F401 - and this


@hookimpl
def register_frontends() -> list[FrontendSpec]:
    """Play a session by OSC."""
    return [
        FrontendSpec(
            "osc",
            "Open Sound Control: turn knobs and get notes from Pure Data, Max or SuperCollider.",
            start=_start,
            check=_check,
            port=PORT,
        )
    ]
