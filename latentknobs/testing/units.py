"""
The same model in other units and coordinates: nothing that is measured of it may change.

Codes are float32: an offset far beyond the codes' spread, or a scale beyond float32's range, would cost digits that no
rule can bring back, so offsets are of the order of the spread.
"""

from __future__ import annotations

import numpy as np
from attrs import evolve

from latentknobs.backends.transformed import TransformedBackend
from latentknobs.core.arrays import Floats, sha256_of_arrays
from latentknobs.core.backend import VAEBackend
from latentknobs.core.code_units import CodeUnits
from latentknobs.evaluation.random_controls import rotation

LARGEST = 1e3
"""Scales are drawn between its inverse and this, evenly by their logarithm."""


def rescaled(model: VAEBackend, scale: Floats, units: CodeUnits, seed: int = 0) -> TransformedBackend:
    """
    The model behind z -> scale z + b; a condition stays.

    Args:
        model: The model.
        scale: (D,), above 0.
        units: Of the model's codes; b is normal with a standard deviation of one unit.
        seed: Draws b.
    """
    size, held = model.spec.latent_size, model.spec.structure.held
    scale = np.where(held, 1.0, scale)
    offset = np.where(held, 0.0, np.random.default_rng([seed, 1]).standard_normal(size) * units.scale * scale)
    return _transformed(model, "rescaled", np.diag(scale), np.diag(1.0 / scale), offset)


def drawn_scales(latent_size: int, seed: int, *, together: bool) -> Floats:
    """Scales (D,) from 1e-3 to 1e3, the same one for all dimensions or one for each."""
    exponents = np.random.default_rng(seed).uniform(-1.0, 1.0, 1 if together else latent_size)
    return np.broadcast_to(LARGEST**exponents, latent_size).astype(np.float64)


def rotated(model: VAEBackend, seed: int = 0) -> TransformedBackend:
    """The model behind a random rotation of its latent codes, uniform by the Haar measure; a condition stays."""
    size, latent = model.spec.latent_size, model.spec.structure.latent
    turn = np.eye(size)
    turn[np.ix_(latent, latent)] = rotation(len(latent), np.random.default_rng(seed))
    return _transformed(model, "rotated", turn, turn.T, np.zeros(size))


def _transformed(model: VAEBackend, how: str, forth: Floats, back: Floats, offset: Floats) -> TransformedBackend:
    spec = model.spec
    model_id = sha256_of_arrays({"forth": forth, "offset": offset}, spec.model_id.encode())
    own = evolve(spec, name=f"{spec.name}-{how}", model_id=model_id, prior="aggregate")
    return TransformedBackend(model, own, forth, back, offset)
