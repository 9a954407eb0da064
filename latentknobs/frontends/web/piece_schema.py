"""Conversion between pieces and their JSON."""

from __future__ import annotations

from collections.abc import Iterable

from latentknobs.core.clip import ClipFormat, DrumFormat, Note
from latentknobs.core.piece import Piece
from latentknobs.frontends.web.errors import RequestError
from latentknobs.frontends.web.requests import MAX_CLIPS, NoteRow, PieceMessage, Source
from latentknobs.frontends.web.responses import Window


def piece_of(message: PieceMessage, clip_format: ClipFormat) -> Piece:
    """
    The piece, padded with silence to whole clips.

    Raises:
        RequestError: Too many clips, no notes, a note that ends after the piece, or a voice that the format lacks.
    """
    clips = -(-message.steps // clip_format.steps)
    if clips > MAX_CLIPS:
        raise RequestError(
            422,
            "too-long",
            f"{message.name} has {clips} clips; at most {MAX_CLIPS} are accepted: choose a part of it.",
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


def rows(notes: Iterable[Note]) -> list[NoteRow]:
    """Notes as [onset, pitch, length, voice]."""
    return [(note.onset, note.pitch, note.length, note.voice) for note in notes]


def message_of(piece: Piece, source: Source) -> PieceMessage:
    """A piece as it is sent."""
    return PieceMessage(
        name=piece.name[:120], tempo=piece.tempo, steps=piece.steps, notes=rows(piece.notes), source=source
    )


def windows(accepted: Iterable[bool], clip_format: ClipFormat, reason: str) -> list[Window]:
    """The clips of a piece with their bars; ``reason`` says why the model does not accept one."""
    bars = clip_format.steps // (clip_format.steps_per_beat * clip_format.beats_per_bar)
    return [
        Window(clip=k, bars=(k * bars + 1, (k + 1) * bars), accepted=bool(one), why="" if one else reason)
        for k, one in enumerate(accepted)
    ]
