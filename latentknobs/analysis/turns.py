"""Timing in turns: everything once, round after round, so that a slower minute is slower for everything."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

from latentknobs.core.corpus import Progress, no_progress

TURN = 0.02
"""Seconds that a turn takes at least: work that is done sooner is done several times."""
MOST_CALLS = 1000
K = TypeVar("K", bound=Hashable)


def in_turns(
    works: Mapping[K, Callable[[], object]], rounds: int, progress: Progress = no_progress, what: str = "rounds"
) -> dict[K, list[float]]:
    """
    Seconds of each work, one number a round; two calls before the first round, the warm-up, are left out.

    Args:
        works: What is timed; each does its work once and is done when it returns.
        rounds: At least 1.
        progress: Told of each round.
        what: What progress calls it.
    """
    calls = {}
    for name, work in works.items():
        work()
        calls[name] = min(max(math.ceil(TURN / max(_seconds(work, 1), 1e-9)), 1), MOST_CALLS)
    out: dict[K, list[float]] = {name: [] for name in works}
    for k in range(rounds):
        progress(what, k, rounds)
        for name, work in works.items():
            out[name].append(_seconds(work, calls[name]))
    progress(what, rounds, rounds)
    return out


def _seconds(work: Callable[[], object], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        work()
    return (time.perf_counter() - start) / calls
