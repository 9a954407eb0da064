"""A piece to a MIDI file that any sequencer takes as exactly so many bars."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from typing import Any

from latentknobs.core.clip import ClipFormat, DrumFormat
from latentknobs.core.melody_format import MELODY
from latentknobs.core.meter import signature_of, steps_per_bar
from latentknobs.core.piece import Piece
from latentknobs.core.time_signature import TimeSignature
from latentknobs.errors import ClipError, UsageError
from latentknobs.scores.midi_file import DRUM_CHANNEL, NAME, TEMPO, TIME_SIGNATURE
from latentknobs.scores.musicxml_reader import PROVENANCE_KEY
from latentknobs.scores.smf import END_OF_TRACK, TEXT, chunk, meta, number_bytes
from latentknobs.scores.voice_extraction import overlap

TICKS_PER_BEAT = 480
VELOCITY = 100
_SLOWEST = 2**24 - 1  # microseconds in a quarter note that MIDI can carry
_LONGEST_TEXT = 1_000_000  # bytes of a message that other programs read


def midi_bytes(piece: Piece, *, clip_format: ClipFormat = MELODY, provenance: Mapping[str, Any] | None = None) -> bytes:
    """The file that :func:`write_piece` writes."""
    step = overlap(piece.notes)
    if step is not None and not isinstance(clip_format, DrumFormat):
        raise ClipError(f"{piece.name}: only one voice can be written, and two notes sound on step {step}.")
    text = "" if provenance is None else provenance_text(piece, provenance)
    if piece.source is not None:
        return piece.source.with_notes(piece.notes, text)
    return _new_file(piece, clip_format, text)


def provenance_text(piece: Piece, provenance: Mapping[str, Any]) -> str:
    """
    What a file says of where it comes from.

    Raises:
        UsageError: It is too long.
    """
    text = json.dumps({PROVENANCE_KEY: dict(provenance)}, sort_keys=True, allow_nan=False)
    if len(text) > _LONGEST_TEXT:
        raise UsageError(f"{piece.name}: the provenance is {len(text)} bytes, over the {_LONGEST_TEXT} allowed.")
    return text


def _signature(signature: TimeSignature) -> bytes:
    return meta(TIME_SIGNATURE, bytes([signature.beats, signature.unit.bit_length() - 1, 24, 8]))


def _new_file(piece: Piece, clip_format: ClipFormat, text: str) -> bytes:
    micros = round(60e6 / piece.tempo)
    if micros > _SLOWEST:
        raise UsageError(f"{piece.name}: a tempo of {piece.tempo:g} is slower than MIDI can say (3.58).")
    scale, odd = divmod(TICKS_PER_BEAT, clip_format.steps_per_beat)
    if odd:
        raise ClipError(f"{clip_format.name}: {clip_format.steps_per_beat} steps do not divide {TICKS_PER_BEAT} ticks.")
    track = bytearray()
    head = [meta(NAME, piece.name.encode("utf-8", "replace")), meta(TEMPO, micros.to_bytes(3, "big"))]
    if not piece.stretches:
        head.append(_signature(signature_of(clip_format)))
    if text:
        head.append(meta(TEXT, text.encode()))
    for event in head:
        track += b"\0" + event
    channel = DRUM_CHANNEL if isinstance(clip_format, DrumFormat) else 0
    now = running = 0
    # At one step notes end before others start.
    edges = [(note.end, False, note.pitch) for note in piece.notes] + [(n.onset, True, n.pitch) for n in piece.notes]
    signatures = {stretch.start: stretch.signature for stretch in piece.stretches}
    for at, starts, pitch in sorted([*edges, *((start, False, -1) for start in signatures)]):
        if pitch < 0:
            track += number_bytes((at - now) * scale) + _signature(signatures[at])
            now, running = at, 0
            continue
        status = (0x90 if starts else 0x80) | channel
        track += number_bytes((at - now) * scale)
        track += bytes([pitch, VELOCITY * starts]) if status == running else bytes([status, pitch, VELOCITY * starts])
        now, running = at, status
    bar = steps_per_bar(clip_format)
    end = piece.steps if piece.stretches else math.ceil(math.ceil(piece.steps / bar) * bar)
    track += number_bytes((end - now) * scale) + meta(END_OF_TRACK, b"")
    header = struct.pack(">HHH", 0, 1, TICKS_PER_BEAT)
    return chunk(b"MThd", header) + chunk(b"MTrk", bytes(track))
