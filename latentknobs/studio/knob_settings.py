"""
Knobs of a piece and of bars in it.

The amounts of the piece hold everywhere; those of a range of bars stand in their place there, and those of a range
inside that one in theirs.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from attrs import evolve, field, frozen

from latentknobs.core.arrays import Ints
from latentknobs.core.clip import ClipFormat, Note
from latentknobs.core.knob import RESERVED_NAMES
from latentknobs.core.meter import steps_per_bar
from latentknobs.core.piece import Piece, PieceStretch
from latentknobs.core.seed import as_seed
from latentknobs.errors import UsageError
from latentknobs.scores.time_signatures import bar_numbers
from latentknobs.session import Session
from latentknobs.steering.turn_result import ClipCounts, ClipWay, TurnResult

MOST_RANGES = 64


def _amounts(amounts: Mapping[str, float]) -> Mapping[str, float]:
    """By name and without those that are 0, so that equal settings are equal."""
    return {name: float(amount) for name, amount in sorted(amounts.items()) if amount}


@frozen(order=True)
class BarRange:
    """
    Consecutive bars, as people count them in the file.

    Attributes:
        first: The first bar.
        last: The last bar.
    """

    first: int
    last: int

    @classmethod
    def parse(cls, text: str) -> BarRange:
        """
        "5-8", or "5" for one bar.

        Raises:
            UsageError: These are no bars.
        """
        return cls(*bar_numbers(text))

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"

    def steps(self, piece: Piece, clip_format: ClipFormat) -> tuple[int, int]:
        """
        The first step of these bars in a piece, and that after the last one.

        Raises:
            UsageError: The piece has none of them.
        """
        starts = bar_starts(piece, clip_format)
        inside = [k for k, (_step, bar) in enumerate(starts) if self.first <= bar <= self.last]
        if not inside:
            raise UsageError(
                f"{piece.name} has the bars {starts[0][1]} to {starts[-1][1]}; choose some of them, not {self}."
            )
        after = inside[-1] + 1
        return starts[inside[0]][0], starts[after][0] if after < len(starts) else piece.steps


def bar_starts(piece: Piece, clip_format: ClipFormat) -> list[tuple[int, int]]:
    """The first step of each bar of a piece, and its number in the file."""
    out: list[tuple[int, int]] = []
    for stretch in piece.stretches or (PieceStretch(0, piece.steps),):
        bar = stretch.signature.quarters * clip_format.steps_per_beat if piece.stretches else steps_per_bar(clip_format)
        count = max(1, int(-(-stretch.steps // bar)))
        out += [(stretch.start + math.ceil(k * bar), stretch.bar + k) for k in range(count)]
    return out


@frozen
class KnobSettings:
    """
    What determines the music that is made of a piece.

    Attributes:
        knobs: Names and amounts for the piece.
        ranges: Those of ranges of bars, wide ones first.
        seed: Of the controls, and of edits that draw.
        like: The knob whose length the controls have, None = the first by name of those that are turned.
    """

    knobs: Mapping[str, float] = field(factory=dict, converter=_amounts)
    ranges: tuple[tuple[BarRange, Mapping[str, float]], ...] = ()
    seed: int = field(default=0, converter=as_seed)
    like: str | None = None

    def amount(self, knob: str, bars: BarRange | None = None) -> float:
        """The amount of a knob, for the piece or as it is set for exactly these bars; 0 = not turned."""
        amounts = self.knobs if bars is None else dict(self.ranges).get(bars, {})
        return amounts.get(knob, 0.0)

    def with_amount(self, knob: str, amount: float | None, bars: BarRange | None = None) -> KnobSettings:
        """
        These settings with one knob turned.

        Args:
            knob: Its name.
            amount: To what; None = these bars follow the piece again.
            bars: For which bars; None = for the piece.

        Raises:
            UsageError: Too many ranges.
        """
        if bars is None:
            return evolve(self, knobs={**self.knobs, knob: amount or 0.0})
        ranges = dict(self.ranges)
        own = {name: value for name, value in ranges.pop(bars, {}).items() if name != knob}
        if amount is not None:
            own[knob] = float(amount)  # 0 too: it stands in the place of the piece's amount
        if own:
            ranges[bars] = dict(sorted(own.items()))
        if len(ranges) > MOST_RANGES:
            raise UsageError(f"At most {MOST_RANGES} ranges of bars have knobs of their own: reset one of them.")
        widest = sorted(ranges.items(), key=lambda one: (one[0].first - one[0].last, one[0]))
        return evolve(self, ranges=tuple(widest))

    @property
    def named(self) -> dict[str, float]:
        """All amounts by what people call them: "pitch", and "pitch@5-8" for bars."""
        own = {f"{name}@{bars}": amount for bars, amounts in self.ranges for name, amount in amounts.items()}
        return {**self.knobs, **own}

    @classmethod
    def of(cls, named: Mapping[str, float], seed: int = 0, like: str | None = None) -> KnobSettings:
        """
        Settings by what people call the amounts: "pitch", and "pitch@5-8" for bars; inverse of :attr:`named`.

        With a control among them, and nothing that it is like, that is the first knob of all, in whatever bars.

        Raises:
            UsageError: No bars, the same ones twice, too many of them, no knob, or no seed.
        """
        knobs = [name.partition("@")[0] for name in named]
        if like is None and not {*RESERVED_NAMES}.isdisjoint(knobs):
            like = next((knob for knob in knobs if knob not in RESERVED_NAMES), None)
        out = cls({name: amount for name, amount in named.items() if "@" not in name}, seed=seed, like=like)
        for name, amount in named.items():
            knob, at, text = name.partition("@")
            if not at:
                continue
            bars = BarRange.parse(text)
            if not knob:
                raise UsageError(f"{name!r} names no knob: write it before the bars, as in pitch@5-8.")
            if knob in dict(out.ranges).get(bars, {}):
                raise UsageError(f"{knob} is given twice for the bars {bars}: give it once.")
            out = out.with_amount(knob, amount, bars)
        return out

    def distinct(self, session: Session) -> list[Mapping[str, float]]:
        """The sets of amounts that a piece is turned by, each once, in the order of its bars; raises as regions."""
        out: list[Mapping[str, float]] = []
        for _start, _end, amounts in self.regions(session.piece, session.model.spec.clip_format):
            if amounts not in out:
                out.append(amounts)
        return out

    def regions(self, piece: Piece, clip_format: ClipFormat) -> list[tuple[int, int, Mapping[str, float]]]:
        """
        Consecutive parts of a piece (first step, step after, amounts), where the amounts differ.

        Raises:
            UsageError: A range has none of its bars.
        """
        own = [(*bars.steps(piece, clip_format), amounts) for bars, amounts in self.ranges]
        edges = sorted({0, piece.steps, *(edge for start, end, _ in own for edge in (start, end))})
        out: list[tuple[int, int, Mapping[str, float]]] = []
        for start, end in itertools.pairwise(edges):
            merged = dict(self.knobs)
            for first, after, amounts in own:
                if first <= start and end <= after:
                    merged |= amounts
            amounts_here = _amounts(merged)
            if out and out[-1][2] == amounts_here:
                out[-1] = (out[-1][0], end, amounts_here)
            else:
                out.append((start, end, amounts_here))
        return out


def turned(
    session: Session, settings: KnobSettings, turn: Callable[[Mapping[str, float]], TurnResult] | None = None
) -> TurnResult:
    """
    A piece with its knobs turned, and those of its bars.

    Each distinct set of amounts is turned once on the whole piece, and each part takes its notes from its turn. A note
    belongs to the part that it begins in, and ends with it unless the next part goes on with it. A clip belongs to the
    part that it begins in.

    Args:
        session: The piece.
        settings: The knobs.
        turn: Turns the whole piece; None = the session.

    Raises:
        UnknownNameError: No model has such a knob.
        AmountError: An amount that a knob cannot be turned by.
        UsageError: Bars that the piece does not have.
    """
    turn = turn or (lambda amounts: session.turn(amounts, like=settings.like, seed=settings.seed))
    regions = settings.regions(session.piece, session.model.spec.clip_format)
    if len(regions) == 1 and not settings.ranges:
        return turn(regions[0][2])
    distinct = settings.distinct(session)
    turns = [turn(amounts) for amounts in distinct]
    which = [distinct.index(amounts) for _start, _end, amounts in regions]
    starts = np.array([start for start, _end, _amounts in regions])
    clip_turns = [np.take(which, np.searchsorted(starts, cut.starts, side="right") - 1) for cut in session.cuts]
    clips = [_of_each([(one.clips, *one.others)[c] for one in turns], clip_turns[c]) for c in range(len(session.cuts))]
    codes = [_of_each([one.codes_by_model[c] for one in turns], clip_turns[c]) for c in range(len(session.parts))]
    ways = tuple(_ways([one.ways[c] for one in turns], clip_turns[c]) for c in range(len(session.cuts)))
    notes = _joined([(start, end, turns[k].after.notes) for (start, end, _), k in zip(regions, which, strict=True)])
    return TurnResult(
        settings.named,
        session.piece,
        evolve(turns[0].after, notes=notes),
        clips[0],
        tuple(codes),
        _provenance(settings, turns),
        ClipCounts.of(ways, turns[0].counts.reconstructed),
        remarks=_each(one.remarks for one in turns),
        left=_each(one.left for one in turns),
        others=tuple(clips[1:]),
        ways=ways,
    )


def _of_each(arrays: Sequence[Any], which: Ints) -> Any:
    """Rows of arrays (N, ...), each of that one which it is of."""
    return np.stack(arrays)[which, np.arange(len(which))]


def _ways(ways: Sequence[Sequence[ClipWay]], which: Ints) -> tuple[ClipWay, ...]:
    return tuple(ways[turn][k] for k, turn in enumerate(which.tolist()))


def _provenance(settings: KnobSettings, turns: Sequence[TurnResult]) -> dict[str, Any]:
    """What the turns say together, with the knobs of bars as they are called on the command line."""
    out: dict[str, Any] = {}
    for one in turns:
        operators = {**out.get("operators", {}), **one.provenance.get("operators", {})}
        out = {**out, **one.provenance, "operators": operators}
    if len({one.provenance.get("like") for one in turns} - {None}) > 1:
        del out["like"]  # each has its own
    return {**out, "knobs": settings.named}


def _joined(parts: Iterable[tuple[int, int, Sequence[Note]]]) -> list[Note]:
    """The notes of consecutive parts (first step, step after, notes of the whole piece)."""
    out: list[Note] = []
    held: dict[tuple[int, int], int] = {}  # which of these sounded over the end of the part before
    for start, end, notes in parts:
        before, held = held, {}
        for note in notes:
            at, last = (note.pitch, note.voice), min(note.end, end)
            if note.onset >= end or note.end <= start or (note.onset < start and at not in before):
                continue
            if note.onset < start:
                place = before.pop(at)
                out[place] = evolve(out[place], length=last - out[place].onset)
            else:
                place = len(out)
                out.append(evolve(note, length=last - note.onset))
            if note.end > end:
                held[at] = place
    return out


def _each(texts: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for own in texts for text in own))


def between(one: KnobSettings, other: KnobSettings, place: float) -> KnobSettings:
    """
    Settings on the way from one (place 0) to another (1): each amount goes straight.

    Seed and ``like`` are those of the nearer one. Ranges of bars that only one has go to the other's amounts of the
    piece.
    """
    if place <= 0.0:
        return one
    if place >= 1.0:
        return other

    def blend(a: Mapping[str, float], b: Mapping[str, float]) -> dict[str, float]:
        return {name: a.get(name, 0.0) * (1 - place) + b.get(name, 0.0) * place for name in {*a, *b}}

    nearer = one if place < 0.5 else other
    out = evolve(nearer, knobs=blend(one.knobs, other.knobs), ranges=())
    for bars in dict.fromkeys(bars for bars, _ in (*one.ranges, *other.ranges)):
        a, b = dict(one.ranges).get(bars, {}), dict(other.ranges).get(bars, {})
        for name in {*a, *b}:
            amount = a.get(name, one.amount(name)) * (1 - place) + b.get(name, other.amount(name)) * place
            out = out.with_amount(name, amount, bars)
    return out
