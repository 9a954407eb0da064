"""
The Fisher metric of a decoder: how far its distribution of clips moves with the code.

F(z) = J' (diag(p) - p p') J summed over the clip's positions, with J the derivative of the logits and p the
probabilities there, the tokens before each position given (Arvanitidis, Hansen & Hauberg 2018 pull it back to the
latent space). Half of d' F d is the divergence, in nats, between the clips at z and at z + d, for a small d.

It is also the mean of s s' over tokens drawn from p, each position for itself, s being the gradient of the log
probability of all of them: scores have mean 0, so the products of two positions' vanish. That takes one Jacobian
product a draw instead of D a code, has no bias, and leaves the draws to more codes.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from latentknobs.core.arrays import ClipBatch, Codes, Floats
from latentknobs.core.backend import LatentGradient, VAEBackend

TOGETHER = 256
"""Draws whose log-probabilities are in memory at a time."""


class Differentiable(VAEBackend, LatentGradient, Protocol):
    """A model that gives Jacobian products."""


def fisher_metric(backend: Differentiable, z: Codes, given: ClipBatch, draws: int, rng: Generator) -> Floats:
    """
    Mean over codes of their Fisher metric, estimated, float64 (D, D), symmetric and without negative eigenvalues.

    Args:
        backend: The model.
        z: Codes (n, D), n at least 1.
        given: The tokens that the decoder reads at each, (n, *shape).
        draws: Scores for each code.
        rng: Draws the tokens.
    """
    out = np.zeros((z.shape[1], z.shape[1]))
    z, given = z.repeat(draws, axis=0), given.repeat(draws, axis=0)
    for start in range(0, len(z), TOGETHER):
        codes, clips = z[start : start + TOGETHER], given[start : start + TOGETHER]
        drawn = _drawn(backend.decode_log_probs(codes, clips), rng)
        scores = backend.vjp(codes, clips, drawn).astype(np.float64)
        out += scores.T @ scores
    return out / len(z)


def _drawn(log_probs: NDArray[np.float32], rng: Generator) -> NDArray[np.float32]:
    """Tokens drawn from distributions (n, *shape, V), as 1 among 0 in float32 of the same shape."""
    below = np.cumsum(np.exp(log_probs.astype(np.float64)), axis=-1)
    aim = rng.random((*below.shape[:-1], 1)) * below[..., -1:]
    out = np.zeros(log_probs.shape, dtype=np.float32)
    np.put_along_axis(out, (below > aim).argmax(axis=-1)[..., None], 1.0, axis=-1)
    return out
