"""
The spectrum of a knob's one-step map: its eigenvalues, and the subspaces of codes that it takes into themselves.

An eigenvalue of modulus 1 and angle t turns its plane of codes by t a step. Of a turn that comes back to itself after
a number of steps, t is a multiple of the circle's part: a character of the cyclic group of that order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from latentknobs.core.arrays import Codes, Floats, Ints
from latentknobs.core.code_units import CodeUnits
from latentknobs.core.knob import Knob, Operator
from latentknobs.errors import UsageError

LEAST_MODULUS = 0.8
"""Planes and lines that shrink faster are not those that codes are drawn on."""

MOST_CONDITION = 1e8
"""Eigenvectors nearer to one another than this condition number says are one, to float32."""


@frozen(eq=False)
class Mode:
    """
    A real eigenvalue of a one-step map, or a pair of conjugate ones.

    Attributes:
        value: The eigenvalue, its imaginary part at least 0.
        dimensions: 1 for a real one, 2 for a pair.
        character: The nearest multiple of the circle's part, 0 to half the divisions.
        distance: Degrees from it.
        share: Share of the variance of codes that lies in the invariant subspace, 0 to 1. Subspaces need not be
            orthogonal, so shares need not add up to 1.
        right: complex (D,), unit length: the eigenvector; its real and imaginary parts span the subspace.
        left: complex (D,): left' (z - fixed) is the coordinate that a step multiplies by the value.
    """

    value: complex
    dimensions: int
    character: int
    distance: float
    share: float
    right: NDArray[np.complex128]
    left: NDArray[np.complex128]

    @property
    def modulus(self) -> float:
        """Its absolute value."""
        return abs(self.value)

    @property
    def angle(self) -> float:
        """Degrees, 0 to 180."""
        return float(np.degrees(np.angle(self.value)))


def one_step(operator: Operator) -> tuple[float, Floats, Floats]:
    """
    The step of a group operator, or the smallest positive amount of an affine one, and M and b of the map at it.

    Raises:
        UsageError: The operator is of another kind, or has no positive amount.
    """
    arrays = operator.arrays
    if operator.kind == "group":
        return float(arrays["step"][0]), arrays["matrix"].astype(np.float64), arrays["offset"].astype(np.float64)
    if operator.kind != "affine":
        raise UsageError(f"A knob of kind {operator.kind} has no spectrum: group and affine knobs have.")
    positive = np.flatnonzero(arrays["amounts"] > 0)
    if not positive.size:
        raise UsageError("This affine knob has no positive amount, whose map would have the spectrum.")
    a = int(positive[0])
    return (
        float(arrays["amounts"][a]),
        arrays["matrices"][a].astype(np.float64),
        arrays["offsets"][a].astype(np.float64),
    )


def in_units(knob: Knob) -> tuple[Operator, Floats, CodeUnits]:
    """A knob's operator and the variances of codes (D,) in code units, and these; without a projection."""
    operator = knob.require_operator()
    units = CodeUnits.of_evidence(knob.evidence, operator.size)
    plain = Operator(knob.kind, {name: a for name, a in operator.arrays.items() if name != "projection"})
    variance = np.asarray(knob.evidence.covariance_diagonal or np.ones(operator.size), dtype=np.float64)
    return units.operator_inward(plain), variance / units.scale**2, units


