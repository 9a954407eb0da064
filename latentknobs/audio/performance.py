"""What sounds when, in samples: a piece on its grid, or the whole MIDI file that it would be written into."""

from __future__ import annotations

import bisect
import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import evolve, field, frozen, validators

from latentknobs.audio.drum_kit import HATS, Drum, drum_of
from latentknobs.audio.timbres import PLUCKED, Timbre, timbre_of
from latentknobs.audio.waves import LONGEST, SAMPLE_RATE
from latentknobs.core.clip import ClipFormat, DrumFormat
from latentknobs.core.piece import Piece
from latentknobs.errors import UsageError
from latentknobs.scores.midi_file import DEFAULT_TEMPO, DRUM_CHANNEL, MidiScore, parse_score
from latentknobs.scores.note_pairing import TickNote

MAX_SECONDS = 20 * 60
"""Longest sound that is made: about 300 MB of samples while it is made."""
MAX_NOTES = 200_000
MAX_HOURS = 16
"""Hours that all notes may last together: nearly fifty at any time of the longest sound."""
SHORTEST = SAMPLE_RATE // 40
"""Samples that a note of a file lasts at least, so that one of no length is heard."""
VOLUME, EXPRESSION, PEDAL, RESET = 7, 11, 64, 121
USUAL_VOLUME, FULL = 100, 127
"""Volume and expression of a channel that has none."""
DOWN = 64
"""Least value at which the pedal is down."""
MELODY_SHARE, MOST_LIFT = 0.5, 4.0
"""Power of the melody against all that accompanies it, and the largest factor by which it is lifted."""


@frozen
class Sound:
    """
    One note or stroke.

    Attributes:
        start: First sample.
        end: Sample after the last one.
        timbre: Instrument or drum.
        pitch: MIDI pitch, or number of the drum.
        gain: 0 to 1, or more for a melody that is lifted.
        channel: Whose volume it has, -1 = nobody's.
        melody: Whether it is a note of the piece.
    """

    start: int = field(validator=validators.ge(0))
    end: int = field(validator=validators.ge(0))
    timbre: Timbre | Drum
    pitch: int
    gain: float = field(validator=validators.ge(0))
    channel: int = -1
    melody: bool = True


Levels = tuple[tuple[int, float], ...]
"""(sample from which it holds, gain), by sample; the first at 0."""


@frozen(eq=False)
class Performance:
    """
    All that sounds.

    Attributes:
        name: For messages.
        samples: How long it lasts.
        sounds: By start.
        levels: What the volume of each channel does.
    """

    name: str
    samples: int
    sounds: tuple[Sound, ...]
    levels: Mapping[int, Levels]

    def __attrs_post_init__(self) -> None:
        seconds = self.samples / SAMPLE_RATE
        if seconds > MAX_SECONDS:
            raise UsageError(
                f"{self.name} lasts {seconds / 60:.0f} minutes, over the {MAX_SECONDS // 60} that can become sound: "
                "write MIDI instead."
            )
        hours = sum(sound.end - sound.start for sound in self.sounds) / SAMPLE_RATE / 3600
        if len(self.sounds) > MAX_NOTES or hours > MAX_HOURS:
            raise UsageError(
                f"{self.name} has {len(self.sounds)} notes that last {hours:.1f} hours together, over the {MAX_NOTES} "
                f"notes and {MAX_HOURS} hours that can become sound: write MIDI instead."
            )


def performance_of(piece: Piece, clip_format: ClipFormat) -> Performance:
    """
    A piece as it is heard: with all of the file that it was read from, or else alone.

    Raises:
        UsageError: It lasts longer than MAX_SECONDS, or has more notes than can become sound.
    """
    if piece.source is None:
        return _of_piece(piece, clip_format)
    name = Path(f"{piece.name}.mid")
    rest = parse_score(piece.source.with_notes(()), name)
    score = parse_score(piece.source.with_notes(piece.notes), name)
    others = Counter(_key(note) for part in rest.parts for note in part.notes)
    own: set[TickNote] = set()
    for part in score.parts:
        for note in part.notes:
            if others[_key(note)]:
                others[_key(note)] -= 1
            else:
                own.add(note)
    return _of_score(piece.name, score, own)


