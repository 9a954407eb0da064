"""Codes near those of a piece: on the arc from each clip's code to a draw from the prior."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from latentknobs.core.arrays import Codes
from latentknobs.core.knob import Knob
from latentknobs.steering import interpolation
from latentknobs.steering.prior_codes import required_units, units_of_prior
from latentknobs.steering.steered_clips import SteeredClips
from latentknobs.steering.turn_result import MovedClips


def slerp(a: Codes, b: Codes, t: float) -> Codes:
    """The code on the great arc from a to b, each (D,), at t from 0 = a to 1 = b (Shoemake 1985)."""
    first, second = interpolation.coefficients(interpolation.angle(a, b), np.asarray([t]))
    out: Codes = (first * a + second * b).astype(np.float32)
    return out


def near_clips(
    part: SteeredClips, knobs: Mapping[str, Knob], similarity: float, rng: np.random.Generator
) -> MovedClips:
    """
    The clips of one model with codes near their own.

    Args:
        part: The clips.
        knobs: The model's, which may say in which units its prior is.
        similarity: 1 = their own codes, 0 = draws from the prior.
        rng: Draws; not used where the model takes none of the clips.

    Raises:
        UsageError: No prior is known.
    """
    rows = part.accepted & part.cut.sounding
    if not rows.any():
        return MovedClips(part.codes, rows)
    spec = part.model.spec
    units = required_units(units_of_prior(spec, knobs.values()), part.model)
    own = np.where(spec.structure.kept, 0, units.inward(part.codes))
    prior = np.where(spec.structure.kept, 0, rng.standard_normal(part.codes.shape, dtype=np.float32))
    z = np.stack([slerp(a, b, 1.0 - similarity) for a, b in zip(own, prior, strict=True)])
    return MovedClips(np.where(spec.structure.kept, part.codes, units.outward(z)).astype(np.float32, copy=False), rows)
