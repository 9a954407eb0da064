"""The effect: how far a knob moves an attribute of the decoded clips, from the decoding at amount 0."""

from __future__ import annotations

import numpy as np
from attrs import frozen

from latentknobs.core.arrays import ClipBatch, Floats
from latentknobs.core.attribute import Attribute
from latentknobs.evaluation.bootstrap import Interval, SongDraws, interval
from latentknobs.evaluation.evaluation_set import AmountBatch


@frozen
class Effect:
    """
    See the module's text.

    Attributes:
        change: Mean change of the attribute, with its interval.
        spread: Standard deviation of the change over clips.
        clips: Clips on which it is defined before and after.
    """

    change: Interval
    spread: float
    clips: int


def changes(attribute: Attribute, plain: ClipBatch, turned: ClipBatch) -> Floats:
    """Change of the attribute of each clip (n,); NaN where it is not defined before or after."""
    out: Floats = attribute.measure(turned) - attribute.measure(plain)
    return out


def effect(attribute: Attribute, case: AmountBatch, turned: ClipBatch, draws: SongDraws) -> Effect:
    """The effect of ``turned`` (m, *shape), the decodings of T(z, amount), at one amount."""
    change = changes(attribute, case.plain, turned)
    there = change[~np.isnan(change)]
    means, resampled = draws.means(change[:, None])
    value = float(means[0]) if len(there) else 0.0
    return Effect(interval(value, resampled[:, 0]), float(there.std()) if len(there) else 0.0, len(there))


def asked_of(attribute: Attribute, case: AmountBatch) -> Floats:
    """
    The change of the attribute that a knob is asked for at the case's amount, of each clip (m,).

    What the edit itself changes; without one the amount, on clips whose decoding has the attribute, since the knob is
    then in the attribute's own unit. NaN elsewhere.
    """
    if case.after is None:
        return np.where(np.isfinite(attribute.measure(case.plain)), case.amount, np.nan)
    return changes(attribute, case.before, case.after)


def slope(amounts: Floats, changes_at: Floats) -> float:
    """Least-squares slope through 0 of the mean changes (A,) over the amounts (A,): change for one unit."""
    square = float((amounts**2).sum())
    return float((amounts * changes_at).sum() / square) if square else 0.0
