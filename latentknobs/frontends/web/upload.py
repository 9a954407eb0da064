"""Uploaded files: each is read, and given back with other notes, by a process of its own, which can be ended."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from attrs import frozen

from latentknobs.core.clip import ClipFormat, DrumFormat
from latentknobs.core.meter import signature_of
from latentknobs.core.piece import Piece
from latentknobs.frontends.web.errors import RequestError
from latentknobs.frontends.web.piece_schema import clip_starts, stretch_of
from latentknobs.frontends.web.requests import (
    MAX_CLIPS,
    MAX_FILE_BYTES,
    MAX_NOTES,
    MAX_STEPS,
    MAX_STRETCHES,
    MidiSource,
    PieceMessage,
    ReadOptions,
    StretchMessage,
)
from latentknobs.frontends.web.responses import AccompanimentFacts, Track
from latentknobs.steering.turn_result import TurnResult

SECONDS = 15.0
"""Longest that reading a file may take."""
SOUND_SECONDS = 90.0
"""Longest that making its sound may take."""
AT_ONCE = 2
"""Files that are read at the same time; others wait."""
MAX_REMARKS = 200
SUFFIXES = (".mid", ".midi", ".smf", ".kar", ".rmi", ".abc", ".musicxml", ".xml", ".mxl")
"""Of files that are read."""


@frozen
class FileRead:
    """
    What was read of a file.

    Attributes:
        piece: Its melody, with the options that it was read with.
        note: What was chosen because nobody had, sentences; "" for nothing.
        remarks: What was changed, one sentence each.
        tracks: Its tracks.
        accompaniment: What sounds beside the melody.
    """

    piece: PieceMessage
    note: str
    remarks: list[str]
    tracks: list[Track]
    accompaniment: AccompanimentFacts


class Reader:
    """Reads uploaded files, at most AT_ONCE at a time."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(AT_ONCE)

    async def read(
        self, data: bytes, file: str, options: ReadOptions, clip_format: ClipFormat, *more: ClipFormat
    ) -> FileRead:
        """
        A file of MIDI or notation as a piece.

        What nobody chose and has to be chosen (a track, the highest line, the grid, the bars of a long file) is chosen,
        and that is noted.

        Args:
            data: The file.
            file: The client's name for it; only its last part is used.
            options: How to read it.
            clip_format: Gives the grid.
            more: Further formats on that grid that the piece will be opened with.

        Raises:
            RequestError: It cannot be read, or not in time.
        """
        source = MidiSource(kind="midi", file=file_name(file), sha256=hashlib.sha256(data).hexdigest(), options=options)
        result = await self._read(data, source, clip_format, *more)
        note = result["note"]
        if bars := _first_bars(_outline(result["piece"]), clip_format, *more):
            longest = f"It is longer than the {MAX_CLIPS} clips that are opened at once: bars {bars} are taken."
            options = ReadOptions.model_validate({**result["options"], "bars": bars})
            result = await self._read(data, source.model_copy(update={"options": options}), clip_format, *more)
            note = f"{note} {longest}".strip()
        remarks = [str(remark)[:500] for remark in result["remarks"]]
        if len(remarks) > MAX_REMARKS:
            remarks = [*remarks[:MAX_REMARKS], f"And {len(remarks) - MAX_REMARKS} more remarks."]
        source = source.model_copy(update={"options": ReadOptions.model_validate(result["options"])})
        piece = _message(result["piece"], source)
        return FileRead(
            piece,
            note,
            remarks,
            [Track(**track) for track in result["tracks"]],
            _accompaniment(result.get("accompaniment")),
        )

    async def splice(
        self, text: str, message: PieceMessage, result: TurnResult, kind: str, clip_format: ClipFormat
    ) -> bytes:
        """
        The file that a piece came from, with the notes of a result in the place of its own.

        Args:
            text: The file, in base64.
            message: The piece.
            result: What turning gave.
            kind: "midi", "musicxml", "wav", or "" where it is only made sure that the file holds the piece.
            clip_format: Gives the grid.

        Raises:
            RequestError: It is not the piece's file, or cannot be read in time.
        """
        source = message.source
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise RequestError(422, "bad-file", "The file is not in base64.") from None
        if not isinstance(source, MidiSource) or hashlib.sha256(data).hexdigest() != source.sha256:
            raise RequestError(422, "other-file", f"{message.name} did not come from this file: open it again.")
        stretches = [stretch.model_dump() for stretch in message.stretches]
        request = {
            "as": kind,
            "before": {
                "steps": message.steps,
                "notes": [note.row for note in result.before.notes],
                "stretches": stretches,
            },
            "after": [note.row for note in result.after.notes],
            "provenance": dict(result.provenance),
        }
        async with self._free:
            answer, file = await _in_child(data, source, clip_format, request)
        _check(answer)
        return file

    async def _read(
        self, data: bytes, source: MidiSource, clip_format: ClipFormat, *more: ClipFormat
    ) -> dict[str, Any]:
        if len(data) > MAX_FILE_BYTES:
            raise RequestError(413, "too-large", f"{source.file} is larger than {MAX_FILE_BYTES} bytes.")
        async with self._free:
            answer, _file = await _in_child(data, source, clip_format, {"others": [_grid(one) for one in more]})
        _check(answer)
        return answer


