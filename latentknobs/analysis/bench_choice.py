"""Which precision and which batch to take on a machine, from what was measured there."""

from __future__ import annotations

from collections.abc import Sequence

from latentknobs.core.bench_result import BatchTiming, BenchChoice, PrecisionError

WORTH = 1.1
"""How many times as fast a less exact precision, or a larger batch, must be to be worth it."""
SAME = 0.999
"""Least share of tokens that a precision must decode as the first one does."""


def choose(timings: Sequence[BatchTiming], exactness: Sequence[PrecisionError]) -> BenchChoice:
    """
    The most exact precision of those near the most clips a second, in the smallest batch that is near its best.

    Args:
        timings: Every work in every precision and batch, the precision that the others are compared with first.
        exactness: A row for each precision.
    """
    seconds: dict[tuple[str, int], float] = {}
    for one in timings:
        key = one.precision, one.batch
        seconds[key] = seconds.get(key, 0.0) + one.seconds / one.batch
    speed = {key: 1.0 / value for key, value in seconds.items()}
    reference = timings[0].precision
    best = {precision: max(v for (name, _), v in speed.items() if name == precision) for precision, _ in speed}
    equal = {one.precision: one.tokens_equal for one in exactness}
    exact = [name for name in best if name == reference or equal[name] >= SAME]
    top = max(best[name] for name in exact)
    # Of those that are about as fast the most exact, and so the first one where it is among them.
    precision = max((name for name in exact if best[name] * WORTH >= top), key=equal.__getitem__)
    batches = sorted(batch for name, batch in speed if name == precision)
    batch = next(b for b in batches if speed[precision, b] * WORTH >= best[precision])
    works = " and ".join(dict.fromkeys(f"{one.work}d" for one in timings))
    what = f"{speed[precision, batch]:.3g} clips a second {works}"
    if precision != reference:
        what += (
            f", {speed[precision, batch] / best[reference]:.2g} times the best of {reference}, with "
            f"{equal[precision]:.2%} of the same tokens"
        )
    elif len(best) > 1:
        what += f"; no precision with {SAME:.1%} of the same tokens is {WORTH - 1:.0%} faster"
    larger = f"larger batches are less than {WORTH - 1:.0%} faster" if batch < batches[-1] else "the largest measured"
    return BenchChoice(precision, batch, f"Take {precision} in batches of {batch} ({larger}): {what}.")
