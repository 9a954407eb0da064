"""Time signatures to the bars of a file."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction

from attrs import evolve, frozen

from latentknobs.core.time_signature import TimeSignature
from latentknobs.errors import UsageError
from latentknobs.scores.midi_file import Signature


@frozen
class SignatureSpan:
    """
    Consecutive bars of one meter.

    Attributes:
        start: Tick of its first bar line. Below 0 where a pick-up opens the file.
        end: Tick at which another meter begins, None = the end of the file.
        bar: Number of its first bar in the file, from 1.
        signature: Its time signature.
        pick_up: Quarter notes in the pick-up bar that opens it, 0 = none.
    """

    start: int
    end: int | None
    bar: int
    signature: TimeSignature
    pick_up: Fraction = Fraction(0)

    def bar_ticks(self, ticks_per_beat: int) -> Fraction:
        """Ticks in a bar."""
        return self.signature.quarters * ticks_per_beat

    def bar_line(self, bar: int, ticks_per_beat: int) -> int:
        """Tick at which a bar of the file begins, which is one of its own."""
        return self.start + math.floor((bar - self.bar) * self.bar_ticks(ticks_per_beat))


def spans_of(signatures: Sequence[Signature], ticks_per_beat: int, shift: int = 0) -> tuple[SignatureSpan, ...]:
    """
    The bars of a file, from its first tick on.

    Before the first signature it is 4/4, the standard's default, and one that is only said again starts no bar. A
    single first bar that is shorter than the next, as notation programs write a pick-up, becomes the end of a bar of
    its own.

    Args:
        signatures: Those of the file, by tick, at most one a tick.
        ticks_per_beat: Ticks in a quarter note.
        shift: Ticks by which the bar lines are moved left; what would lie before the first bar gets one more.
    """
    order = list(signatures)
    if not order or order[0].tick > 0:
        order.insert(0, Signature(0, 4, 4))
    order = [one for k, one in enumerate(order) if not k or str(one) != str(order[k - 1])]
    out: list[SignatureSpan] = []
    bar = 1
    for k, (one, after) in enumerate(itertools.zip_longest(order, order[1:])):
        signature = TimeSignature(one.beats, one.unit)
        end = after.tick if after else None
        ticks = signature.quarters * ticks_per_beat
        before = out[-1] if out else None
        if before and not (k == 1 and before.pick_up) and _alike(before.signature, signature):
            out[-1] = evolve(before, end=end)
        elif before and k == 1 and before.pick_up:
            start = one.tick - math.floor(ticks)
            out[0] = SignatureSpan(start, end, 1, signature, before.pick_up)
        else:
            short = k == 0 and after is not None and end == ticks and one.quarters < after.quarters
            out.append(SignatureSpan(one.tick, end, bar, signature, signature.quarters if short else Fraction(0)))
        if end is not None:
            bar += math.ceil((end - one.tick) / ticks)
    if shift:
        shift = math.floor(shift % out[0].bar_ticks(ticks_per_beat))
        out = [evolve(s, start=s.start - shift, end=None if s.end is None else s.end - shift) for s in out]
    return tuple(out)


def selected(spans: Sequence[SignatureSpan], bars: str, ticks_per_beat: int) -> tuple[SignatureSpan, ...]:
    """
    The part of the bars that a person names, as "9-16" or "9".

    Raises:
        UsageError: They are none, or the time signatures end before.
    """
    first, last = bar_numbers(bars)
    out = []
    for span, after in itertools.zip_longest(spans, spans[1:]):
        low = max(first, span.bar)
        high = last + 1 if after is None else min(last + 1, after.bar)
        if low < high:
            whole = after is not None and high == after.bar  # its last bar may be incomplete
            end = span.end if whole else span.bar_line(high, ticks_per_beat)
            out.append(evolve(span, start=span.bar_line(low, ticks_per_beat), end=end, bar=low))
    return tuple(out)


def bar_numbers(bars: str) -> tuple[int, int]:
    """
    The first and last bar of a range.

    Raises:
        UsageError: It is none.
    """
    first, _dash, last = (word.strip() for word in bars.partition("-"))
    last = last or first
    if not all(word.isascii() and word.isdigit() and len(word) < 7 for word in (first, last)):
        raise UsageError(f"{bars!r} are no bars: write the first and the last one, as in 9-16.")
    if not 1 <= int(first) <= int(last):
        raise UsageError(f"{bars!r} are no bars: they count from 1, and the first is not after the last.")
    return int(first), int(last)


def _alike(one: TimeSignature, other: TimeSignature) -> bool:
    return (one.quarters, one.compound) == (other.quarters, other.compound)
