"""
Notes to sound: a small additive synthesiser, so that anyone can listen without other software.

The same piece gives the same bytes. 44.1 kHz, 16 bits, one channel.
"""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latentknobs.core.atomic_write import write_file
from latentknobs.core.clip import ClipFormat, Note, Piece
from latentknobs.core.melody_format import MELODY
from latentknobs.errors import UsageError

SAMPLE_RATE = 44_100
MAX_SECONDS = 20 * 60
"""Longest sound that is made: about 300 MB of samples while it is made."""
PEAK = 0.8
"""Largest sample, of 1."""
PARTIALS = ((1, 1.0, 0.9), (2, 0.42, 0.6), (3, 0.2, 0.45), (4, 0.11, 0.3), (5, 0.05, 0.22), (6, 0.03, 0.16))
"""(multiple of the pitch, loudness at the start, seconds in which it falls to 1/e): a soft plucked tone."""
ATTACK = 0.006
RELEASE = 0.03


def render(piece: Piece, *, clip_format: ClipFormat = MELODY) -> NDArray[np.float32]:
    """
    The sound of a piece, float32 (samples,), within -PEAK and PEAK.

    Each note rises from 0 and falls back to 0 within its own length, so no edge clicks. The length is the piece's,
    rounded to a sample.

    Args:
        piece: What to play; several voices share the loudness.
        clip_format: Gives the steps in a beat.

    Raises:
        UsageError: It would last longer than MAX_SECONDS.
    """
    step = 60.0 / (piece.tempo * clip_format.steps_per_beat)
    seconds = piece.steps * step
    if seconds > MAX_SECONDS:
        raise UsageError(
            f"{piece.name} lasts {seconds / 60:.0f} minutes, over the {MAX_SECONDS // 60} that can become sound: "
            "write MIDI instead."
        )
    out = np.zeros(round(seconds * SAMPLE_RATE), dtype=np.float32)
    loudness = PEAK / (_together(piece) * sum(level for _n, level, _decay in PARTIALS))
    for note in piece.notes:
        start, end = (round(at * step * SAMPLE_RATE) for at in (note.onset, note.end))
        out[start:end] += loudness * _tone(note, end - start)
    return out


def wav_bytes(piece: Piece, *, clip_format: ClipFormat = MELODY) -> bytes:
    """The file that :func:`write_wav` writes."""
    samples = np.round(render(piece, clip_format=clip_format) * 32767).astype("<i2")
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(samples.tobytes())
    return out.getvalue()


def write_wav(piece: Piece, path: Path | str, *, clip_format: ClipFormat = MELODY, overwrite: bool = False) -> None:
    """
    Write a piece as sound.

    Args:
        piece: What to play.
        path: Where to; written whole or not at all.
        clip_format: Gives the steps in a beat.
        overwrite: Whether an existing file may be replaced.

    Raises:
        UsageError: The file exists and ``overwrite`` is False, or the piece is longer than MAX_SECONDS.
        OutputError: The file cannot be written.
    """
    write_file(Path(path), wav_bytes(piece, clip_format=clip_format), overwrite=overwrite)


def _together(piece: Piece) -> int:
    """How many notes sound at once at most, at least 1."""
    change = np.zeros(piece.steps + 1, dtype=np.int64)
    for note in piece.notes:
        change[note.onset] += 1
        change[note.end] -= 1
    return max(int(np.cumsum(change).max()), 1)


def _tone(note: Note, samples: int) -> NDArray[np.float64]:
    time = np.arange(samples) / SAMPLE_RATE
    frequency = 440.0 * 2.0 ** ((note.pitch - 69) / 12)
    out = np.zeros(samples)
    for multiple, level, decay in PARTIALS:
        if multiple * frequency < SAMPLE_RATE / 2:
            out += level * np.exp(-time / decay) * np.sin(2 * np.pi * multiple * frequency * time)
    # Half a cosine up and down; a note too short for both has half of its length for each.
    for ramp, part in ((ATTACK, out), (RELEASE, out[::-1])):
        length = min(round(ramp * SAMPLE_RATE), samples // 2)
        part[:length] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(length) / max(length, 1))
    return out
