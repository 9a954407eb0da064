"""
MusicXML to its voices, measure by measure, as printed: with times in exact fractions of a quarter note.

Read from the XML itself, because writing back needs the same elements again (:mod:`.musicxml_writer`).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple
from xml.etree.ElementTree import Element

from attrs import Factory, define, frozen

_PITCH_CLASSES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
PROVENANCE_KEY = "latentknobs"
"""Name of the field that says where a file of ours comes from."""
_ROUNDED = Fraction(1, 8)  # quarter notes by which rounded tuplets may fill more than a bar
_SNARE = 38  # of a drum without a number
_DOUBLE = ("light-light", "light-heavy", "heavy-light", "heavy-heavy")
_SIGNS = ("segno", "coda", "tocoda", "fine", "dacapo", "dalsegno")
_NUMBER = re.compile(r"-?\d{1,9}(\.\d{1,20})?")
_WORDS = (
    ("dacapo", re.compile(r"d\. ?c\.|da ?capo\b", re.IGNORECASE)),
    ("dalsegno", re.compile(r"d\. ?s\.|dal ?segno\b", re.IGNORECASE)),
    ("tocoda", re.compile(r"to ?coda\b", re.IGNORECASE)),
    ("fine", re.compile(r"fine\b", re.IGNORECASE)),
)
_UNITS = {"breve": 8.0, "whole": 4.0, "half": 2.0, "quarter": 1.0, "eighth": 0.5, "16th": 0.25}


@frozen
class ScoreVoice:
    """
    One line of a score.

    Attributes:
        part: The part's number, from 0.
        voice: What the file calls it.
        staff: The staff that it stands on, where several lines have one name; 0 = any.
    """

    part: int
    voice: str
    staff: int = 0

    def holds(self, item: PlacedNote) -> bool:
        """Whether a note of its part is its own."""
        return item.voice == self.voice and self.staff in (0, item.staff)


class PlacedNote(NamedTuple):
    """A note or rest of a measure with its place: in quarter notes from the measure's start."""

    element: Element
    start: Fraction
    length: Fraction
    staff: int
    voice: str


@frozen
class ScoreNote:
    """
    A note as printed.

    Attributes:
        start: Quarter notes from its measure's start.
        length: In quarter notes.
        pitch: MIDI pitch as it sounds.
        ties: Whether it is tied to a note before it and to one after it.
        lyrics: Its syllable in each verse.
    """

    start: Fraction
    length: Fraction
    pitch: int
    ties: tuple[bool, bool] = (False, False)
    lyrics: tuple[str, ...] = ()


@define
class PrintedMeasure:
    """
    A measure of all parts.

    Attributes:
        length: What is in it, in quarter notes; 0 = nothing.
        signature: Beats and beat unit that hold in it; None = free.
        mixed: Whether a part has another time signature.
        key: Sharps (flats below 0) as it sounds, and 1 for minor.
        tempos: Offset in quarter notes, and quarter notes a minute.
        upbeat: Whether it may be shorter than its time signature without lacking anything.
        start: Whether a repeat starts with it.
        double: Whether a double or final bar line ends it.
        times: How often what ends with it is played, 0 = no repeat ends here.
        endings: The passes that this ending is for, none = it is in no ending.
        signs: What else directs the player: segno, coda, tocoda, fine, dacapo, dalsegno.
    """

    length: Fraction = Fraction(0)
    signature: tuple[int, int] | None = (4, 4)
    mixed: bool = False
    key: tuple[int, int] = (0, 0)
    tempos: list[tuple[Fraction, float]] = Factory(list)
    upbeat: bool = False
    start: bool = False
    double: bool = False
    times: int = 0
    endings: frozenset[int] = frozenset()
    signs: set[str] = Factory(set)


@frozen(eq=False)
class ScorePart:
    """
    A part.

    Attributes:
        name: Its name, "" for none.
        program: Its General MIDI program, from 0.
        drums: Whether it is percussion.
    """

    name: str
    program: int
    drums: bool


@frozen(eq=False)
class PrintedScore:
    """
    A score.

    Attributes:
        title: "" for none.
        parts: In its order.
        measures: In its order.
        voices: The notes of each voice, by measure.
        left_out: How many grace notes and cue notes it has, which are not read.
        chord_symbols: How many chord symbols it has.
        provenance: What a file of ours says of where it comes from; "" for any other.
    """

    title: str
    parts: tuple[ScorePart, ...]
    measures: tuple[PrintedMeasure, ...]
    voices: dict[ScoreVoice, dict[int, list[ScoreNote]]]
    left_out: int
    chord_symbols: int
    provenance: str


