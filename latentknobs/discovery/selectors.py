"""
Rules that select a knob's significant dimensions, among the active ones only.

docs/explanation/methods.md compares them.
"""

from __future__ import annotations

import numpy as np

from latentknobs.core.arrays import Floats, Ints
from latentknobs.core.method_specs import SelectInput
from latentknobs.discovery import sign_flip_test

KEEP = 0.9
"""Share of the full decoded effect that the selected dimensions must keep."""
THRESHOLD = 0.5
"""The threshold t in code units at the largest amount; the paper sets it by hand."""
ENERGY = 0.9
"""Share of the moved energy that the cumulative rule keeps."""
ALPHA = 0.05
"""Family-wise error rate of the tests."""
MINIMUM = 0.2
"""The smallest effect of interest, in standard deviations: what Cohen (1988) calls small."""


def by_threshold(select_input: SelectInput) -> Ints:
    """The dimensions whose absolute mean change at the largest amount is more than t (the paper), largest first."""
    change = np.abs(select_input.mean_change[-1])
    return _largest(change, select_input.active & (change > float(select_input.options.get("threshold", THRESHOLD))))


def by_effect(select_input: SelectInput) -> Ints:
    """
    The smallest set, dimensions added in order of share, that keeps 90 % of the full decoded effect.

    The effect need not grow with every dimension: sizes are tried upwards in steps of about a quarter,
    then one by one inside the step in which the limit is first met.
    """
    keep = float(select_input.options.get("keep", KEEP))
    order = np.argsort(-select_input.share, kind="stable").astype(np.int64)
    moved = max(int((select_input.share > 0).sum()), 1)
    last = 0
    for size in sizes(moved):
        if size == moved or select_input.kept(order[:size]) >= keep:
            for finer in range(last + 1, size):
                if select_input.kept(order[:finer]) >= keep:
                    return order[:finer]
            return order[:size]
        last = size
    return order[:moved]


def by_max_t(select_input: SelectInput) -> Ints:
    """
    The dimensions whose mean change is significant by a sign-flip test over songs, most significant first.

    Step-down maxT (Westfall & Young 1993) over the option "flips"; the family-wise error rate is 5 %. None where block
    sums are not known.
    """
    observed, flipped = sign_flip_test.statistics(select_input)
    p = sign_flip_test.step_down(observed, flipped)
    return _largest(observed, (observed > 0) & (p <= float(select_input.options.get("alpha", ALPHA))))


def by_placebo(select_input: SelectInput) -> Ints:
    """
    The dimensions whose mean change goes beyond what flipped pairs reach by at least 0.2 standard deviations.

    A flipped pair is a placebo edit: the same two clips, before and after swapped at random, song by song. What
    those reach is the 95 % quantile over flips of the largest studentised change, scaled back to each dimension's
    units: a simultaneous bound. With the minimum it is a test against the smallest effect of interest instead of 0
    (TREAT; McCarthy & Smyth 2009). Largest change in standard deviations first.
    """
    pairs = float(select_input.counts.sum())
    _, flipped = sign_flip_test.statistics(select_input)
    if not pairs or not flipped.size:
        return np.zeros(0, dtype=np.int64)
    reached = float(np.quantile(flipped.max(axis=1), 1 - float(select_input.options.get("alpha", ALPHA))))
    spread = np.where(select_input.active, select_input.spread, 1.0)
    change = np.abs(select_input.sums.sum(axis=0)) / pairs / spread
    excess = change - reached * sign_flip_test.error(select_input) / pairs / spread
    return _largest(change, select_input.active & (excess >= float(select_input.options.get("minimum", MINIMUM))))


def by_knee(select_input: SelectInput) -> Ints:
    """
    The dimensions before the knee of the sorted shares (Kneedle; Satopaa, Albrecht, Irwin & Raghavan 2011).

    With both axes scaled to 0 to 1, the knee is where the curve lies farthest below the straight line from its first
    point to its last; the points are taken as they are, without smoothing. All where the shares are equal.
    """
    order = _moved(select_input)
    share = select_input.share[order]
    if len(order) < 3 or share[0] - share[-1] <= 1e-12 * share[0]:
        return order
    below = 1 - np.arange(len(order)) / (len(order) - 1) - (share - share[-1]) / (share[0] - share[-1])
    # A curve that nowhere lies below the line has no knee.
    return order[: int(below.argmax())] if below.max() > 1e-12 else order


def by_participation(select_input: SelectInput) -> Ints:
    """The k dimensions of largest share, k the shares' participation ratio, rounded: see :func:`participation`."""
    return _moved(select_input)[: max(int(np.floor(participation(select_input.share) + 0.5)), 1)]


def by_energy(select_input: SelectInput) -> Ints:
    """The fewest dimensions whose shares add up to 90 %, largest first."""
    order = _moved(select_input)
    target_energy = float(select_input.options.get("energy", ENERGY)) - 1e-12  # sums are rounded
    return order[: int((np.cumsum(select_input.share[order]) < target_energy).sum()) + 1]


def participation(share: Floats) -> float:
    """(sum s)^2 / sum s^2 of shares (D,): how many equal ones are as concentrated; 0 where nothing moves."""
    squares = float((share**2).sum())
    return float(share.sum()) ** 2 / squares if squares > 0 else 0.0


def sizes(largest: int) -> list[int]:
    """1, 2, 3, 4, 5, 6, 8, 10, ...: sizes that grow by about a quarter, up to ``largest``."""
    out = [1]
    while out[-1] < largest:
        out.append(min(largest, max(out[-1] + 1, round(out[-1] * 1.25))))
    return out


def _largest(values: Floats, chosen: np.ndarray) -> Ints:
    """The chosen dimensions, bool (D,), largest value first."""
    order = np.argsort(-values, kind="stable")
    out: Ints = order[chosen[order]].astype(np.int64)
    return out


def _moved(select_input: SelectInput) -> Ints:
    """The active dimensions that have a share, largest first."""
    return _largest(select_input.share, select_input.active & (select_input.share > 0))
