"""T(z, amount) of every kind of operator."""

from __future__ import annotations

import numpy as np

from latentknobs.core.arrays import Codes
from latentknobs.core.knob import LAYER_NORM, Operator
from latentknobs.errors import AmountError
from latentknobs.steering.matrix_powers import power

STAYS = np.float32(-0.0)
"""What is added to a number that must stay the same to the bit: 0.0 would turn -0.0 into 0.0."""


def displacement(operator: Operator, z: Codes, amount: float) -> Codes:
    """
    T(z, amount) - z, float32 (N, D).

    Between fitted amounts an affine or residual operator interpolates the neighbouring displacements, 0 being one of
    them, so T(z, 0) = z exactly. A group operator takes multiples of its step, and amounts between them only where
    its spectrum identifies the path. Dimensions that an operator holds stay the same to the bit.

    Args:
        operator: An operator of any kind.
        z: float32 (N, D).
        amount: In the knob's unit.

    Raises:
        AmountError: The amount is not finite, beyond the fitted amounts of an affine or residual operator, between
            whole steps of a group operator, or one that a group operator cannot be turned back by.
    """
    if not np.isfinite(amount):
        raise AmountError(f"An amount must be a finite number, not {amount}.")
    if amount == 0:
        return np.full_like(z, STAYS)
    moved: Codes
    if operator.kind == "shift":
        moved = np.broadcast_to(np.float32(amount) * operator.arrays["direction"], z.shape).astype(np.float32)
    elif operator.kind in {"affine", "residual"}:
        moved = _between(operator, z, amount)
    else:
        moved = _powered(operator, z, amount)
    projection = operator.arrays.get("projection")
    if projection is not None:
        moved = ((moved @ projection) @ projection.T).astype(np.float32)
    if "held" in operator.arrays:
        moved = np.where(operator.held, STAYS, moved)
    return moved


def _between(operator: Operator, z: Codes, amount: float) -> Codes:
    amounts = operator.arrays["amounts"].astype(np.float64)
    knots = np.sort(np.append(amounts, 0.0))
    slack = 1e-6 * max(1.0, -knots[0], knots[-1])
    if not knots[0] - slack <= amount <= knots[-1] + slack:
        raise AmountError(f"The amount {amount:g} lies outside the fitted amounts, {knots[0]:g} to {knots[-1]:g}.")
    # Fitted amounts are stored as float32: rounded alike, each of them finds its own matrix.
    amount = float(np.clip(np.float32(amount), knots[0], knots[-1]))
    right = int(np.searchsorted(knots, amount))
    ends = [knots[right]] if knots[right] == amount else [knots[right - 1], knots[right]]
    share = (
        [1.0]
        if len(ends) == 1
        else [(ends[1] - amount) / (ends[1] - ends[0]), (amount - ends[0]) / (ends[1] - ends[0])]
    )
    out = np.zeros_like(z)
    for end, part in zip(ends, share, strict=True):
        if end != 0 and part:
            a = int(np.flatnonzero(amounts == end)[0])
            out += np.float32(part) * _fitted(operator, z, a)
    return out


def _powered(operator: Operator, z: Codes, amount: float) -> Codes:
    """The displacement of a group operator, computed in float64, (N, D)."""
    change = power(operator, amount)[:-1]
    change[:, :-1] -= np.eye(len(change))
    out: Codes = (z.astype(np.float64) @ change[:, :-1].T + change[:, -1]).astype(np.float32)
    return out


def _fitted(operator: Operator, z: Codes, a: int) -> Codes:
    """The displacement at the fitted amount with index a, (N, D)."""
    arrays = operator.arrays
    moved: Codes = z @ arrays["matrices"][a].T + arrays["offsets"][a] - z
    if operator.kind == "residual":
        inner = _silu(z / arrays["scale"] @ arrays["input"].T + arrays["entry"][a])
        outer = _silu(inner @ arrays["hidden"].T + arrays["hidden_bias"])
        for matrix, bias in zip(arrays.get("blocks", ()), arrays.get("blocks_bias", ()), strict=True):
            outer = outer + _silu(_normalized(outer) @ matrix.T + bias)
        moved = moved + arrays["scale"] * (outer @ arrays["output"].T)
    return moved


def _normalized(x: Codes) -> Codes:
    """Each row with mean 0 and variance 1 (layer normalization; Ba, Kiros & Hinton 2016)."""
    centred = x - x.mean(axis=1, keepdims=True)
    out: Codes = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + np.float32(LAYER_NORM))
    return out


def _silu(x: Codes) -> Codes:
    """X times its logistic function (Elfwing, Uchibe & Doya 2018); tanh keeps it from overflowing."""
    out: Codes = x * (0.5 + 0.5 * np.tanh(0.5 * x))
    return out


def apply(operator: Operator, z: Codes, amount: float) -> Codes:
    """T(z, amount), float32 (N, D); see :func:`displacement`."""
    return z + displacement(operator, z, amount)
