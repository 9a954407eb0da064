"""Time signatures to stretches of bars that a clip format can take."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from attrs import evolve, frozen

from latentknobs.core.clip import ClipFormat
from latentknobs.scores.midi_file import Signature


@frozen
class SignatureSpan:
    """
    Consecutive bars of a meter that the format takes.

    Attributes:
        start: Tick of its first bar line. Before the music's start where a pick-up opens the file.
        end: Tick at which another meter begins, None = the end of the file.
        bar: Number of its first bar in the file, from 1.
        pick_up: Quarter notes in the pick-up bar that opens it, 0 = none.
    """

    start: int
    end: int | None
    bar: int
    pick_up: Fraction = Fraction(0)

    @property
    def begin(self) -> int:
        """Tick of its first music: ``start``, or the start of the pick-up."""
        return 0 if self.pick_up else self.start


def stretches(
    signatures: Sequence[Signature], ticks_per_beat: int, clip_format: ClipFormat, *, regroup: bool
) -> tuple[tuple[SignatureSpan, ...], tuple[tuple[Signature, int], ...]]:
    """
    The stretches that can be read, and (signature, number of its first bar) of those that cannot.

    A bar can be read if it has the format's quarter notes, however they are counted (4/4, 2/2, 8/8), or, with
    ``regroup``, half as many (2/4, two bars joined). Before the first signature it is 4/4, the standard's default, and
    one that is only said again starts no bar. A single first bar shorter than the format's, as notation programs write
    a pick-up, becomes the end of a bar of its own.
    """
    bar_quarters = clip_format.beats_per_bar
    order = list(signatures)
    if not order or order[0].tick > 0:
        order.insert(0, Signature(0, 4, 4))
    order = [one for k, one in enumerate(order) if not k or str(one) != str(order[k - 1])]
    good: list[SignatureSpan] = []
    bad: list[tuple[Signature, int]] = []
    bar = 1
    pick_up = Fraction(0)
    open_quarters: Fraction | None = None  # the bar of the stretch that the next signature may go on with
    for i, signature in enumerate(order):
        end = order[i + 1].tick if i + 1 < len(order) else None
        quarters = Fraction(4 * signature.beats, signature.unit)
        fits = _fits(quarters, bar_quarters, regroup=regroup)
        if (
            i == 0
            and end == quarters * ticks_per_beat
            and quarters < bar_quarters
            and _next_fits(order, bar_quarters, regroup)
        ):
            pick_up = quarters
        elif not fits:
            bad.append((signature, bar))
            open_quarters = None
        elif quarters == open_quarters:
            good[-1] = evolve(good[-1], end=end)
        elif pick_up and i == 1:
            good.append(SignatureSpan(signature.tick - bar_quarters * ticks_per_beat, end, 1, pick_up))
            open_quarters = quarters
        else:
            good.append(SignatureSpan(signature.tick, end, bar))
            open_quarters = quarters
        if end is not None:
            bar += math.ceil(Fraction(end - signature.tick) / max(quarters * ticks_per_beat, Fraction(1)))
    return tuple(good), tuple(bad)


def _fits(quarters: Fraction, bar_quarters: int, *, regroup: bool) -> bool:
    return quarters == bar_quarters or (regroup and 2 * quarters == bar_quarters)


def _next_fits(order: Sequence[Signature], bar_quarters: int, regroup: bool) -> bool:
    after = order[1]
    return _fits(Fraction(4 * after.beats, after.unit), bar_quarters, regroup=regroup)
