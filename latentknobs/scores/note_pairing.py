"""Starts and ends of notes to notes: an end closes the oldest sounding note of its pitch (first in, first out)."""

from __future__ import annotations

import itertools
from collections import deque
from typing import NamedTuple

HANGING = -1
"""Number of the event that ends a note which nothing ends."""


class TickNote(NamedTuple):
    """
    A note as it stands in the file.

    Attributes:
        start: Tick.
        end: Tick.
        pitch: MIDI pitch.
        channel: From 0.
        track: Number of its track in the file, from 0.
        events: Numbers of its track's events that it is made of: its start, its end or HANGING, and those of its
            doubles.
    """

    start: int
    end: int
    pitch: int
    channel: int = 0
    track: int = 0
    events: tuple[int, ...] = ()


class Pairing:
    """
    Pairs the starts and ends of one pitch on one channel of one track.

    Where starts outnumber ends, a note struck again while it sounds has lost its end: it ends there, unless the next
    end follows within ``legato`` ticks.
    """

    def __init__(self, pitch: int, channel: int, track: int, legato: int) -> None:
        self.notes: list[TickNote] = []
        self.hanging = 0
        self._of = (pitch, channel, track)
        self._legato = legato
        self._run: list[tuple[int, int, bool]] = []  # tick, event and whether it starts, since nothing sounded
        self._sounding = 0

    def on(self, tick: int, event: int) -> None:
        """A note starts."""
        self._run.append((tick, event, True))
        self._sounding += 1

    def off(self, tick: int, event: int) -> None:
        """A note ends; an end without a start is none."""
        if self._sounding == len(self._run) == 1:  # the usual case, without the queue
            start, first, _starts = self._run.pop()
            self._add(start, tick, first, event)
            self._sounding = 0
        elif self._sounding:
            self._run.append((tick, event, False))
            self._sounding -= 1
            if not self._sounding:
                self._pair(0)

    def close(self, tick: int) -> None:
        """The track ends."""
        if self._run:
            for start, event in self._pair(self._sounding):
                self.hanging += 1
                self._add(start, tick, event, HANGING)

    def _pair(self, lost: int) -> deque[tuple[int, int]]:
        """Pair the run, in which ``lost`` ends are missing; the starts that are left."""
        open_notes: deque[tuple[int, int]] = deque()
        ends = [tick for tick, _event, starts in self._run if not starts] if lost else []
        passed = 0
        for tick, event, starts in self._run:
            if not starts:
                passed += 1
                if open_notes:
                    start, first = open_notes.popleft()
                    self._add(start, tick, first, event)
                continue
            if lost and open_notes and (passed == len(ends) or ends[passed] - tick > self._legato):
                start, first = open_notes.popleft()
                self.hanging += 1
                self._add(start, tick, first, HANGING)
                lost -= 1
            open_notes.append((tick, event))
        self._run = []
        return open_notes

    def _add(self, start: int, end: int, on: int, off: int) -> None:
        self.notes.append(TickNote(start, end, *self._of, (on, off)))


def merge_doubles(notes: list[TickNote]) -> tuple[list[TickNote], int]:
    """
    Of notes that start on one tick with one pitch on one channel of one track the longest, and how many others.

    Args:
        notes: All notes of one channel of one track.
    """
    out: list[TickNote] = []
    for _key, group in itertools.groupby(sorted(notes), key=lambda note: (note.start, note.pitch)):
        same = list(group)
        if len(same) == 1:
            out.append(same[0])
            continue
        longest = max(same, key=lambda note: note.end)
        events = [*longest.events, *(event for note in same if note is not longest for event in note.events)]
        out.append(longest._replace(events=tuple(events)))
    return out, len(notes) - len(out)
