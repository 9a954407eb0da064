"""
Performances to samples, and samples to WAV: 44.1 kHz, 16 bits.

The built-in timbres make one channel, the same bytes on every machine; FluidSynth makes two.
"""

from __future__ import annotations

import io
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from latentknobs.audio import drum_kit, fluidsynth
from latentknobs.audio.drum_kit import Drum
from latentknobs.audio.performance import Levels, Performance, Sound, performance_of
from latentknobs.audio.waves import SAMPLE_RATE, Samples, rise
from latentknobs.core.atomic_write import write_file
from latentknobs.core.clip import ClipFormat
from latentknobs.core.melody_format import MELODY
from latentknobs.core.piece import Piece
from latentknobs.scores import midi_bytes

PEAK = 0.8
"""Largest sample, of 1."""
_BLOCK = 64  # samples in which a channel's gain goes from one value to the next
_RAMP = np.arange(1, _BLOCK + 1, dtype=np.float32) / np.float32(_BLOCK)
_CHUNK = 2**20


def render(piece: Piece, *, clip_format: ClipFormat = MELODY) -> Samples:
    """
    The sound of a piece, float32 (samples,), its largest value PEAK; silence stays silent.

    A piece that was read from a MIDI file sounds with all of the file that it would be written into: each track in its
    place, with the file's tempos, velocities, programs (as a few timbres), drums, volumes and pedal; the melody is
    lifted where the rest would cover it. Another piece sounds alone.

    Each note rises from 0 and falls back to 0 within its own length, so no edge clicks. The length is the piece's,
    rounded to a sample; a file lasts until its last track ends and its drums have rung out.

    Args:
        piece: What to play.
        clip_format: Gives the steps in a beat, and whether they are drums.

    Raises:
        UsageError: It would last longer than MAX_SECONDS, or has more notes than can become sound.
    """
    return mix(performance_of(piece, clip_format))


def wav_bytes(piece: Piece, *, clip_format: ClipFormat = MELODY, soundfont: Path | None = None) -> bytes:
    """The file that :func:`write_wav` writes."""
    soundfont = soundfont or fluidsynth.named_soundfont()
    performance = performance_of(piece, clip_format)
    if soundfont is None:
        sound = mix(performance)
    else:
        midi = midi_bytes(piece, clip_format=clip_format)
        sound = _to_peak(fluidsynth.play(midi, performance.name, soundfont))
    return wav_of(sound)


def wav_of(sound: Samples) -> bytes:
    """Samples of :func:`render` as the bytes of a WAV file."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1 if sound.ndim == 1 else sound.shape[1])
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.setnframes(len(sound))
        for at in range(0, len(sound), _CHUNK):
            file.writeframesraw(np.round(sound[at : at + _CHUNK] * 32767).astype("<i2").tobytes())
    return out.getvalue()


def write_wav(
    piece: Piece,
    path: Path | str,
    *,
    clip_format: ClipFormat = MELODY,
    soundfont: Path | None = None,
    overwrite: bool = False,
) -> None:
    """
    Write a piece as sound, with all of the file that it was read from.

    Args:
        piece: What to play.
        path: Where to; written whole or not at all.
        clip_format: Gives the steps in a beat, and whether they are drums.
        soundfont: A SoundFont (.sf2, .sf3) with which FluidSynth plays; None = the one that the environment variable
            LATENTKNOBS_SOUNDFONT names, or else the built-in timbres.
        overwrite: Whether an existing file may be replaced.

    Raises:
        UsageError: The file exists and ``overwrite`` is False, the piece is longer than MAX_SECONDS or has more notes
            than can become sound, or there is no such SoundFont.
        OutputError: The file cannot be written, or FluidSynth is not installed or fails.
    """
    write_file(Path(path), wav_bytes(piece, clip_format=clip_format, soundfont=soundfont), overwrite=overwrite)


def mix(performance: Performance) -> Samples:
    """A performance as float32 (samples,), its largest value PEAK."""
    out = np.zeros(performance.samples, dtype=np.float32)
    alike: dict[tuple[object, int], list[Sound]] = {}
    for sound in performance.sounds:
        alike.setdefault((sound.timbre, sound.pitch), []).append(sound)
    curves = {channel: _curve(levels, len(out)) for channel, levels in performance.levels.items()}
    for sounds in alike.values():
        _add(out, sounds, curves)
    return _to_peak(out)


def _to_peak(sound: Samples) -> Samples:
    peak = max(sound.max(initial=0), -sound.min(initial=0))
    if peak > 0:
        sound *= np.float32(PEAK) / peak
    return sound


def _curve(levels: Levels, samples: int) -> Samples:
    """A channel's gain in each block, and in the one before the first; one value where it never changes."""
    if len(levels) == 1:
        return np.array([levels[0][1]], dtype=np.float32)
    blocks = samples // _BLOCK + 1
    starts = np.array([min(at // _BLOCK, blocks) for at, _gain in levels] + [blocks])
    gains = np.array([gain for _at, gain in levels], dtype=np.float32)
    return np.concatenate([gains[:1], np.repeat(gains, np.diff(starts))])


def _add(out: Samples, sounds: Sequence[Sound], curves: dict[int, Samples]) -> None:
    """Add notes of one timbre and pitch, from one tone that is as long as the longest of them needs."""
    timbre = sounds[0].timbre
    if isinstance(timbre, Drum):
        tone = timbre.sound()
        attack, release = drum_kit.ATTACK, drum_kit.RELEASE
    else:
        tone = timbre.tone(sounds[0].pitch, max(sound.end - sound.start for sound in sounds))
        attack, release = timbre.attack, timbre.release
    for sound in sounds:
        start, stop = sound.start, min(sound.end, len(out))
        if not isinstance(timbre, Drum) and timbre.steady:
            part = np.resize(tone, stop - start) if stop - start > len(tone) else tone[: stop - start]
        else:
            part = tone[: stop - start]
        curve = curves.get(sound.channel)
        gain = sound.gain if curve is None or len(curve) > 1 else sound.gain * float(curve[0])
        part = part * np.float32(gain)
        if curve is not None and len(curve) > 1:
            part *= _expand(curve, start, len(part))
        rising = min(round(attack * SAMPLE_RATE), len(part) // 2)
        falling = min(round(release * SAMPLE_RATE), len(part) // 2)
        part[:rising] *= rise(rising)
        part[len(part) - falling :] *= rise(falling)[::-1]
        out[start : start + len(part)] += part


def _expand(curve: Samples, start: int, samples: int) -> Samples:
    """A channel's gain at each sample of a note."""
    first = start // _BLOCK
    last = (start + samples - 1) // _BLOCK + 1
    before, after = curve[first:last, None], curve[first + 1 : last + 1, None]
    return (before + (after - before) * _RAMP).reshape(-1)[start - first * _BLOCK :][:samples]
