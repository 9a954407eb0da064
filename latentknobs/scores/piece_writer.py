"""A piece to a file, in the format that its name says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from latentknobs.core.atomic_write import write_file
from latentknobs.core.clip import ClipFormat
from latentknobs.core.melody_format import MELODY
from latentknobs.core.piece import Piece
from latentknobs.scores.midi_writer import midi_bytes
from latentknobs.scores.musicxml_writer import SUFFIXES as MUSICXML_SUFFIXES
from latentknobs.scores.musicxml_writer import musicxml_bytes


def write_piece(
    piece: Piece,
    path: Path | str,
    *,
    clip_format: ClipFormat = MELODY,
    provenance: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> None:
    """
    Write a piece as MIDI, or as MusicXML where the path ends in .musicxml, .xml or .mxl (packed).

    A piece that was read from a file is written back into it: its notes take the place of those that were read, and
    every other event (other tracks, tempo, key, controllers) stays as it was, to the byte and tick. Notes that did not
    change stay as they are; others take velocity and timing from the note that was there.

    Other pieces become format 0 with 480 ticks a beat, velocity 100, exact lengths, the tempo at the start and the time
    signature of each stretch. The track ends with the piece's last bar, so that a 2-bar clip is exactly 3,840 ticks
    long in a sequencer.

    As MusicXML a piece that was read from a score (ABC, too) is written back into it: where only pitches change, slurs,
    beams, articulation and lyrics stay; repeats are written out only if the passes differ. Other pieces become a score
    of one part, in the key that they are estimated to be in.

    Args:
        piece: One voice; of a format of drums several hits at a time, which go to the drum channel.
        path: Where to; written whole or not at all.
        clip_format: Gives the steps in a beat and the beats in a bar.
        provenance: What made it (model hash, knob values, source hash, seed, version); only what JSON can carry. Kept
            in the file and given back by :func:`~latentknobs.scores.read_provenance`.
        overwrite: Whether an existing file may be replaced.

    Raises:
        ClipError: Two of its notes sound together, and they are no drums.
        UsageError: The file exists and ``overwrite`` is False, or MIDI cannot carry the tempo.
        OutputError: The file cannot be written.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in MUSICXML_SUFFIXES:
        packed = suffix == ".mxl"
        data = musicxml_bytes(piece, clip_format=clip_format, provenance=provenance, packed=packed)
    else:
        data = midi_bytes(piece, clip_format=clip_format, provenance=provenance)
    write_file(path, data, overwrite=overwrite)
