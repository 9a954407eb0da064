"""A file to its notes in ticks, its tempos and signatures. Nothing here knows of seconds, grids or clips."""

from __future__ import annotations

import gc
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from attrs import evolve, frozen

from latentknobs.errors import MidiError
from latentknobs.scores.general_midi import INSTRUMENTS, UNPITCHED
from latentknobs.scores.input_bytes import read_bytes
from latentknobs.scores.musicxml_reader import PROVENANCE_KEY
from latentknobs.scores.notation import Notation, notation_of
from latentknobs.scores.note_pairing import HANGING, Pairing, TickNote, merge_doubles
from latentknobs.scores.smf import META, TEXT, SmfError, SmfEvent, SmfFile, parse

DRUM_CHANNEL = 9
DEFAULT_TEMPO = 500_000
NAME, TEMPO, TIME_SIGNATURE, KEY_SIGNATURE = 0x03, 0x51, 0x58, 0x59
_DRUMS = re.compile(
    r"\b(drums?|drum ?(kit|set)|perc(ussion)?|kick|snare|hi-?hats?|cymbals?|shaker|tambourine|congas?|bongos?)\b",
    re.IGNORECASE,
)
_PITCHED_DRUMS = re.compile(r"\bsteel\b", re.IGNORECASE)
_KICK, _SNARE, _HAT = (35, 36), (37, 38, 39, 40), (42, 44, 46)
_KIT = frozenset((*_KICK, *_SNARE, *_HAT, 41, 43, 45, 47, 48, 49, 50, 51, 53, 54, 55, 56, 57, 59))
_LARGEST_UNIT = 7  # a 128th, as a power of two
_LISTED = 4
_DAMAGED = {TEMPO: "tempo", TIME_SIGNATURE: "time signature", KEY_SIGNATURE: "key signature"}


class Signature(NamedTuple):
    """A time signature: ``beats`` notes of 1/``unit`` to the bar, from ``tick`` on."""

    tick: int
    beats: int
    unit: int

    def __str__(self) -> str:
        return f"{self.beats}/{self.unit}"

    @property
    def quarters(self) -> Fraction:
        """Quarter notes in a bar."""
        return Fraction(4 * self.beats, self.unit)


@frozen(eq=False)
class MidiPart:
    """
    The notes of one channel of one track, or of all its channels where each note has another; people call it a track.

    Attributes:
        number: From 1, in the order of the file; parts without notes are not counted.
        name: The track's name, without control characters; "" for none.
        channel: 0 to 15; 9 = drums.
        program: The first program on the channel, from 0.
        notes: By start.
        end: Tick at which the track ends.
        stated: Whether the file names the program.
    """

    number: int
    name: str
    channel: int
    program: int
    notes: tuple[TickNote, ...]
    end: int
    stated: bool = False

    @cached_property
    def drums(self) -> bool:
        """Whether it is percussion: on the drum channel, or by its name or its notes on another one."""
        if self.channel == DRUM_CHANNEL:
            return True
        if self.stated and 8 <= self.program < 112:  # an instrument that is no piano
            return False
        by_name = _DRUMS.search(self.name) and not _PITCHED_DRUMS.search(self.name)
        return bool(by_name) or _is_kit(self.notes)

    @property
    def pitched(self) -> bool:
        """Whether it may be a melody: no percussion and not an effect or a noise."""
        return not self.drums and self.program not in UNPITCHED

    @property
    def instrument(self) -> str:
        """What General MIDI calls its program; "drums" for percussion, "" where the file names none."""
        return "drums" if self.drums else INSTRUMENTS[self.program] if self.stated else ""


@frozen(eq=False)
class MidiScore:
    """
    What a MIDI file holds that matters here.

    Attributes:
        path: Where it came from.
        file: Its bytes and events.
        parts: Those with notes.
        signatures: Of all tracks, by tick, one a tick.
        tempos: (tick, microseconds in a quarter note) of all tracks, by tick, one a tick.
        texts: Texts of its text events, in the order of the file.
        conflicts: Where its tracks have different signatures on one tick, one sentence each.
        remarks: These, and what is wrong with it and was read all the same, one sentence each.
        notation: The score that the file is, None for MIDI.
    """

    path: Path
    file: SmfFile
    parts: tuple[MidiPart, ...]
    signatures: tuple[Signature, ...]
    tempos: tuple[tuple[int, int], ...]
    texts: tuple[str, ...]
    conflicts: tuple[str, ...]
    remarks: tuple[str, ...]
    notation: Notation | None = None

    @property
    def ticks_per_beat(self) -> int:
        """Ticks in a quarter note."""
        return self.file.division

    def tempo_at(self, tick: int) -> int:
        """Microseconds in a quarter note at a tick; 120 quarter notes a minute before the first tempo."""
        before = [micros for at, micros in self.tempos if at <= tick]
        return before[-1] if before else DEFAULT_TEMPO


