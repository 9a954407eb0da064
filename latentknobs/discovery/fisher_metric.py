"""
The Fisher metric of a decoder: how fast its distribution of clips changes with the code.

F(z) = J' (diag(p) - p p') J summed over the clip's positions, with J the derivative of the logits and p the
probabilities, both teacher-forced (Arvanitidis, Hansen & Hauberg 2018 pull it back to the latent space). Half of
d' F d is the divergence, in nats, between the clips at z and at z + d, for a small d.

F is also the mean of s s' over tokens drawn from p independently at each position, with the score s the gradient of
their joint log-probability: scores have mean 0, so cross terms between positions vanish. This estimate is unbiased and
takes one Jacobian product per draw instead of D per code.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from latentknobs.core.arrays import ClipBatch, Codes, Floats
from latentknobs.core.backend import LatentGradient, VAEBackend
from latentknobs.core.clip import OutputGroup

TOGETHER = 256
"""Draws whose log-probabilities are in memory at a time."""


class DifferentiableBackend(VAEBackend, LatentGradient, Protocol):
    """A model that gives Jacobian products."""


def fisher_metric(backend: DifferentiableBackend, z: Codes, tokens: ClipBatch, draws: int, rng: Generator) -> Floats:
    """
    Mean over codes of their Fisher metric, estimated, float64 (D, D), symmetric and without negative eigenvalues.

    Args:
        backend: The model.
        z: Codes (n, D), n at least 1.
        tokens: The tokens that the decoder reads at each, (n, *shape).
        draws: Scores for each code.
        rng: Draws the tokens.
    """
    return _mean_of_products(backend, z, tokens, draws, rng, lambda _log_probs, drawn: drawn)


def group_metric(
    backend: DifferentiableBackend, z: Codes, tokens: ClipBatch, group: OutputGroup, draws: int, rng: Generator
) -> Floats:
    """
    Mean over codes of the Fisher metric of one output group, float64 (D, D): how fast its class distribution changes.

    At each position it is the metric of the class, given that the token is in the group, times the probability that
    it is: s = gradient of log P(class of the token | in the group), 0 where the drawn token is in no class. So where
    one group says which tokens are in another, the metrics of the two add up to that of both together (chain rule of
    Fisher information; Zegers 2015), and a group of all tokens that tells them all apart has the metric above.

    Args:
        backend: The model.
        z: Codes (n, D), n at least 1.
        tokens: The tokens that the decoder reads at each, (n, *shape).
        group: The classes of the format's tokens.
        draws: Scores for each code.
        rng: Draws the tokens.
    """
    return _mean_of_products(backend, z, tokens, draws, rng, partial(_of_classes, group))


_Weighting: TypeAlias = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]


def _mean_of_products(
    backend: DifferentiableBackend, z: Codes, tokens: ClipBatch, draws: int, rng: Generator, weighting: _Weighting
) -> Floats:
    """Mean of s s', s = u J, u what ``weighting`` makes of log-probabilities and drawn tokens (n, *shape, V)."""
    out = np.zeros((z.shape[1], z.shape[1]))
    z, tokens = z.repeat(draws, axis=0), tokens.repeat(draws, axis=0)
    for start in range(0, len(z), TOGETHER):
        codes, clips = z[start : start + TOGETHER], tokens[start : start + TOGETHER]
        log_probs = backend.decode_log_probs(codes, clips)
        scores = backend.vjp(codes, clips, weighting(log_probs, _drawn(log_probs, rng))).astype(np.float64)
        out += scores.T @ scores
    return out / len(z)


def _of_classes(group: OutputGroup, log_probs: NDArray[np.float32], drawn: NDArray[np.float32]) -> NDArray[np.float32]:
    """
    The u for which u J is the gradient of log P(class | in the group), (n, *shape, V).

    The gradient of the logarithm of a sum of probabilities is the mean of the log-probabilities' gradients, each token
    weighted by its share of the sum.
    """
    p = np.exp(log_probs.astype(np.float64))
    classes = group.of(drawn.argmax(axis=-1))[..., None]
    same_class = np.where(group.table == classes, p, 0.0)
    inside = np.where(group.table >= 0, p, 0.0)
    least = np.finfo(np.float64).tiny
    same_class, inside = (part / np.maximum(part.sum(axis=-1, keepdims=True), least) for part in (same_class, inside))
    return np.where(classes >= 0, same_class - inside, 0.0).astype(np.float32)


def _drawn(log_probs: NDArray[np.float32], rng: Generator) -> NDArray[np.float32]:
    """Tokens drawn from distributions (n, *shape, V), as 1 among 0 in float32 of the same shape."""
    cumulative = np.cumsum(np.exp(log_probs.astype(np.float64)), axis=-1)
    threshold = rng.random((*cumulative.shape[:-1], 1)) * cumulative[..., -1:]
    out = np.zeros(log_probs.shape, dtype=np.float32)
    np.put_along_axis(out, (cumulative > threshold).argmax(axis=-1)[..., None], 1.0, axis=-1)
    return out
