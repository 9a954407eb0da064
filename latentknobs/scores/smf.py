"""
The bytes of a Standard MIDI File: its tracks as events that know where their bytes stand, and back.

Nothing is thrown away, so that a track which nobody changes is written as it came, and a changed one keeps every
other event to the byte and tick. What is wrong with a file and can be read all the same is told in
``SmfFile.remarks``; a track with such a fault is written repaired.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable
from typing import NamedTuple

from attrs import evolve, frozen

META, TEXT, END_OF_TRACK = 0xFF, 0x01, 0x2F
HEADER = 14
_DATA_BYTES = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}
_COMMON_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1}
_SYSEX = (0xF0, 0xF7)
_TRACK = b"MTrk"
_LONGEST_DELTA = 0xFFFFFFF  # ticks that four bytes can say, the most that is allowed
_TRUNCATED = "is truncated: it ends in the middle of a track. Export or copy it again."


class SmfError(ValueError):
    """The bytes are no MIDI file that can be read; says why, after the file's name."""


class SmfEvent(NamedTuple):
    """
    One event of a track.

    Attributes:
        tick: When, from the start of the track.
        status: Its status byte, also where the file leaves it out (running status).
        start: Offset of its delta time in the file.
        body: Offset of its status, or of its data where the status is left out.
        stop: Offset of what follows it.
    """

    tick: int
    status: int
    start: int
    body: int
    stop: int


@frozen(eq=False)
class SmfTrack:
    """
    One track chunk.

    Attributes:
        start: Offset of the chunk.
        stop: Offset of what follows it.
        events: Its events in order, without the end of track.
        end: Tick at which it ends.
        end_at: Offset of the end of track's delta time, -1 where it is missing.
        damaged: Whether its length or its end is wrong, so that it must not be written as it is.
    """

    start: int
    stop: int
    events: tuple[SmfEvent, ...]
    end: int
    end_at: int
    damaged: bool = False


@frozen(eq=False)
class SmfFile:
    """
    A MIDI file.

    Attributes:
        data: All its bytes.
        base: Offset of MThd: 0, or that of the data in a RIFF file.
        stop: Offset after the MIDI data.
        division: Ticks in a quarter note.
        tracks: All track chunks that are there, whatever the header says.
        remarks: What is wrong with it, one sentence each.
    """

    data: bytes
    base: int
    stop: int
    division: int
    tracks: tuple[SmfTrack, ...]
    remarks: tuple[str, ...]

    def payload(self, event: SmfEvent) -> bytes:
        """The data of a channel event, clamped to 127; of a meta event what follows its length."""
        if event.status == META:
            _length, at = _number(self.data, event.body + 2)
            return self.data[at : event.stop]
        at = event.body + (self.data[event.body] >= 0x80)
        return bytes(min(byte, 127) for byte in self.data[at : event.stop])

    def written(self, tracks: dict[int, bytes] | None = None) -> bytes:
        """
        The file with other contents in some of its tracks; the rest as it is, repaired where it is damaged.

        Of a RIFF file it is the MIDI file inside, which every sequencer reads.

        Args:
            tracks: Number of a track, from 0, to its events as :func:`track_bytes` writes them.
        """
        new = dict(tracks or {})
        for k, track in enumerate(self.tracks):
            if track.damaged and k not in new:
                new[k] = track_bytes(self, track, [(event.tick, event) for event in track.events], track.end)
        out = bytearray(self.data[self.base : self.base + HEADER])
        kind, count = struct.unpack_from(">HH", out, 8)
        if count != len(self.tracks):
            struct.pack_into(">HH", out, 8, kind or int(len(self.tracks) > 1), len(self.tracks))
        if _after_header(self.data, self.base, self.stop) == self.base + HEADER:
            struct.pack_into(">L", out, 4, HEADER - 8)
        at = self.base + HEADER
        for k, track in enumerate(self.tracks):
            out += self.data[at : track.start]
            out += chunk(_TRACK, new[k]) if k in new else self.data[track.start : track.stop]
            at = track.stop
        out += self.data[at : self.stop]
        return bytes(out) + (b"" if self.base else self.data[self.stop :])

    def only(self, tracks: Collection[int]) -> bytes:
        """The file with some of its tracks, by number from 0, and nothing else."""
        (kind,) = struct.unpack_from(">H", self.data, self.base + 8)
        kept = [self.data[track.start : track.stop] for k, track in enumerate(self.tracks) if k in tracks]
        return chunk(b"MThd", struct.pack(">HHH", kind, len(kept), self.division)) + b"".join(kept)


