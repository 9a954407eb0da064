"""
Cuts measures into bars, and bars into clips of so many bars as a format has.

The rules, each with its count:

- a bar with a note off the sixteenth grid (so any triplet) or a chord is left out, not its tune;
- neighbouring measures that are too short make one bar where their lengths add up to one, as at repeat
  signs (7/8 + 1/8); a measure of several whole bars (a forgotten bar line) is divided;
- what is still too short or too long is left out; at the start of a tune or section that is a pick-up;
- two bars of half the format's, as 2/4 for 4/4 or 3/8 for 6/8, make one, from the first whole bar of a section on;
- a clip is bars that follow one another, every bar starts one (hop 1 bar), the last one included;
  none goes across a bar left out, or from a first ending into a second;
- a clip whose first note is held over from the bar before, or that has no note, is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from attrs import Factory, define, evolve, frozen

from latentknobs.core.arrays import ClipBatch
from latentknobs.core.melody_format import HOLD, MELODY, REST, MelodyFormat
from latentknobs.core.piece import alike
from latentknobs.core.time_signature import TimeSignature
from latentknobs.scores.abc_reader import CHORD, Event, Measure

SIXTEENTHS = 4
"""In a quarter note: the grid of all clips that are cut here."""


def reads(signature: TimeSignature | None, clip_format: MelodyFormat) -> bool:
    """Whether bars in a time signature, or two of them, are bars of a format: 4/4, 2/2 and 2/4 of ``melody-2bar``."""
    if signature is None or signature.unit > (8 if clip_format.time_signature.compound else 4):
        return False
    wanted = clip_format.time_signature
    return alike(signature, wanted) and wanted.quarters / signature.quarters in (1, 2)


@frozen
class _Cell:
    """
    A whole bar of a meter: as many tokens as the format's bars have or half of them, or None where it is left out.

    ``section`` and ``gap`` tell what stands before it: a section's start, something that was left out.
    """

    signature: TimeSignature
    tokens: tuple[int, ...] | None
    section: bool
    gap: bool


def windows(measures: Sequence[Measure], clip_format: MelodyFormat = MELODY) -> tuple[ClipBatch, Counter[str]]:
    """The clips of a tune, int16 (n, steps), by bar, and the counts of what was left out or joined."""
    counts: Counter[str] = Counter()
    joiner = _Joiner(clip_format, counts)
    for measure in measures:
        joiner.take(measure)
    joiner.close()
    bars = _bars(_cells(joiner.bars, counts), clip_format.time_signature, counts)
    size = int(clip_format.bars)
    clips: list[tuple[int, ...]] = []
    for first in range(len(bars) - size + 1):
        parts = [tokens for tokens, _gap in bars[first : first + size] if tokens is not None]
        if len(parts) < size or any(gap for _tokens, gap in bars[first + 1 : first + size]):
            continue
        clip = tuple(token for tokens in parts for token in tokens)
        if clip[0] == HOLD:
            counts["windows that start with a held note"] += 1
        elif min(clip) >= HOLD:
            counts["windows without a note"] += 1
        else:
            clips.append(clip)
    return np.array(clips, dtype=np.int16).reshape(-1, clip_format.steps), counts


@define(eq=False)
class _Joiner:
    """Makes whole bars of measures: joins, divides, leaves out."""

    clip_format: MelodyFormat
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
            bar = _steps(before)
            if measure.length < _steps(measure) == bar and length <= bar and not measure.ending:
                self._section |= measure.section
                self._waiting = evolve(before, events=before.events + measure.events)
                if length == bar:
                    self.counts["bars joined from parts"] += 1
                    both, self._waiting = self._waiting, None
                    starts, self._section = self._section, False
                    self._put(both)
                    self._section = starts
                return
            self.close()
        if not reads(measure.signature, self.clip_format):
            self._leave_out("bars in another meter")
        elif measure.length == _steps(measure):
            self._put(measure)
        elif measure.length < _steps(measure):
            self._waiting = evolve(measure, section=measure.section or self._section)
            self._section = False
        elif measure.length % _steps(measure) == 0:
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


def _steps(measure: Measure) -> Fraction:
    """Length of a bar in its time signature, in steps."""
    return SIXTEENTHS * measure.signature.quarters if measure.signature else Fraction(0)


def _divide(measure: Measure) -> list[Measure]:
    parts: list[list[Event]] = [[]]
    room = _steps(measure)
    for event in measure.events:
        rest = event
        while rest.length > room:
            parts[-1].append(evolve(rest, length=room))
            rest = evolve(rest, length=rest.length - room, held=rest.pitch >= 0)
            parts.append([])
            room = _steps(measure)
        parts[-1].append(rest)
        room -= rest.length
        if room == 0:
            parts.append([])
            room = _steps(measure)
    first, *others = (tuple(part) for part in parts if part)
    return [
        evolve(measure, events=first),
        *(Measure(measure.signature, events) for events in others),
    ]


def _cells(bars: list[tuple[Measure, bool]], counts: Counter[str]) -> list[_Cell]:
    return [
        _Cell(measure.signature, _tokens(measure.events, counts), measure.section, gap or measure.ending)
        for measure, gap in bars
        if measure.signature
    ]


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


def _bars(cells: list[_Cell], wanted: TimeSignature, counts: Counter[str]) -> list[tuple[tuple[int, ...] | None, bool]]:
    """Bars as long as those wanted, each with whether it does not follow the one before."""
    out: list[tuple[tuple[int, ...] | None, bool]] = []
    half: _Cell | None = None
    gap = False
    for cell in cells:
        if half is not None and (cell.gap or cell.section or cell.signature.quarters != half.signature.quarters):
            counts[f"bars of {half.signature} without a partner"] += 1
            half, gap = None, True
        gap |= cell.gap
        if cell.signature.quarters == wanted.quarters:
            out.append((cell.tokens, gap))
            gap = False
        elif half is None:
            half = cell
        else:
            both = None if half.tokens is None or cell.tokens is None else half.tokens + cell.tokens
            out.append((both, gap))
            half, gap = None, False
    if half is not None:
        counts[f"bars of {half.signature} without a partner"] += 1
    return out
