"""A session without a kernel: the notes as a picture, and a table of what is turned."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape

from latentknobs.core.clip import ClipFormat, DrumFormat, Note
from latentknobs.core.parameter import Parameter, Value
from latentknobs.core.piece import Piece
from latentknobs.studio.knob_settings import bar_starts

WIDTH, HEIGHT = 800, 200
NARROWEST = 16
"""Rows that are drawn at least."""


def roll_svg(piece: Piece, original: Sequence[Note], clip_format: ClipFormat) -> str:
    """
    The notes of a piece as an SVG picture: unchanged ones grey, changed ones coloured, the original in dashed outlines.

    Args:
        piece: The piece as it sounds.
        original: Its notes with no knob turned.
        clip_format: Gives the bars of a piece that says nothing of its own, and of drums the rows.
    """
    drums = isinstance(clip_format, DrumFormat)
    rows = [note.voice if drums else note.pitch for note in (*piece.notes, *original)] or [60]
    low, high = (0, len(clip_format.drums) - 1) if isinstance(clip_format, DrumFormat) else (min(rows), max(rows))
    count = max(high - low + 1, NARROWEST)
    across, down = WIDTH / max(piece.steps, 1), HEIGHT / count

    def box(note: Note, look: str) -> str:
        row = note.voice if drums else note.pitch
        return (
            f'<rect x="{note.onset * across:.1f}" y="{HEIGHT - (row - low + 1) * down:.1f}" '
            f'width="{max(note.length * across - 1, 1):.1f}" height="{max(down - 1, 1):.1f}" {look}/>'
        )

    known = set(original)
    lines = (
        f'<path d="M{step * across:.1f} 0V{HEIGHT}" stroke="#c3c9d2"/>' for step, _ in bar_starts(piece, clip_format)
    )
    ghosts = (
        box(note, 'fill="none" stroke="#8b97a8" stroke-dasharray="3 3"') for note in original if note not in piece.notes
    )
    notes = (box(note, 'fill="#5b6675"' if note in known else 'fill="#c4401b"') for note in piece.notes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>{"".join((*lines, *ghosts, *notes))}</svg>'
    )


def turned_values(values: Mapping[str, Value], parameters: Mapping[str, Parameter]) -> dict[str, Value]:
    """What is not at its default, and the tempo."""
    own = {path: value for path, value in values.items() if path in parameters}
    return {path: value for path, value in own.items() if value != parameters[path].default or path == "tempo"}


def still_html(piece: Piece, svg: str, values: Mapping[str, Value], parameters: Mapping[str, Parameter]) -> str:
    """
    The picture and a table of values; it needs neither scripts nor a network.

    Args:
        piece: The piece as it sounds.
        svg: Its picture, of :func:`roll_svg`.
        values: By path, those that are said.
        parameters: Theirs, by path.
    """
    data = base64.b64encode(svg.encode()).decode()
    words = escape(f"{piece.name}: {len(piece.notes)} notes")
    rows = "".join(
        f"<tr><td>{escape(path)}</td><td>{escape(said(value))} {escape(parameters[path].unit)}</td></tr>"
        for path, value in values.items()
    )
    return (
        f'<p>{words}</p><img alt="{words}" src="data:image/svg+xml;base64,{data}">'
        f"<table><thead><tr><th>parameter</th><th>value</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def said(value: Value) -> str:
    """A value for people."""
    return value if isinstance(value, str) else str(value) if isinstance(value, bool) else f"{value:g}"