def parse(data: bytes) -> SmfFile:
    """
    The tracks of a MIDI file of format 0 or 1, or of one in a RIFF file.

    Raises:
        SmfError: It is none, truncated, or damaged beyond what can be read for certain.
    """
    try:
        file = _read(data)
    except SmfError:
        _check_transfer(data)
        raise
    if file.remarks:
        _check_transfer(data)
    return file


def _check_transfer(data: bytes) -> None:
    """
    Refuse a damaged file that was transferred or converted as text.

    Raises:
        SmfError: It was.
    """
    pairs = data.count(b"\r\n")
    if pairs and pairs == data.count(b"\n"):
        try:
            whole = not _read(data.replace(b"\r\n", b"\n")).remarks
        except SmfError:
            whole = False
        if whole:
            raise SmfError("was transferred as text, which put a byte before each line end: copy it again, as binary.")
    if data.count(b"\xef\xbf\xbd") > 2:
        raise SmfError("was converted as text (UTF-8), which loses bytes: copy it again, as binary.")


def _read(data: bytes) -> SmfFile:
    base, limit = _midi_in(data)
    division, count = _header(data, base, limit)
    return _tracks(data, base, limit, division, count)


def _midi_in(data: bytes) -> tuple[int, int]:
    """Where the MIDI data begin and end."""
    if not data:
        raise SmfError("is empty: export it again.")
    if data.startswith(b"RIFF") and data[8:12] == b"RMID":
        at = 12
        while at + 8 <= len(data):
            length = int.from_bytes(data[at + 4 : at + 8], "little")
            if data[at : at + 4] == b"data":
                return at + 8, min(at + 8 + length, len(data))
            at += 8 + length + length % 2
        raise SmfError("is a RIFF file without MIDI data: export it again.")
    if not data.startswith(b"MThd"):
        raise SmfError("is not a MIDI file: it does not start with MThd. Export it as MIDI (.mid).")
    return 0, len(data)


def _header(data: bytes, base: int, limit: int) -> tuple[int, int]:
    """Ticks in a quarter note, and the number of tracks that the header claims."""
    if limit - base < HEADER:
        raise SmfError("is truncated: it ends in the header. Export or copy it again.")
    if data[base : base + 4] != b"MThd":
        raise SmfError("is a RIFF file without MIDI data: export it again.")
    kind, count, division = struct.unpack_from(">HHH", data, base + 8)
    if kind == 2:
        raise SmfError("is of MIDI format 2 (patterns without a common time): export it as format 0 or 1.")
    if kind > 2:
        raise SmfError(f"is damaged: there is no MIDI format {kind}.")
    if division & 0x8000:
        raise SmfError("counts SMPTE frames, not beats, so it has no bars: export it with ticks per beat.")
    if division == 0:
        raise SmfError("is damaged: its header says 0 ticks per beat.")
    return division, count


def _after_header(data: bytes, base: int, limit: int) -> int:
    """Where the header ends: as its length says, unless that is too short, past the end, or over a track."""
    end = base + 8 + int.from_bytes(data[base + 4 : base + 8], "big")
    wrong = not base + HEADER <= end <= limit or (end > base + HEADER and data.startswith(_TRACK, base + HEADER))
    return base + HEADER if wrong else end


