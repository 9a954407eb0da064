"""Notes to the measures of MusicXML, by music21: note values, ties, tuplets, beams and accidentals."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Any, NamedTuple, cast
from xml.etree import ElementTree as ET

import numpy as np
from attrs import evolve, frozen

from latentknobs.core.edit_context import CLASSES, Key, estimate_key

_RATIOS = ((1, 1), (3, 2), (2, 3), (4, 5), (4, 7))
DIVISIONS = 10_080
"""Parts of a quarter note in which the durations of engraved measures are."""
_VALUES = sorted(
    {Fraction(numerator, denominator) * Fraction(8, 2**k) for k in range(11) for numerator, denominator in _RATIOS},
    reverse=True,
)
"""Lengths that one note can have, in quarter notes: breves to 512ths, dotted, in triplets, quintuplets, septuplets."""
_STEPS = "FCGDAEB"  # along the line of fifths
_NATURAL = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


class Segment(NamedTuple):
    """
    What of a note lies in one measure.

    Attributes:
        start: Quarter notes from the measure's start.
        length: In quarter notes.
        pitch: MIDI pitch.
        from_before: Whether it goes on from the measure before.
        to_next: Whether it goes on in the next one.
    """

    start: Fraction
    length: Fraction
    pitch: int
    from_before: bool = False
    to_next: bool = False

    @property
    def end(self) -> Fraction:
        """Where it ends, or the measure does."""
        return self.start + self.length


@frozen
class Bar:
    """
    A measure to engrave.

    Attributes:
        length: In quarter notes.
        signature: Beats and beat unit that hold in it; None = free.
        segments: What sounds in it.
        shown: Whether its time signature stands in it.
    """

    length: Fraction
    signature: tuple[int, int] | None
    segments: tuple[Segment, ...]
    shown: bool = False


def key_of(notes: Iterable[tuple[int, int, int]], signature: int) -> int:
    """Sharps of the key that the notes are in, or of the signature where that is a neighbour or nothing sounds."""
    lengths = np.zeros(CLASSES)
    for start, stop, pitch in notes:
        lengths[pitch % CLASSES] += stop - start
    key = estimate_key(lengths)
    if key is None:
        return signature
    own = _sharps(key)
    return own if (own - signature + 1) % 12 > 2 else signature


def _sharps(key: Key) -> int:
    major = key.tonic if key.mode == "major" else key.tonic + 3
    return (7 * major + 5) % 12 - 5


def spelled(pitch: int, fifths: int) -> tuple[str, int, int]:
    """Step, alteration and octave of a MIDI pitch in a key with so many sharps (flats below 0)."""
    place = fifths - 3 + (7 * pitch - fifths + 3) % 12
    step, alter = _STEPS[(place + 1) % 7], (place + 1) // 7
    return step, alter, (pitch - alter - _NATURAL[step]) // 12 - 1


def cut(notes: Iterable[tuple[int, int, int]], starts: Sequence[int], end: int, division: int) -> list[list[Segment]]:
    """
    What lies in each measure.

    Args:
        notes: (start, end, pitch) in ticks, by start.
        starts: Tick of each measure.
        end: Tick at which the last one ends.
        division: Ticks in a quarter note.
    """
    out: list[list[Segment]] = [[] for _start in starts]
    ends = [*starts[1:], end]
    first = 0
    for start, stop, pitch in notes:
        while first < len(starts) - 1 and ends[first] <= start:
            first += 1
        k = first
        while k < len(starts) and starts[k] < stop:
            begin, close = max(start, starts[k]), min(stop, ends[k])
            if begin < close:
                place = Fraction(begin - starts[k], division)
                length = Fraction(close - begin, division)
                out[k].append(Segment(place, length, pitch, start < begin, close < stop))
            k += 1
    return [sorted(segments) for segments in out]


def engraved(bars: Sequence[Bar], fifths: int) -> list[ET.Element]:
    """The measures, in durations of DIVISIONS; of notes that overlap each line is a voice, numbered from 1."""
    from music21 import chord, key, meter, note, stream, tie
    from music21 import pitch as pitches
    from music21.musicxml import m21ToXml

    def sounds(group: Sequence[Segment]) -> Iterator[Any]:
        """The notes or chords that are tied to a group, a rest for an empty one."""
        values = note_values(group[0].start, group[0].length)
        for k, value in enumerate(values):
            heads: list[Any] = []
            for segment in group:
                step, alter, octave = spelled(segment.pitch, fifths)
                head: Any = note.Note(new_pitch(step=step, octave=octave, accidental=alter or None))
                ends = (segment.from_before or k > 0, segment.to_next or k < len(values) - 1)
                if any(ends):
                    head.tie = new_tie("continue" if all(ends) else "stop" if ends[0] else "start")
                heads.append(head)
            out = heads[0] if len(heads) == 1 else chord.Chord(heads)
            out.duration.quarterLength = value
            yield out

    def rests(start: Fraction, stop: Fraction) -> Iterator[Any]:
        for value in note_values(start, stop - start):
            rest = note.Rest()
            rest.duration.quarterLength = value
            yield rest

    new_tie: Any = tie.Tie
    new_pitch: Any = pitches.Pitch

    part: Any = cast("Any", stream.Part)()
    for number, bar in enumerate(map(_playable, bars), start=1):
        measure: Any = stream.Measure(number=number)
        if bar.shown or number == 1:
            measure.timeSignature = meter.TimeSignature("{}/{}".format(*_signature(bar)))
        if number == 1:
            measure.keySignature = key.KeySignature(fifths)
        lines = _lines(bar.segments)
        for k, line in enumerate(lines, start=1):
            voice: Any = measure if len(lines) == 1 else stream.Voice(id=str(k))
            now = Fraction(0)
            for group in line:
                for what in (*rests(now, group[0].start), *sounds(group)):
                    voice.append(what)
                now = group[0].end
            for what in rests(now, max(now, bar.length)):
                voice.append(what)
            if voice is not measure:
                measure.insert(0, voice)
        part.append(measure)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what music21 would have another way
        document = m21ToXml.GeneralObjectExporter(part).parse()
    return ET.fromstring(document).findall("part/measure")  # noqa: S314 - written a moment ago


def _signature(bar: Bar) -> tuple[int, int]:
    """The bar's signature, or one as long as the bar where it is longer or shorter: music21 cuts what is over."""
    if bar.signature is not None and Fraction(4 * bar.signature[0], bar.signature[1]) == bar.length:
        return bar.signature
    whole = (unit for unit in (4, 8, 16, 32) if (bar.length * unit / 4).denominator == 1)
    unit = next(whole, 32)
    return math.ceil(bar.length * unit / 4), unit


