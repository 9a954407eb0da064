"""The order in which the measures of a score are played: repeats, endings, da capo and dal segno."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from latentknobs.scores.musicxml_reader import PrintedMeasure

MOST_MEASURES = 20_000
"""Longest order that is made, ten times what is read as a piece."""


def played_order(measures: Sequence[PrintedMeasure]) -> tuple[tuple[int, int], ...]:
    """
    (number of the measure, pass from 1) in the order of playing, at most MOST_MEASURES.

    A repeat without a start goes back to the end of the one before it. After da capo and dal segno repeats are not
    taken, and of endings the last one is; from the coda on everything is as usual.
    """
    out: list[tuple[int, int]] = []
    passes = _passes(measures)
    at = section = 0
    turn = 1
    may_jump, short = True, False
    while at < len(measures) and len(out) < MOST_MEASURES:
        measure = measures[at]
        left_endings = at > 0 and measures[at - 1].endings and not measure.endings
        if at != section and (measure.start or (left_endings and turn > 1)):
            section, turn = at, 1
        this_pass = max(passes[at], 2) if short and measure.endings else turn
        if measure.endings and this_pass not in measure.endings:
            at += 1
            continue
        out.append((at, this_pass))
        if short and "fine" in measure.signs:
            break
        coda = _coda(measures) if short and "tocoda" in measure.signs else None
        jump = may_jump and turn >= measure.times and measure.signs & {"dacapo", "dalsegno"}
        if coda is not None:
            at = section = coda
            turn, short = 1, False
        elif measure.times and not short and turn < max(measure.times, passes[at]):
            at, turn = section, turn + 1
        elif jump:
            at = section = _segno(measures, at) if "dalsegno" in measure.signs else 0
            turn, may_jump, short = 1, False, True
        else:
            at += 1
            if measure.times:
                section, turn = at, 1
    return tuple(out)


def _passes(measures: Sequence[PrintedMeasure]) -> list[int]:
    """For each measure the last pass of the endings that it is among, 0 = it is in none."""
    out: list[int] = []
    for ended, group in itertools.groupby(measures, key=lambda measure: bool(measure.endings)):
        together = list(group)
        last = max(max(measure.endings) for measure in together) if ended else 0
        out.extend(last for _measure in together)
    return out


def _coda(measures: Sequence[PrintedMeasure]) -> int | None:
    return next((k for k in reversed(range(len(measures))) if "coda" in measures[k].signs), None)


def _segno(measures: Sequence[PrintedMeasure], before: int) -> int:
    return next((k for k in reversed(range(before + 1)) if "segno" in measures[k].signs), 0)
