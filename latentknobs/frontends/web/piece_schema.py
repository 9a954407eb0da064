"""Pieces as they travel and as the session has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from latentknobs.core.clip import ClipFormat, DrumFormat, Note, Piece
from latentknobs.frontends.web.errors import RequestError
from latentknobs.frontends.web.requests import MOST_CLIPS, PieceMessage
from latentknobs.session import Session


def piece_of(message: PieceMessage, clip_format: ClipFormat) -> Piece:
    """
    The piece, filled with silence to whole clips, so that all that is decoded belongs to it.

    Raises:
        RequestError: More clips than are taken, no note, or a voice that the format does not have.
        ClipError: A note ends after the piece.
    """
    clips = -(-message.steps // clip_format.steps)
    if clips > MOST_CLIPS:
        raise RequestError(
            422,
            "too-long",
            f"{message.name} has {clips} clips; at most {MOST_CLIPS} are taken at once: choose a part of it.",
        )
    if not message.notes:
        raise RequestError(422, "no-notes", f"{message.name} has no notes: draw, play or open a melody.")
    end = max(onset + length for onset, _pitch, length, _voice in message.notes)
    if end > message.steps:
        raise RequestError(422, "bad-piece", f"{message.name}: a note ends on step {end}, after step {message.steps}.")
    notes = tuple(_note(row, clip_format) for row in message.notes)
    return Piece(notes, clips * clip_format.steps, message.tempo, message.name)


def _note(row: tuple[int, int, int, int], clip_format: ClipFormat) -> Note:
    onset, pitch, length, voice = row
    if not isinstance(clip_format, DrumFormat):
        if voice:
            raise RequestError(422, "bad-piece", f"{clip_format.name} has one voice, numbered 0; there is no {voice}.")
        return Note(onset, pitch, length)
    if voice >= len(clip_format.drums):
        last = len(clip_format.drums) - 1
        raise RequestError(422, "bad-piece", f"{clip_format.name} has the voices 0 to {last}; there is no {voice}.")
    return Note(onset, clip_format.drums[voice].numbers[0], 1, voice)


def rows(notes: Sequence[Note]) -> list[list[int]]:
    """Notes as they travel."""
    return [[note.onset, note.pitch, note.length, note.voice] for note in notes]


def message_of(piece: Piece, source: dict[str, Any]) -> dict[str, Any]:
    """A piece as it travels."""
    return {
        "name": piece.name[:120],
        "tempo": piece.tempo,
        "steps": piece.steps,
        "notes": rows(piece.notes),
        "source": source,
    }


def windows(accepted: Sequence[bool], clip_format: ClipFormat, why: str) -> list[dict[str, Any]]:
    """The clips of a piece with their bars; ``why`` is what is said of those that the model does not carry."""
    bars = clip_format.steps // (clip_format.steps_per_beat * clip_format.beats_per_bar)
    return [
        {"clip": k, "bars": [k * bars + 1, (k + 1) * bars], "accepted": bool(one), "why": "" if one else why}
        for k, one in enumerate(accepted)
    ]


def windows_of(session: Session) -> list[dict[str, Any]]:
    """The clips of an open piece."""
    why = f"{session.model.spec.name} carries {session.carries()}"
    return windows(session.accepted.tolist(), session.model.spec.clip_format, why)
