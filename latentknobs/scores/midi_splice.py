"""A piece's notes back into the file that it was read from; every other event stays as it was, to the byte and tick."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence

from attrs import evolve, field, frozen

from latentknobs.core.clip import Note
from latentknobs.scores.midi_file import KEY_SIGNATURE, TEMPO, TIME_SIGNATURE, MidiScore, decoded, provenance_of
from latentknobs.scores.note_pairing import HANGING, TickNote
from latentknobs.scores.smf import META, TEXT, SmfEvent, meta, parse, track_bytes

# What stands on one tick, in this order: ends, the file's own events and what takes their places, starts, and ends of
# notes that are shorter than a tick.
_ENDS, _IN_PLACE, _STARTS, _SHORT_ENDS = range(4)
_TIMES = (TEMPO, TIME_SIGNATURE, KEY_SIGNATURE)
_OF_NOTES = (0x8, 0x9, 0xA)


@frozen
class TickGrid:
    """
    Where the steps of a stretch of a piece are in its file.

    Attributes:
        origin: Tick of its first step; below 0 where a pick-up opens the file.
        ticks_per_beat: Ticks in a quarter note.
        steps_per_beat: Steps in a quarter note.
        first: Number of its first step in the piece.
    """

    origin: int
    ticks_per_beat: int
    steps_per_beat: int
    first: int = 0

    def step(self, tick: int) -> int:
        """The nearest step, the later of two that are as near."""
        halves = 2 * (tick - self.origin) * self.steps_per_beat + self.ticks_per_beat
        return self.first + halves // (2 * self.ticks_per_beat)

    def tick(self, step: int) -> int:
        """Where a step begins."""
        return self.origin + (step - self.first) * self.ticks_per_beat // self.steps_per_beat

    def place(self, tick: int) -> float:
        """Where a tick is, in steps from the first."""
        return (tick - self.origin) * self.steps_per_beat / self.ticks_per_beat

    def deviation(self, tick: int, step: int) -> int:
        """By how many ticks something is played beside its step, half a step at most, less if it is late."""
        halves = 2 * self.steps_per_beat
        latest = max(-(-self.ticks_per_beat // halves) - 1, 0)
        return min(max(tick - self.tick(step), -(self.ticks_per_beat // halves)), latest)


@frozen
class TickAxis:
    """
    Where the steps of a piece are in its file.

    Attributes:
        grids: Those of its stretches, by step.
        begin: First tick of the piece's bars in the file.
        stop: First tick after them, None = the end of the file.
    """

    grids: tuple[TickGrid, ...]
    begin: int = 0
    stop: int | None = None

    def at_step(self, step: int) -> TickGrid:
        """The grid of a step."""
        return self.grids[max(bisect.bisect_right(self.grids, step, key=lambda grid: grid.first) - 1, 0)]

    def at_tick(self, tick: int) -> TickGrid:
        """The grid of a tick; half a step before a stretch belongs to it."""
        grid = self.grids[0]
        half = grid.ticks_per_beat // (2 * grid.steps_per_beat)
        return self.grids[max(bisect.bisect_right(self.grids, tick + half, key=lambda one: one.origin) - 1, 0)]

    def step(self, tick: int) -> int:
        """The step nearest to a tick."""
        return self.at_tick(tick).step(tick)

    def late_by(self, ticks: int) -> TickAxis:
        """The same, every step that much later."""
        return evolve(self, grids=tuple(evolve(grid, origin=grid.origin + ticks) for grid in self.grids))


@frozen(eq=False)
class MidiOrigin:
    """
    The file that a piece was read from, and the events that its notes came from.

    Attributes:
        score: The file.
        axis: Where the piece's steps are in it.
        notes: The piece's notes, by onset.
        played: For each note what stands for it in the file: by start, one after the other where several share a step,
            all of which follow the note.
        quantize: Whether notes are written on the grid.
        alone: Whether the other parts of the file are left out.
    """

    score: MidiScore
    axis: TickAxis
    notes: tuple[Note, ...]
    played: tuple[tuple[TickNote, ...], ...]
    quantize: bool = False
    alone: bool = False
    _onsets: tuple[int, ...] = field(init=False)

    @_onsets.default
    def _starts(self) -> tuple[int, ...]:
        return tuple(note.onset for note in self.notes)

    def with_notes(self, notes: Sequence[Note], text: str = "") -> bytes:
        """
        The file with other notes in the place of the piece's.

        A note that is there already stays as it is. A new one takes velocity, channel, and how early or late it starts
        and ends, from the note with its onset, else from the one that sounds there, else from the one before or after
        it. Bars that the file does not have (before a pick-up) take no notes.

        Args:
            notes: By onset.
            text: Kept as a text event on tick 0, in the place of one of the same origin; "" = none.
        """
        before = {} if self.quantize else dict(zip(self.notes, self.played, strict=True))
        wanted = set(notes)
        edits: dict[int, _Edit] = {}

        def edit(track: int) -> _Edit:
            return edits.setdefault(track, _Edit(self.score, track))

        def take_out(played: Sequence[TickNote]) -> None:
            for one in played:
                edit(one.track).remove(one, self.axis.begin, self.axis.stop)

        for note, played in zip(self.notes, self.played, strict=True):
            if note not in wanted or self.quantize:
                take_out(played)
        following: dict[int, int] = {}  # where the next note of each voice starts
        new: set[int] = set()  # the voices whose next note is a new one
        for note in reversed(notes):
            limit = following.get(note.voice)
            if note in before:
                played = before[note]
                following[note.voice] = played[0].start
                if note.voice in new and limit is not None and played[0].start < limit < played[-1].end:
                    take_out(played[-1:])
                    last = played[-1]
                    edit(last.track).add(last.pitch, max(last.start, self.axis.begin), limit, last)
                new.discard(note.voice)
                continue
            new.add(note.voice)
            like = self._like(note)
            for pitch, start, end, example in self._written(note, like, limit):
                following[note.voice] = start
                if max(start + 1, end) > self.axis.begin:
                    edit(example.track).add(pitch, max(start, self.axis.begin), end, example)
        if text:
            for track in range(len(self.score.file.tracks)):
                if drop := list(_provenance(self.score, track)):
                    edit(track).gone.update(drop)
            edit(self.played[0][0].track).note_down(text)
        if not self.alone:
            return self.score.file.written({track: one.written() for track, one in edits.items()})
        for track in range(len(self.score.file.tracks)):
            edit(track).gone.update(self._beside(track))
        written = self.score.file.written({track: one.written() for track, one in edits.items()})
        tracks = {one.track for own in self.played for one in own}
        first = self.score.file.tracks[0].events
        timed = any(e.status == META and self.score.file.data[e.body + 1] in _TIMES for e in first)
        return parse(written).only(tracks | ({0} if timed and 0 not in tracks else set()))

    def _beside(self, track: int) -> Iterator[int]:
        """Numbers of a track's events that are not the melody's: other notes, other channels, messages to devices."""
        played = [one for own in self.played for one in own if one.track == track]
        channels, kept = {one.channel for one in played}, {event for one in played for event in one.events}
        for k, event in enumerate(self.score.file.tracks[track].events):
            if event.status == META:
                beside = not played and self.score.file.data[event.body + 1] not in _TIMES
            elif event.status >> 4 in _OF_NOTES:
                beside = k not in kept
            else:
                beside = event.status >= 0xF0 or event.status & 0xF not in channels
            if beside:
                yield k

    def _like(self, note: Note) -> int:
        """Number of the piece's note whose playing a new one takes over."""
        at = bisect.bisect_right(self._onsets, note.onset) - 1
        alike = [k for k in range(max(at - 16, 0), at + 1) if self._onsets[k] == note.onset]
        same_voice = [k for k in alike if self.notes[k].voice == note.voice]
        return (same_voice or alike or [max(at, 0)])[0]

    def _written(self, note: Note, like: int, following: int | None) -> Iterator[tuple[int, int, int, TickNote]]:
        """Pitch, start, end and example of what a new note becomes in the file, the last first."""
        own, played = self.notes[like], self.played[like]
        if note.onset != own.onset or own.voice != note.voice or self.quantize:
            played = (self._main(like),)
        start, end = self._span(note, own, played, following)
        shift = note.pitch - own.pitch
        if len(played) == 1:
            yield note.pitch, start, end, played[0]
            return
        last = len(played) - 1
        for k, one in reversed(list(enumerate(played))):
            if 0 <= one.pitch + shift <= 127:
                yield one.pitch + shift, start if k == 0 else one.start, end if k == last else one.end, one

    def _main(self, like: int) -> TickNote:
        """What stands for a note, without what shares its step."""
        alike = [one for one in self.played[like] if one.pitch == self.notes[like].pitch]
        return max(alike or self.played[like], key=lambda one: one.end - one.start)

    def _span(self, note: Note, like: Note, played: Sequence[TickNote], following: int | None) -> tuple[int, int]:
        """Ticks at which a new note starts and ends, not after the ``following`` one starts but where ``like`` does."""
        if (note.onset, note.end) == (like.onset, like.end) and not self.quantize:
            end = played[-1].end if self.axis.stop is None else min(played[-1].end, self.axis.stop)
            return played[0].start, end
        start = self.axis.at_step(note.onset).tick(note.onset)
        end = self.axis.at_step(note.end - 1).tick(note.end)
        shortest = int(end > start)  # 0 where a step is less than a tick
        if not self.quantize:
            start += self.axis.at_step(like.onset).deviation(played[0].start, like.onset)
            end += self.axis.at_step(like.end - 1).deviation(played[-1].end, like.end)
        end = min(limit for limit in (end, self.axis.stop, following) if limit is not None)
        # The last of several that share a step begins later than the note does.
        return start, max(end, start + shortest, played[-1].start + 1 if len(played) > 1 else end)


