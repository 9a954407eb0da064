"""A piece to a MIDI file that any sequencer takes as exactly so many bars."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from latentknobs.core.atomic_write import write_file
from latentknobs.core.clip import ClipFormat, DrumFormat, Piece
from latentknobs.core.melody_format import MELODY
from latentknobs.errors import ClipError, UsageError
from latentknobs.scores.midi_file import DRUM_CHANNEL
from latentknobs.scores.midi_reader import PROVENANCE_KEY
from latentknobs.scores.voice_extraction import overlap

TICKS_PER_BEAT = 480
VELOCITY = 100
_SLOWEST = 2**24 - 1  # microseconds in a quarter note that MIDI can carry
_LONGEST_TEXT = 1_000_000  # bytes of a message that mido reads


def midi_bytes(piece: Piece, *, clip_format: ClipFormat = MELODY, provenance: Mapping[str, Any] | None = None) -> bytes:
    """The file that :func:`write_piece` writes."""
    import mido

    drums = isinstance(clip_format, DrumFormat)
    step = overlap(piece.notes)
    if step is not None and not drums:
        raise ClipError(f"{piece.name}: only one voice can be written, and two notes sound on step {step}.")
    micros = round(60e6 / piece.tempo)
    if micros > _SLOWEST:
        raise UsageError(f"{piece.name}: a tempo of {piece.tempo:g} is slower than MIDI can say (3.58).")
    # mido writes Latin-1; these are the bytes of UTF-8.
    name = piece.name.encode("utf-8", "replace").decode("latin-1")
    head = [
        mido.MetaMessage("track_name", name=name),
        mido.MetaMessage("set_tempo", tempo=micros),
        mido.MetaMessage("time_signature", numerator=clip_format.beats_per_bar, denominator=4),
    ]
    if provenance is not None:
        text = json.dumps({PROVENANCE_KEY: dict(provenance)}, sort_keys=True, allow_nan=False)
        if len(text) > _LONGEST_TEXT:
            raise UsageError(f"{piece.name}: the provenance is {len(text)} bytes, over the {_LONGEST_TEXT} allowed.")
        head.append(mido.MetaMessage("text", text=text))
    scale, odd = divmod(TICKS_PER_BEAT, clip_format.steps_per_beat)
    if odd:
        raise ClipError(f"{clip_format.name}: {clip_format.steps_per_beat} steps do not divide {TICKS_PER_BEAT} ticks.")
    track = mido.MidiTrack(head)
    now = 0
    # At one step notes end before others start.
    edges = [(note.end, False, note.pitch) for note in piece.notes] + [(n.onset, True, n.pitch) for n in piece.notes]
    for at, starts, pitch in sorted(edges):
        kind, velocity = ("note_on", VELOCITY) if starts else ("note_off", 0)
        channel = DRUM_CHANNEL if drums else 0
        track.append(mido.Message(kind, channel=channel, note=pitch, velocity=velocity, time=(at - now) * scale))
        now = at
    bar = clip_format.steps_per_beat * clip_format.beats_per_bar
    end = -(-piece.steps // bar) * bar
    track.append(mido.MetaMessage("end_of_track", time=(end - now) * scale))
    out = io.BytesIO()
    mido.MidiFile(type=0, ticks_per_beat=TICKS_PER_BEAT, tracks=[track]).save(file=out)
    return out.getvalue()


def write_piece(
    piece: Piece,
    path: Path | str,
    *,
    clip_format: ClipFormat = MELODY,
    provenance: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> None:
    """
    Write a piece as MIDI: format 0, 480 ticks a beat, velocity 100, exact lengths, tempo and 4/4 at the start.

    The track ends with the piece's last bar, so that a 2-bar clip is exactly 3,840 ticks long in a sequencer.

    Args:
        piece: One voice; of a format of drums several hits at a time, which go to the drum channel.
        path: Where to; written whole or not at all.
        clip_format: Gives the steps in a beat and the beats in a bar.
        provenance: What made it (model hash, knob values, source hash, seed, version); only what JSON can carry. Kept
            as a text event and given back by :func:`~latentknobs.scores.read_provenance`.
        overwrite: Whether an existing file may be replaced.

    Raises:
        ClipError: Two of its notes sound together, and they are no drums.
        UsageError: The file exists and ``overwrite`` is False, or MIDI cannot carry the tempo.
        OutputError: The file cannot be written.
    """
    write_file(Path(path), midi_bytes(piece, clip_format=clip_format, provenance=provenance), overwrite=overwrite)