def _key(note: TickNote) -> tuple[int, int, int, int]:
    return note.track, note.channel, note.start, note.pitch


def _of_piece(piece: Piece, clip_format: ClipFormat) -> Performance:
    step = 60.0 / (piece.tempo * clip_format.steps_per_beat)
    drums = isinstance(clip_format, DrumFormat)
    sounds = []
    for note in piece.notes:
        start, end = (round(at * step * SAMPLE_RATE) for at in (note.onset, note.end))
        drum = drum_of(note.pitch)
        sounds.append(Sound(start, start + drum.samples if drums else end, drum if drums else PLUCKED, note.pitch, 1.0))
    return Performance(piece.name, round(piece.steps * step * SAMPLE_RATE), _choked(sounds), {})


def _choked(sounds: Sequence[Sound]) -> tuple[Sound, ...]:
    """Sounds by start, a hi-hat silenced by the next."""
    out = sorted(sounds, key=lambda sound: sound.start)
    following = None
    for k in range(len(out) - 1, -1, -1):
        hat = out[k]
        if isinstance(hat.timbre, Drum) and hat.pitch in HATS:
            if following is not None and following < hat.end:
                out[k] = evolve(hat, end=max(following, hat.start + SHORTEST))
            following = hat.start
    return tuple(out)


class TempoMap:
    """Ticks to samples and back, in integers."""

    def __init__(self, score: MidiScore) -> None:
        self._ticks = [0]
        self._micros = [DEFAULT_TEMPO]
        self._passed = [0]  # microseconds times ticks per beat
        for tick, micros in score.tempos:
            self._passed.append(self._passed[-1] + (tick - self._ticks[-1]) * self._micros[-1])
            self._ticks.append(tick)
            self._micros.append(micros)
        self._unit = score.ticks_per_beat * 10**6

    def sample(self, tick: int) -> int:
        """The sample nearest to a tick."""
        k = bisect.bisect_right(self._ticks, tick) - 1
        passed = self._passed[k] + (tick - self._ticks[k]) * self._micros[k]
        return (2 * passed * SAMPLE_RATE + self._unit) // (2 * self._unit)

    def tick(self, sample: int) -> int:
        """The tick nearest to a sample, the last of those that share it."""
        passed = sample * self._unit // SAMPLE_RATE
        k = bisect.bisect_right(self._passed, passed) - 1
        micros = max(self._micros[k], 1)
        return self._ticks[k] + (2 * (passed - self._passed[k]) + micros) // (2 * micros)


class _Channel:
    """What a channel's controllers and programs are set to, and when; (tick, value) by tick."""

    def __init__(self) -> None:
        self.programs: list[tuple[int, int]] = []
        self.volume: list[tuple[int, int]] = []
        self.expression: list[tuple[int, int]] = []
        self.pedal: list[tuple[int, int]] = []

    def program(self, tick: int) -> int:
        """The program at a tick; before the first one that one."""
        return _at(self.programs, tick, self.programs[0][1] if self.programs else 0)

    def control(self, tick: int, controller: int, value: int) -> None:
        if controller == VOLUME:
            self.volume.append((tick, value))
        if controller in (EXPRESSION, RESET):
            self.expression.append((tick, FULL if controller == RESET else value))
        if controller in (PEDAL, RESET):
            self.pedal.append((tick, 0 if controller == RESET else value))

    def levels(self, first: int, tempo: TempoMap) -> Levels:
        """Gain from a tick on: each controller counts as the square of its share (General MIDI 2, section 3)."""
        later = {tick for tick, _value in (*self.volume, *self.expression) if tick > first}
        gains: list[tuple[int, float]] = []
        for tick in (first, *sorted(later)):
            volume, expression = _at(self.volume, tick, USUAL_VOLUME), _at(self.expression, tick, FULL)
            gains.append((tempo.sample(tick) if gains else 0, _square(volume) * _square(expression)))
        return tuple(gains)

    def held(self, notes: Sequence[TickNote], last: int) -> list[int]:
        """Where each note (by start) ends with the pedal: when it goes up, or when its pitch is struck again."""
        ends = [note.end for note in notes]
        ups = [tick for tick, value in self.pedal if value < DOWN]
        struck: dict[int, int] = {}
        for k in range(len(notes) - 1, -1, -1):
            note = notes[k]
            if self.pedal and _at(self.pedal, note.end - 1, 0) >= DOWN:
                up = bisect.bisect_left(ups, note.end)
                until = ups[up] if up < len(ups) else last
                ends[k] = max(note.end, min(until, struck.get(note.pitch, until)))
            struck[note.pitch] = note.start
        return ends


