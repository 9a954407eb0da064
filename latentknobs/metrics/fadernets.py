"""Music FaderNets' measures of a control: consistency, restrictiveness, linearity."""

from __future__ import annotations

import numpy as np

from latentknobs.core.arrays import Floats
from latentknobs.core.metric_specs import MetricResult, Traversals
from latentknobs.metrics.block_bootstrap import Blocks, result
from latentknobs.metrics.traversal_stats import by_clip, means, targets


def consistency(traversals: Traversals) -> MetricResult:
    """
    Consistency (Tan & Herremans 2020): does one value of the control give one value of the target? At most 1.

    1 - mean over steps of the standard deviation, over clips, of the target in units of its spread over the corpus.
    Higher is better, but a control that gives every clip the same attribute scores 1 at doing nothing else, and one
    that moves every clip by the same amount from where it was does not score 1.
    """
    blocks = Blocks.make(traversals)
    parts = np.full((len(blocks.weights), len(traversals.names)), np.nan)
    reasons = [""] * len(traversals.names)
    for k, target in enumerate(targets(traversals)):
        scaled = target / traversals.spread[traversals.attributes.index(traversals.targets[k])]
        if ((~np.isnan(scaled)).sum(axis=0) < 2).any():
            reasons[k] = "its target is defined on fewer than 2 clips at some step"
        else:
            # Centred on the mean of all clips, so that no variance is a difference of large numbers.
            centred = scaled - np.nanmean(scaled, axis=0)
            moments = means(np.hstack([centred, centred**2]), blocks)
            steps = target.shape[1]
            variance = np.maximum(moments[:, steps:] - moments[:, :steps] ** 2, 0.0)
            parts[:, k] = 1 - np.sqrt(variance).mean(axis=1)
    return result(traversals, blocks, parts, reasons, bounds=(-np.inf, 1.0))


def restrictiveness(traversals: Traversals) -> MetricResult:
    """
    Restrictiveness (Tan & Herremans 2020): does the control leave the other attributes as they are? At most 1.

    1 - mean over clips, and over all attributes but the target, of the standard deviation over steps, in units of the
    attribute's spread over the corpus. Higher is better; a control that does nothing scores 1.

    Facts: for each control, the deviation of the non-target attribute that moves most.
    """
    blocks = Blocks.make(traversals)
    parts = np.full((len(blocks.weights), len(traversals.names)), np.nan)
    reasons = [""] * len(traversals.names)
    moved: list[float | None] = [None] * len(traversals.names)
    for k, name in enumerate(traversals.targets):
        others = [a for a, attribute in enumerate(traversals.attributes) if attribute != name]
        deviations = (
            np.stack([deviation(traversals.values[k, a] / traversals.spread[a]) for a in others], 1) if others else None
        )
        if deviations is None or np.isnan(deviations).all(axis=0).all():
            reasons[k] = (
                "there is no other attribute" if deviations is None else "no other attribute is defined at two steps"
            )
        else:
            defined = ~np.isnan(deviations).all(axis=0)
            each = means(deviations[:, defined], blocks)
            parts[:, k] = 1 - each.mean(axis=1)
            moved[k] = float(each[0].max())
    return result(traversals, blocks, parts, reasons, bounds=(-np.inf, 1.0), facts={"moved": moved})


def deviation(values: Floats) -> Floats:
    """Standard deviations (n,) of rows (n, S), over what is not NaN; NaN where fewer than 2 are left."""
    defined = ~np.isnan(values)
    count = defined.sum(axis=1)
    clean = np.where(defined, values, 0.0)
    mean = clean.sum(axis=1) / np.maximum(count, 1)
    square = (np.where(defined, clean - mean[:, None], 0.0) ** 2).sum(axis=1) / np.maximum(count, 1)
    return np.where(count >= 2, np.sqrt(square), np.nan)


def linearity(traversals: Traversals) -> MetricResult:
    """
    Linearity (Tan & Herremans 2020): is the target a straight line in the control? 0 to 1, higher is better.

    Mean over clips of R2 of the line through control and target. A clip whose target stays the same has no R2: it
    counts 0 here, where common code gives it 1, so that a control that does nothing scores best. Where no clip moves
    there is no value. R2 ignores the sign of the slope: see monotonicity.

    Facts: for each control, how many clips are unchanged and how many are left out (fewer than 3 steps defined).
    """
    still = [int((_swing(target) == 0).sum()) for target in targets(traversals)]
    return by_clip(traversals, _r2, "its target moves on no clip", (0.0, 1.0), {"still": still})


def _swing(target: Floats) -> Floats:
    """How far each clip's target moves (n,), NaN with fewer than 3 steps."""
    defined = ~np.isnan(target)
    high = np.where(defined, target, -np.inf).max(axis=1)
    low = np.where(defined, target, np.inf).min(axis=1)
    with np.errstate(invalid="ignore"):
        return np.where(defined.sum(axis=1) >= 3, high - low, np.nan)


def _r2(control: Floats, target: Floats) -> Floats:
    defined = ~np.isnan(target)
    swing = _swing(target)
    if not (swing > 0).any():
        return np.full(len(target), np.nan)
    count = np.maximum(defined.sum(axis=1), 1)
    x = np.where(defined, control, 0.0)
    y = np.where(defined, target, 0.0)
    dx = np.where(defined, x - (x.sum(axis=1) / count)[:, None], 0.0)
    dy = np.where(defined, y - (y.sum(axis=1) / count)[:, None], 0.0)
    product = (dx**2).sum(axis=1) * (dy**2).sum(axis=1)
    r2 = (dx * dy).sum(axis=1) ** 2 / np.where(product > 0, product, 1.0)
    return np.where(np.isnan(swing), np.nan, np.where(swing > 0, np.clip(r2, 0.0, 1.0), 0.0))
