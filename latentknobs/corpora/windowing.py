"""
Cuts measures into bars, and bars into clips of two bars.

The rules, each with its count:

- a bar with a note off the sixteenth grid (so any triplet) or a chord is left out, not its tune;
- neighbouring measures that are too short make one bar where their lengths add up to one, as at repeat
  signs (7/8 + 1/8); a measure of several whole bars (a forgotten bar line) is divided;
- what is still too short or too long is left out; at the start of a tune or section that is a pick-up;
- two bars of 2/4 make one bar, counted from the first whole bar of a section;
- a clip is two bars that follow one another, every bar starts one (hop 1 bar), the last one included;
  none goes across a bar left out, or from a first ending into a second;
- a clip whose first note is held over from the bar before, or that has no note, is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np
from attrs import Factory, define, evolve, frozen

from latentknobs.core.arrays import ClipBatch
from latentknobs.core.melody_format import HOLD, REST, STEPS
from latentknobs.scores.abc_reader import CHORD, Event, Measure

BAR = STEPS // 2


@frozen
class _Cell:
    """
    A whole bar of a meter: 16 or 8 tokens, or None where it is left out.

    ``section`` and ``gap`` tell what stands before it: a section's start, something that was left out.
    """

    steps: int
    tokens: tuple[int, ...] | None
    section: bool
    gap: bool


def windows(measures: Sequence[Measure]) -> tuple[ClipBatch, Counter[str]]:
    """The clips of a tune, int16 (n, 32), by bar, and the counts of what was left out or joined."""
    counts: Counter[str] = Counter()
    joiner = _Joiner(counts)
    for measure in measures:
        joiner.take(measure)
    joiner.close()
    bars = _bars(_cells(joiner.bars, counts), counts)
    clips: list[tuple[int, ...]] = []
    for (tokens, _), (after, gap) in pairwise(bars):
        if tokens is None or after is None or gap:
            continue
        if tokens[0] == HOLD:
            counts["windows that start with a held note"] += 1
        elif min(tokens + after) >= HOLD:
            counts["windows without a note"] += 1
        else:
            clips.append(tokens + after)
    return np.array(clips, dtype=np.int16).reshape(-1, STEPS), counts


@define(eq=False)
class _Joiner:
    """Makes whole bars of measures: joins, divides, leaves out."""

    counts: Counter[str]
    bars: list[tuple[Measure, bool]] = Factory(list)
    """Measures as long as a bar, each with whether something was left out before it."""
    _waiting: Measure | None = None  # too short so far
    _gap: bool = False
    _section: bool = False  # the next bar starts a section: its pick-up went into the bar before

    def take(self, measure: Measure) -> None:
        if self._waiting is not None:
            before = self._waiting
            length = before.length + measure.length
            if measure.length < measure.steps == before.steps and length <= before.steps and not measure.ending:
                self._section |= measure.section
                self._waiting = evolve(before, events=before.events + measure.events)
                if length == before.steps:
                    self.counts["bars joined from parts"] += 1
                    both, self._waiting = self._waiting, None
                    starts, self._section = self._section, False
                    self._put(both)
                    self._section = starts
                return
            self.close()
        if measure.steps == 0:
            self._leave_out("bars in another meter")
        elif measure.length == measure.steps:
            self._put(measure)
        elif measure.length < measure.steps:
            self._waiting = evolve(measure, section=measure.section or self._section)
            self._section = False
        elif measure.length % measure.steps == 0:
            self.counts["bars divided where a bar line is missing"] += 1
            for part in _divide(measure):
                self._put(part)
        else:
            self._leave_out("bars that are too long")

    def close(self) -> None:
        """Nothing more can be joined to what waits."""
        if self._waiting is not None:
            starts = self._waiting.section or not self.bars
            self._waiting = None
            self._leave_out("pick-up bars" if starts else "incomplete bars")

    def _put(self, measure: Measure) -> None:
        self.bars.append((evolve(measure, section=measure.section or self._section), self._gap))
        self._gap = self._section = False

    def _leave_out(self, what: str) -> None:
        self.counts[what] += 1
        self._gap = True


def _divide(measure: Measure) -> list[Measure]:
    parts: list[list[Event]] = [[]]
    room = Fraction(measure.steps)
    for event in measure.events:
        rest = event
        while rest.length > room:
            parts[-1].append(evolve(rest, length=room))
            rest = evolve(rest, length=rest.length - room, held=rest.pitch >= 0)
            parts.append([])
            room = Fraction(measure.steps)
        parts[-1].append(rest)
        room -= rest.length
        if room == 0:
            parts.append([])
            room = Fraction(measure.steps)
    first, *others = (tuple(part) for part in parts if part)
    return [
        evolve(measure, events=first),
        *(Measure(measure.steps, events) for events in others),
    ]


def _cells(bars: list[tuple[Measure, bool]], counts: Counter[str]) -> list[_Cell]:
    return [_Cell(m.steps, _tokens(m.events, counts), m.section, gap or m.ending) for m, gap in bars]


def _tokens(events: Sequence[Event], counts: Counter[str]) -> tuple[int, ...] | None:
    out: list[int] = []
    for event in events:
        if event.length.denominator != 1:
            counts["bars with notes off the grid"] += 1
            return None
        if event.pitch == CHORD:
            counts["bars with chords"] += 1
            return None
        length = int(event.length)
        if event.pitch < 0:
            out += [REST] * length
        elif length:
            out += [HOLD if event.held else event.pitch] + [HOLD] * (length - 1)
    return tuple(out)


def _bars(cells: list[_Cell], counts: Counter[str]) -> list[tuple[tuple[int, ...] | None, bool]]:
    """Bars of 16 steps, each with whether it does not follow the one before."""
    out: list[tuple[tuple[int, ...] | None, bool]] = []
    half: _Cell | None = None
    gap = False
    for cell in cells:
        if half is not None and (cell.gap or cell.section or cell.steps != half.steps):
            counts["bars of 2/4 without a partner"] += 1
            half, gap = None, True
        gap |= cell.gap
        if cell.steps == BAR:
            out.append((cell.tokens, gap))
            gap = False
        elif half is None:
            half = cell
        else:
            both = None if half.tokens is None or cell.tokens is None else half.tokens + cell.tokens
            out.append((both, gap))
            half, gap = None, False
    if half is not None:
        counts["bars of 2/4 without a partner"] += 1
    return out
