"""The coordinate systems of a run: every basis that the model can serve, and the reason for each of the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np
from attrs import field, frozen
from numpy.random import default_rng

from latentknobs.core.arrays import Bools, Floats
from latentknobs.core.backend import CAPABILITIES, LatentWeights, VAEBackend
from latentknobs.core.capability import capability
from latentknobs.core.method_specs import Basis, BasisInput, CodeSample, Coordinates, FitInput
from latentknobs.core.model_calls import decode
from latentknobs.discovery.fisher_metric import DifferentiableBackend, fisher_metric

FISHER_CODES = 256
"""Codes that the Fisher metric is averaged over."""
FISHER_DRAWS = 2
"""Scores drawn at each."""


@frozen(eq=False)
class CoordinateSystems:
    """
    See the module's text.

    Attributes:
        by_basis: Coordinates by the name of their basis.
        left_out: Reasons, by the name of the basis.
    """

    by_basis: Mapping[str, Coordinates] = field(factory=dict)
    left_out: Mapping[str, str] = field(factory=dict)


def coordinate_systems(
    backend: VAEBackend, covariance: Floats, fit_input: FitInput, bases: Mapping[str, Basis]
) -> CoordinateSystems:
    """
    Compute every basis of the latent dimensions on training songs.

    The Fisher metric is taken at the codes of sampled training clips, teacher-forced with the model's own decodings of
    them: the clips' tokens are not kept, and these are the ones that it reads when a knob is turned.

    Args:
        backend: The model, with the capabilities that bases need.
        covariance: float64 (D, D) of the codes of training songs.
        fit_input: Amounts, codes of sampled clips, and the seed.
        bases: By name.
    """
    left_out = {name: lack for name, basis in bases.items() if (lack := lacking(backend, basis))}
    needs = {need for name, basis in bases.items() if name not in left_out for need in basis.needs}
    size = fit_input.latent_size
    weights, fisher = {}, np.zeros((size, size))
    if "LatentWeights" in needs:
        weights = cast(LatentWeights, backend).latent_weights()
    if "LatentGradient" in needs and (zero := _originals(fit_input.sample)) is not None:
        z = zero[:FISHER_CODES]
        model = cast(DifferentiableBackend, backend)
        fisher = fisher_metric(model, z, decode(backend, z), FISHER_DRAWS, default_rng([fit_input.seed, 8]))
    moments = difference_moments(fit_input.sample, fit_input.amounts, size)
    basis_input = _of_latent(BasisInput(size, covariance, moments, weights, fisher), fit_input.held)
    computed = {name: Coordinates.of(b.compute(basis_input)) for name, b in bases.items() if name not in left_out}
    return CoordinateSystems({name: _widened(one, fit_input.held) for name, one in computed.items()}, left_out)


def _of_latent(basis_input: BasisInput, held: Bools) -> BasisInput:
    """The same of the latent dimensions alone: all but those of a condition, bool (D,)."""
    if not held.any():
        return basis_input
    part = np.ix_(~held, ~held)
    return BasisInput(
        int((~held).sum()),
        basis_input.covariance[part],
        basis_input.differences[:, part[0], part[1]],
        {name: matrix[:, ~held] for name, matrix in basis_input.weights.items()},
        basis_input.fisher[part],
    )


def _widened(coordinates: Coordinates, held: Bools) -> Coordinates:
    """The coordinates of the latent dimensions beside a condition's, which stay those of the model."""
    if not held.any():
        return coordinates
    columns, dual = np.eye(len(held)), np.eye(len(held))
    part = np.ix_(~held, ~held)
    columns[part], dual[part] = coordinates.columns, coordinates.dual
    return Coordinates(columns, dual)


def lacking(backend: VAEBackend, basis: Basis) -> str:
    """A sentence on the capabilities that a basis needs and the model lacks, or nothing."""
    missing = without(backend, *basis.needs)
    return f"The basis {basis.name} is left out: {missing}." if missing else ""


def without(backend: VAEBackend, *needs: str) -> str:
    """A clause on those of these capabilities that the model lacks, or nothing."""
    missing = [need for need in needs if capability(backend, CAPABILITIES[need]) is None]
    return f"the model {backend.spec.name} has no {' and no '.join(missing)}" if missing else ""


def difference_moments(sample: CodeSample, amounts: tuple[float, ...], size: int) -> Floats:
    """
    Mean of d d' of the sampled clips at each amount, float64 (A, D, D); zeros where no clip has a pair.

    Only pairs from or to the clips themselves count, not those between two edits of a clip.
    """
    out = np.zeros((len(amounts), size, size))
    zero = sample.knots.index(0.0) if len(sample.codes) else 0
    for a, amount in enumerate(amounts):
        ends = [pair for pair in sample.routes.get(amount, ()) if zero in pair][:1]
        for start, end in ends:
            both = sample.paired(start, end)
            d = sample.codes[both, end].astype(np.float64) - sample.codes[both, start]
            out[a] = d.T @ d / max(len(d), 1)
    return out


def _originals(sample: CodeSample) -> np.ndarray | None:
    """Codes (n, D) of the sampled clips before any edit; None where there are none."""
    if not len(sample.codes):
        return None
    zero = sample.knots.index(0.0)
    codes: np.ndarray = sample.codes[sample.mask[:, zero], zero]
    return codes if len(codes) else None
