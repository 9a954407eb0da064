"""Bytes of a MIDI file to its notes in ticks. Nothing here knows of seconds, grids or clips."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from attrs import frozen

from latentknobs.errors import MidiError

MAX_BYTES = 1024 * 1024
"""Largest file that is parsed: four times what 2,000 bars of sixteenths take, and a few seconds of parsing."""
DRUM_CHANNEL = 9
UNPITCHED = frozenset((*range(96, 104), *range(112, 128)))
"""Programs that carry no melody (effects, percussion, noises), from 0: the list of Magenta's note_seq."""


class TickNote(NamedTuple):
    """A note as it stands in the file: ticks and MIDI pitch."""

    start: int
    end: int
    pitch: int


class Signature(NamedTuple):
    """A time signature: ``beats`` notes of 1/``unit`` to the bar, from ``tick`` on."""

    tick: int
    beats: int
    unit: int

    def __str__(self) -> str:
        return f"{self.beats}/{self.unit}"


@frozen(eq=False)
class MidiPart:
    """
    The notes of one channel of one track; people call it a track.

    Attributes:
        number: From 1, in the order of the file; parts without notes are not counted.
        name: The track's name, "" for none.
        channel: 0 to 15; 9 = drums.
        program: The first program on the channel, from 0.
        notes: By start.
        end: Tick at which the track ends.
    """

    number: int
    name: str
    channel: int
    program: int
    notes: tuple[TickNote, ...]
    end: int

    @property
    def drums(self) -> bool:
        """Whether it is on the drum channel."""
        return self.channel == DRUM_CHANNEL

    @property
    def pitched(self) -> bool:
        """Whether it may be a melody: not on the drum channel and not an effect or a noise."""
        return not self.drums and self.program not in UNPITCHED


@frozen(eq=False)
class MidiScore:
    """
    What a MIDI file holds that matters here.

    Attributes:
        path: Where it came from.
        ticks_per_beat: Ticks in a quarter note.
        parts: Those with notes.
        signatures: By tick, one a tick.
        tempos: (tick, microseconds in a quarter note), by tick.
        texts: Texts of its text events, in the order of the file.
    """

    path: Path
    ticks_per_beat: int
    parts: tuple[MidiPart, ...]
    signatures: tuple[Signature, ...]
    tempos: tuple[tuple[int, int], ...]
    texts: tuple[str, ...]


def load(path: Path) -> MidiScore:
    """
    Read and check a MIDI file of format 0 or 1.

    Raises:
        MidiError: It cannot be opened, is empty, larger than MAX_BYTES, truncated, damaged, not MIDI, of format 2, or
            divided by SMPTE time code.
    """
    import mido

    data = _bytes(path)
    _check_header(path, data)
    if re.search(rb"[\x80-\xff]{4096}", data):
        # Parsing a delta time is quadratic in its length, and a delta time may be one such run.
        raise MidiError(f"{path} is damaged: it holds thousands of bytes in a row that no MIDI file has.")
    try:
        tracks = mido.MidiFile(file=io.BytesIO(data)).tracks
    except EOFError as error:
        raise MidiError(f"{path} is truncated: it ends in the middle of a track. Export or copy it again.") from error
    except Exception as error:  # mido documents none, and raises many kinds
        cause = str(error) or type(error).__name__
        raise MidiError(f"{path} is damaged and cannot be read as MIDI: {cause}.") from error
    return _score(path, struct.unpack(">H", data[12:14])[0], tracks)


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise MidiError(f"{path} cannot be opened: {error.strerror or error}.") from error
    if len(data) > MAX_BYTES:
        raise MidiError(
            f"{path} is larger than {MAX_BYTES // 2**20} MiB, more than any melody takes: "
            "export the melody's track alone, as MIDI."
        )
    return data


