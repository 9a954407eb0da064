"""Registers the MIDI front end and the command that lists ports; what they need is imported when they start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from latentknobs.core.frontend_specs import CommandSpec, FrontendSpec, Host, Param, RunningFrontend
from latentknobs.errors import needs_extra
from latentknobs.hooks import hookimpl

if TYPE_CHECKING:
    from latentknobs.core.live_session import LiveSession


def _start(session: LiveSession, arguments: list[str]) -> RunningFrontend:
    with needs_extra("The MIDI front end", "midi"):
        from latentknobs.frontends.midi.frontend import start
    return start(session, arguments)


def _check(arguments: list[str]) -> None:
    from latentknobs.frontends.midi.options import read_options

    read_options(arguments)
    with needs_extra("The MIDI front end", "midi"):
        import mido  # noqa: F401 - whether it is there
        import rtmidi  # noqa: F401 - and this


def ports(
    host: Host,  # noqa: ARG001 - every command gets one
    *,
    json: Annotated[bool, Param("Print JSON.")] = False,
) -> dict[str, Any] | None:
    """List the MIDI ports of this machine."""
    from latentknobs.frontends.midi.ports import RtMidiPorts

    there = RtMidiPorts()
    found = {"inputs": there.inputs(), "outputs": there.outputs()}
    if json:
        return found
    for kind, names in found.items():
        print(f"{kind:<8}", "\n         ".join(names) or "none")  # noqa: T201 - what the command is for
    return None


@hookimpl
def register_frontends() -> list[FrontendSpec]:
    """MIDI, on a session that others may share."""
    return [FrontendSpec("midi", "Controls, notes and clock of MIDI, both ways.", start=_start, check=_check)]


@hookimpl
def register_commands() -> list[CommandSpec]:
    """The list of ports."""
    return [CommandSpec(("ports",), "List the MIDI ports that serve midi can use.", ports)]
