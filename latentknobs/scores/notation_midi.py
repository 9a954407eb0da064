"""A score as it is played, as a MIDI file: each voice of a part a track, so that one reader serves scores and MIDI."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from fractions import Fraction

from attrs import define, frozen

from latentknobs.errors import MidiError
from latentknobs.scores.musicxml_reader import PrintedMeasure, PrintedScore, ScoreNote, ScoreVoice
from latentknobs.scores.played_order import MOST_MEASURES, played_order
from latentknobs.scores.smf import END_OF_TRACK, chunk, meta, number_bytes

_VELOCITY = 90
_DIVISIONS = (480, 10_080)
"""Ticks in a quarter note: of these the first in which all times are whole; the second has quintuplets, septuplets."""
_MOST_TICKS = 2**28
_TEXT, _TITLE, _NAME, _LYRIC, _TEMPO, _TIME_SIGNATURE, _KEY = 0x01, 0x03, 0x03, 0x05, 0x51, 0x58, 0x59
_DRUM_CHANNEL = 9
_FINEST = 32  # parts of a quarter note that a measure is made of


@frozen
class PlayedMeasure:
    """
    A measure as it is played.

    Attributes:
        tick: Where it starts.
        printed: Its number in the score, from 0.
        turn: The pass through its repeat, from 1.
    """

    tick: int
    printed: int
    turn: int


@frozen(eq=False)
class PlayedScore:
    """
    A score as a MIDI file of format 1.

    Attributes:
        data: The file.
        division: Ticks in a quarter note.
        measures: In the order of playing.
        voices: The voice of each track that has notes; track 0 of the file has none, the others follow in this order.
        remarks: What people should know, one sentence each.
    """

    data: bytes
    division: int
    measures: tuple[PlayedMeasure, ...]
    voices: tuple[ScoreVoice, ...]
    remarks: tuple[str, ...]


def played(score: PrintedScore) -> PlayedScore:
    """
    The score as it is played.

    Raises:
        MidiError: It has no notes, or is longer than a MIDI file can be.
    """
    if not score.voices:
        raise MidiError("has no notes with a pitch: export the part that holds the melody.")
    order = played_order(score.measures)
    if len(order) >= MOST_MEASURES:
        raise MidiError(f"is {MOST_MEASURES} measures long or more with its repeats: cut out a part of it.")
    division = _division(score)
    measures: list[PlayedMeasure] = []
    start = Fraction(0)
    bars: list[tuple[Fraction, Fraction, tuple[int, int] | None]] = []  # start, length, signature
    for printed, turn in order:
        measure = score.measures[printed]
        length = _length(measure)
        if measure.signature is not None and _goes_on(bars, length, measure):
            first, before, signature = bars[-1]
            bars[-1] = (first, before + length, signature)
        else:
            bars.append((start, length, measure.signature))
        measures.append(PlayedMeasure(round(start * division), printed, turn))
        start += length
    end = bars[-1][0] + max(bars[-1][1], _bar(bars[-1][2]))
    if end * division >= _MOST_TICKS:
        raise MidiError("is longer than any melody: cut out a part of it.")
    conductor = _track(_conductor(score, measures, bars, division), round(end * division))
    tracks = [
        _track(_events(score, voice, sounding), round(end * division), _head(score, voice))
        for voice, sounding in _sounding(score, measures, division).items()
    ]
    header = struct.pack(">HHH", 1, 1 + len(tracks), division)
    data = chunk(b"MThd", header) + b"".join(chunk(b"MTrk", body) for body in (conductor, *tracks))
    return PlayedScore(data, division, tuple(measures), tuple(score.voices), _remarks(score, len(order)))


def _length(measure: PrintedMeasure) -> Fraction:
    """Quarter notes that a measure takes: what is in it, or a bar where nothing is."""
    length = measure.length or _bar(measure.signature)
    return Fraction(math.ceil(length * _FINEST), _FINEST)


def _bar(signature: tuple[int, int] | None) -> Fraction:
    return Fraction(4 * signature[0], signature[1]) if signature else Fraction(0)


def _goes_on(
    bars: Sequence[tuple[Fraction, Fraction, tuple[int, int] | None]],
    length: Fraction,
    measure: PrintedMeasure,
) -> bool:
    """Whether a measure goes on with the bar before it, which a repeat sign or a double bar divides."""
    if not bars or bars[-1][2] != measure.signature:
        return False
    return bars[-1][1] + length <= _bar(measure.signature)


def _division(score: PrintedScore) -> int:
    times = {
        time.denominator
        for by_measure in score.voices.values()
        for notes in by_measure.values()
        for note in notes
        for time in (note.start, note.length)
    }
    whole = math.lcm(*times) if len(times) < 50 else 0
    return next((division for division in _DIVISIONS if whole and division % whole == 0), _DIVISIONS[-1])


def _conductor(
    score: PrintedScore,
    measures: Sequence[PlayedMeasure],
    bars: Sequence[tuple[Fraction, Fraction, tuple[int, int] | None]],
    division: int,
) -> Iterator[tuple[int, int, bytes]]:
    """Tempo and signatures: (tick, order on it, event)."""
    if score.title:
        yield 0, 0, meta(_TITLE, score.title.encode("utf-8", "replace"))
    if score.provenance:
        yield 0, 0, meta(_TEXT, score.provenance.encode())
    said: tuple[int, int] | None = None
    for k, (start, length, signature) in enumerate(bars):
        own = signature
        last = k == len(bars) - 1
        if length != _bar(signature) and not (last and length < _bar(signature)):
            own = _odd_signature(length)
        if own != said and own is not None:
            yield round(start * division), 1, meta(_TIME_SIGNATURE, bytes([own[0], own[1].bit_length() - 1, 24, 8]))
            said = own
    key: tuple[int, int] | None = None
    for place in measures:
        measure = score.measures[place.printed]
        if measure.key != key:
            key = measure.key
            yield place.tick, 2, meta(_KEY, bytes([key[0] & 0xFF, key[1]]))
    held = [0.0]
    for measure in score.measures:
        held.append(measure.tempos[-1][1] if measure.tempos else held[-1])
    tempo = 0.0
    for place in measures:
        for offset, wanted in [(Fraction(0), held[place.printed]), *score.measures[place.printed].tempos]:
            if wanted and wanted != tempo:
                tempo = wanted
                yield place.tick + round(offset * division), 3, meta(_TEMPO, round(60e6 / tempo).to_bytes(3, "big"))


def _odd_signature(length: Fraction) -> tuple[int, int] | None:
    for unit in (4, 8, 16, 32, 64, 128):
        count = length * unit / 4
        if count.denominator == 1 and count <= 255:
            return int(count), unit
    return None


def _head(score: PrintedScore, voice: ScoreVoice) -> bytes:
    """Name and program of a voice's track."""
    part = score.parts[voice.part]
    alike = [one for one in score.voices if one.part == voice.part]
    name = part.name or f"Part {voice.part + 1}"
    if len(alike) > 1:
        name += f", staff {voice.staff}" * bool(voice.staff) + f", voice {alike.index(voice) + 1}"
    program = bytes([0xC0 | _channel(score, voice.part), part.program])
    return b"\0" + meta(_NAME, name.encode("utf-8", "replace")) + b"\0" + program