def read_score(root: Element) -> PrintedScore:
    """The score of a partwise document."""
    reader = _ScoreReader(root)
    for number, part in enumerate(root.findall("part")):
        reader.part(number, part)
    return reader.score()


@frozen(eq=False)
class MeasureState:
    """
    A measure of a part, and what holds in it.

    Attributes:
        measure: The measure.
        divisions: Of a quarter note.
        fifths: Sharps of its key as written, flats below 0.
        signature: Beats and beat unit; None = free.
        transposition: Semitones from what is written to what sounds, by staff; 0 = all staves.
    """

    measure: Element
    divisions: Fraction
    fifths: int
    signature: tuple[int, int] | None
    transposition: dict[int, int]

    def semitones(self, staff: int) -> int:
        """From what is written on a staff to what sounds."""
        return self.transposition.get(staff, self.transposition.get(0, 0))


def measure_states(part: Element) -> Iterator[MeasureState]:
    """The measures of a part."""
    divisions, fifths = Fraction(1), 0
    signature: tuple[int, int] | None = (4, 4)
    transposition: dict[int, int] = {}
    for measure in part.findall("measure"):
        for attributes in measure.findall("attributes"):
            divisions = max(number_in(attributes.find("divisions"), divisions), Fraction(1, 1000))
            fifths = int(number_in(attributes.find("key/fifths"), fifths))
            time = attributes.find("time")
            signature = signature if time is None else _signature(time)
            transposition = {**transposition, **_transpositions(attributes)}
        yield MeasureState(measure, divisions, fifths, signature, transposition)


def walk(measure: Element, divisions: Fraction) -> Iterator[tuple[Element, PlacedNote | None, Fraction]]:
    """The elements of a measure, each with its note and the place after it."""
    now = last = Fraction(0)
    staff, voice = 1, "1"  # of a chord those of its first note
    for element in measure:
        note = None
        length = max(number_in(element.find("duration")), Fraction(0)) / divisions
        if element.tag == "backup":
            now = max(now - length, Fraction(0))
        elif element.tag == "forward":
            now += length
        elif element.tag == "note":
            if element.find("grace") is not None:
                length = Fraction(0)
            if element.find("chord") is None:
                last, now = now, now + length
                staff = int(number_in(element.find("staff"), 1))
                voice = element.findtext("voice", "1").strip()
            note = PlacedNote(element, last, length, staff, voice)
        yield element, note, now


def written_pitch(note: Element) -> int:
    """The MIDI pitch that a note is written as."""
    step, octave = note.findtext("pitch/step", "C").strip(), int(number_in(note.find("pitch/octave"), 4))
    return 12 * (octave + 1) + _PITCH_CLASSES.get(step, 0) + round(number_in(note.find("pitch/alter")))


def signs_of(element: Element) -> set[str]:
    """What a direction or sound tells the player to do: segno, coda, tocoda, fine, dacapo, dalsegno."""
    sound = element if element.tag == "sound" else element.find("sound")
    out = {name for name in _SIGNS if sound is not None and sound.get(name)}
    out |= {name for name in ("segno", "coda") if element.find(f"direction-type/{name}") is not None}
    words = "".join(one.text or "" for one in element.iterfind("direction-type/words")).strip()
    return out | {name for name, pattern in _WORDS if pattern.match(words)}