def _provenance(score: MidiScore, track: int) -> Iterator[int]:
    """Numbers of the track's events that say where a file of ours came from."""
    for k, event in enumerate(score.file.tracks[track].events):
        is_text = event.status == META and score.file.data[event.body + 1] == TEXT
        if is_text and provenance_of(decoded(score.file.payload(event))) is not None:
            yield k


class _Edit:
    """What changes in one track."""

    def __init__(self, score: MidiScore, track: int) -> None:
        self.file, self.track = score.file, score.file.tracks[track]
        self.gone: set[int] = set()
        self._new: list[tuple[int, int, float, bytes]] = []  # tick, order on it, place among the file's, bytes

    def remove(self, played: TickNote, begin: int, stop: int | None) -> None:
        """Take out a note; of one that is held into the piece, or out of it, what sounds outside stays."""
        self.gone.update(event for event in played.events if event != HANGING)
        if played.start < begin:
            self.gone.discard(played.events[0])
            self._new.append((begin, _ENDS, 0, bytes([0x80 | played.channel, played.pitch, 0])))
        if stop is not None and played.end > stop:
            self.gone.discard(played.events[1])
            velocity = self.file.data[self.track.events[played.events[0]].stop - 1] & 0x7F
            self._new.append((stop, _STARTS, 0, bytes([0x90 | played.channel, played.pitch, velocity])))

    def add(self, pitch: int, start: int, end: int, like: TickNote) -> None:
        """Put in a note, in the place of ``like`` where that is on the same ticks."""
        on, off = like.events[:2]
        velocity = self.file.data[self.track.events[on].stop - 1] & 0x7F
        data = self.file.payload(self.track.events[off]) if off != HANGING else b"\0\0"
        status = self.track.events[off].status & 0xF0 if off != HANGING else 0x80
        place = (_IN_PLACE, on) if like.start == start and on in self.gone else (_STARTS, 0)
        self._new.append((start, *place, bytes([0x90 | like.channel, pitch, velocity])))
        place = (_IN_PLACE, off) if like.end == end and off in self.gone else (_ENDS, 0)
        if end == start:
            place = (_SHORT_ENDS, 0)
        self._new.append((end, *place, bytes([status | like.channel, pitch, data[1]])))

    def note_down(self, text: str) -> None:
        """Put in a text, after what opens the track."""
        head = 0
        for event in self.track.events:
            if event.tick or event.status != META:
                break
            head += 1
        self._new.append((0, _IN_PLACE, head - 0.5, meta(TEXT, text.encode())))

    def written(self) -> bytes:
        """The track's new body."""
        kept = [
            (event.tick, _IN_PLACE, float(k), event) for k, event in enumerate(self.track.events) if k not in self.gone
        ]
        items: list[tuple[int, int, float, SmfEvent | bytes]] = sorted([*kept, *self._new], key=lambda item: item[:3])
        end = max(self.track.end, items[-1][0] if items else 0)
        return track_bytes(self.file, self.track, [(tick, item) for tick, _order, _place, item in items], end)
