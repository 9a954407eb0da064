"""Conversion between pieces and their JSON."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from attrs import evolve

from latentknobs.core.clip import ClipFormat, DrumFormat, Note
from latentknobs.core.piece import Piece, PieceStretch
from latentknobs.core.time_signature import TimeSignature
from latentknobs.frontends.web.errors import RequestError
from latentknobs.frontends.web.requests import MAX_CLIPS, NoteRow, PieceMessage, Source, StretchMessage
from latentknobs.frontends.web.responses import Window
from latentknobs.session import Session
from latentknobs.steering.turn_result import ClipWay, TurnResult

UNKNOWN = {"right": None, "percentile": None, "unfamiliar": False}
"""What is said of the style of clips that are of another format than the model's."""


def piece_of(message: PieceMessage, clip_format: ClipFormat) -> Piece:
    """
    The piece, without stretches padded with silence to whole clips.

    Raises:
        RequestError: Too many clips, no notes, a note that ends after the piece, or a voice that the format lacks.
        ClipError: The stretches do not cover it.
    """
    if not message.notes:
        raise RequestError(422, "no-notes", f"{message.name} has no notes: draw, play or open a melody.")
    end = max(onset + length for onset, _pitch, length, _voice in message.notes)
    if end > message.steps:
        raise RequestError(422, "bad-piece", f"{message.name}: a note ends on step {end}, after step {message.steps}.")
    stretches = tuple(map(stretch_of, message.stretches))
    steps = message.steps if stretches else -(-message.steps // clip_format.steps) * clip_format.steps
    outline = Piece((), steps, message.tempo, message.name, stretches=stretches)
    clips = len(clip_starts(outline, clip_format))
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


def clip_starts(piece: Piece, clip_format: ClipFormat) -> list[int]:
    """The first steps of all clips of a piece."""
    cut = piece.cut(clip_format)
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


def rows(notes: Iterable[Note]) -> list[NoteRow]:
    """Notes as [onset, pitch, length, voice]."""
    return [(note.onset, note.pitch, note.length, note.voice) for note in notes]


def message_of(piece: Piece, source: Source) -> PieceMessage:
    """A piece as it is sent."""
    stretches = [
        StretchMessage(start=s.start, steps=s.steps, beats=s.signature.beats, unit=s.signature.unit, bar=s.bar)
        for s in piece.stretches
    ]
    return PieceMessage(
        name=piece.name[:120],
        tempo=piece.tempo,
        steps=piece.steps,
        notes=rows(piece.notes),
        source=source,
        stretches=stretches,
    )


def ways_in_order(session: Session, ways: Iterable[Iterable[ClipWay]]) -> list[ClipWay]:
    """How the clips of a session's cut and its others are turned, in the order of the piece."""
    flat = [way for own in ways for way in own]
    return [flat[k] for k in _order(session)]


def windows(session: Session, plain: TurnResult) -> list[Window]:
    """The clips of a piece in its order, with how each is turned while no knob is."""
    found = []
    carried, style, name = session.carried, session.style, session.model.spec.name
    tokens = int(np.prod(session.cut.clips.shape[1:]))
    for c, (cut, own) in enumerate(zip((session.cut, *session.cut.others), plain.ways, strict=True)):
        for k, way in enumerate(own):
            why = ""
            if way == "octaves":
                why = (
                    f"{name} takes it {abs(int(carried.shifts[k])) // 12} octaves away: it carries {session.carries()}."
                )
            elif way != "model" and c:
                why = f"Its bars are not of {session.cut.clip_format.name}."
            elif way in ("rule", "alone"):
                why = f"{name} does not take it: it carries {session.carries()}."
                if carried.accepted[k]:
                    share = carried.reconstructed[k] / tokens
                    why = f"It is outside the style of {name}, which reconstructs {share:.0%} of it."
            start, steps = int(cut.starts[k]), int(cut.lengths[k])
            bars = session.piece.bars_of(start, steps, session.cut.clip_format)
            accepted = not c and bool(carried.accepted[k])
            known = UNKNOWN if c else style.clip(k)
            facts = {"start": start, "steps": steps, "bars": bars, "accepted": accepted, "way": way, "why": why}
            found.append(Window.model_validate({**known, **facts}))
    return [found[k] for k in _order(session)]


def _order(session: Session) -> list[int]:
    """The places of all clips by where they start."""
    starts = [int(start) for cut in (session.cut, *session.cut.others) for start in cut.starts]
    return sorted(range(len(starts)), key=starts.__getitem__)
