"""Registers the OSC front end; its dependencies are imported when it starts."""

from __future__ import annotations

from latentknobs.core.frontend_specs import FrontendSpec, RunningFrontend
from latentknobs.core.live_session import LiveSession
from latentknobs.hooks import hookimpl


def _start(session: LiveSession, arguments: list[str]) -> RunningFrontend:
    from latentknobs.frontends.osc.options import start

    return start(session, arguments)


@hookimpl
def register_frontends() -> list[FrontendSpec]:
    """Play a session by OSC."""
    return [
        FrontendSpec(
            "osc", "Open Sound Control: turn knobs and get notes from Pure Data, Max or SuperCollider.", start=_start
        )
    ]
