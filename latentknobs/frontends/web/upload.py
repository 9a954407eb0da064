"""MIDI files that clients send: read by a process of its own, which can be ended."""

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
from latentknobs.core.clip import ClipFormat, DrumFormat, Note, Piece
from latentknobs.frontends.web.errors import RequestError
from latentknobs.frontends.web.piece_schema import message_of, windows
from latentknobs.frontends.web.requests import MOST_NOTES, MOST_STEPS, PieceMessage, ReadOptions

SECONDS = 15.0
"""Longest that a file is read."""
AT_ONCE = 2
"""Files that are read at the same time; others wait."""
MOST_REMARKS = 200


class Reader:
    """Reads uploaded files, at most AT_ONCE at a time."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._free = asyncio.Semaphore(AT_ONCE)

    async def read(
        self,
        data: bytes,
        file: str,
        options: ReadOptions,
        model: VAEBackend,
        later: Callable[[Callable[[], list[bool]]], Awaitable[list[bool]]],
    ) -> dict[str, Any]:
        """
        A MIDI file as a piece with its windows.

        Args:
            data: The file.
            file: What people call it; only its last part is used.
            options: How it is to be read.
            model: Gives the format, and says which clips it carries.
            later: Has the worker do something with the model.

        Raises:
            RequestError: It cannot be read, or not in time.
        """
        name = file_name(file)
        async with self._free:
            found = await _child(data, name, options, model.spec.clip_format, self._seconds)
        if "error" in found:
            code = "bad-midi" if found["kind"] == "midi" else "bad-value"
            raise RequestError(422, code, found["error"][:2000], tracks=found["tracks"])
        piece = _whole(found["piece"], name)
        source = {
            "kind": "midi",
            "file": name,
            "sha256": hashlib.sha256(data).hexdigest(),
            "options": options.model_dump(),
            "clips": None,
        }
        remarks = [str(remark)[:500] for remark in found["remarks"]]
        if len(remarks) > MOST_REMARKS:
            remarks = [*remarks[:MOST_REMARKS], f"And {len(remarks) - MOST_REMARKS} more remarks."]
        clip_format = model.spec.clip_format
        accepted = await later(lambda: [bool(one) for one in model.accepts(piece.cut(clip_format).clips)])
        why = f"{model.spec.name} does not carry it: a pitch outside its range, or nothing that it knows"
        return {
            "piece": PieceMessage.model_validate(message_of(piece, source)).model_dump(),
            "windows": windows(accepted, clip_format, why),
            "remarks": remarks,
            "tracks": found["tracks"],
        }


def file_name(file: str) -> str:
    """A name that is safe on every disk, of what a client calls its file: letters, digits, "-", "_", "." and blanks."""
    last = re.split(r"[/\\]", file)[-1]
    stem = re.sub(r"\.(mid|midi|smf)$", "", last, flags=re.IGNORECASE)
    return (re.sub(r"[^\w. -]", "_", stem, flags=re.ASCII).strip(" .-")[:80] or "piece") + ".mid"


def _whole(found: dict[str, Any], name: str) -> Piece:
    if found["steps"] > MOST_STEPS or len(found["notes"]) > MOST_NOTES:
        raise RequestError(
            422, "too-long", f"{name} has {len(found['notes'])} notes; at most {MOST_NOTES} are taken: cut out a part."
        )
    tempo = min(max(found["tempo"], 4.0), 1000.0)
    return Piece(tuple(Note(*row) for row in found["notes"]), found["steps"], tempo, found["name"])


async def _child(
    data: bytes, name: str, options: ReadOptions, clip_format: ClipFormat, seconds: float
) -> dict[str, Any]:
    chosen: dict[str, Any] = options.model_dump()
    if chosen["track"] is not None and chosen["track"].isdecimal():
        chosen["track"] = int(chosen["track"][:6])
    asked = {"file": name, "format": _grid(clip_format), "options": chosen}
    package = Path(__file__).parents[3]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(package), os.environ.get("PYTHONPATH")]))}
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "latentknobs.frontends.web.midi_worker",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=environ,
    )
    try:
        out, _ = await asyncio.wait_for(child.communicate(json.dumps(asked).encode() + b"\n" + data), seconds)
    except TimeoutError:
        raise RequestError(
            422,
            "too-slow",
            f"{name} takes longer than {seconds:.0f} seconds to read: export it again, or a part of it.",
        ) from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    try:
        found = json.loads(out)
    except ValueError:
        raise RequestError(
            422, "bad-midi", f"{name} cannot be read within the limits of time and memory: export it again."
        ) from None
    assert isinstance(found, dict)
    return found


def _grid(clip_format: ClipFormat) -> dict[str, Any]:
    drums = clip_format.drums if isinstance(clip_format, DrumFormat) else None
    return {
        "name": clip_format.name,
        "steps": clip_format.steps,
        "steps_per_beat": clip_format.steps_per_beat,
        "beats_per_bar": clip_format.beats_per_bar,
        "drums": None if drums is None else [[voice.name, list(voice.numbers)] for voice in drums],
    }
