"""Other notes in the place of a voice's in a MusicXML document; everything else stays as it was."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from fractions import Fraction
from xml.etree import ElementTree as ET

from attrs import frozen

from latentknobs.scores.engraving import DIVISIONS, Bar, Segment, cut, engraved, key_of, spelled
from latentknobs.scores.midi_file import MidiScore
from latentknobs.scores.musicxml_reader import (
    MeasureState,
    PlacedNote,
    ScoreVoice,
    measure_states,
    number_in,
    walk,
    written_pitch,
)
from latentknobs.scores.musicxml_repeats import written_out
from latentknobs.scores.notation import Notation


def spliced(notation: Notation, before: MidiScore, after: MidiScore) -> ET.Element:
    """The score with other notes in the voices in which the MIDI files differ."""
    played = notation.played
    starts = [place.tick for place in played.measures]
    end = max(track.end for track in before.file.tracks)
    old, new = _by_track(before), _by_track(after)
    edits = []
    for track, voice in enumerate(played.voices, start=1):
        if old.get(track) != new.get(track):
            notes = new.get(track, [])
            was, becomes = (cut(these, starts, end, played.division) for these in (old.get(track, []), notes))
            edits.append(_VoiceEdit(voice, was, becomes, notes))
    order = [place.printed for place in played.measures]
    if any(edit.differs_by_pass(order) for edit in edits):
        root = written_out(notation.root, order)
        order = list(range(len(order)))
    else:
        root = copy.deepcopy(notation.root)
    parts = root.findall("part")
    times = [Fraction(tick, played.division) for tick in (*starts, end)]
    for edit in edits:
        edit.apply(parts[edit.voice.part], order, times)
    return root


def _by_track(score: MidiScore) -> dict[int, list[tuple[int, int, int]]]:
    out: dict[int, list[tuple[int, int, int]]] = {}
    for part in score.parts:
        for note in part.notes:
            out.setdefault(note.track, []).append((note.start, note.end, note.pitch))
    return {track: sorted(notes) for track, notes in out.items()}


@frozen(eq=False)
class _VoiceEdit:
    """What changes in one voice: what lies in each measure as played, before and after."""

    voice: ScoreVoice
    before: list[list[Segment]]
    after: list[list[Segment]]
    notes: list[tuple[int, int, int]]

    def differs_by_pass(self, order: Sequence[int]) -> bool:
        """Whether a measure that changes becomes another one each time that it is played."""
        first: dict[int, int] = {}
        for k, printed in enumerate(order):
            same = first.setdefault(printed, k)
            changes = any(self.before[n] != self.after[n] for n in (k, same))
            if changes and self.after[k] != self.after[same]:
                return True
        return False

    def apply(self, part: ET.Element, order: Sequence[int], starts: Sequence[Fraction]) -> None:
        """
        Change the measures of a part.

        Args:
            part: The part.
            order: The measure at each place as played.
            starts: Where each place starts and the last one ends, in quarter notes.
        """
        states = list(measure_states(part))
        bars: dict[int, list[tuple[MeasureState, Bar]]] = {}  # by key
        done: set[int] = set()
        keys: dict[tuple[int, int], int] = {}
        for k, number in enumerate(order):
            if number in done or number >= len(states) or self.before[k] == self.after[k]:
                continue
            done.add(number)
            state = states[number]
            shift = state.semitones(self.voice.staff)
            if (shift, state.fifths) not in keys:
                written = [(start, stop, pitch - shift) for start, stop, pitch in self.notes]
                keys[shift, state.fifths] = key_of(written, state.fifths)
            fifths = keys[shift, state.fifths]
            if not self._repitch(state, k, shift, fifths):
                segments = tuple(one._replace(pitch=one.pitch - shift) for one in self.after[k])
                bar = Bar(starts[k + 1] - starts[k], state.signature, segments, shown=True)
                bars.setdefault(fifths, []).append((state, bar))
        fresh = [
            (state, measure)
            for fifths, group in bars.items()
            for (state, _bar), measure in zip(group, engraved([bar for _state, bar in group], fifths), strict=True)
        ]
        factor = math.lcm(
            *(
                (time * state.divisions).denominator
                for state, measure in fresh
                for _element, note, _now in walk(measure, Fraction(DIVISIONS))
                if note is not None
                for time in (note.start, note.length)
            )
        )
        if factor > 1:
            _scale(part, factor)
        for state, measure in fresh:
            _replace_voice(state.measure, state.divisions * factor, self.voice, measure)

    def _repitch(self, state: MeasureState, k: int, shift: int, fifths: int) -> bool:
        """Change only pitches, where only they differ; slurs, articulation, beams and lyrics stay. Whether it could."""
        before, after = self.before[k], self.after[k]
        if [one._replace(pitch=0) for one in before] != [one._replace(pitch=0) for one in after]:
            return False
        new: list[tuple[ET.Element, int]] = []
        graces: list[ET.Element] = []
        for element, note, _now in walk(state.measure, state.divisions):
            if note is None or not self.voice.holds(note) or element.find("pitch") is None:
                continue
            if element.find("grace") is not None or element.find("cue") is not None:
                graces.append(element)
                continue
            pitch = written_pitch(element) + shift
            match = [
                to
                for one, to in zip(before, after, strict=True)
                if one.pitch == pitch and one.start <= note.start and note.start + note.length <= one.end
            ]
            if not match:
                return False
            new.append((element, match[0].pitch - shift))
            # Grace notes go with the note that they lead to.
            new.extend((grace, written_pitch(grace) + match[0].pitch - pitch) for grace in graces)
            graces = []
        for element, wanted in new:
            if wanted != written_pitch(element):
                _set_pitch(element, wanted, fifths)
        return True


def _set_pitch(element: ET.Element, pitch: int, fifths: int) -> None:
    old = element.find("pitch")
    step, alter, octave = spelled(pitch, fifths)
    if old is not None:
        old.clear()
        ET.SubElement(old, "step").text = step
        if alter:
            ET.SubElement(old, "alter").text = str(alter)
        ET.SubElement(old, "octave").text = str(octave)
    for accidental in element.findall("accidental"):
        element.remove(accidental)


def _scale(part: ET.Element, factor: int) -> None:
    """Make the divisions of a part finer."""
    for tag in ("divisions", "duration", "offset"):
        for element in part.iter(tag):
            element.text = _decimal(number_in(element) * factor)


def _decimal(number: Fraction) -> str:
    return str(number.numerator) if number.denominator == 1 else f"{float(number):.6f}"


def _replace_voice(measure: ET.Element, divisions: Fraction, voice: ScoreVoice, fresh: ET.Element) -> None:
    """Put engraved notes in the place of a voice's; other voices, directions and the rest keep their places in time."""
    now = Fraction(0)
    head: list[_Item] = []
    run: list[_Item] = []  # what stands among the voice's own notes
    tail: list[_Item] = []
    own: list[PlacedNote] = []
    for element, note, after in walk(measure, divisions):
        item = _Item(now if note is None else note.start, after - now if note else Fraction(0), element)
        now = after
        if note is not None and voice.holds(note):
            own.append(note)
        elif element.tag not in ("backup", "forward"):
            over = tail or note is not None or element.tag == "barline"
            (head if not own and element.get("location") != "right" else tail if over else run).append(item)
    staff = own[0].element.findtext("staff") if own else str(voice.staff) if voice.staff else None
    sung = {note.start: note.element.findall("lyric") for note in reversed(own) if note.element.find("chord") is None}
    filled = sum((note.length for note in own if note.element.find("chord") is None), Fraction(0))
    new: list[_Item] = []
    now = Fraction(0)
    for element, note, after in walk(fresh, Fraction(DIVISIONS)):
        length, now = after - now, after
        rest = element.find("rest") is not None
        if note is None or (rest and (element.get("print-object") == "no" or (own and filled < after))):
            continue
        number = "" if note.voice == "1" else note.voice
        for old in element.findall("voice"):
            element.remove(old)
        _put(element, "voice", f"{voice.voice}{number}")
        if staff:
            _put(element, "staff", staff)
        _put(element, "duration", _decimal(note.length * divisions))
        if not rest and element.find("chord") is None:
            element.extend(copy.deepcopy(sung.get(note.start, [])))
        new.append(_Item(note.start, max(length, Fraction(0)), element))
    merged = sorted([*run, *new], key=lambda item: (item.start, item.element.tag == "note"))
    if any(item.element.find("voice") is not None and item.element.findtext("voice") != voice.voice for item in new):
        merged = [*run, *new]
    for child in list(measure):
        measure.remove(child)
    now = Fraction(0)
    for item in [*head, *merged, *tail]:
        together = item.element.find("chord") is not None or item.element.tag in ("barline", "print")
        if item.start != now and not together:
            move = ET.SubElement(measure, "forward" if item.start > now else "backup")
            ET.SubElement(move, "duration").text = _decimal(abs(item.start - now) * divisions)
            now = item.start
        measure.append(item.element)
        now += Fraction(0) if together else item.length


@frozen
class _Item:
    """Something in a measure: where it starts, and by how much it moves what comes next."""

    start: Fraction
    length: Fraction
    element: ET.Element


_NOTE = [
    "grace",
    "cue",
    "chord",
    "pitch",
    "unpitched",
    "rest",
    "duration",
    "tie",
    "instrument",
    "voice",
    "type",
    "dot",
    "accidental",
    "time-modification",
    "stem",
    "notehead",
    "staff",
    "beam",
    "notations",
    "lyric",
]
"""What a note holds, in the order that the format has."""


def _put(note: ET.Element, tag: str, text: str) -> None:
    """Set a child of a note, in the order that the format has."""
    child = note.find(tag)
    if child is None:
        child = ET.Element(tag)
        place = _NOTE.index(tag)
        at = next((n for n, one in enumerate(note) if one.tag in _NOTE and _NOTE.index(one.tag) > place), len(note))
        note.insert(at, child)
    child.text = text
