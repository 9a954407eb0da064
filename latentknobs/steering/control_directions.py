"""What a session may do with one knob: which amounts it takes, how far it moves, and the paper's controls."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from latentknobs.core.active_dimensions import is_active
from latentknobs.core.arrays import Codes
from latentknobs.core.code_units import CodeUnits
from latentknobs.core.knob import RANK, Knob
from latentknobs.core.reasons import reasons
from latentknobs.core.seed import as_seed
from latentknobs.errors import AmountError, UsageError
from latentknobs.steering import apply

SLACK = 1e-6
"""How far an amount may be off by rounding."""
LEAST_FREE = 0.25
"""Least share of the active dimensions that is left to a control."""


def check_amount(knob: Knob, amount: float, name: str = "", *, alike: Sequence[Knob] = ()) -> float:
    """
    The amount, if the knob can be turned by it.

    Args:
        knob: The knob.
        amount: In the knob's unit.
        name: What the message calls it, where that is not the knob's own name (a control).
        alike: Knobs of the same name of other models, which are turned by it too.

    Raises:
        AmountError: Not finite, outside the usable range of one of them, or off a knob's step.
    """
    name, knobs = name or knob.name, (knob, *alike)
    unit = f" {knob.unit}" if knob.unit else ""
    low, high = max(one.low for one in knobs), min(one.high for one in knobs)
    worst = min(knobs, key=lambda one: RANK[one.verdict])
    if not np.isfinite(amount):
        raise AmountError(f"The amount of {name!r} must be a finite number, not {amount}.")
    if low == high and amount:
        raise AmountError(f"{name} has no usable amount{doubt(worst)}; choose another knob.")
    if not low - SLACK <= amount <= high + SLACK:
        models = f" of {' and '.join(one.model_name for one in knobs)} together" if alike else ""
        raise AmountError(
            f"{name}={amount:+g} is outside the usable range{models}, {low:+g} to {high:+g}{unit}"
            f"{doubt(worst)}; choose an amount inside it."
        )
    for step in (one.step for one in knobs if one.step is not None):
        if abs(amount / step - round(amount / step)) > SLACK:
            below = float(np.floor(amount / step)) * step
            raise AmountError(
                f"{name}={amount:+g} lies between two steps of {step:g}{unit}; choose {below:+g} or {below + step:+g}."
            )
    return float(amount)


def doubt(knob: Knob) -> str:
    """A clause about a knob that is not accepted: its verdict, and what decided it."""
    if knob.verdict == "accepted":
        return ""
    failed = "; ".join(map(str, reasons(knob.evidence)[:2]))
    return f" (this knob is {knob.verdict}{': ' if failed else ''}{failed})"


def between(knob: Knob, amount: float) -> str:
    """A clause about an amount between those that an edit has and the knob was judged at; "" of moves along a line."""
    fitted = knob.evidence.fitted
    whole = bool(fitted) and all(one.is_integer() for one in fitted)
    if knob.augmentation is None or knob.kind == "shift" or not whole or float(amount).is_integer():
        return ""
    return f" was learned and judged at whole amounts, not at {amount:g}"


def spread_of(knob: Knob, latent_size: int) -> NDArray[np.float64]:
    """Standard deviation of the codes in each active dimension, 0 in the others; 1 where it was not measured."""
    variance = np.asarray(knob.evidence.covariance_diagonal or np.ones(latent_size), dtype=np.float64)
    units = CodeUnits.of_evidence(knob.evidence, latent_size)
    active = is_active(variance / units.scale**2)
    if knob.operator is not None:
        active &= ~knob.operator.held
    return np.where(active, np.sqrt(np.maximum(variance, 0.0)), 0.0)


def shares_of(knob: Knob, latent_size: int) -> NDArray[np.float64]:
    """Shares of the knob's dimensions, (D,), 0 for the others."""
    out = np.zeros(latent_size)
    for d in knob.dimensions:
        out[d.dim] = d.share
    return out


def in_order(knobs: Iterable[Knob]) -> list[Knob]:
    """
    Accepted knobs first, then by verdict.

    Of one verdict those of edits first, before those found without one; of these the ones with the fewest dimensions
    first, then as found.
    """
    return sorted(
        knobs,
        key=lambda knob: (
            -RANK[knob.verdict],
            knob.augmentation is None,
            len(knob.dimensions),
            knob.found.timestamp() if knob.found else 0.0,
        ),
    )


def active_of(knob: Knob, latent_size: int) -> list[int]:
    """The dimensions in which the codes vary."""
    return [int(d) for d in np.flatnonzero(spread_of(knob, latent_size) > 0)]


def apart(
    knobs: Iterable[Knob], active: Collection[int], like: Knob | None = None
) -> tuple[frozenset[int], tuple[str, ...]]:
    """
    The dimensions that controls, and the "others" of a path between melodies, leave to the knobs.

    Those of the accepted knobs (of all where none is accepted) and of the knob that a control is like. Where
    that leaves fewer than a quarter of the active dimensions, knobs are dropped one by one, the one with most
    dimensions first, ties by name from the last.

    Args:
        knobs: The model's current knobs.
        active: Dimensions in which codes vary.
        like: The knob that a control is like, None = there is none.

    Returns:
        The dimensions, and the names of the dropped knobs.
    """
    every = {knob.name: knob for knob in knobs}
    kept = {name: knob for name, knob in every.items() if knob.verdict == "accepted"} or every
    if like is not None:
        kept[like.name] = like
    dropped: list[str] = []
    while True:
        taken = frozenset(d.dim for knob in kept.values() for d in knob.dimensions)
        if len(set(active) - taken) >= LEAST_FREE * len(active):
            return taken, tuple(dropped)
        dropped.append(max(kept, key=lambda name: (len(kept[name].dimensions), name)))
        del kept[dropped[-1]]


def control(name: str, knob: Knob, amount: float, codes: Codes, taken: Collection[int], seed: int) -> Codes:
    """
    The displacement of one of the paper's controls, float32 (N, D).

    A seeded random direction outside the dimensions that are left to knobs, as long for each clip as the
    knob's own move at this amount, both in units of each dimension's spread.

    Args:
        name: "random" (in as many dimensions as the knob has) or "others" (in all that are left).
        knob: The knob that gives length, range and step.
        amount: In that knob's unit; its sign is the direction's.
        codes: float32 (N, D).
        taken: Dimensions that are left to knobs: see :func:`apart`.
        seed: Fixes dimensions and direction.

    Raises:
        AmountError: An amount that the knob cannot be turned by.
        UsageError: No active dimension is left, or the seed is none.
    """
    check_amount(knob, amount, name)
    spread = spread_of(knob, codes.shape[1])
    free = np.asarray([d for d in active_of(knob, codes.shape[1]) if d not in taken], dtype=np.int64)
    if not free.size:
        raise UsageError(f"The control {name!r} has no dimension: the model's codes do not vary.")
    rng = np.random.default_rng(as_seed(seed))
    if name == "random":
        free = np.sort(rng.choice(free, size=min(len(knob.dimensions) or 1, len(free)), replace=False))
    direction = np.zeros(len(spread))
    direction[free] = rng.standard_normal(len(free))
    direction *= np.sign(amount) / np.linalg.norm(direction)
    step = apply.displacement(knob.require_operator(), codes, amount)
    inverse = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)
    length = np.linalg.norm(step * inverse, axis=1, keepdims=True)
    out: Codes = (length * direction * spread).astype(np.float32)
    return out