def _check(answer: dict[str, Any]) -> None:
    """
    Raise what reading ended with.

    Raises:
        RequestError: It ended with an error.
    """
    if "error" in answer:
        code = "bad-midi" if answer["kind"] == "midi" else "bad-value"
        raise RequestError(422, code, answer["error"][:2000], tracks=answer["tracks"])


def file_name(file: str) -> str:
    """A file name that is safe on every disk: ASCII letters, digits, "-", "_", "." and blanks, with a known suffix."""
    last = re.split(r"[/\\]", file)[-1]
    suffix = next((suffix for suffix in SUFFIXES if last.lower().endswith(suffix)), "")
    stem = last.removesuffix(last[len(last) - len(suffix) :])
    return (re.sub(r"[^\w. -]", "_", stem, flags=re.ASCII).strip(" .-")[:80] or "piece") + (suffix or ".mid")


def _message(facts: dict[str, Any], source: MidiSource) -> PieceMessage:
    if facts["steps"] > MAX_STEPS or len(facts["notes"]) > MAX_NOTES or len(facts["stretches"]) > MAX_STRETCHES:
        raise RequestError(
            422,
            "too-long",
            f"{source.file} has {len(facts['notes'])} notes in {len(facts['stretches'])} time signatures; at most "
            f"{MAX_NOTES} and {MAX_STRETCHES} are accepted: choose some of its bars.",
        )
    tempo = min(max(facts["tempo"], 4.0), 1000.0)
    return PieceMessage.model_validate({**facts, "tempo": tempo, "source": source})


def _outline(facts: dict[str, Any]) -> Piece:
    """The piece without its notes."""
    return Piece((), facts["steps"], stretches=tuple(stretch_of(StretchMessage(**one)) for one in facts["stretches"]))


def _first_bars(piece: Piece, clip_format: ClipFormat, *more: ClipFormat) -> str:
    """The bars of as many clips as a piece may have; "" where all have room."""
    starts = clip_starts(piece, clip_format, *more)
    if len(starts) <= MAX_CLIPS:
        return ""
    first, last = piece.bars_of(0, starts[MAX_CLIPS], clip_format)
    return f"{first}-{last}"


def _accompaniment(found: dict[str, Any] | None) -> AccompanimentFacts:
    if found is None:
        return AccompanimentFacts(timbre="", timbres=[], sounds=[])
    names = sorted({name for *_, name, _gain in found["sounds"]})
    place = {name: k for k, name in enumerate(names)}
    sounds = [(start, pitch, length, place[name], gain) for start, length, pitch, name, gain in found["sounds"]]
    return AccompanimentFacts(timbre=found["timbre"], timbres=names, sounds=sounds)


async def _in_child(
    data: bytes, source: MidiSource, clip_format: ClipFormat, request: dict[str, Any]
) -> tuple[dict[str, Any], bytes]:
    """What the process for one file answers."""
    facts = {"file": source.file, "format": _grid(clip_format), "options": source.options.model_dump()}
    line = json.dumps({**facts, **request}).encode()
    package = str(Path(__file__).parents[3])
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "latentknobs.frontends.web.midi_worker"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path},
    )
    seconds = SOUND_SECONDS if request.get("as") == "wav" else SECONDS
    try:
        out, _ = await asyncio.wait_for(child.communicate(line + b"\n" + data), seconds)
        head, _, file = out.partition(b"\n")
        answer = json.loads(head)
    except TimeoutError:
        message = f"{source.file} takes longer than {seconds:.0f} seconds to read: export it again, or a part of it."
        raise RequestError(422, "too-slow", message) from None
    except ValueError:
        message = f"{source.file} cannot be read within the limits of time and memory: export it again."
        raise RequestError(422, "bad-midi", message) from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    assert isinstance(answer, dict)
    return answer, file


def _grid(clip_format: ClipFormat) -> dict[str, Any]:
    drums = clip_format.drums if isinstance(clip_format, DrumFormat) else None
    return {
        "name": clip_format.name,
        "steps": clip_format.steps,
        "steps_per_beat": clip_format.steps_per_beat,
        "time_signature": str(signature_of(clip_format)),
        "drums": None if drums is None else [[voice.name, list(voice.numbers)] for voice in drums],
    }
