"""A file of the suite and what is true of it."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import mido
from attrs import frozen

from benchmarks.real_files.performances import MelodyTruth, PlayedNote


class SkippedError(Exception):
    """A file that cannot be made here, and why."""


@frozen
class RealFile:
    """
    A file of the suite.

    Attributes:
        name: With its suffix.
        data: Its bytes.
        melody: Which notes are the melody, None = it has none that could be turned.
        intact: What a sound reader makes of it, where the file is damaged.
        ticks: In a quarter note, of the melody's times.
        part: Which part of a score is the melody, from 0.
    """

    name: str
    data: bytes
    melody: MelodyTruth | None
    intact: bytes | None = None
    ticks: int = 480
    part: int = 0

    @property
    def whole(self) -> bytes:
        """The file without its damage."""
        return self.data if self.intact is None else self.intact


Maker = Callable[[str], RealFile]
"""Makes a file of that name."""


def of_midi(name: str, data: bytes, melody: MelodyTruth | None, intact: bytes | None = None) -> RealFile:
    """A MIDI file."""
    ticks = mido.MidiFile(file=io.BytesIO(data if intact is None else intact)).ticks_per_beat
    return RealFile(name, data, melody, intact, ticks)


def top_line(notes: Sequence[PlayedNote], ticks: int) -> tuple[PlayedNote, ...]:
    """The highest of notes that start together, but none that starts under a higher one that goes on sounding."""
    out: list[PlayedNote] = []
    for note in sorted(notes, key=lambda n: (n.start, -n.pitch)):
        if out and note.start - out[-1].start < ticks // 16:
            continue
        if out and out[-1].pitch > note.pitch and out[-1].end - note.start > ticks // 8:
            continue
        out.append(note)
    return tuple(out)


def notes_of(track: Any, channel: int | None = None) -> list[PlayedNote]:
    """A track's notes, ends paired first in, first out."""
    sounding: dict[tuple[int, int], list[tuple[int, int]]] = {}
    out, now = [], 0
    for message in track:
        now += message.time
        if message.type == "note_on" and message.velocity > 0:
            sounding.setdefault((message.channel, message.note), []).append((now, message.velocity))
        elif message.type in ("note_on", "note_off"):
            waiting = sounding.get((message.channel, message.note))
            if waiting:
                start, velocity = waiting.pop(0)
                if channel is None or message.channel == channel:
                    out.append(PlayedNote(start, now, message.note, velocity))
    return sorted(out)


def melody_track(name: str, data: bytes, wanted: str | int) -> RealFile:
    """A MIDI file whose melody is the top line of a track, by its name or index."""
    file = mido.MidiFile(file=io.BytesIO(data))
    if isinstance(wanted, str):
        wanted = next(k for k, track in enumerate(file.tracks) if track.name == wanted)
    notes = notes_of(file.tracks[wanted])
    channel = next(m.channel for m in file.tracks[wanted] if m.type == "note_on")
    return of_midi(name, data, MelodyTruth(wanted, channel, top_line(notes, file.ticks_per_beat)))
