"""Songs as MIDI files: played by people, with the events that sequencers and karaoke makers leave in them."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import mido
from attrs import evolve, field, frozen

from benchmarks.real_files.songs import Meter, Part, Song, Time

DRUM_CHANNEL = 9
SYLLABLES = (
    "lo",
    "ver ",
    "the ",
    "morn",
    "ing ",
    "light ",
    "and ",
    "I ",
    "will ",
    "come ",
    "a",
    "gain ",
    "to ",
    "you ",
    "oh ",
)
GM_RESET = mido.Message("sysex", data=(0x7E, 0x7F, 0x09, 0x01))
KEY_NAMES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
MINOR_NAMES = ("Cm", "C#m", "Dm", "Ebm", "Em", "Fm", "F#m", "Gm", "G#m", "Am", "Bbm", "Bm")


@frozen(order=True)
class PlayedNote:
    """A note of a MIDI file: ticks, pitch and velocity."""

    start: int
    end: int
    pitch: int
    velocity: int = 90


@frozen
class MelodyTruth:
    """
    Which notes of a file are the melody.

    Attributes:
        track: Index of its chunk.
        channel: Its channel, from 0.
        notes: Its notes, by time.
    """

    track: int
    channel: int
    notes: tuple[PlayedNote, ...]


@frozen
class Take:
    """
    How a song becomes a file.

    Attributes:
        seed: Of timing and velocities.
        ticks: In a quarter note.
        kind: MIDI format 0 or 1.
        place: The melody's place among the parts.
        loose: Milliseconds by which people play early or late at most, 0 = a machine.
        signatures: Time signatures as declared, bar (from 0) to meter; None = as they are, empty = none.
        lyrics: "" = none; "events" = lyric events in the melody's track; "soft karaoke" = text events in a track of
            their own, as .kar files have them.
        controllers: Whether there are volumes, pans, bends, sustain pedals and the like.
        tempo_map: Whether the tempo slows at phrase ends.
        silence: Empty bars at the beginning.
        late: Ticks by which the melody is late throughout.
        warped: Moves a tick, for performances without a click.
        channels: Channel of each part, by name.
        names: Whether tracks have names.
        gates: Shortest and longest share of its length that a note sounds.
        key_signature: Whether it is declared.
        running: Part names whose notes are in the melody's track and channel, as a pianist's left hand.
    """

    seed: int = 0
    ticks: int = 480
    kind: int = 1
    place: int = 0
    loose: int = 12
    signatures: Mapping[int, Meter] | None = None
    lyrics: str = ""
    controllers: bool = True
    tempo_map: bool = False
    silence: int = 0
    late: int = 0
    warped: Callable[[int], int] | None = None
    channels: Mapping[str, int] = field(factory=dict)
    names: bool = True
    gates: tuple[float, float] = (0.8, 0.98)
    key_signature: bool = True
    running: tuple[str, ...] = ()


Event = tuple[int, Any]


def _played(part: Part, song: Song, take: Take, rng: random.Random, lead: Time) -> list[PlayedNote]:
    ms = take.ticks * song.tempo / 60_000
    last_of: dict[int, PlayedNote] = {}
    out: list[PlayedNote] = []
    shift = 0
    at: Time | None = None
    for note in part.notes:
        if note.start != at:  # the notes of a chord are struck by one hand
            shift = round(rng.triangular(-take.loose, take.loose, 0) * ms) if take.loose else 0
            at = note.start
        strum = rng.randrange(3) if take.loose else 0
        start = max(round((note.start + lead) * take.ticks) + shift + strum, 0)
        if part is song.melody:
            start += take.late
        gate = rng.uniform(*take.gates) if not part.drums else 0.9
        end = start + max(round(note.length * take.ticks * Fraction(gate)), 1)
        if take.warped is not None:
            start, end = take.warped(start), take.warped(end)
        before = last_of.get(note.pitch)
        if before is not None and before.end > start:
            # A key is lifted before it is struck again.
            out[out.index(before)] = evolve(before, end=max(start - 1, before.start + 1))
            start = max(start, before.start + 2)
        velocity = min(max(note.velocity + (rng.randrange(-5, 6) if take.loose else 0), 1), 127)
        played = PlayedNote(start, max(end, start + 1), note.pitch, velocity)
        last_of[note.pitch] = played
        out.append(played)
    return sorted(out)


def note_events(notes: Sequence[PlayedNote], channel: int, *, real_offs: bool = False) -> list[Event]:
    """The events of notes; their ends are note-on events without velocity, or real ones."""
    end_of = (lambda p: mido.Message("note_off", note=p, velocity=64, channel=channel)) if real_offs else (
        lambda p: mido.Message("note_on", note=p, velocity=0, channel=channel)
    )  # fmt: skip
    out: list[Event] = []
    for note in notes:
        out.append((note.start, mido.Message("note_on", note=note.pitch, velocity=note.velocity, channel=channel)))
        out.append((note.end, end_of(note.pitch)))
    return out


def _is_on(message: Any) -> bool:
    return bool(message.type == "note_on" and message.velocity > 0)


def track_of(events: Sequence[Event], end: int) -> mido.MidiTrack:
    """A track of (tick, message); at a tick ends come first, then other events, then starts."""

    def rank(event: Event) -> int:
        message = event[1]
        return 2 if _is_on(message) else 0 if message.type in ("note_on", "note_off") else 1

    track, now = mido.MidiTrack(), 0
    for tick, message in sorted(events, key=lambda event: (event[0], rank(event))):
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=max(end - now, 0)))
    return track


def file_bytes(tracks: Sequence[mido.MidiTrack], *, kind: int = 1, ticks: int = 480) -> bytes:
    """A MIDI file of tracks."""
    file = mido.MidiFile(type=kind, ticks_per_beat=ticks, charset="utf-8")
    file.tracks.extend(tracks)
    out = io.BytesIO()
    file.save(file=out)
    return out.getvalue()


def _conductor(song: Song, take: Take, starts: Sequence[Time]) -> list[Event]:
    lead = take.silence * song.bars[0].quarters
    meta = mido.MetaMessage
    out: list[Event] = [(0, meta("track_name", name=song.title)), (0, meta("copyright", text="(c) 1998 the sequencer"))]
    declared = take.signatures
    if declared is None:
        changes = [k for k, bar in enumerate(song.bars) if not k or bar != song.bars[k - 1]]
        declared = {k: song.bars[k] for k in changes}
    for bar, meter in declared.items():
        tick = 0 if bar == 0 else round((starts[bar] + lead) * take.ticks)
        out.append((tick, meta("time_signature", numerator=meter.beats, denominator=meter.unit)))
    if take.key_signature:
        name = MINOR_NAMES[song.key] if song.minor else KEY_NAMES[song.key]
        out.append((0, meta("key_signature", key=name)))
    out.append((0, meta("set_tempo", tempo=round(60e6 / song.tempo))))
    if take.tempo_map:
        for bar, _name in song.sections[1:]:
            at = starts[bar] + lead
            slower = [(at - 2 + Fraction(k, 2), song.tempo * (1 - 0.03 * (k + 1))) for k in range(4)]
            for time, tempo in (*slower, (at, song.tempo + bar % 3)):
                out.append((round(time * take.ticks), meta("set_tempo", tempo=round(60e6 / tempo))))
    for bar, name in song.sections:
        out.append((round((starts[bar] + lead) * take.ticks), meta("marker", text=name)))
    return out


def _controls(part: Part, notes: Sequence[PlayedNote], channel: int, take: Take, rng: random.Random) -> list[Event]:
    message = mido.Message
    out: list[Event] = [(0, message("program_change", channel=channel, program=part.program))]
    if not take.controllers:
        return out
    for control, value in ((0, 0), (7, 80 + rng.randrange(40)), (10, 30 + rng.randrange(70)), (91, 40), (93, 20)):
        out.append((0, message("control_change", channel=channel, control=control, value=value)))
    out += [
        (0, message("control_change", channel=channel, control=c, value=v)) for c, v in ((101, 0), (100, 0), (6, 2))
    ]
    if part.pedal and notes:
        for tick in range(0, notes[-1].end, 4 * take.ticks):
            out.append((tick, message("control_change", channel=channel, control=64, value=127)))
            out.append(
                (
                    tick + 4 * take.ticks - take.ticks // 16,
                    message("control_change", channel=channel, control=64, value=0),
                )
            )
    if part.bends:
        for note in notes[::5]:
            for k, bend in enumerate((-2048, -1024, -400, 0)):
                out.append((note.start + k * take.ticks // 24, message("pitchwheel", channel=channel, pitch=bend)))
        for note in notes[::7]:
            out.append(((note.start + note.end) // 2, message("control_change", channel=channel, control=1, value=48)))
            out.append((note.end, message("control_change", channel=channel, control=1, value=0)))
        for k, note in enumerate(notes[::4]):
            out.append((note.start, message("control_change", channel=channel, control=11, value=90 + k % 3 * 12)))
        out += [(note.start + 1, message("aftertouch", channel=channel, value=40)) for note in notes[::9]]
    return out


def _lyric_events(notes: Sequence[PlayedNote], kind: str) -> list[Event]:
    out: list[Event] = []
    for k, note in enumerate(notes):
        line = "\\" if k % 32 == 0 else "/" if k % 8 == 0 else ""
        syllable = line + SYLLABLES[k % len(SYLLABLES)]
        out.append((note.start, mido.MetaMessage(kind, text=syllable)))
    return out


def perform(song: Song, take: Take) -> tuple[bytes, MelodyTruth]:
    """The song as a MIDI file, and which notes of it are the melody."""
    rng = random.Random(f"take {take.seed}")
    starts = song.starts()
    lead = take.silence * song.bars[0].quarters
    end = round((starts[-1] + lead) * take.ticks)
    parts = [part for part in song.parts if part.name not in take.running]
    parts.insert(min(take.place, len(parts)), song.melody)
    tracks: list[list[Event]] = [_conductor(song, take, starts)]
    if take.controllers:
        tracks[0].append((0, GM_RESET))
    if take.lyrics == "soft karaoke":
        tracks[0] = [event for event in tracks[0] if event[1].type not in ("track_name", "marker")]
        words = [
            (0, mido.MetaMessage("track_name", name="Words")),
            (0, mido.MetaMessage("text", text="@LENGL")),
            (0, mido.MetaMessage("text", text=f"@T{song.title}")),
        ]
        tracks[0].append((0, mido.MetaMessage("text", text="@KMIDI KARAOKE FILE")))
        tracks.append(words)
    free = [k for k in (3, 0, 1, 2, 4, 5, 6, 7, 8, 10, 11, 12) if k not in take.channels.values()]
    truth = MelodyTruth(0, 0, ())
    for part in parts:
        channel = take.channels.get(part.name, DRUM_CHANNEL if part.drums else -1)
        if channel < 0:
            channel = free.pop(0)
        notes = _played(part, song, take, rng, lead)
        events: list[Event] = [(0, mido.MetaMessage("track_name", name=part.name))] if take.names and part.name else []
        events += _controls(part, notes, channel, take, rng) + note_events(notes, channel, real_offs=take.seed % 2 == 1)
        if part is song.melody:
            truth = MelodyTruth(len(tracks), channel, tuple(notes))
            for other in song.parts:
                if other.name in take.running:
                    events += note_events(_played(other, song, take, rng, lead), channel, real_offs=take.seed % 2 == 1)
            if take.lyrics == "events":
                events += _lyric_events(notes, "lyrics")
            elif take.lyrics:
                tracks[1] += _lyric_events(notes, "text")
        tracks.append(events)
    if take.kind == 0:
        return file_bytes(
            [track_of([event for track in tracks for event in track if event[1].type != "track_name"], end)],
            kind=0,
            ticks=take.ticks,
        ), evolve(truth, track=0)
    return file_bytes([track_of(track, end) for track in tracks], ticks=take.ticks), truth