def note_values(start: Fraction, length: Fraction) -> list[Fraction]:
    """
    The lengths of tied notes that last this long together, divided at beats, none where it lasts nothing.

    Times that share no tuplet (a triplet to a quintuplet) have no such values: the last one is what is left then.
    """
    out: list[Fraction] = []
    end = start + length
    while start < end:
        value = end - start
        if value not in _VALUES and start % 1:
            value = min(value, 1 - start % 1)
        tuplet = _odd_part(value)
        fits = (one for one in _VALUES if one <= value and tuplet % _odd_part(value - one) == 0)
        out.append(next(fits, end - start))
        start += out[-1]
    return out


def _odd_part(value: Fraction) -> int:
    """Of the denominator, what is left without twos."""
    return value.denominator // (value.denominator & -value.denominator)


def _playable(bar: Bar) -> Bar:
    """
    The bar, or one with times rounded to a twelfth of a quarter note where note values cannot give them.

    Twelfths, as each lies on the same side of the middle between two sixteenths as all that is rounded to it.
    """
    times = [(segment.start, segment.length) for segment in bar.segments]
    rests = [(end, start - end) for line in _lines(bar.segments) for end, start in _gaps(line, bar.length)]
    if all(value in _VALUES for time in (*times, *rests) for value in note_values(*time)):
        return bar
    rounded = []
    for segment in bar.segments:
        start, end = (Fraction(math.floor(time * 12 + Fraction(1, 2)), 12) for time in (segment.start, segment.end))
        rounded.append(segment._replace(start=start, length=max(end - start, Fraction(1, 12))))
    return evolve(bar, segments=tuple(rounded))


def _gaps(line: Sequence[Sequence[Segment]], length: Fraction) -> Iterator[tuple[Fraction, Fraction]]:
    now = Fraction(0)
    for group in line:
        yield now, group[0].start
        now = group[0].end
    yield now, max(now, length)


def _lines(segments: Sequence[Segment]) -> list[list[list[Segment]]]:
    """Lines of chords, none of which overlaps another of its line; at least one line."""
    groups: dict[tuple[Fraction, Fraction], list[Segment]] = {}
    for segment in segments:
        groups.setdefault((segment.start, segment.length), []).append(segment)
    lines: list[list[list[Segment]]] = [[]]
    for (start, _length), group in sorted(groups.items()):
        line = next((line for line in lines if not line or line[-1][0].end <= start), None)
        if line is None:
            line = []
            lines.append(line)
        line.append(group)
    return lines
