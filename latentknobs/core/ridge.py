"""Ridge regression on moments (Hoerl & Kennard 1970), along one path of penalties."""

from __future__ import annotations

import numpy as np

from latentknobs.core.arrays import Floats

PENALTIES = tuple(10.0 ** (k / 2) for k in range(-12, 3))
"""Penalties, in units of the mean variance of a code dimension."""


def ridge_path(gram: Floats, cross: Floats, unit: Floats, floor: float = 0.0) -> list[Floats]:
    """
    The weights of a regression at each of :data:`PENALTIES`, ascending.

    Args:
        gram: (n, n), second moments of the inputs.
        cross: (n,) or (n, m), moments of inputs with outputs.
        unit: (n,), what penalty 1 adds to the diagonal of ``gram``; 0 = that weight is not shrunk.
        floor: Added to the whole diagonal, so that the moments of few inputs can be solved.
    """
    identity = np.eye(len(gram))
    return [np.linalg.solve(gram + penalty * np.diag(unit) + floor * identity, cross) for penalty in PENALTIES]
