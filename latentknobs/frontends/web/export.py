"""What people take home: MIDI on the grid with where it comes from, sound, a grid as a zip."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence

from latentknobs import audio, scores
from latentknobs.core.clip import ClipFormat
from latentknobs.session import GridCell, Session, TurnResult

TYPES = {"midi": ("audio/midi", ".mid"), "wav": ("audio/wav", ".wav")}
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can say: the same grid gives the same bytes."""


def stem_of(name: str) -> str:
    """A file's name of a piece's."""
    return re.sub(r"[^\w.+-]+", "_", name, flags=re.ASCII).strip("._")[:80] or "piece"


def label(amounts: Mapping[str, float]) -> str:
    """Amounts as they stand in a file's name: ``pitch+3_rhythm+1``; ``plain`` for none."""
    return "_".join(f"{name}{amount:+g}" for name, amount in sorted(amounts.items()) if amount)[:80] or "plain"


def file_of(turned: TurnResult, clip_format: ClipFormat, kind: str) -> tuple[str, str, bytes]:
    """
    Name, media type and bytes of what turning gave.

    Raises:
        UsageError: It is too long to become sound, or its tempo is none that MIDI can say.
        ClipError: Two notes of one voice sound together.
    """
    media, suffix = TYPES[kind]
    name = f"{stem_of(turned.before.name)}__{label(turned.amounts)}{suffix}"
    if kind == "wav":
        return name, media, audio.wav_bytes(turned.after, clip_format=clip_format)
    return name, media, scores.midi_bytes(turned.after, clip_format=clip_format, provenance=turned.provenance)


def zip_of(grid: Sequence[Sequence[GridCell]], first: Session) -> tuple[str, bytes]:
    """
    Name and bytes of a zip with a MIDI file for each place of a grid, and manifest.json, which says what they are.

    The files have the names that ``latentknobs interpolate`` gives them, and the same notes.
    """
    clip_format = first.model.spec.clip_format
    out = io.BytesIO()
    cells = []
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for row in grid:
            for spot in row:
                name = f"{stem_of(spot.piece.name)}__" + "_".join(f"{way}{t:.2f}" for way, t in spot.at) + ".mid"
                data = scores.midi_bytes(spot.piece, clip_format=clip_format, provenance=spot.provenance)
                file.writestr(zipfile.ZipInfo(name, EPOCH), data)
                cells.append({"file": name, "at": dict(spot.at)})
        one = grid[0][0].provenance
        manifest = {**{key: value for key, value in one.items() if key != "at"}, "size": len(grid), "files": cells}
        file.writestr(zipfile.ZipInfo("manifest.json", EPOCH), json.dumps(manifest, indent=2, allow_nan=False))
    return f"{stem_of(grid[0][0].piece.name)}__grid.zip", out.getvalue()
