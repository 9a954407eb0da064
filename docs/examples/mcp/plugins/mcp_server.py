"""
A server of the Model Context Protocol over stdio: a client lists knobs, turns a file, and is told what changed.

pip install mcp, copy this file into the plugins folder, and let the client start: latentknobs serve mcp
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from latentknobs import FrontendSpec, Note, Workbench, hookimpl

LATENTKNOBS_API = 1
NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


def described(notes: Sequence[Note]) -> dict[str, Any]:
    """What is said of a melody's notes."""
    pitches = [note.pitch for note in notes] or [0]
    return {
        "notes": len(notes),
        "mean pitch": round(sum(pitches) / len(pitches), 2),
        "range": [min(pitches), max(pitches)],
        "mean length in steps": round(sum(note.length for note in notes) / max(len(notes), 1), 2),
        "melody": " ".join(f"{NAMES[note.pitch % 12]}{note.pitch // 12 - 1}" for note in notes),
    }


def made(workbench: Workbench) -> Any:
    """The server with its tools; they run one after another, in the thread that opened the workbench."""
    from mcp.server import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError

    from latentknobs import LatentKnobsError, Session, write_piece

    server = MCPServer("latentknobs", instructions="Steers melodies by the knobs of music VAEs.")

    @server.tool()
    async def list_knobs() -> list[dict[str, Any]]:
        """The accepted knobs: name, unit, usable range, step (none = any amount), and what each was learned from."""
        said = ("name", "unit", "low", "high", "step", "model_name", "augmentation")
        return [
            {field: getattr(knob, field) for field in said}
            for knob in workbench.knobs(verdict="accepted", evidence=False)
        ]

    @server.tool()
    async def turn_file(file: str, knobs: dict[str, float], write_to: str = "") -> dict[str, Any]:
        """
        Turn knobs on the melody of a file (MIDI, ABC or MusicXML) and say what changed.

        Args:
            file: Its path, "" for an example.
            knobs: Amounts by name, within the usable range.
            write_to: Path of a new MIDI file for the result, "" for none.
        """
        try:
            session = Session.open(workbench, Path(file) if file else None)
            turned = session.turn(knobs)
            if write_to:
                write_piece(turned.after, write_to, provenance=turned.provenance)
        except LatentKnobsError as error:
            raise ToolError(str(error)) from error
        before, after = set(session.piece.notes), set(turned.after.notes)
        return {
            "before": described(session.piece.notes),
            "after": described(turned.after.notes),
            "kept notes": len(before & after),
            "removed notes": len(before - after),
            "new notes": len(after - before),
            "remarks": list(session.remarks()),
            "written to": write_to,
        }

    return server


def serve(arguments: list[str]) -> int:
    """Serve on stdin and stdout until the client leaves."""
    from latentknobs import UsageError

    if arguments:
        raise UsageError(f"serve mcp takes no arguments: {' '.join(arguments)}")
    with Workbench.open() as workbench:
        made(workbench).run("stdio")
    return 0


@hookimpl
def register_frontends() -> list[FrontendSpec]:
    """The front end."""
    return [FrontendSpec("mcp", "Lists and turns knobs over the Model Context Protocol.", serve)]
