"""
Reads one MIDI file in a process of its own: bytes on stdin, JSON on stdout.

The operating system limits the processor time and memory of the process, and the server ends it at a deadline; a
thread could not be ended.
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
    limit_resources()
    line, data = sys.stdin.buffer.readline(), sys.stdin.buffer.read()
    sys.stdout.write(json.dumps(read(json.loads(line), data), allow_nan=False))


def read(request: dict[str, Any], data: bytes) -> dict[str, Any]:
    """The piece and its remarks, or the error; and the tracks, where the file is MIDI at all."""
    from latentknobs import scores
    from latentknobs.core.clip import ClipFormat
    from latentknobs.errors import LatentKnobsError, MidiError
    from latentknobs.scores.midi_file import load

    # Only the grid matters here; the format may belong to a plugin, which this process does not load.
    grid = dict(request["format"])
    if grid["drums"] is not None:
        grid["drums"] = tuple(SimpleNamespace(name=name, numbers=tuple(numbers)) for name, numbers in grid["drums"])
    else:
        del grid["drums"]
    out: dict[str, Any] = {"tracks": []}
    with tempfile.TemporaryDirectory(prefix="latentknobs-") as folder:
        os.chdir(folder)
        try:
            path = Path(request["file"])  # a bare name, so that no message can hold a folder
            path.write_bytes(data)
            out["tracks"] = [
                {"number": part.number, "name": part.name[:120], "notes": len(part.notes), "drums": part.drums}
                for part in load(path).parts
            ]
            piece = scores.read_piece(path, clip_format=cast(ClipFormat, SimpleNamespace(**grid)), **request["options"])
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


def limit_resources() -> None:
    """Limit this process's processor time and memory, and forbid core files."""
    try:
        import resource
    except ImportError:  # not on Windows; the server's deadline still holds
        return
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