def _channel(score: PrintedScore, part: int) -> int:
    if score.parts[part].drums:
        return _DRUM_CHANNEL
    before = sum(not one.drums for one in score.parts[:part]) % 15
    return before + (before >= _DRUM_CHANNEL)


def _events(score: PrintedScore, voice: ScoreVoice, sounding: Sequence[_Sounding]) -> Iterator[tuple[int, int, bytes]]:
    """The notes of a voice: (tick, order on it, event). Ends stand before starts."""
    channel = _channel(score, voice.part)
    for one in sounding:
        lyrics = one.note.lyrics
        if lyrics and lyrics[min(one.turn, len(lyrics)) - 1]:
            yield one.start, 1, meta(_LYRIC, lyrics[min(one.turn, len(lyrics)) - 1].encode("utf-8", "replace"))
        yield one.start, 2, bytes([0x90 | channel, one.note.pitch, _VELOCITY])
        yield one.end, 0, bytes([0x80 | channel, one.note.pitch, 0])


@define
class _Sounding:
    """A note with all that is tied to it, in ticks."""

    start: int
    end: int
    note: ScoreNote
    turn: int


def _sounding(
    score: PrintedScore, measures: Sequence[PlayedMeasure], division: int
) -> dict[ScoreVoice, list[_Sounding]]:
    """What sounds in each voice. Ties join notes of one pitch in a part, of the same voice if it can be."""
    out: dict[ScoreVoice, list[_Sounding]] = {voice: [] for voice in score.voices}
    tied: dict[tuple[int, int], dict[ScoreVoice, _Sounding]] = {}  # by part and pitch, what a tie leaves
    for place in measures:
        for voice, printed in score.voices.items():
            for note in printed.get(place.printed, ()):
                start = place.tick + round(note.start * division)
                end = max(place.tick + round((note.start + note.length) * division), start + 1)
                leaving = tied.setdefault((voice.part, note.pitch), {})
                before = [name for name, one in leaving.items() if note.ties[0] and one.end == start]
                if before:
                    sounding = leaving.pop(voice if voice in before else before[0])
                    sounding.end = end
                else:
                    sounding = _Sounding(start, end, note, place.turn)
                    out[voice].append(sounding)
                if note.ties[1]:
                    leaving[voice] = sounding
    return out


def _track(events: Iterator[tuple[int, int, bytes]], end: int, head: bytes = b"") -> bytes:
    body = bytearray(head)
    now = 0
    for tick, _order, event in sorted(events, key=lambda event: event[:2]):
        body += number_bytes(tick - now) + event
        now = tick
    return bytes(body + number_bytes(max(end - now, 0)) + meta(END_OF_TRACK, b""))


def _remarks(score: PrintedScore, count: int) -> tuple[str, ...]:
    remarks = []
    if count != len(score.measures):
        remarks.append(f"Its repeats were written out: {len(score.measures)} measures printed, {count} played.")
    if score.left_out:
        remarks.append(f"{score.left_out} grace note{'s' if score.left_out > 1 else ''} left out.")
    if score.chord_symbols:
        remarks.append("Its chord symbols were not read.")
    return tuple(remarks)
