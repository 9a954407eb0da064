"""Downloads: MIDI with its provenance, sound, and a grid as a zip."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence

from latentknobs import audio, scores
from latentknobs.core.clip import ClipFormat
from latentknobs.scores.musicxml_writer import musicxml_bytes
from latentknobs.session import Session
from latentknobs.steering.turn_result import GridCell, TurnResult

TYPES = {
    "midi": ("audio/midi", ".mid"),
    "musicxml": ("application/vnd.recordare.musicxml+xml", ".musicxml"),
    "wav": ("audio/wav", ".wav"),
}
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time of a zip entry: a constant, so that the same grid gives the same bytes."""


def stem_of(name: str) -> str:
    """A file name, without suffix, from a piece's name."""
    return re.sub(r"[^\w.+-]+", "_", name, flags=re.ASCII).strip("._")[:80] or "piece"


def label(amounts: Mapping[str, float]) -> str:
    """Amounts as a part of a file name: ``pitch+3_rhythm+1``; ``plain`` for none."""
    return "_".join(f"{name}{amount:+g}" for name, amount in sorted(amounts.items()) if amount)[:80] or "plain"


def name_of(turned: TurnResult, kind: str) -> tuple[str, str]:
    """File name and media type of a steered piece."""
    media, suffix = TYPES[kind]
    return f"{stem_of(turned.before.name)}__{label(turned.amounts)}{suffix}", media


def melody_of(turned: TurnResult, clip_format: ClipFormat, kind: str) -> bytes:
    """
    A steered piece as a file of the melody alone.

    Raises:
        UsageError: It is too long to be rendered as sound, or MIDI cannot express its tempo.
        ClipError: Two notes of one voice sound together, or it is drums and should be a score.
    """
    if kind == "wav":
        return audio.wav_bytes(turned.after, clip_format=clip_format)
    write = musicxml_bytes if kind == "musicxml" else scores.midi_bytes
    return write(turned.after, clip_format=clip_format, provenance=turned.provenance)


def zip_of(grid: Sequence[Sequence[GridCell]], first: Session) -> tuple[str, bytes]:
    """
    File name and bytes of a zip with a MIDI file for each cell of a grid, and manifest.json, which describes them.

    Names and notes are those of ``latentknobs interpolate``.
    """
    clip_format = first.model.spec.clip_format
    out = io.BytesIO()
    entries = []
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for row in grid:
            for cell in row:
                name = f"{stem_of(cell.piece.name)}__" + "_".join(f"{way}{t:.2f}" for way, t in cell.at) + ".mid"
                data = scores.midi_bytes(cell.piece, clip_format=clip_format, provenance=cell.provenance)
                file.writestr(zipfile.ZipInfo(name, EPOCH), data)
                entries.append({"file": name, "at": dict(cell.at)})
        shared = {key: value for key, value in grid[0][0].provenance.items() if key != "at"}
        manifest = {**shared, "size": len(grid), "files": entries}
        file.writestr(zipfile.ZipInfo("manifest.json", EPOCH), json.dumps(manifest, indent=2, allow_nan=False))
    return f"{stem_of(grid[0][0].piece.name)}__grid.zip", out.getvalue()