def _tracks(data: bytes, base: int, limit: int, division: int, count: int) -> SmfFile:
    tracks: list[SmfTrack] = []
    remarks: list[str] = []
    at = _after_header(data, base, limit)
    if at != base + 8 + int.from_bytes(data[base + 4 : base + 8], "big"):
        remarks.append("The file's header has a wrong length.")
    while at < limit:
        if data.startswith(_TRACK, at) and at + 8 <= limit:
            track, told = _Chunk(data, at, limit, len(tracks) + 1).read()
            tracks.append(track)
            remarks.extend(told)
            at = track.stop
        elif _is_chunk(data, at, limit):
            at += 8 + int.from_bytes(data[at + 4 : at + 8], "big")
        else:
            found = data.find(_TRACK, at + 1, limit)
            where = "before a track" if found >= 0 else "at the end of the file"
            remarks.append(f"{(found if found >= 0 else limit) - at} bytes that are no MIDI were skipped {where}.")
            at = found if found >= 0 else limit
    if not tracks and count:
        raise SmfError("is truncated: it ends before its first track. Export or copy it again.")
    if len(tracks) != count:
        remarks.append(f"The header's number of tracks is {count}, and there are {len(tracks)}: all were read.")
    file = SmfFile(data, base, limit, division, tuple(tracks), ())
    return evolve(file, remarks=(*remarks, *_clamped(file)))


def _clamped(file: SmfFile) -> list[str]:
    """What is told of data bytes above 127, which no MIDI event has."""
    count = 0
    for track in file.tracks:
        for event in track.events:
            if event.status < 0xF0:
                data = file.data[event.stop - _DATA_BYTES[event.status >> 4] : event.stop]
                count += not data.isascii()
    return [f"{count} event{'s' if count > 1 else ''} with data above 127 read as 127."] if count else []


def _is_chunk(data: bytes, at: int, limit: int) -> bool:
    """Whether a chunk begins there: four letters or digits, and a length that fits into the file."""
    kind = data[at : at + 4]
    if len(kind) < 4 or at + 8 > limit or not kind.isascii() or not kind.decode("ascii").isprintable():
        return False
    return at + 8 + int.from_bytes(data[at + 4 : at + 8], "big") <= limit


@frozen
class _Chunk:
    """One track chunk that is read, its length believed only where something confirms it."""

    data: bytes
    at: int
    limit: int
    number: int

    def read(self) -> tuple[SmfTrack, list[str]]:
        """The track, and what is wrong with it."""
        begin, limit = self.at + 8, self.limit
        stated = begin + int.from_bytes(self.data[self.at + 4 : begin], "big")
        if stated == limit or _is_chunk(self.data, stated, limit):
            return self._bounded(stated)
        try:
            events, end, end_at, stop = _events(self.data, begin, limit, self.number, chunks=True)
        except SmfError:
            if stated > limit:
                raise
            return self._bounded(stated)
        next_track = self.data.startswith(_TRACK, stop)
        if end_at < 0 and stated > limit and not next_track:
            raise SmfError(_TRUNCATED)
        if stated < limit and not next_track and (end_at < 0 or stop < stated):
            return self._bounded(stated)
        track = SmfTrack(self.at, stop, tuple(events), end, end_at, damaged=stop != stated)
        return track, [f"Track {self.number} has a wrong length: it was read to its end."] if track.damaged else []

    def _bounded(self, stated: int) -> tuple[SmfTrack, list[str]]:
        """The track, read as far as its length says, unless it ends before and another track begins there."""
        name = f"Track {self.number}"
        events, end, end_at, stop = _events(self.data, self.at + 8, stated, self.number)
        if end_at < 0:
            track = SmfTrack(self.at, stated, tuple(events), end, -1, damaged=True)
            return track, [f"{name} has no end: it was ended after its last event."]
        if stop == stated:
            return SmfTrack(self.at, stop, tuple(events), end, end_at), []
        if self.data.startswith(_TRACK, stop):
            track = SmfTrack(self.at, stop, tuple(events), end, end_at, damaged=True)
            return track, [f"{name} has a wrong length: it was read to its end."]
        late: list[SmfEvent] = []
        at, last = stop, end
        try:
            while at < stated:
                more, last, _end_at, at = _events(self.data, at, stated, self.number, tick=last)
                late.extend(more)
        except SmfError:
            late = []
        track = SmfTrack(self.at, stated, (*events, *late), last if late else end, -1, damaged=True)
        if late:
            return track, [f"{name} goes on after its end: the {len(late)} events there were read too."]
        return track, [f"{name} has {stated - stop} bytes after its end that are no events: they were skipped."]


