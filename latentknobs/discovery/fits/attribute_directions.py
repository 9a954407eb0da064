"""
Shifts from attribute labels alone, without an edit: baselines for the knob of an augmentation.

Each takes the codes of sampled training clips and their values of the attribute that the edit targets, and
gives the direction v of a shift z + n v that should raise the attribute by n.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from attrs import frozen

from latentknobs.core.arrays import Bools, Floats
from latentknobs.core.evidence_upgrade import NO_TARGET
from latentknobs.core.knob import Operator
from latentknobs.core.method_specs import CodeSample, FitInput
from latentknobs.core.ridge import PENALTIES, ridge_path
from latentknobs.errors import NotFittedError

QUARTILE = 0.25
LEAST_CLIPS = 8
"""Fewer clips than this with the attribute give no meaningful quartiles."""


@frozen(eq=False)
class Labelled:
    """
    Codes with their attribute.

    Attributes:
        codes: float64 (n, D), clips before the edit whose attribute is defined.
        values: float64 (n,), in the attribute's unit.
    """

    codes: Floats
    values: Floats

    @classmethod
    def of(cls, sample: CodeSample, held: Bools) -> Labelled:
        """The clips of a sample; a condition, bool (D,), reads as 0."""
        defined = np.isfinite(sample.target)
        zero = sample.knots.index(0.0)
        return cls(np.where(held, 0.0, sample.codes[defined, zero].astype(np.float64)), sample.target[defined])

    def ends(self) -> tuple[Labelled, Labelled]:
        """The clips of the lowest and of the highest quartile of the attribute, ties at the border included."""
        low, high = np.quantile(self.values, [QUARTILE, 1.0 - QUARTILE])
        return self._at(self.values <= low), self._at(self.values >= high)

    def _at(self, which: Any) -> Labelled:
        return Labelled(self.codes[which], self.values[which])


def _labelled(fit_input: FitInput) -> Labelled:
    """
    The sampled training clips.

    Raises:
        NotFittedError: The attribute or the codes do not vary.
    """
    clips = Labelled.of(fit_input.sample, fit_input.held)
    count = len(clips.values)
    if fit_input.target is None and not count:
        raise NotFittedError(NO_TARGET)
    if count < LEAST_CLIPS:
        raise NotFittedError(
            f"{count} of {len(fit_input.sample.codes)} sampled training clips have the target attribute, and "
            f"{LEAST_CLIPS} are needed."
        )
    if np.ptp(clips.values) == 0:
        raise NotFittedError(f"the target attribute has the same value on all {count} sampled training clips.")
    if not np.ptp(clips.codes, axis=0).any():
        raise NotFittedError("all training clips of the sample have the same code: nothing can be read from it.")
    return clips


def _along(w: Floats, length: float) -> Operator:
    """
    The shift along w that raises the linear predictor w'z by ``length`` for one unit of the amount.

    Raises:
        NotFittedError: w is 0.
    """
    square = float(w @ w)
    if not square > 0:
        raise NotFittedError("the codes tell nothing of the attribute that the edit targets.")
    return Operator("shift", {"direction": w * length / square})


def attribute_vector(fit_input: FitInput) -> tuple[Operator, Mapping[str, Any]]:
    """
    Mean code of the highest quartile of the attribute minus that of the lowest (Roberts et al. 2018).

    Divided by the difference of the attribute's means, so that amount 1 is one unit of it.
    Facts: ``low`` and ``high``, the attribute's mean in the two quartiles.

    Raises:
        NotFittedError: The edit has no target, or its attribute or the codes do not vary.
    """
    low, high = _labelled(fit_input).ends()
    between = float(high.values.mean() - low.values.mean())
    direction = (high.codes.mean(axis=0) - low.codes.mean(axis=0)) / between
    return Operator("shift", {"direction": direction}), {
        "low": float(low.values.mean()),
        "high": float(high.values.mean()),
    }


def ridge_reading(fit_input: FitInput) -> tuple[Operator, Mapping[str, Any]]:
    """
    The shortest shift that raises a linear prediction of the attribute by 1: w / w'w, w by ridge regression.

    Of :data:`PENALTIES`, in units of the mean variance of a code dimension, the one with the smallest squared error
    on the validation sample is taken (training clips where that has none).
    Facts: ``penalty``, and ``r2`` of the prediction on those clips.

    Raises:
        NotFittedError: The edit has no target, or its attribute or the codes do not vary.
    """
    clips = _labelled(fit_input)
    validation = Labelled.of(fit_input.validation_sample, fit_input.held)
    if len(validation.values) < 2 or np.ptp(validation.values) == 0:
        validation = clips
    centre, middle = clips.codes.mean(axis=0), float(clips.values.mean())
    centred = clips.codes - centre
    covariance = centred.T @ centred / len(centred)
    cross = centred.T @ (clips.values - middle) / len(centred)
    scale = float(np.trace(covariance)) / len(covariance)
    weights = ridge_path(covariance, cross, np.full(len(covariance), scale))
    errors = [float(((validation.values - middle - (validation.codes - centre) @ w) ** 2).sum()) for w in weights]
    best = int(np.argmin(errors))
    total = float(((validation.values - validation.values.mean()) ** 2).sum())
    return _along(weights[best], 1.0), {"penalty": PENALTIES[best], "r2": 1.0 - errors[best] / total}


def discriminant(fit_input: FitInput) -> tuple[Operator, Mapping[str, Any]]:
    """
    The direction that separates the attribute's highest quartile from its lowest (linear discriminant, Fisher 1936).

    w = S^-1 (m_high - m_low), S the covariance within the two, shrunk towards a multiple of the identity by the
    share that makes its expected squared error smallest (Ledoit & Wolf 2004). As long as w'z needs to go
    from one quartile's mean to the other's, divided by the difference of the attribute's means.
    Facts: ``shrinkage``, and ``distance``, of the means in standard deviations within.

    Raises:
        NotFittedError: The edit has no target, or its attribute or the codes do not vary.
    """
    low, high = _labelled(fit_input).ends()
    difference = high.codes.mean(axis=0) - low.codes.mean(axis=0)
    within = np.concatenate([end.codes - end.codes.mean(axis=0) for end in (low, high)])
    covariance, shrinkage = shrunk(within)
    w = np.linalg.solve(covariance, difference)
    between = float(high.values.mean() - low.values.mean())
    along = float(w @ difference)
    return _along(w, along / between), {"shrinkage": shrinkage, "distance": float(np.sqrt(along))}


def shrunk(centred: Floats) -> tuple[Floats, float]:
    """
    Covariance of centred rows (n, D), shrunk towards its mean variance times the identity, and the share of that.

    Ledoit & Wolf (2004), lemma 3.2 to 3.4: with S the sample covariance and m its mean variance, the share
    b2 / d2, d2 = ||S - m I||^2, b2 = the smaller of d2 and sum_k ||x_k x_k' - S||^2 / n^2.
    """
    n, size = centred.shape
    sample = centred.T @ centred / n
    target = float(np.trace(sample)) / size * np.eye(size)
    spread = float(((sample - target) ** 2).sum())
    # ||x x' - S||^2 summed over k is the sum of ||x||^4 minus n ||S||^2.
    noise = (float(((centred**2).sum(axis=1) ** 2).sum()) - n * float((sample**2).sum())) / n**2
    share = min(noise, spread) / spread if spread > 0 else 1.0
    return (1.0 - share) * sample + share * target, share
