"""Conversion between pieces and their JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from attrs import evolve

from latentknobs.core.clip import ClipFormat, DrumFormat, Note
from latentknobs.core.meter import signature_of
from latentknobs.core.piece import Piece, PieceStretch
from latentknobs.core.time_signature import TimeSignature
from latentknobs.frontends.web.errors import RequestError
from latentknobs.frontends.web.requests import MAX_CLIPS, PieceMessage, Source, StretchMessage
from latentknobs.frontends.web.responses import Cell, Window
from latentknobs.session import Session
from latentknobs.steering.steered_clips import SteeredClips
from latentknobs.steering.turn_result import ClipWay, GridCell, TurnResult

UNKNOWN = {"right": None, "percentile": None, "unfamiliar": False}
"""What is said of the style of clips that are of another format than the model's."""


def piece_of(message: PieceMessage, formats: Sequence[ClipFormat]) -> Piece:
    """
    The piece, without stretches padded with silence to whole clips of the first format.

    Raises:
        RequestError: Too many clips, no notes, a note that ends after the piece, or a voice that the format lacks.
        ClipError: The stretches do not cover it.
    """
    if not message.notes:
        raise RequestError(422, "no-notes", f"{message.name} has no notes: draw, play or open a melody.")
    clip_format = formats[0]
    end = max(onset + length for onset, _pitch, length, _voice in message.notes)
    if end > message.steps:
        raise RequestError(422, "bad-piece", f"{message.name}: a note ends on step {end}, after step {message.steps}.")
    stretches = tuple(map(stretch_of, message.stretches))
    steps = message.steps if stretches else -(-message.steps // clip_format.steps) * clip_format.steps
    outline = Piece((), steps, message.tempo, message.name, stretches=stretches)
    clips = len(clip_starts(outline, *formats))
    if clips > MAX_CLIPS:
        raise RequestError(
            422,
            "too-long",
            f"{message.name} has {clips} clips; at most {MAX_CLIPS} are accepted: choose a part of it.",
        )
    return evolve(outline, notes=[_note(row, clip_format) for row in message.notes])


def stretch_of(message: StretchMessage) -> PieceStretch:
    """A stretch from its JSON."""
    return PieceStretch(message.start, message.steps, TimeSignature(message.beats, message.unit), message.bar)


def clip_starts(piece: Piece, clip_format: ClipFormat, *more: ClipFormat) -> list[int]:
    """The first steps of all clips of a piece, cut with these formats."""
    cut = piece.cut(clip_format, *more)
    return sorted(int(start) for each in (cut, *cut.others) for start in each.starts)


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


def message_of(piece: Piece, source: Source) -> PieceMessage:
    """A piece as it is sent."""
    return PieceMessage(
        name=piece.name[:120],
        tempo=piece.tempo,
        steps=piece.steps,
        notes=[note.row for note in piece.notes],
        source=source,
        stretches=stretches_of(piece.stretches),
    )


def stretches_of(stretches: Iterable[PieceStretch]) -> list[StretchMessage]:
    """Stretches as they are sent."""
    return [
        StretchMessage(start=s.start, steps=s.steps, beats=s.signature.beats, unit=s.signature.unit, bar=s.bar)
        for s in stretches
    ]


def cell_of(cell: GridCell, session: Session, clip_format: ClipFormat) -> Cell:
    """A cell of a grid; its time signature is said where it is not that of the format of the request's model."""
    own, piece = session.model.spec.clip_format, cell.piece
    stretches = piece.stretches
    if not stretches and signature_of(own) != signature_of(clip_format):
        stretches = (PieceStretch(0, piece.steps, signature_of(own)),)
    clips = sum(map(len, (cell.clips, *cell.others)))
    at = (cell.at[0][1], cell.at[1][1])
    return Cell(
        at=at,
        notes=[note.row for note in piece.notes],
        clips=clips,
        steps=piece.steps,
        stretches=stretches_of(stretches),
    )


def ways_in_order(session: Session, ways: Iterable[Iterable[ClipWay]]) -> list[ClipWay]:
    """How the clips of a session's cut and its others are turned, in the order of the piece."""
    flat = [way for own in ways for way in own]
    return [flat[k] for k in session.in_order]


def windows(session: Session, plain: TurnResult) -> list[Window]:
    """The clips of a piece in its order, with how each is turned while no knob is."""
    found: list[Window] = []
    for c, (cut, own) in enumerate(zip(session.cuts, plain.ways, strict=True)):
        part = session.parts[c] if c < len(session.parts) else None
        for k, way in enumerate(own):
            start, steps = int(cut.starts[k]), int(cut.lengths[k])
            bars = session.piece.bars_of(start, steps, cut.clip_format)
            facts = {"start": start, "steps": steps, "bars": bars, "way": way}
            if part is None:
                why = "" if way == "silent" else session.unsteered(cut, k).sentence
                found.append(Window.model_validate({**UNKNOWN, **facts, "accepted": False, "why": why}))
            else:
                facts |= {"accepted": bool(part.accepted[k]), "why": _why(part, k, way)}
                found.append(Window.model_validate({**part.style.clip(k), **facts}))
    return [found[k] for k in session.in_order]


def _why(part: SteeredClips, k: int, way: ClipWay) -> str:
    """Why a clip of a model is not turned by it as it is; "" where it is."""
    name, carried = part.model.spec.name, part.carried
    if way == "octaves":
        return f"{name} takes it {abs(int(carried.shifts[k])) // 12} octaves away: it carries {part.carries()}."
    if way not in ("rule", "alone"):
        return ""
    if not carried.accepted[k]:
        return f"{name} does not take it: it carries {part.carries()}."
    share = carried.reconstructed[k] / int(np.prod(part.cut.clips.shape[1:]))
    return f"It is outside the style of {name}, which reconstructs {share:.0%} of it."
