"""
Effect size: how far a knob moves an attribute of the decoded clips, from the decoding at amount 0.

Without a target attribute, the effect on a clip is its gain of accuracy against the edited clip.
"""

from __future__ import annotations

import numpy as np
from attrs import asdict

from latentknobs.core.arrays import ClipBatch, Floats
from latentknobs.core.attribute import Attribute
from latentknobs.core.evidence import Effect
from latentknobs.evaluation.bootstrap import SongDraws, interval
from latentknobs.evaluation.equivariance import accuracy
from latentknobs.evaluation.evaluation_set import AmountBatch


def changes(attribute: Attribute, plain: ClipBatch, turned: ClipBatch) -> Floats:
    """Change of the attribute of each clip (n,); NaN where it is not defined before or after."""
    out: Floats = attribute.measure(turned) - attribute.measure(plain)
    return out


def effect(attribute: Attribute, batch: AmountBatch, turned: ClipBatch, draws: SongDraws) -> Effect:
    """The effect of ``turned`` (m, *shape), the decodings of T(z, amount), at one amount."""
    change = changes(attribute, batch.plain, turned)
    known = change[~np.isnan(change)]
    means, resampled = draws.means(change[:, None])
    value = float(means[0]) if len(known) else 0.0
    spread = float(known.std()) if len(known) else 0.0
    return Effect(**asdict(interval(value, resampled[:, 0])), spread=spread, clips=len(known))


def intended_change(attribute: Attribute, batch: AmountBatch) -> Floats:
    """What the batch's edit changes of the attribute of each clip (m,); NaN where it is not defined."""
    after, _, _ = batch.edit
    return changes(attribute, batch.before, after)


def gain(target: Attribute | None, batch: AmountBatch, turned: ClipBatch) -> Floats:
    """
    The effect on each clip (m,): change of the target, or without one the gain of accuracy against the edited clip.

    Args:
        target: The knob's target attribute.
        batch: The clips, m of them.
        turned: The clips decoded after the move, (m, *shape).
    """
    if target is not None:
        return changes(target, batch.plain, turned)
    after, _, _ = batch.edit
    return accuracy(turned, after) - accuracy(batch.plain, after)


def finite_mean(values: Floats) -> float:
    """Mean over the finite values, 0 where there are none."""
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else 0.0


def slope(amounts: Floats, changes_at: Floats) -> float:
    """Least-squares slope through 0 of the mean changes (A,) over the amounts (A,): change for one unit."""
    square = float((amounts**2).sum())
    return float((amounts * changes_at).sum() / square) if square else 0.0
