"""
Powers of an affine map of codes, the kind group: T^n z for integer n, and between them where the spectrum allows it.

The map is z -> M z + b. Its powers are taken as a matrix on [z, 1], in float64, so that a map without a fixed point
(a shift) and one whose eigenvectors coincide (a shear) need no special treatment.
"""

from __future__ import annotations

import numpy as np

from latentknobs.core.arrays import Floats
from latentknobs.core.knob import Operator
from latentknobs.errors import AmountError

STEP_SLACK = 1e-6
"""How far an amount may be off an integer number of steps by rounding."""
STRAIGHT = 1e-3
"""Angles (radians) up to this are 0: float32 rounding splits a double eigenvalue by the root of its size."""


def homogeneous(operator: Operator) -> Floats:
    """The one-step map of a group operator on columns [z, 1], float64 (D + 1, D + 1)."""
    matrix, offset = operator.arrays["matrix"], operator.arrays["offset"]
    out: Floats = np.eye(len(offset) + 1)
    out[:-1, :-1], out[:-1, -1] = matrix, offset
    return out


def has_path(operator: Operator) -> bool:
    """
    Whether the spectrum of a group operator identifies the path between integer steps.

    A real matrix has one real logarithm only where all its eigenvalues are positive (Culver 1966): rotations that
    differ by a full circle agree at every integer number of steps.
    """
    values = np.linalg.eigvals(operator.arrays["matrix"].astype(np.float64))
    return bool((np.abs(values) > 0).all() and (np.abs(np.angle(values)) <= STRAIGHT).all())


def power(operator: Operator, amount: float) -> Floats:
    """
    The map at an amount, on columns [z, 1], float64 (D + 1, D + 1).

    Raises:
        AmountError: The amount is no multiple of the step and the spectrum does not identify the path between, or the
            map has no inverse.
    """
    step = float(operator.arrays["step"][0])
    # The step is stored as float32: the amount is rounded alike, so that multiples of the step stay multiples.
    count = float(np.float32(amount)) / step
    base = homogeneous(operator)
    nearest = round(count)
    if abs(count - nearest) > STEP_SLACK * max(1.0, abs(count)):
        if not has_path(operator):
            raise AmountError(
                f"The amount {amount:g} lies between whole steps of {step:g}, where this knob does not say how codes "
                f"move; choose a multiple of {step:g}."
            )
        return _between(base, count)
    try:
        out: Floats = np.linalg.matrix_power(base, nearest)
    except np.linalg.LinAlgError as error:
        raise AmountError(f"This knob cannot be turned back by {amount:g}: its map has no inverse.") from error
    return out


def _between(base: Floats, count: float) -> Floats:
    from scipy.linalg import expm, logm  # loaded only between steps: the command line starts faster

    out: Floats = np.real(expm(count * np.real(logm(base))))
    return out
