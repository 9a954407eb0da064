"""
Coordinates of codes in which the first ones are knobs: how far each knob is turned up in a clip.

A knob's coordinate is learned from clips before and after its edit alone; no attribute is measured for it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from attrs import define, frozen

from latentknobs.core.arrays import Codes, Floats
from latentknobs.core.code_units import CodeUnits
from latentknobs.core.method_specs import Coordinates
from latentknobs.core.ridge import PENALTIES, ridge_path
from latentknobs.discovery.bases import principal
from latentknobs.errors import DiscoveryError


@define(eq=False)
class AmountRange:
    """
    Sums over codes of clips that were edited by a known amount, and of the same clips before, whose amount is 0.

    Attributes:
        pairs: How many pairs.
        gram: float64 (D + 1, D + 1), sum of [1, z][1, z]' over the codes of both sides.
        cross: float64 (D + 1,), sum of amount times [1, z].
        square: Sum of squared amounts.
        along: float64 (D,), sum of amount times (after - before).
    """

    pairs: int
    gram: Floats
    cross: Floats
    square: float
    along: Floats

    @classmethod
    def empty(cls, latent_size: int) -> AmountRange:
        """Sums of no pairs."""
        size = latent_size + 1
        return cls(0, np.zeros((size, size)), np.zeros(size), 0.0, np.zeros(latent_size))

    def add(self, amount: float, before: Codes, after: Codes) -> None:
        """Fold in pairs (n, D) at one amount."""
        for codes, label in ((before, 0.0), (after, amount)):
            x = np.concatenate([np.ones((len(codes), 1)), codes.astype(np.float64)], axis=1)
            self.gram += x.T @ x
            self.cross += label * x.sum(axis=0)
        self.pairs += len(before)
        self.square += amount * amount * len(before)
        self.along += amount * (after.astype(np.float64) - before).sum(axis=0)

    def in_units(self, units: CodeUnits) -> AmountRange:
        """The sums over the same codes in these units."""
        change = np.eye(len(self.cross))  # [1, u] = change [1, z]
        change[1:, 0], change[1:, 1:] = -units.centre / units.scale, np.diag(1.0 / units.scale)
        gram, cross = change @ self.gram @ change.T, change @ self.cross
        return AmountRange(self.pairs, gram, cross, self.square, self.along / units.scale)

    def r2(self, weights: Floats) -> float:
        """Part of the amounts' variance that the reading [1, z] -> weights (D + 1,) explains."""
        count, total = 2 * self.pairs, self.cross[0]
        left = self.square - 2.0 * float(weights @ self.cross) + float(weights @ self.gram @ weights)
        return float(1.0 - left / (self.square - total**2 / count))


@frozen(eq=False)
class AmountReading:
    """
    How far a clip is turned up, read from its code.

    Attributes:
        weights: float64 (D,), w: w'z goes up by n, in the mean over amounts, where the edit is made by n.
        penalty: The ridge penalty, in units of the mean variance of a dimension.
        r2: Part of the amounts' variance that the regression explains on validation songs (on training songs where
            there are none): 1 would need codes that tell nothing of how far a clip was turned up before the edit.
    """

    weights: Floats
    penalty: float
    r2: float


def read_amount(train: AmountRange, validation: AmountRange, dims: Sequence[int] | None = None) -> AmountReading:
    """
    The amount by which a clip was edited, read from its code alone, by ridge regression (Hoerl & Kennard 1970).

    The code of the clip before is not shown, so the reading must stand on what the edit moves and not on what clips
    differ in otherwise. Elsewhere than in a knob's own dimensions an edit leaves traces (notes split in two are notes
    repeated), which tell that a clip was edited and not how far it is turned up: they are not read. Of
    :data:`latentknobs.core.ridge.PENALTIES` the one with the largest R2 on validation songs is taken. What is read is
    shrunk, since a clip has a height of its own: the weights are stretched until w'(after - before) is the amount in
    the least-squares line through 0.

    Args:
        train: Pairs of training songs.
        validation: Pairs of validation songs.
        dims: The dimensions that are read, None = all; the weights of others are 0.

    Raises:
        DiscoveryError: There are no training pairs, or the codes tell nothing of the amount.
    """
    size = len(train.along)
    uninformative = DiscoveryError(
        f"{train.pairs} training pairs, whose codes tell nothing of the amount of the edit: ask for more clips or "
        "another corpus."
    )
    if not train.pairs or not train.along.any():
        raise uninformative
    count = 2 * train.pairs
    mean = train.gram[0, 1:] / count
    covariance = train.gram[1:, 1:] / count - np.outer(mean, mean)
    towards = train.cross[1:] / count - train.cross[0] / count * mean
    scale = float(np.trace(covariance)) / size
    judged = validation if validation.pairs else train
    read = np.arange(size) if dims is None else np.asarray(sorted(dims), dtype=np.int64)
    candidates = [np.zeros(size) for _ in PENALTIES]
    path = ridge_path(covariance[np.ix_(read, read)], towards[read], np.full(len(read), scale))
    for w, weights in zip(candidates, path, strict=True):
        w[read] = weights
    scores = [judged.r2(np.concatenate([[train.cross[0] / count - mean @ w], w])) for w in candidates]
    best = int(np.argmax(scores))
    slope = float(candidates[best] @ train.along) / train.square
    if not slope > 0:
        raise uninformative
    return AmountReading(candidates[best] / slope, PENALTIES[best], scores[best])


def knob_coordinates(weights: Sequence[Floats], covariance: Floats) -> Coordinates:
    """
    A basis whose first K coordinates are the readings w_k'z, and whose others are uncorrelated with them.

    The others are the principal components of the codes within the orthogonal complement of the covariances of the
    readings with the codes: orthonormal directions, so that a dimension that does not vary still does not.

    Args:
        weights: K readings, float64 (D,), linearly independent.
        covariance: float64 (D, D) of the codes.

    Raises:
        DiscoveryError: The readings depend on each other, or do not vary over the codes.
    """
    own = np.stack(weights, axis=1)
    towards = covariance @ own
    count = own.shape[1]
    if np.linalg.matrix_rank(own.T @ towards, hermitian=True) < count:
        raise DiscoveryError(
            f"The readings of the {count} knobs are not independent over these codes: leave one of them out."
        )
    complement = np.linalg.qr(towards, mode="complete")[0][:, count:]
    rest = complement
    if complement.shape[1]:
        rest = complement @ principal(complement.T @ covariance @ complement)[1]
    dual = np.concatenate([own, rest], axis=1)
    return Coordinates(np.linalg.inv(dual).T, dual)