class _ScoreReader:
    """Takes in part by part."""

    def __init__(self, root: Element) -> None:
        self.root = root
        self.parts: list[ScorePart] = []
        self.measures: list[PrintedMeasure] = []
        self.notes: dict[tuple[int, str, int], dict[int, list[ScoreNote]]] = {}
        self.left_out = self.chord_symbols = 0
        self._lengths: dict[int, dict[int, Fraction]] = {}  # of what each part has in a measure
        self._rests: dict[int, Fraction] = {}  # of whole measures
        self._signatures: dict[int, tuple[int, int] | None] = {}
        self._own: dict[int, set[tuple[int, int] | None]] = {}  # the time signatures of all parts
        self._keys: dict[int, tuple[int, int]] = {}

    def part(self, number: int, part: Element) -> None:
        """Take in a part."""
        entry = next(
            (one for one in self.root.iterfind("part-list/score-part") if one.get("id") == part.get("id")),
            Element("score-part"),
        )
        drums = _drums(entry)
        unpitched = False
        for k, state in enumerate(measure_states(part)):
            measure, divisions = state.measure, state.divisions
            if k == len(self.measures):
                self.measures.append(PrintedMeasure(upbeat=k == 0 or measure.get("implicit") == "yes"))
            self._own.setdefault(k, set()).add(state.signature)
            for element, note, now in walk(measure, divisions):
                if note is not None:
                    unpitched = unpitched or element.find("unpitched") is not None
                    self._note(number, k, note, state.semitones(note.staff), drums)
                elif element.tag == "attributes":
                    self._attributes(k, element, state.semitones(0))
                elif element.tag in ("direction", "sound"):
                    self._direction(k, element, now + number_in(element.find("offset")) / divisions)
                elif element.tag == "barline":
                    self._barline(k, element)
                elif element.tag == "harmony":
                    self.chord_symbols += 1
        channel = number_in(entry.find("midi-instrument/midi-channel"), 1)
        program = int(number_in(entry.find("midi-instrument/midi-program"), 1)) - 1
        name = " ".join(entry.findtext("part-name", "").split())
        self.parts.append(ScorePart(name, min(max(program, 0), 127), unpitched or channel == 10))

    def _note(self, part: int, k: int, note: PlacedNote, semitones: int, drums: dict[str, int]) -> None:
        element = note.element
        if element.find("grace") is not None or element.find("cue") is not None:
            self.left_out += 1
            return
        end = note.start + note.length
        rest = element.find("rest")
        if rest is not None and rest.get("measure") == "yes":
            self._rests[k] = max(end, self._rests.get(k, end))
            return
        lengths = self._lengths.setdefault(k, {})
        lengths[part] = max(lengths.get(part, end), end)
        pitch = element.find("pitch")
        if rest is not None or not note.length:
            return
        if pitch is not None:
            midi = written_pitch(element) + semitones
        else:
            instrument = element.find("instrument")
            midi = drums.get("" if instrument is None else instrument.get("id", ""), _SNARE)
        ties = {tie.get("type") for tie in element.findall("tie")}
        syllables = tuple(_syllable(lyric) for lyric in element.findall("lyric"))
        own = self.notes.setdefault((part, note.voice, note.staff), {}).setdefault(k, [])
        own.append(
            ScoreNote(note.start, note.length, min(max(midi, 0), 127), ("stop" in ties, "start" in ties), syllables)
        )

    def _attributes(self, k: int, element: Element, semitones: int) -> None:
        key = element.find("key")
        if key is not None and key.find("fifths") is not None:
            fifths = int(number_in(key.find("fifths"))) + 7 * semitones
            minor = int(key.findtext("mode", "").strip() == "minor")
            self._keys.setdefault(k, ((fifths + 5) % 12 - 5 if abs(fifths) > 7 else fifths, minor))
        time = element.find("time")
        if time is not None:
            self._signatures.setdefault(k, _signature(time))

    def _direction(self, k: int, element: Element, at: Fraction) -> None:
        sound = element if element.tag == "sound" else element.find("sound")
        measure = self.measures[k]
        measure.signs |= signs_of(element)
        tempo = _float(None if sound is None else sound.get("tempo"))
        metronome = element.find("direction-type/metronome")
        if metronome is not None and not tempo:
            unit = _UNITS.get(metronome.findtext("beat-unit", "quarter").strip(), 1.0)
            number = _float(re.sub(r"[^\d.].*", "", metronome.findtext("per-minute", "").lstrip("ca. ")))
            tempo = number * unit * (1.5 if metronome.find("beat-unit-dot") is not None else 1)
        if 3.6 <= tempo <= 9_999:
            measure.tempos.append((max(at, Fraction(0)), tempo))

    def _barline(self, k: int, element: Element) -> None:
        measure = self.measures[k]
        repeat, ending = element.find("repeat"), element.find("ending")
        measure.double |= element.get("location", "right") == "right" and element.findtext("bar-style") in _DOUBLE
        if repeat is not None and repeat.get("direction") == "forward":
            measure.start = True
        elif repeat is not None:
            measure.times = max(int(min(_float(repeat.get("times")), 99)), 2)
        if ending is not None:
            passes = frozenset(int(number) for number in re.findall(r"\d{1,2}", ending.get("number", "")))
            if ending.get("type") == "start":
                measure.endings = passes
                measure.signs.add("ending starts")
            else:
                measure.endings = measure.endings or passes
                measure.signs.add("ending stops")

    def score(self) -> PrintedScore:
        """All parts together."""
        signature: tuple[int, int] | None = (4, 4)
        key = (0, 0)
        ending: frozenset[int] = frozenset()
        for k, measure in enumerate(self.measures):
            signature, key = self._signatures.get(k, signature), self._keys.get(k, key)
            measure.signature, measure.key = signature, key
            measure.mixed = len(self._own.get(k, ())) > 1
            measure.tempos.sort()
            measure.length = self._length(k)
            # An ending reaches from its start to its stop.
            if ending and "ending starts" not in measure.signs:
                measure.endings = ending
            ending = frozenset() if "ending stops" in measure.signs else measure.endings
        fields = self.root.iterfind("identification/miscellaneous/miscellaneous-field")
        title = self.root.findtext("work/work-title") or self.root.findtext("movement-title") or ""
        return PrintedScore(
            " ".join(title.split()),
            tuple(self.parts),
            tuple(self.measures),
            self._voices(),
            self.left_out,
            self.chord_symbols,
            next((one.text or "" for one in fields if one.get("name") == PROVENANCE_KEY), ""),
        )

    def _length(self, k: int) -> Fraction:
        """
        What a measure lasts: the longest of its parts, but a bar if one part fills it exactly.

        Others are too long then by rounded tuplets, or by a slip. Rests of whole measures say nothing of an upbeat.
        """
        measure = self.measures[k]
        lengths = set(self._lengths.get(k, {}).values())
        bar = Fraction(4 * measure.signature[0], measure.signature[1]) if measure.signature else None
        if bar in lengths:
            return bar or Fraction(0)
        if not lengths or not measure.upbeat:
            lengths.add(self._rests.get(k, Fraction(0)))
        longest = max(lengths)
        return bar if bar is not None and bar < longest < bar + _ROUNDED else longest

    def _voices(self) -> dict[ScoreVoice, dict[int, list[ScoreNote]]]:
        """The staves of a voice joined where it wanders between them; apart where each has its own of that name."""
        lines: dict[tuple[int, str], list[tuple[int, dict[int, list[ScoreNote]]]]] = {}
        for part, voice, staff in sorted(self.notes, key=lambda key: (key[0], key[2], len(key[1]), key[1])):
            lines.setdefault((part, voice), []).append((staff, self.notes[part, voice, staff]))
        out: dict[ScoreVoice, dict[int, list[ScoreNote]]] = {}
        for (part, voice), staves in lines.items():
            if len(staves) > 1 and _together([notes for _staff, notes in staves]):
                out.update({ScoreVoice(part, voice, staff): notes for staff, notes in staves})
                continue
            joined: dict[int, list[ScoreNote]] = {}
            for _staff, notes in staves:
                for k, own in notes.items():
                    joined[k] = sorted([*joined.get(k, []), *own], key=lambda note: (note.start, note.pitch))
            out[ScoreVoice(part, voice)] = joined
        return out


