"""Statistics of traversals: per-clip numbers averaged over clips, in every resampling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from latentknobs.core.arrays import Floats
from latentknobs.core.metric_specs import MetricResult, Traversals
from latentknobs.metrics.block_bootstrap import Blocks, result


def targets(traversals: Traversals) -> list[Floats]:
    """For each control, its target attribute on each clip and step (n, S), in the attribute's own unit."""
    return [traversals.values[k, traversals.attributes.index(name)] for k, name in enumerate(traversals.targets)]


def means(values: Floats, blocks: Blocks) -> Floats:
    """Means (1 + B, m) over clips of (n, m); a NaN does not count, and NaN where none is left."""
    defined = ~np.isnan(values)
    total = blocks.weights @ blocks.sums(np.where(defined, values, 0.0))
    with np.errstate(invalid="ignore", divide="ignore"):
        out: Floats = total / (blocks.weights @ blocks.sums(defined.astype(np.float64)))
    return out


def by_clip(
    traversals: Traversals,
    measure: Callable[[Floats, Floats], Floats],
    reason: str,
    bounds: tuple[float, float],
    facts: dict[str, Any] | None = None,
) -> MetricResult:
    """
    The mean over clips of a number of each, for each control.

    Args:
        traversals: The traversals.
        measure: A control's values (S,) and the target (n, S) to float64 (n,), NaN where it is not defined.
        reason: Why a control has no value where no clip has one.
        bounds: The metric's range.
        facts: Further details.
    """
    blocks = Blocks.make(traversals)
    numbers = np.stack(
        [measure(traversals.controls[k], target) for k, target in enumerate(targets(traversals))], axis=1
    )
    parts = means(numbers, blocks)
    undefined = [int(count) for count in np.isnan(numbers).sum(axis=0)]
    details = {"left-out": undefined, **(facts or {})}
    return result(traversals, blocks, parts, [reason] * len(traversals.names), bounds=bounds, facts=details)
