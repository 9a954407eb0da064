"""
Candidate directions for unsupervised discovery: from the codes, the decoder's weights and its output.

Each is a displacement v of the code, in code units, by one standard deviation of the codes along it. Dimensions that
the model does not use are left out: where codes do not vary, an amount has no unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations
from typing import cast

import numpy as np
from numpy.random import default_rng
from numpy.typing import NDArray
from scipy.linalg import eigh

from latentknobs.core.active_dimensions import active_dimensions
from latentknobs.core.arrays import Codes, Floats
from latentknobs.core.backend import LatentWeights
from latentknobs.core.experiment import Experiment, UnsupervisedSettings
from latentknobs.core.model_calls import decode
from latentknobs.discovery.bases import principal, signed
from latentknobs.discovery.candidate_moves import CandidateMove, straight
from latentknobs.discovery.coordinate_systems import FISHER_CODES, FISHER_DRAWS, without
from latentknobs.discovery.fisher_metric import DifferentiableBackend, group_metric
from latentknobs.evaluation.random_controls import Whitening


def candidate_directions(
    experiment: Experiment, z: Codes, covariance: Floats
) -> tuple[list[CandidateMove], dict[str, str]]:
    """
    The directions of every source, and a sentence on each source that the model does not serve.

    Args:
        experiment: Its settings are :class:`UnsupervisedSettings`; its seed draws the scores of Fisher metrics.
        z: Codes of training clips (n, D), n at least 1; Fisher metrics are taken at the first of them.
        covariance: float64 (D, D) of the codes of training songs.
    """
    backend, settings = experiment.backend, cast(UnsupervisedSettings, experiment.settings)
    count = settings.candidates
    directions = _ranked("pca", of_codes(covariance), covariance, count)
    left_out: dict[str, str] = {}
    if lack := without(backend, "LatentWeights"):
        left_out["sefa"] = f"Candidates by sefa are left out: {lack}."
    else:
        weights = cast(LatentWeights, backend).latent_weights()
        directions += _ranked("sefa", of_weights(weights, covariance), covariance, count)
    groups = experiment.clip_format.groups
    lack = without(backend, "LatentGradient")
    if not lack and len(groups) < 2:
        lack = f"the clip format {experiment.clip_format.name} has fewer than two output groups"
    if lack:
        left_out["fisher"] = f"Candidates by fisher are left out: {lack}."
        return directions, left_out
    model, start = cast(DifferentiableBackend, backend), z[:FISHER_CODES]
    tokens, rng_key = decode(backend, start), [experiment.seed, 8]
    metrics = {g.name: group_metric(model, start, tokens, g, FISHER_DRAWS, default_rng(rng_key)) for g in groups}
    for one, other in permutations(metrics, 2):
        vectors = of_one_without_another(metrics[one], metrics[other], covariance, settings.ridge)[1]
        directions += _ranked(f"fisher-{one}-without-{other}", vectors, covariance, count)
    return directions, left_out


def of_codes(covariance: Floats) -> Floats:
    """Principal components of the codes, as columns (D, k): GANSpace (Härkönen et al. 2020)."""
    active = active_dimensions(covariance)
    return _widened(principal(covariance[np.ix_(active, active)])[1], active, len(covariance))


def of_weights(weights: Mapping[str, NDArray[np.float32]], covariance: Floats) -> Floats:
    """
    Directions that the decoder's first layers amplify most, as columns (D, k): SeFa (Shen & Zhou 2021).

    Eigenvectors of W'W, W being all the matrices through which z enters the decoder, stacked.
    """
    active = active_dimensions(covariance)
    stacked = np.concatenate([matrix.astype(np.float64)[:, active] for matrix in weights.values()])
    return _widened(principal(stacked.T @ stacked)[1], active, len(covariance))


def of_one_without_another(one: Floats, other: Floats, covariance: Floats, ridge: float) -> tuple[Floats, Floats]:
    """
    Directions that are heard in one output group and not in another: quotients (k,), descending, and columns (D, k).

    The v of largest v'Fv / v'(G + r S)v, F and G the metrics of the two groups: the top directions of F in the (near)
    null space of G, as LowRankGAN takes them of a generator's Jacobian (Zhu et al. 2021), in one generalised
    eigenproblem. S is the inverse covariance C^-1 of the codes, so that lengths are standard deviations and the
    result does not depend on the coordinates of the latent space, and r = ridge tr(G C) / k: what moves the other
    group by less than that part of its mean counts as not moving it. Where nothing moves the other group r is 1.

    Args:
        one: float64 (D, D), F.
        other: float64 (D, D), G.
        covariance: float64 (D, D), C; only its active dimensions count, k of them.
        ridge: The regulariser, above 0.
    """
    whitening = Whitening.of(covariance)
    active, root = np.ix_(whitening.dims, whitening.dims), whitening.root
    numerator, denominator = root.T @ one[active] @ root, root.T @ other[active] @ root
    least = ridge * float(np.trace(denominator)) / max(len(root), 1)
    values, vectors = eigh(
        (numerator + numerator.T) / 2, (denominator + denominator.T) / 2 + (least or 1.0) * np.eye(len(root))
    )
    return values[::-1], _widened(signed((root @ vectors)[:, ::-1]), whitening.dims, len(covariance))


def _widened(columns: Floats, dims: NDArray[np.int64], size: int) -> Floats:
    """Columns (k, n) over some dimensions as columns (size, n), 0 elsewhere."""
    out = np.zeros((size, columns.shape[1]))
    out[dims] = columns
    return out


def _ranked(source: str, columns: Floats, covariance: Floats, count: int) -> list[CandidateMove]:
    """The first columns (D, k), each as long as one standard deviation of the codes along it."""
    columns = columns[:, :count]
    square = (columns * columns).sum(axis=0)
    # u sqrt(u'Cu) for the unit vector u.
    lengths = np.sqrt(np.maximum((columns * (covariance @ columns)).sum(axis=0), 0.0)) / square
    return [straight(source, i + 1, columns[:, i] * lengths[i]) for i in range(columns.shape[1])]
