"""The contract of a backend, and the decoder's Fisher metric, on the GRU network."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import default_rng

from latentknobs.discovery.fisher_metric import fisher_metric
from latentknobs.testing.contracts import BackendContract


class TestGruContract(BackendContract):
    """The network behind the generic interface keeps the contract, optional capabilities included."""

    @pytest.fixture
    def backend(self, backend):
        """The tiny network."""
        return backend


@pytest.fixture(scope="module")
def codes():
    """Eight seeded codes."""
    return default_rng(3).normal(size=(8, 4)).astype(np.float32)


def _exact(backend, z, given):
    """J' diag(p) J summed over steps, J of the log-probabilities by one Jacobian product for each dimension of z."""
    axes = [np.tile(axis, (len(z), 1)) for axis in np.eye(4, dtype=np.float32)]
    jacobian = np.stack([backend.jvp(z, given, axis) for axis in axes], axis=-1).astype(np.float64)
    p = np.exp(backend.decode_log_probs(z, given).astype(np.float64))
    # These have p' J = 0 already, so it is the logits' J' (diag(p) - p p') J.
    return np.einsum("ntv,ntvi,ntvj->ij", p, jacobian, jacobian) / len(z)


def test_jacobian_products_give_the_curvature_of_the_divergence(backend, clips_of, codes):
    """Half of d' F d is the mean divergence, by finite differences, between the clips at z and at z + d."""
    given = clips_of(8)
    metric = _exact(backend, codes, given)
    here = backend.decode_log_probs(codes, given).astype(np.float64)

    for step in 0.03 * np.linalg.qr(default_rng(4).normal(size=(4, 4)))[0].astype(np.float32):
        # Of both ways, so that the third derivative falls out.
        there = [backend.decode_log_probs(codes + sign * step, given).astype(np.float64) for sign in (1, -1)]
        divergence = np.mean([(np.exp(here) * (here - one)).sum(axis=(1, 2)).mean() for one in there])
        assert step @ metric @ step / 2 == pytest.approx(divergence, rel=0.01)


def test_scores_give_the_fisher_metric_of_full_jacobians(backend, clips_of, codes):
    """The mean of 2,400 scores' products is the metric within four of its standard errors."""
    given = clips_of(8)
    exact = _exact(backend, codes, given)

    found = fisher_metric(backend, codes, given, 300, default_rng(0))

    # The product of two nearly normal scores has variance F_ii F_jj + F_ij^2 (Isserlis 1918).
    error = np.sqrt((np.outer(np.diag(exact), np.diag(exact)) + exact**2) / 2400)
    assert (np.abs(found - exact) < 4 * error).all()