def _events(
    data: bytes, at: int, limit: int, number: int, *, tick: int = 0, chunks: bool = False
) -> tuple[list[SmfEvent], int, int, int]:
    """
    The events up to the end of the track, or to where another track begins if ``chunks``.

    Returns:
        The events, the tick of the end, where the end's delta time stands or -1, and the offset of what follows.
    """
    try:
        return _scan(data, at, limit, tick, chunks=chunks)
    except IndexError:
        raise SmfError(_TRUNCATED) from None
    except _NoEventError as error:
        place = f"in track {number}, at byte {error.at},"
        raise SmfError(
            f"is damaged: {place} stands something that no MIDI file has. Export or copy it again."
        ) from None


def _scan(data: bytes, at: int, limit: int, tick: int, *, chunks: bool) -> tuple[list[SmfEvent], int, int, int]:
    events: list[SmfEvent] = []
    running = 0
    while at < limit:
        start = at
        if data[at] < 0x80:
            tick += data[at]
            body = at + 1
        else:
            delta, body = _number(data, at)
            tick += delta
        status = data[body]
        at = body + 1
        if status < 0x80:
            if chunks and data.startswith(_TRACK, start):
                return events, events[-1].tick if events else 0, -1, start
            if not running:
                raise _NoEventError(start)
            status, at = running, body
        if status < 0xF0:
            running = status
            at += _DATA_BYTES[status >> 4]
        elif status == META:
            length, at = _number(data, at + 1)
            at += length
            if data[body + 1] == END_OF_TRACK and at <= limit:
                return events, tick, start, at
        elif status in _SYSEX:
            length, at = _number(data, at)
            at += length
        else:
            at += _COMMON_BYTES.get(status, 0)
        if at > limit:
            raise IndexError
        events.append(SmfEvent(tick, status, start, body, at))
    return events, tick, -1, at


class _NoEventError(Exception):
    """Something else stands where only an event may."""

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self.at = at


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number of variable length, at most four bytes, and what follows it."""
    value = 0
    for k in range(at, at + 4):
        byte = data[k]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, k + 1
    raise _NoEventError(at)


def number_bytes(value: int) -> bytes:
    """A number of variable length."""
    out = [value & 0x7F]
    while value := value >> 7:
        out.append(value & 0x7F | 0x80)
    return bytes(reversed(out))


def meta(kind: int, payload: bytes) -> bytes:
    """A meta event."""
    return bytes([META, kind]) + number_bytes(len(payload)) + payload


def chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk of the file."""
    return kind + len(body).to_bytes(4, "big") + body


def track_bytes(file: SmfFile, track: SmfTrack, items: Iterable[tuple[int, SmfEvent | bytes]], end: int) -> bytes:
    """
    The body of a track chunk.

    Args:
        file: The file that the events come from.
        track: The track that they come from; gives the bytes of its end.
        items: Tick, and an event of the file or the bytes of a new one with its status; by tick.
        end: Tick at which the track ends.
    """
    data, out = file.data, bytearray()
    now = running = 0
    for tick, item in items:
        while tick - now > _LONGEST_DELTA:  # where events between were taken out
            out += number_bytes(_LONGEST_DELTA) + meta(TEXT, b"")
            now, running = now + _LONGEST_DELTA, 0
        if isinstance(item, bytes):
            out += number_bytes(tick - now) + item
            status = item[0]
        else:
            status = item.status
            out += _delta(data, item.start, tick - now)
            if data[item.body] < 0x80 and status != running:
                out.append(status)
            out += data[item.body : item.stop]
        running = status if status < 0xF0 else running
        now = tick
    out += number_bytes(end - now) if track.end_at < 0 else _delta(data, track.end_at, end - now)
    return bytes(out + meta(END_OF_TRACK, b""))


def _delta(data: bytes, at: int, value: int) -> bytes:
    """A delta time as it stands in the file, if it has the value."""
    old, stop = _number(data, at)
    return data[at:stop] if old == value else number_bytes(value)