def _at(values: Sequence[tuple[int, int]], tick: int, default: int) -> int:
    """The last value at a tick; the default before the first."""
    k = bisect.bisect_right(values, tick, key=lambda item: item[0])
    return values[k - 1][1] if k else default


def _square(value: int) -> float:
    return (value / 127) ** 2


def _of_score(name: str, score: MidiScore, own: set[TickNote]) -> Performance:
    tempo = TempoMap(score)
    channels = _channels(score)
    last = max((track.end for track in score.file.tracks), default=0)
    notes = sorted((note for part in score.parts for note in part.notes), key=lambda note: (note.channel, note.start))
    sounds: list[Sound] = []
    levels: dict[int, Levels] = {}
    timbre: Timbre | Drum
    for number, group in itertools.groupby(notes, key=lambda note: note.channel):
        channel, played = channels.get(number, _Channel()), list(group)
        levels[number] = channel.levels(played[0].start, tempo)
        for note, held in zip(played, channel.held(played, last), strict=True):
            start = tempo.sample(note.start)
            if number == DRUM_CHANNEL:
                drum = drum_of(note.pitch)
                timbre, end = drum, start + drum.samples
            else:
                timbre, end = timbre_of(channel.program(note.start)), max(tempo.sample(held), start + SHORTEST)
                end = end if timbre.steady else min(end, start + LONGEST)
            gain = _square(score.file.payload(score.file.tracks[note.track].events[note.events[0]])[1])
            sounds.append(Sound(start, end, timbre, note.pitch, gain, number, note in own))
    samples = max([tempo.sample(last), *(sound.end for sound in sounds)])
    return Performance(name, samples, _choked(_balanced(sounds, levels)), levels)


def _channels(score: MidiScore) -> dict[int, _Channel]:
    """Controllers and programs of all tracks: a channel is one instrument, whichever track speaks to it."""
    events = (event for track in score.file.tracks for event in track.events if event.status >> 4 in (0xB, 0xC))
    channels: dict[int, _Channel] = {}
    for event in sorted(events, key=lambda event: event.tick):
        channel, data = channels.setdefault(event.status & 0xF, _Channel()), score.file.payload(event)
        if event.status >> 4 == 0xC:
            channel.programs.append((event.tick, data[0]))
        else:
            channel.control(event.tick, data[0], data[1])
    return channels


def _balanced(sounds: Sequence[Sound], levels: Mapping[int, Levels]) -> list[Sound]:
    """
    The sounds with the melody lifted where the accompaniment would cover it.

    While it sounds, the melody's power is at least MELODY_SHARE of that of all other pitched notes over their time.
    """
    power, time = [0.0, 0.0], [0, 0]
    for sound in sounds:
        if isinstance(sound.timbre, Timbre):
            steps = levels[sound.channel]
            gain = sound.gain * steps[bisect.bisect_right(steps, sound.start, key=lambda step: step[0]) - 1][1]
            heard = sound.end - sound.start if sound.timbre.steady else min(sound.end - sound.start, SAMPLE_RATE // 2)
            power[sound.melody] += (gain * sound.timbre.level) ** 2 * heard
            time[sound.melody] += heard
    if not (power[True] and power[False]):
        return list(sounds)
    span = max(sound.end for sound in sounds) - min(sound.start for sound in sounds)
    wanted = MELODY_SHARE * power[False] / min(span, time[False])
    lift = min(max(math.sqrt(wanted / (power[True] / time[True])), 1.0), MOST_LIFT)
    return [evolve(sound, gain=sound.gain * lift) if sound.melody else sound for sound in sounds]
