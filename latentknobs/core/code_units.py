"""
The units of codes: what makes results the same whatever units a model happens to have.

A model's latent space has no units of its own: one whose codes are a z + b, its decoder adjusted, is the same model.
So each dimension is measured from its mean over the corpus, in standard deviations of its aggregate posterior: of the
codes drawn from the posteriors of all clips, whose variance is that of the means plus the mean posterior variance (of
the means alone where a model declares no posterior). Under a standard normal prior that fits, the unit is about 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from attrs import evolve, field, frozen
from numpy.typing import NDArray

from latentknobs.core.arrays import Bools, Codes, Floats, make_read_only
from latentknobs.core.backend import BackendSpec, Posterior
from latentknobs.core.evidence import Evidence
from latentknobs.core.knob import Operator

ROUNDING = 1e-6
"""A standard deviation up to this part of the mean's size is rounding of float32: the dimension is constant."""


def _floats(values: Any) -> Floats:
    return np.asarray(values, dtype=np.float64)


@frozen(eq=False)
class CodeUnits:
    """
    See the module's text.

    Attributes:
        centre: float64 (D,), in the model's coordinates.
        scale: float64 (D,), the length of one unit in each dimension, above 0.
    """

    centre: Floats = field(converter=_floats)
    scale: Floats = field(converter=_floats)

    def __attrs_post_init__(self) -> None:
        make_read_only(self)

    @classmethod
    def none(cls, latent_size: int) -> CodeUnits:
        """The model's own units, those of a standard normal prior."""
        return cls(np.zeros(latent_size), np.ones(latent_size))

    @classmethod
    def of(cls, mean: Floats, variance: Floats, noise: Floats | None = None) -> CodeUnits:
        """
        From moments over the corpus; a dimension that is constant gets a unit of 1.

        Args:
            mean: (D,), of the posterior means.
            variance: (D,), of the posterior means.
            noise: (D,), mean posterior variance, None where the model declares none.
        """
        spread = np.sqrt(np.maximum(variance, 0.0) + (0.0 if noise is None else noise))
        return cls(mean, np.where(spread > ROUNDING * np.abs(mean), spread, 1.0))

    def holding(self, held: Bools) -> CodeUnits:
        """These units, with the model's own in some dimensions, bool (D,): those of a condition are no latent's."""
        return CodeUnits(np.where(held, 0.0, self.centre), np.where(held, 1.0, self.scale)) if held.any() else self

    @classmethod
    def of_posterior(cls, posterior: Posterior) -> CodeUnits:
        """From the codes of clips that stand for the corpus."""
        codes = posterior.mean.astype(np.float64)
        noise = None if posterior.scale is None else (posterior.scale.astype(np.float64) ** 2).mean(axis=0)
        return cls.of(codes.mean(axis=0), codes.var(axis=0), noise)

    @classmethod
    def of_evidence(cls, evidence: Evidence, latent_size: int) -> CodeUnits:
        """Those that a knob was measured in; the model's own where its registry is older."""
        known = evidence.code_scale
        return cls(evidence.code_centre, known) if known else cls.none(latent_size)

    def inward(self, codes: NDArray[Any]) -> Codes:
        """The model's codes (..., D) in these units, float32."""
        return ((codes - self.centre) / self.scale).astype(np.float32)

    def outward(self, codes: NDArray[Any]) -> Codes:
        """Codes (..., D) in these units as the model's, float32."""
        return (codes * self.scale + self.centre).astype(np.float32)

    def of_covariance(self, covariance: Floats) -> Floats:
        """The covariance (D, D) of the model's codes in these units."""
        out: Floats = covariance / np.outer(self.scale, self.scale)
        return out

    def operator_outward(self, operator: Operator) -> Operator:
        """
        An operator on codes in these units as one on the model's codes.

        Raises:
            ValueError: It has a projection, which is orthonormal in one kind of units only.
        """
        return _rescaled(operator, self.centre, self.scale)

    def operator_inward(self, operator: Operator) -> Operator:
        """
        An operator on the model's codes as one on codes in these units.

        Raises:
            ValueError: It has a projection.
        """
        return _rescaled(operator, -self.centre / self.scale, 1.0 / self.scale)


def _rescaled(operator: Operator, centre: Floats, scale: Floats) -> Operator:
    """The operator T on u as one on z = scale u + centre, of the same kind."""
    arrays = {name: array.astype(np.float64) for name, array in operator.arrays.items()}
    if "projection" in arrays:
        raise ValueError("an operator with a projection has no other units.")
    if "direction" in arrays:
        arrays["direction"] *= scale
    for linear, constant in (("matrices", "offsets"), ("matrix", "offset")):
        if linear in arrays:
            arrays[linear] = arrays[linear] * scale[:, None] / scale
            arrays[constant] = centre + scale * arrays[constant] - arrays[linear] @ centre
    if operator.kind == "residual":
        arrays["scale"] = arrays["scale"] * scale
        arrays["entry"] = arrays["entry"] - arrays["input"] @ (centre / arrays["scale"])
    return evolve(operator, arrays=arrays)


def prior_units(spec: BackendSpec) -> CodeUnits | None:
    """
    The model's own units where a standard normal prior is declared in them, None where only code units are left.

    A decoder alone has no codes of its own, and is taken to be made for the standard normal distribution.
    """
    return CodeUnits.none(spec.latent_size) if spec.prior == "standard-normal" or not spec.encodes else None