def _check_header(path: Path, data: bytes) -> None:
    if not data:
        raise MidiError(f"{path} is empty: export it again.")
    if not data.startswith(b"MThd"):
        raise MidiError(f"{path} is not a MIDI file: it does not start with MThd. Export it as MIDI (.mid).")
    if len(data) < 14:
        raise MidiError(f"{path} is truncated: it ends in the header. Export or copy it again.")
    kind, _tracks, division = struct.unpack(">HHH", data[8:14])
    if kind == 2:
        raise MidiError(f"{path} is of MIDI format 2 (patterns without a common time): export it as format 0 or 1.")
    if kind > 2:
        raise MidiError(f"{path} is damaged: there is no MIDI format {kind}.")
    if division & 0x8000:
        raise MidiError(f"{path} counts SMPTE frames, not beats, so it has no bars: export it with ticks per beat.")
    if division == 0:
        raise MidiError(f"{path} is damaged: its header says 0 ticks per beat.")


def _text(text: str) -> str:
    # mido reads text as Latin-1; most files of today mean UTF-8, as ours do.
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return text


def _score(path: Path, ticks_per_beat: int, tracks: Iterable[Iterable[Any]]) -> MidiScore:
    tracks_read: list[tuple[str, int, int | None, list[TickNote], int]] = []
    signatures: dict[int, Signature] = {}
    tempos: list[tuple[int, int]] = []
    texts: list[str] = []
    programs: dict[int, int] = {}  # the first on each channel: format 1 may set it in another track
    for track in tracks:
        tick = 0
        name = ""
        own: dict[int, int] = {}
        pairs: dict[int, _Pairing] = {}
        for message in track:
            tick += message.time
            match message.type:
                case "note_on" if message.velocity:
                    pairs.setdefault(message.channel, _Pairing()).on(tick, message.note)
                case "note_on" | "note_off":
                    pairs.setdefault(message.channel, _Pairing()).off(tick, message.note)
                case "program_change":
                    own.setdefault(message.channel, message.program)
                    programs.setdefault(message.channel, message.program)
                case "time_signature":
                    signatures[tick] = Signature(tick, message.numerator, message.denominator)
                case "set_tempo":
                    tempos.append((tick, message.tempo))
                case "track_name":
                    name = name or _text(message.name).strip()
                case "text":
                    texts.append(_text(message.text))
                case _:
                    pass
        tracks_read.extend(
            (name, channel, own.get(channel), notes, tick)
            for channel, pairing in sorted(pairs.items())
            if (notes := pairing.close(tick))
        )
    parts = tuple(
        MidiPart(number, name, channel, programs.get(channel, 0) if program is None else program, tuple(notes), end)
        for number, (name, channel, program, notes, end) in enumerate(tracks_read, start=1)
    )
    order = tuple(signatures[tick] for tick in sorted(signatures))
    return MidiScore(
        path, ticks_per_beat, parts, order, tuple(sorted(tempos, key=lambda tempo: tempo[0])), tuple(texts)
    )


class _Pairing:
    """Pairs the starts and ends of one channel's notes; the same pitch struck again ends the note and starts one."""

    def __init__(self) -> None:
        self._open: dict[int, int] = {}
        self._struck_again: dict[int, int] = {}
        self._notes: list[TickNote] = []

    def on(self, tick: int, pitch: int) -> None:
        start = self._open.pop(pitch, None)
        if start is not None and start < tick:
            self._notes.append(TickNote(start, tick, pitch))
            self._struck_again[pitch] = tick
        self._open[pitch] = tick

    def off(self, tick: int, pitch: int) -> None:
        if self._struck_again.get(pitch) == tick:
            # Written after the new start of the same tick, this end is the earlier note's.
            del self._struck_again[pitch]
            return
        start = self._open.pop(pitch, None)
        if start is not None:
            self._notes.append(TickNote(start, tick, pitch))

    def close(self, tick: int) -> list[TickNote]:
        """All notes by start; those never ended end here, with the track."""
        left = [TickNote(start, tick, pitch) for pitch, start in self._open.items()]
        return sorted(self._notes + left)
