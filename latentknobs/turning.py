"""What a session may do with one knob: which amounts it takes, how far it moves, and the paper's controls."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from latentknobs.core.arrays import Codes
from latentknobs.core.knob import Knob, Operator
from latentknobs.core.seed import as_seed
from latentknobs.engine import steer
from latentknobs.engine.bases import ACTIVE_VARIANCE
from latentknobs.errors import AmountError, RegistryError, UsageError

SLACK = 1e-6
"""How far an amount may be off by rounding."""


def check_amount(knob: Knob, amount: float, name: str = "") -> float:
    """
    The amount, if the knob can be turned by it.

    Args:
        knob: The knob.
        amount: In the knob's unit.
        name: What the message calls it, where that is not the knob's own name (a control).

    Raises:
        AmountError: Not finite, outside the usable range, or off the knob's step.
    """
    name = name or knob.name
    unit = f" {knob.unit}" if knob.unit else ""
    if not np.isfinite(amount):
        raise AmountError(f"The amount of {name!r} must be a finite number, not {amount}.")
    if not knob.low - SLACK <= amount <= knob.high + SLACK:
        raise AmountError(
            f"{name}={amount:+g} is outside the usable range, {knob.low:+g} to {knob.high:+g}{unit}"
            f"{doubt(knob)}; choose an amount inside it."
        )
    if knob.step is not None and abs(amount / knob.step - round(amount / knob.step)) > SLACK:
        below = float(np.floor(amount / knob.step)) * knob.step
        raise AmountError(
            f"{name}={amount:+g} lies between two steps of {knob.step:g}{unit}; "
            f"choose {below:+g} or {below + knob.step:+g}."
        )
    return float(amount)


def doubt(knob: Knob) -> str:
    """A clause on a knob that is not accepted: its verdict, and the gates that it failed."""
    if knob.verdict == "accepted":
        return ""
    failed = [str(gate["gate"]) for gate in knob.evidence.get("gates", ()) if not gate["passed"]]
    reason = f" for {', '.join(failed)}" if failed else ""
    return f" (this knob is {knob.verdict}{reason})"


def operator_of(knob: Knob) -> Operator:
    """
    The knob's operator.

    Raises:
        RegistryError: Only its hash was kept.
    """
    if knob.operator is None:
        raise RegistryError(
            f"The registry keeps only the hash of the operator of {knob.name!r}; "
            f"rebuild it by repeating its run {knob.run_id or '(unknown)'}."
        )
    return knob.operator


def spread_of(knob: Knob, latent_size: int) -> NDArray[np.float64]:
    """Standard deviation of the codes in each active dimension, 0 in the others; 1 where it was not measured."""
    variance = np.asarray(knob.evidence.get("covariance_diagonal", np.ones(latent_size)), dtype=np.float64)
    return np.where(variance > ACTIVE_VARIANCE, np.sqrt(np.maximum(variance, 0.0)), 0.0)


def shares_of(knob: Knob, latent_size: int) -> NDArray[np.float64]:
    """Shares of the knob's dimensions, (D,), 0 for the others."""
    out = np.zeros(latent_size)
    for d in knob.dimensions:
        out[d.dim] = d.share
    return out


def control(name: str, knob: Knob, amount: float, codes: Codes, taken: Collection[int], seed: int) -> Codes:
    """
    The displacement of one of the paper's controls, float32 (N, D).

    A seeded random direction outside the dimensions of all the model's knobs, as long for each clip as the
    knob's own move at this amount, both in units of each dimension's spread.

    Args:
        name: "random" (in as many dimensions as the knob has) or "others" (in all that are left).
        knob: The knob that gives length, range and step.
        amount: In that knob's unit; its sign is the direction's.
        codes: float32 (N, D).
        taken: Dimensions of the model's knobs.
        seed: Fixes dimensions and direction.

    Raises:
        AmountError: An amount that the knob cannot be turned by.
        UsageError: No active dimension is left outside the knobs', or the seed is none.
    """
    check_amount(knob, amount, name)
    spread = spread_of(knob, codes.shape[1])
    free = np.asarray([d for d in np.flatnonzero(spread > 0) if d not in taken], dtype=np.int64)
    if not free.size:
        raise UsageError(f"The control {name!r} has no dimension left: the model's knobs use them all.")
    rng = np.random.default_rng(as_seed(seed))
    if name == "random":
        free = np.sort(rng.choice(free, size=min(len(knob.dimensions) or 1, len(free)), replace=False))
    direction = np.zeros(len(spread))
    direction[free] = rng.standard_normal(len(free))
    direction *= np.sign(amount) / np.linalg.norm(direction)
    step = steer.displacement(operator_of(knob), codes, amount)
    inverse = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)
    length = np.linalg.norm(step * inverse, axis=1, keepdims=True)
    out: Codes = (length * direction * spread).astype(np.float32)
    return out
