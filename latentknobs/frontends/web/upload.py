"""Uploaded MIDI files: each is read by a process of its own, which can be ended."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from latentknobs.core.backend import VAEBackend
from latentknobs.core.clip import ClipFormat, DrumFormat, Note
from latentknobs.core.piece import Piece
from latentknobs.frontends.web.errors import RequestError
from latentknobs.frontends.web.piece_schema import message_of, windows
from latentknobs.frontends.web.requests import MAX_NOTES, MAX_STEPS, MidiSource, ReadOptions
from latentknobs.frontends.web.responses import ReadResponse, Track

SECONDS = 15.0
"""Longest that reading a file may take."""
AT_ONCE = 2
"""Files that are read at the same time; others wait."""
MAX_REMARKS = 200


class Reader:
    """Reads uploaded files, at most AT_ONCE at a time."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(AT_ONCE)

    async def read(
        self,
        data: bytes,
        file: str,
        options: ReadOptions,
        model: VAEBackend,
        in_worker: Callable[[Callable[[], list[bool]]], Awaitable[list[bool]]],
    ) -> ReadResponse:
        """
        A MIDI file as a piece with its windows.

        Args:
            data: The file.
            file: The client's name for it; only its last part is used.
            options: How to read it.
            model: Gives the format, and says which clips it accepts.
            in_worker: Has the worker do something with the model.

        Raises:
            RequestError: It cannot be read, or not in time.
        """
        name = file_name(file)
        clip_format = model.spec.clip_format
        async with self._free:
            result = await _read_in_child(data, name, options, clip_format)
        if "error" in result:
            code = "bad-midi" if result["kind"] == "midi" else "bad-value"
            raise RequestError(422, code, result["error"][:2000], tracks=result["tracks"])
        piece = _piece(result["piece"], name)
        accepted = await in_worker(lambda: [bool(one) for one in model.accepts(piece.cut(clip_format).clips)])
        reason = f"{model.spec.name} does not accept it: a pitch outside its range, or nothing that it knows"
        remarks = [str(remark)[:500] for remark in result["remarks"]]
        if len(remarks) > MAX_REMARKS:
            remarks = [*remarks[:MAX_REMARKS], f"And {len(remarks) - MAX_REMARKS} more remarks."]
        source = MidiSource(kind="midi", file=name, sha256=hashlib.sha256(data).hexdigest(), options=options)
        return ReadResponse(
            piece=message_of(piece, source),
            windows=windows(accepted, clip_format, reason),
            remarks=remarks,
            tracks=[Track(**track) for track in result["tracks"]],
        )


def file_name(file: str) -> str:
    """A file name that is safe on every disk: ASCII letters, digits, "-", "_", "." and blanks, ending in .mid."""
    last = re.split(r"[/\\]", file)[-1]
    stem = re.sub(r"\.(mid|midi|smf)$", "", last, flags=re.IGNORECASE)
    return (re.sub(r"[^\w. -]", "_", stem, flags=re.ASCII).strip(" .-")[:80] or "piece") + ".mid"


def _piece(result: dict[str, Any], name: str) -> Piece:
    notes = [Note(*row) for row in result["notes"]]
    if result["steps"] > MAX_STEPS or len(notes) > MAX_NOTES:
        raise RequestError(
            422, "too-long", f"{name} has {len(notes)} notes; at most {MAX_NOTES} are accepted: cut out a part."
        )
    return Piece(tuple(notes), result["steps"], min(max(result["tempo"], 4.0), 1000.0), result["name"])


async def _read_in_child(data: bytes, name: str, options: ReadOptions, clip_format: ClipFormat) -> dict[str, Any]:
    chosen: dict[str, Any] = options.model_dump()
    if options.track is not None and options.track.isdecimal():
        chosen["track"] = int(options.track[:6])
    request = json.dumps({"file": name, "format": _grid(clip_format), "options": chosen}).encode()
    package = str(Path(__file__).parents[3])
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "latentknobs.frontends.web.midi_worker"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path},
    )
    try:
        out, _ = await asyncio.wait_for(child.communicate(request + b"\n" + data), SECONDS)
        result = json.loads(out)
    except TimeoutError:
        message = f"{name} takes longer than {SECONDS:.0f} seconds to read: export it again, or a part of it."
        raise RequestError(422, "too-slow", message) from None
    except ValueError:
        message = f"{name} cannot be read within the limits of time and memory: export it again."
        raise RequestError(422, "bad-midi", message) from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    assert isinstance(result, dict)
    return result


def _grid(clip_format: ClipFormat) -> dict[str, Any]:
    drums = clip_format.drums if isinstance(clip_format, DrumFormat) else None
    return {
        "name": clip_format.name,
        "steps": clip_format.steps,
        "steps_per_beat": clip_format.steps_per_beat,
        "beats_per_bar": clip_format.beats_per_bar,
        "drums": None if drums is None else [[voice.name, list(voice.numbers)] for voice in drums],
    }
