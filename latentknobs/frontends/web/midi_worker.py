"""
Reads one file in a process of its own, and gives it back with other notes.

On stdin a line of JSON and the file, on stdout a line of JSON and, where one is asked for, a file. The operating system
limits the processor time and memory of the process, and the server ends it at a deadline; a thread could not be ended.
Nothing is written to disk, so that nothing stays there, however the process ends.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from latentknobs.core.clip import ClipFormat
    from latentknobs.core.piece import Piece
    from latentknobs.scores.midi_file import MidiScore

CPU_SECONDS = 10
SOUND_CPU_SECONDS = 60
"""The same where sound is made."""
MEMORY = 2 * 1024**3
MAX_SOUNDS = 20_000
"""Sounds of the accompaniment that a page gets."""
Answer = tuple[dict[str, Any], bytes]


def main() -> None:
    """Answer one request."""
    request = json.loads(sys.stdin.buffer.readline())
    limit_resources(SOUND_CPU_SECONDS if request.get("as") == "wav" else CPU_SECONDS)
    answer, file = answered(request, sys.stdin.buffer.read())
    sys.stdout.buffer.write(json.dumps(answer, allow_nan=False).encode() + b"\n" + file)


def answered(request: Mapping[str, Any], data: bytes) -> Answer:
    """The piece with its remarks and tracks, the file with other notes, or the error."""
    from latentknobs.errors import LatentKnobsError, MidiError
    from latentknobs.scores.midi_file import score_of

    tracks: list[dict[str, Any]] = []
    try:
        score = score_of(data, Path(request["file"]))  # a bare name, so that no message can hold a folder
        clip_format = _format(request["format"])
        if "as" in request:
            return {}, _spliced(request, score, clip_format)
        tracks = _tracks(score)
        return {"tracks": tracks, **_read(request, score, clip_format)}, b""
    except LatentKnobsError as error:
        return {"tracks": tracks, "error": str(error), "kind": "midi" if isinstance(error, MidiError) else "usage"}, b""


def _format(facts: Mapping[str, Any]) -> ClipFormat:
    """Only the grid matters here; the format may belong to a plugin, which this process does not load."""
    from latentknobs.core.time_signature import TimeSignature

    grid = {**facts, "time_signature": TimeSignature.parse(facts["time_signature"])}
    if grid["drums"] is not None:
        grid["drums"] = tuple(SimpleNamespace(name=name, numbers=tuple(numbers)) for name, numbers in grid["drums"])
    else:
        del grid["drums"]
    return cast("ClipFormat", SimpleNamespace(**grid))


def _tracks(score: MidiScore) -> list[dict[str, Any]]:
    from latentknobs.scores.track_selection import candidates

    found = candidates(score)
    ranked = sorted((one for one in found if one.likelihood is not None), key=lambda one: one.likelihood or 0)
    likely = ranked[-1].part.number if ranked else None
    return [
        {
            "number": one.part.number,
            "name": one.part.name[:120],
            "instrument": one.kind,
            "notes": len(one.part.notes),
            "low": one.low,
            "high": one.high,
            "monophonic": round(one.monophonic, 3),
            "drums": one.part.drums,
            "likely": one.part.number == likely,
        }
        for one in found
    ]


def _read(request: Mapping[str, Any], score: MidiScore, clip_format: ClipFormat) -> dict[str, Any]:
    from latentknobs import audio
    from latentknobs.errors import UsageError

    others = [_format(one) for one in request["others"]]
    piece, options, notes = _lenient(score, clip_format, request["options"], others)
    remarks = list(piece.remarks)
    out: dict[str, Any] = {"options": options, "note": " ".join(notes), "piece": _facts(piece)}
    try:
        accompaniment = audio.accompaniment_of(piece, clip_format, MAX_SOUNDS)
    except UsageError as error:
        accompaniment = None
        remarks.append(f"The page plays the melody alone: {error}")
    if accompaniment is not None:
        out["accompaniment"] = {"timbre": accompaniment.timbre, "sounds": accompaniment.sounds}
        if accompaniment.left_out:
            remarks.append(f"The page plays the first {MAX_SOUNDS} sounds beside the melody; files have all.")
    return {**out, "remarks": remarks}


def _lenient(
    score: MidiScore, clip_format: ClipFormat, asked: Mapping[str, Any], others: Sequence[ClipFormat]
) -> tuple[Piece, dict[str, Any], list[str]]:
    """The piece, read with what the error says would read it where nobody chose; these options; and what was chosen."""
    from latentknobs.errors import MidiError
    from latentknobs.scores.midi_reader import read_score
    from latentknobs.scores.reading import Reading
    from latentknobs.scores.track_selection import choose

    options = dict(asked)
    notes: list[str] = []
    while True:
        try:
            return read_score(score, clip_format, Reading(**options), others), options, notes
        except MidiError as error:
            chosen = {
                name: value
                for name, value in _chosen(error.options).items()
                if options[name] in (None, "", "auto", False)
            }
            if not chosen:
                raise
            if "policy" in chosen and "track" not in chosen and options["track"] is None:
                # Without a track the highest line of all tracks would be read.
                options["track"] = str(choose(score, "auto", None)[0].number)
            options |= chosen
            notes.extend(_NOTES[name].format(value) for name, value in chosen.items())


_NOTES = {
    "track": "No track is plainly the melody: track {} is likeliest.",
    "policy": "Several notes sound at once: the highest line is taken.",
    "quantize": "It was played without a grid: every note is moved to the nearest sixteenth.",
    "bars": "It is long: bars {} are taken.",
}


def _chosen(words: tuple[str, ...]) -> dict[str, Any]:
    """Options of the command line as those of reading."""
    out: dict[str, Any] = {}
    name = ""
    for word in words:
        if word.startswith("--"):
            name = word[2:]
            out[name] = True
        else:
            out[name] = word
    return {name: value for name, value in out.items() if name in _NOTES}


def _facts(piece: Piece) -> dict[str, Any]:
    return {
        "name": piece.name[:120],
        "tempo": piece.tempo,
        "steps": piece.steps,
        "notes": [list(note.row) for note in piece.notes],
        "stretches": [
            {"start": s.start, "steps": s.steps, "beats": s.signature.beats, "unit": s.signature.unit, "bar": s.bar}
            for s in piece.stretches
        ],
    }


def _spliced(request: Mapping[str, Any], score: MidiScore, clip_format: ClipFormat) -> bytes:
    """
    The file with other notes in the place of the piece's, as MIDI, score or sound; nothing where none is asked for.

    Raises:
        UsageError: The piece is not the file's.
    """
    from attrs import evolve

    from latentknobs import audio, scores
    from latentknobs.core.clip import Note
    from latentknobs.errors import UsageError
    from latentknobs.scores.midi_reader import read_score
    from latentknobs.scores.musicxml_writer import musicxml_bytes
    from latentknobs.scores.reading import Reading

    piece = read_score(score, clip_format, Reading(**request["options"]))
    facts = _facts(piece)
    if any(facts[name] != value for name, value in request["before"].items()):
        raise UsageError(f"{request['file']} does not hold this melody: open the file again.")
    after = evolve(piece, notes=[Note(*row) for row in request["after"]], remarks=())
    if request["as"] == "wav":
        return audio.wav_bytes(after, clip_format=clip_format)
    if not request["as"]:
        return b""
    write = musicxml_bytes if request["as"] == "musicxml" else scores.midi_bytes
    return write(after, clip_format=clip_format, provenance=request["provenance"])


def limit_resources(cpu_seconds: int = CPU_SECONDS) -> None:
    """Limit this process's processor time and memory, and forbid core files."""
    try:
        import resource
    except ImportError:  # not on Windows; the server's deadline still holds
        return
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