def load(path: Path) -> MidiScore:
    """
    Read a MIDI file of format 0 or 1, or a score as it is played.

    Raises:
        MidiError: It cannot be opened, is empty, larger than MAX_BYTES, truncated, damaged beyond repair, not MIDI, of
            format 2, or divided by SMPTE time code.
    """
    return score_of(read_bytes(path), path)


def score_of(data: bytes, path: Path) -> MidiScore:
    """
    Read the bytes of a MIDI file or a score, which came from ``path``.

    Raises:
        MidiError: As :func:`load`.
    """
    notation = notation_of(path, data)
    if notation is None:
        return parse_score(data, path)
    score = parse_score(notation.played.data, path)
    return evolve(score, notation=notation, remarks=(*notation.remarks, *score.remarks))


def parse_score(data: bytes, path: Path) -> MidiScore:
    """
    Read the bytes of a MIDI file of format 0 or 1, which came from ``path`` or will be written there.

    Raises:
        MidiError: As :func:`load`.
    """
    try:
        with _without_collection():
            return _EventReader(parse(data)).score(path)
    except SmfError as error:
        raise MidiError(f"{path} {error}") from error


@contextmanager
def _without_collection() -> Iterator[None]:
    """Python's search for cycles, of which a file's events have none, would take half of the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def readable(text: bytes) -> str:
    """A text of the file on one line without control characters, whatever its encoding."""
    return " ".join("".join(c if c.isprintable() else " " for c in decoded(text)).split())


def provenance_of(text: str) -> dict[str, Any] | None:
    """What a text event says of where a file of ours came from; None for any other text."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(data, dict) and isinstance(data.get(PROVENANCE_KEY), dict):
        return dict(data[PROVENANCE_KEY])
    return None


def decoded(text: bytes) -> str:
    """A text of the file: UTF-16 where it says so, else UTF-8, or else Latin-1, which takes any bytes."""
    if text.startswith((b"\xff\xfe", b"\xfe\xff")):
        return text.decode("utf-16", "replace")
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError:
        return text.decode("latin-1")


