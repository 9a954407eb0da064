"""Rules that choose a knob's significant dimensions."""

from __future__ import annotations

import numpy as np

from latentknobs.core.arrays import Ints
from latentknobs.core.method import SelectInput

KEEP = 0.9
"""Part of the whole decoded effect that S must keep."""
THRESHOLD = 0.5
"""The threshold t in code units at the largest amount; the paper sets it by hand."""


def by_threshold(given: SelectInput) -> Ints:
    """The dimensions whose absolute mean change at the largest amount is more than t (the paper), largest first."""
    change = np.abs(given.mean_change[-1])
    order = np.argsort(-change, kind="stable")
    out: Ints = order[change[order] > float(given.options.get("threshold", THRESHOLD))].astype(np.int64)
    return out


def by_effect(given: SelectInput) -> Ints:
    """
    The smallest set, dimensions added in order of share, that keeps 90 % of the whole decoded effect.

    The effect need not grow with every dimension: sizes are tried upwards in steps of about a quarter,
    then one by one inside the step in which the limit is first met.
    """
    keep = float(given.options.get("keep", KEEP))
    order = np.argsort(-given.share, kind="stable").astype(np.int64)
    moved = max(int((given.share > 0).sum()), 1)
    last = 0
    for size in sizes(moved):
        if size == moved or given.kept(order[:size]) >= keep:
            for finer in range(last + 1, size):
                if given.kept(order[:finer]) >= keep:
                    return order[:finer]
            return order[:size]
        last = size
    return order[:moved]


def sizes(largest: int) -> list[int]:
    """1, 2, 3, 4, 5, 6, 8, 10, ...: sizes that grow by about a quarter, up to ``largest``."""
    out = [1]
    while out[-1] < largest:
        out.append(min(largest, max(out[-1] + 1, round(out[-1] * 1.25))))
    return out