def spectrum(operator: Operator, covariance: Floats, divisions: int) -> tuple[Mode, ...]:
    """
    The modes of an operator's one-step map, the largest share of variance first.

    Shares depend on the units of codes: :func:`in_units` gives those in which they do not depend on the model's. Of a
    conditional model, modes are those of the latent dimensions at one condition.

    Args:
        operator: Of kind group or affine.
        covariance: float64 (D, D), of codes, or (D,), its diagonal.
        divisions: Parts of the circle, at least 1.

    Raises:
        UsageError: Another kind, no part of the circle, or a map whose eigenvectors do not span the codes.
    """
    if divisions < 1:
        raise UsageError(f"A circle has at least 1 part, not {divisions}.")
    _, matrix, _ = one_step(operator)
    full = np.diag(covariance) if covariance.ndim == 1 else covariance
    latent = np.flatnonzero(~operator.held)
    full, matrix = (whole[np.ix_(latent, latent)] for whole in (full, matrix))
    values, vectors = np.linalg.eig(matrix)
    if not np.linalg.cond(vectors) < MOST_CONDITION:
        raise UsageError(
            "The map's eigenvectors do not span the codes: it shears them, and no modes can be told apart."
        )
    lefts = np.linalg.inv(vectors).conj().T
    part = 360.0 / divisions
    total = float(np.trace(full)) or 1.0
    out = []
    for k in np.flatnonzero(values.imag >= 0):
        right = vectors[:, k]
        pair = values[k].imag > 0
        spanned = np.stack([right.real, right.imag][: 2 if pair else 1], axis=1)
        columns = np.linalg.svd(spanned, full_matrices=False)[0]
        angle = float(np.degrees(np.angle(values[k])))
        character = min(round(angle / part), divisions // 2)
        share = float(np.trace(columns.T @ full @ columns)) / total
        out.append(
            Mode(
                complex(values[k]),
                2 if pair else 1,
                character,
                abs(angle - character * part),
                share,
                _widened(right, latent, operator.size),
                _widened(lefts[:, k], latent, operator.size),
            )
        )
    return tuple(sorted(out, key=lambda mode: (-mode.share, mode.angle, mode.modulus)))


def _widened(vector: NDArray[Any], latent: Ints, size: int) -> NDArray[np.complex128]:
    """A vector over the latent dimensions as one over all, (size,)."""
    out = np.zeros(size, dtype=np.complex128)
    out[latent] = vector
    return out


def by_character(modes: tuple[Mode, ...], covariance: Floats) -> dict[int, tuple[int, float]]:
    """
    For each character its dimensions and its part of the variance of codes; the parts add up to 1.

    A part is the covariance of the codes' component in the character's subspaces with the codes themselves, so one
    may be under 0 where subspaces lean on one another.

    Args:
        modes: All modes of a map.
        covariance: float64 (D, D) of codes, or (D,), its diagonal.
    """
    full = np.diag(covariance) if covariance.ndim == 1 else covariance
    out: dict[int, tuple[int, float]] = {}
    for mode in sorted(modes, key=lambda mode: mode.character):
        count, part = out.get(mode.character, (0, 0.0))
        own = mode.dimensions * float(np.real(mode.left.conj() @ full @ mode.right))
        out[mode.character] = (count + mode.dimensions, part + own / (float(np.trace(full)) or 1.0))
    return out


def plane(modes: tuple[Mode, ...], angle: float, within: float) -> Mode | None:
    """
    The plane that turns by about an angle a step, of those that hardly shrink.

    Args:
        modes: Of a spectrum.
        angle: Degrees, 0 to 180.
        within: Degrees: of the planes that lie so near, the one with the largest share; else the nearest of all.

    Returns:
        The mode, or None where no plane turns.
    """
    pairs = [mode for mode in modes if mode.dimensions == 2 and mode.modulus >= LEAST_MODULUS]
    near = [mode for mode in pairs if abs(mode.angle - angle) <= within]
    if near:
        return max(near, key=lambda mode: mode.share)
    return min(pairs, key=lambda mode: abs(mode.angle - angle), default=None)


def on_plane(mode: Mode, offset: Floats, z: Codes) -> NDArray[np.complex128]:
    """
    Codes (N, D) on the plane of a pair, complex (N,): a step of the map multiplies them by the mode's value.

    The map's fixed point is 0, and the codes' mean square is 1.
    """
    out: NDArray[np.complex128] = z @ mode.left.conj() - (mode.left.conj() @ offset) / (1.0 - mode.value)
    size = float(np.sqrt((np.abs(out) ** 2).mean()))
    return out / size if size else out


def along(modes: tuple[Mode, ...], operator: Operator, z: Codes) -> Floats | None:
    """
    How far codes (N, D) lie along the way that their mean goes without turning, in steps from the mean, (N,).

    That way is the mean displacement of one step within the subspaces whose character is 0.

    Returns:
        The distances, or None where nothing goes that way.
    """
    _, matrix, offset = one_step(operator)
    still = [mode for mode in modes if mode.character == 0 and mode.modulus >= LEAST_MODULUS]
    mean = z.astype(np.float64).mean(axis=0)
    projection = np.zeros_like(matrix)
    for mode in still:
        projection += mode.dimensions * np.real(np.outer(mode.right, mode.left.conj()))
    way = projection @ (matrix @ mean + offset - mean)
    length = float(way @ way)
    if length <= 1e-12 * float(mean @ mean + 1.0):
        return None
    out: Floats = (z - mean) @ projection.T @ way / length
    return out