class _EventReader:
    """Goes through the events of a file once."""

    def __init__(self, file: SmfFile) -> None:
        self.file = file
        self.signatures: dict[int, tuple[int, Signature]] = {}  # tick to track and signature
        self.conflicts: list[str] = []
        self.tempos: dict[int, int] = {}
        self.texts: list[str] = []
        self.programs: dict[int, int] = {}  # the first on each channel: format 1 may set it in another track
        self.damaged: list[str] = []
        self.hanging = self.doubled = self.empty = 0

    def score(self, path: Path) -> MidiScore:
        """What the file holds."""
        found = [part for number, _track in enumerate(self.file.tracks) for part in self._track(number)]
        parts = [
            evolve(part, number=k, program=max(program, 0), stated=program >= 0)
            for k, part in enumerate(found, start=1)
            for program in [part.program if part.program >= 0 else self.programs.get(part.channel, -1)]
        ]
        signatures = tuple(self.signatures[tick][1] for tick in sorted(self.signatures))
        tempos = tuple((tick, self.tempos[tick]) for tick in sorted(self.tempos))
        texts, conflicts = tuple(self.texts), tuple(self.conflicts[:_LISTED])
        return MidiScore(path, self.file, tuple(parts), signatures, tempos, texts, conflicts, self._remarks())

    def _track(self, number: int) -> list[MidiPart]:
        track, data = self.file.tracks[number], self.file.data
        name = ""
        own: dict[int, int] = {}
        controllers: dict[tuple[int, int], int] = {}  # the last value of each on each channel
        mpe = False
        pairs: dict[tuple[int, int], Pairing] = {}
        legato = self.file.division // 16
        for k, event in enumerate(track.events):
            kind = event.status >> 4
            if kind in (0x8, 0x9):
                pitch, velocity = min(data[event.stop - 2], 127), data[event.stop - 1]
                channel = event.status & 0xF
                pairing = pairs.get((channel, pitch))
                if pairing is None:
                    pairing = pairs[channel, pitch] = Pairing(pitch, channel, number, legato)
                if kind == 0x9 and velocity:
                    pairing.on(event.tick, k)
                else:
                    pairing.off(event.tick, k)
            elif kind == 0xC:
                program = min(data[event.stop - 1], 127)
                own.setdefault(event.status & 0xF, program)
                self.programs.setdefault(event.status & 0xF, program)
            elif kind == 0xB:
                channel, controller, value = event.status & 0xF, data[event.stop - 2], data[event.stop - 1]
                controllers[channel, controller] = value
                mpe = mpe or (controller == 6 and value > 0 and _mpe(controllers, channel))
            elif event.status == META:
                found = self._meta(number, event)
                name = name or found
        for pairing in pairs.values():
            pairing.close(track.end)
            self.hanging += pairing.hanging
        parts = []
        for channel in sorted({channel for channel, _pitch in pairs}):
            raw = [note for key, pairing in pairs.items() if key[0] == channel for note in pairing.notes]
            notes, doubled = merge_doubles(raw)
            self.doubled += doubled
            self.empty += sum(note.start == note.end and note.events[1] != HANGING for note in notes)
            if notes:
                parts.append(MidiPart(0, name, channel, own.get(channel, -1), tuple(notes), track.end))
        if len(parts) > 1 and (mpe or _one_voice_on_many_channels(parts, self.file.division)):
            melodic = next(part for part in parts if not part.drums)
            return [evolve(melodic, notes=tuple(sorted(note for part in parts for note in part.notes)))]
        return parts

    def _meta(self, track: int, event: SmfEvent) -> str:
        """Take in a meta event; the track's name if it is one."""
        kind = self.file.data[event.body + 1]
        if kind not in (TEXT, NAME, TEMPO, TIME_SIGNATURE, KEY_SIGNATURE):
            return ""
        payload = self.file.payload(event)
        if kind == NAME:
            return readable(payload)
        if kind == TEXT:
            self.texts.append(decoded(payload))
        elif kind == TEMPO and len(payload) >= 3 and any(payload[:3]):
            self.tempos[event.tick] = int.from_bytes(payload[:3], "big")
        elif kind == TIME_SIGNATURE and len(payload) >= 2 and payload[0] and payload[1] <= _LARGEST_UNIT:
            self._signature(track, Signature(event.tick, payload[0], 2 ** payload[1]))
        elif kind != KEY_SIGNATURE or not _is_key(payload):
            self.damaged.append(f"{_DAMAGED[kind]} at tick {event.tick} of track {track + 1}")
        return ""

    def _signature(self, track: int, signature: Signature) -> None:
        first, held = self.signatures.get(signature.tick, (track, signature))
        if first == track:
            self.signatures[signature.tick] = (track, signature)
        elif str(held) != str(signature):
            self.conflicts.append(
                f"Track {first + 1} says {held} at tick {signature.tick}, and track {track + 1} says {signature}: "
                f"{held} holds."
            )

    def _remarks(self) -> tuple[str, ...]:
        remarks = list(self.file.remarks)
        if self.damaged:
            shown = ", ".join(self.damaged[:_LISTED])
            more = f" and {len(self.damaged) - _LISTED} more" if len(self.damaged) > _LISTED else ""
            remarks.append(f"Events that are damaged were skipped: {shown}{more}.")
        remarks.extend(self.conflicts[:_LISTED])
        for number, what in (
            (self.hanging, "without an end ended at the next of its pitch or with its track"),
            (self.doubled, "that doubled another one merged with it"),
            (self.empty, "of no length read as one step"),
        ):
            if number:
                remarks.append(f"{number} note{'s' if number > 1 else ''} {what}.")
        return tuple(remarks)


def _is_kit(notes: Sequence[TickNote]) -> bool:
    """Whether notes are a drum kit's: nearly all are its common drums, kick, snare and hi-hat all among them."""
    pitches = Counter(note.pitch for note in notes)
    least = max(len(notes) // 20, 1)
    return 100 * sum(pitches[pitch] for pitch in _KIT) >= 95 * len(notes) and all(
        sum(pitches[pitch] for pitch in drum) >= least for drum in (_KICK, _SNARE, _HAT)
    )


def _is_key(payload: bytes) -> bool:
    return len(payload) >= 2 and (payload[0] <= 7 or payload[0] >= 249) and payload[1] <= 1


def _mpe(controllers: Mapping[tuple[int, int], int], channel: int) -> bool:
    """Whether a value entered now says that each note has a channel of its own (registered parameter 6, MPE 1.0)."""
    return channel in (0, 15) and (controllers.get((channel, 101)), controllers.get((channel, 100))) == (0, 6)


def _one_voice_on_many_channels(parts: Sequence[MidiPart], division: int) -> bool:
    """
    Whether the channels of one track are one voice, each note on another channel.

    That is so if no two channels have different programs, at most a sixteenth of two notes sounds together, and at
    least every second note changes the channel. Drums count among more than two other channels.
    """
    drums = any(part.drums for part in parts)
    if len({part.program for part in parts}) > 1 or (drums and len(parts) < 4):
        return False
    notes = sorted(note for part in parts for note in part.notes)
    if any(a.end - b.start > division // 4 or a.start == b.start for a, b in itertools.pairwise(notes)):
        return False
    return 2 * sum(a.channel != b.channel for a, b in itertools.pairwise(notes)) >= len(notes)
