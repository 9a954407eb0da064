"""
Reads one MIDI file in a process of its own: bytes on stdin, JSON on stdout.

Parsing is bounded by what a process can be bounded by: time of the processor and memory, which the operating system
holds it to, and a deadline, at which the server ends it. A thread could not be ended.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

CPU_SECONDS = 10
MEMORY = 2 * 1024**3


def main() -> None:
    """Answer one request: a line of JSON (file, format, options), then the file."""
    _hold()
    line, data = sys.stdin.buffer.readline(), sys.stdin.buffer.read()
    sys.stdout.write(json.dumps(read(json.loads(line), data), allow_nan=False))


def read(asked: dict[str, Any], data: bytes) -> dict[str, Any]:
    """The piece and its remarks, or what is wrong with the file; and its tracks, where it is MIDI at all."""
    from latentknobs import scores
    from latentknobs.core.clip import ClipFormat
    from latentknobs.errors import LatentKnobsError, MidiError
    from latentknobs.scores.midi_file import load

    # Reading needs the grid alone; the format itself may be one of a plugin that is not loaded here.
    grid = dict(asked["format"])
    if grid["drums"] is not None:
        grid["drums"] = tuple(SimpleNamespace(name=name, numbers=tuple(numbers)) for name, numbers in grid["drums"])
    else:
        del grid["drums"]
    out: dict[str, Any] = {"tracks": []}
    with tempfile.TemporaryDirectory(prefix="latentknobs-") as folder:
        os.chdir(folder)
        try:
            path = Path(asked["file"])  # a bare name, so that no message can hold a folder
            path.write_bytes(data)
            out["tracks"] = [
                {"number": part.number, "name": part.name[:120], "notes": len(part.notes), "drums": part.drums}
                for part in load(path).parts
            ]
            piece = scores.read_piece(path, clip_format=cast(ClipFormat, SimpleNamespace(**grid)), **asked["options"])
        except LatentKnobsError as error:
            return {**out, "error": str(error), "kind": "midi" if isinstance(error, MidiError) else "usage"}
        finally:
            os.chdir("/")
    out["piece"] = {
        "name": piece.name[:120],
        "tempo": piece.tempo,
        "steps": piece.steps,
        "notes": [[n.onset, n.pitch, n.length, n.voice] for n in piece.notes],
    }
    return {**out, "remarks": list(piece.remarks)}


def _hold() -> None:
    try:
        import resource
    except ImportError:  # no such limits there; the server's deadline still holds
        return
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
