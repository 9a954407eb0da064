"""
Paths and grids between two codes by spherical interpolation (SLERP; Shoemake 1985).

One angle w, between the full codes, serves every group of dimensions: an angle over the few dimensions of a knob
would be ill-posed. The coefficients A(t) = sin((1-t)w)/sin w and
B(t) = sin(tw)/sin w are applied to each group with that group's own t. A condition has no way between two: it is that
of the nearer end. So is an anchor, unless it is a knob's own way, which is straight. The angle is that of the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from latentknobs.core.arrays import Bools, Codes, Floats
from latentknobs.core.latent_structure import LatentStructure
from latentknobs.errors import UsageError

Rest: TypeAlias = Literal["mean", "source", "rows", "columns"]
RESTS: tuple[Rest, ...] = ("mean", "source", "rows", "columns")
NEARLY_OPPOSITE = np.deg2rad(170.0)
"""From this angle on the path is linear: the coefficients diverge towards 180 degrees, and two codes of different
length would give codes far longer than both."""
REST = 2
"""The group of the dimensions that follow neither rows nor columns."""
HALF_WAY = 0.5
"""From here on a path has the condition, and the anchor, of its second end."""


def angle(a: Codes, b: Codes) -> float:
    """The angle between codes a and b (D,), in radians, 0 to pi; 0 where one of them is 0."""
    a64, b64 = a.astype(np.float64), b.astype(np.float64)
    length = np.linalg.norm(a64) * np.linalg.norm(b64)
    return float(np.arccos(np.clip(a64 @ b64 / length, -1.0, 1.0))) if length else 0.0


def coefficients(w: float, t: Floats) -> tuple[Floats, Floats]:
    """A(t) and B(t) for the angle w; linear where the codes are nearly parallel or opposite, exact at t = 0 and 1."""
    if w < 1e-6 or w > NEARLY_OPPOSITE:
        return 1.0 - t, t.copy()
    first, second = np.sin((1.0 - t) * w) / np.sin(w), np.sin(t * w) / np.sin(w)
    return np.where(t == 1.0, 0.0, np.where(t == 0.0, 1.0, first)), np.where(
        t == 1.0, 1.0, np.where(t == 0.0, 0.0, second)
    )


def _mix(a: Codes, b: Codes, t: Floats, structure: LatentStructure | None, named: Bools) -> Codes:
    """Codes at t (..., D) of the way; ``named`` (D,) are knobs' dimensions: an anchor among them goes straight."""
    if structure is None or not structure.kept.any():
        first, second = coefficients(angle(a, b), t)
        return (first * a + second * b).astype(np.float32)
    still = structure.kept
    mixed = _mix(np.where(still, 0, a), np.where(still, 0, b), t, None, named)
    nearer = np.where(t >= HALF_WAY, b, a)
    straight = ((1.0 - t) * a + t * b).astype(np.float32)
    out: Codes = np.where(structure.anchored & named, straight, np.where(still, nearer, mixed))
    return out


def _check_size(size: int) -> None:
    if size < 2:
        raise UsageError(f"An interpolation needs at least 2 steps, not {size}.")


def one_way(
    a: Codes, b: Codes, size: int, dims: Sequence[int] | None = None, structure: LatentStructure | None = None
) -> Codes:
    """
    A path from code a to code b, float32 (size, D); first = a, last = b.

    Args:
        a: (D,).
        b: (D,).
        size: Number of codes, at least 2.
        dims: Move only these dimensions, the others stay a's; None = all (then the last is exactly b).
        structure: Of the codes: where its condition or anchor moves at all, the first half of the path has a's, the
            second b's; an anchor among ``dims`` goes straight.
    """
    _check_size(size)
    named = np.isin(np.arange(a.shape[-1]), np.asarray([] if dims is None else dims, dtype=np.int64))
    t = np.linspace(0.0, 1.0, size)
    return _mix(a, b, np.where(named | (dims is None), t[:, None], 0.0), structure, named)


def assign(
    rows: Sequence[int],
    columns: Sequence[int],
    latent_size: int,
    row_share: NDArray[np.float64] | None = None,
    column_share: NDArray[np.float64] | None = None,
) -> NDArray[np.int8]:
    """
    Which axis each dimension follows, int8 (D,): 0 = with the rows, 1 = with the columns, 2 = the rest.

    A dimension in both goes to the knob of the larger share (rows win a tie), so that none is moved twice.

    Args:
        rows: Dimensions of the rows' knob.
        columns: Dimensions of the columns' knob.
        latent_size: D.
        row_share: Shares (D,) of the rows' knob; None = equal.
        column_share: Shares (D,) of the columns' knob.
    """
    out = np.full(latent_size, REST, dtype=np.int8)
    out[list(rows)] = 0
    for dim in columns:
        contested = out[dim] == 0
        wins = not contested or (
            row_share is not None and column_share is not None and column_share[dim] > row_share[dim]
        )
        if wins:
            out[dim] = 1
    return out


def two_way(
    a: Codes,
    b: Codes,
    groups: NDArray[np.int8],
    size: int,
    rest: Rest = "mean",
    structure: LatentStructure | None = None,
) -> Codes:
    """
    A grid of codes, float32 (size, size, D): [0, 0] is exactly a, [-1, -1] exactly b.

    Args:
        a: (D,), top left.
        b: (D,), bottom right.
        groups: int8 (D,) from :func:`assign`: the rows' dimensions move from top to bottom, the columns'
            from left to right.
        size: Rows and columns, at least 2.
        rest: How the other dimensions go: "mean" of both ways (Manhattan distance from the corner),
            "rows" or "columns" (with that way), "source" (stay a's until the last corner, which is b).
        structure: Of the codes: a condition, and an anchor that neither way has, are of the rest: a's in its first
            half, b's from the middle on.
    """
    _check_size(size)
    if rest not in RESTS:
        raise UsageError(f"The rest can follow {', '.join(RESTS)}, not {rest!r}.")
    t = np.linspace(0.0, 1.0, size)
    down, across = np.meshgrid(t, t, indexing="ij")
    corner = np.zeros_like(down)
    corner[-1, -1] = 1.0
    other = {"mean": (down + across) / 2, "rows": down, "columns": across, "source": corner}[rest]
    ways = np.stack([down, across, other], axis=-1)
    return _mix(a, b, ways[..., groups], structure, groups < REST)