def _together(staves: list[dict[int, list[ScoreNote]]]) -> bool:
    """Whether notes of two staves sound at the same time."""
    for k in {k for notes in staves for k in notes}:
        spans = [
            (note.start, note.start + note.length, n) for n, notes in enumerate(staves) for note in notes.get(k, [])
        ]
        spans.sort()
        for (_start, end, one), (start, _end, other) in itertools.pairwise(spans):
            if one != other and start < end:
                return True
    return False


def _drums(entry: Element) -> dict[str, int]:
    """The drum that each instrument of a part means; MusicXML counts them from 1."""
    return {
        one.get("id", ""): int(number_in(one.find("midi-unpitched"), _SNARE + 1)) - 1
        for one in entry.findall("midi-instrument")
    }


def _transpositions(attributes: Element) -> dict[int, int]:
    return {
        int(_float(transpose.get("number"))): round(number_in(transpose.find("chromatic")))
        + 12 * round(number_in(transpose.find("octave-change")))
        for transpose in attributes.findall("transpose")
    }


def _signature(time: Element) -> tuple[int, int] | None:
    """Beats and unit; what is added up (3+2/8) is one."""
    total = Fraction(0)
    units = [4]
    for beats, unit in zip(time.findall("beats"), time.findall("beat-type"), strict=False):
        units.append(max(int(number_in(unit, 4)), 1))
        total += Fraction(sum(int(number) for number in re.findall(r"\d{1,3}", beats.text or "")), units[-1])
    unit_of_all = max(units[1:], default=4)
    count = total * unit_of_all
    if not count or count.denominator > 1 or unit_of_all & (unit_of_all - 1) or count > 255 or unit_of_all > 128:
        return None
    return int(count), unit_of_all


def _syllable(lyric: Element) -> str:
    text = "".join(part.text or "" for part in lyric.findall("text"))
    return text + ("-" if lyric.findtext("syllabic", "") in ("begin", "middle") else "")


def number_in(element: Element | None, default: Fraction | int = 0) -> Fraction:
    """The number in an element; the default where there is none."""
    text = "" if element is None else (element.text or "").strip()
    return Fraction(text) if _NUMBER.fullmatch(text) else Fraction(default)


def _float(text: str | None) -> float:
    return float(text) if text and _NUMBER.fullmatch(text.strip()) else 0.0
