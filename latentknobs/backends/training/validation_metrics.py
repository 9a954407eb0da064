"""Metrics of a network on validation clips during training."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from latentknobs.backends.network import Network
from latentknobs.core.active_dimensions import is_active

CHUNK = 512


def cross_entropy(logits: Tensor, tokens: Tensor) -> Tensor:
    """Cross-entropy summed over steps, nats, mean over clips."""
    flat = functional.cross_entropy(logits.flatten(0, 1).float(), tokens.flatten(), reduction="sum")
    return flat / len(tokens)


def divergence(mean: Tensor, scale: Tensor) -> Tensor:
    """KL of N(mean, scale^2) from N(0, 1) summed over dimensions, nats, mean over clips."""
    square = scale * scale
    return 0.5 * (mean * mean + square - 1 - torch.log(square)).sum(dim=-1).mean()


@torch.no_grad()
def measure(network: Network, clips: Tensor, draws: Tensor, kl_weight: float) -> dict[str, float]:
    """
    Validation figures of a network.

    Args:
        network: The network, in evaluation mode.
        clips: The network's tokens, int64 (n, T).
        draws: Standard normal (n, D), for the loss.
        kl_weight: Weight of a nat of KL in the loss: the run's last one, so that all steps compare.

    Returns:
        validation_loss, validation_cross_entropy and validation_kl in nats a clip (z drawn); teacher_forced
        and greedy, the shares of right tokens, and exact, of right clips (z the mean); active units.
    """
    totals = torch.zeros(5, dtype=torch.float64)
    means, noise = [], torch.zeros((), dtype=torch.float64)
    for start in range(0, len(clips), CHUNK):
        tokens = clips[start : start + CHUNK]
        mean, scale = network.encode(tokens)
        drawn = network.decode_given(mean + scale * draws[start : start + CHUNK], tokens)
        forced = network.decode_given(mean, tokens).argmax(dim=-1) == tokens
        greedy = network.decode_steps(mean).argmax(dim=-1) == tokens
        means.append(mean.cpu())
        noise = noise + (scale.double() ** 2).sum(dim=0).cpu() / len(clips)
        figures = (
            cross_entropy(drawn, tokens),
            divergence(mean, scale),
            forced.double().mean(),
            greedy.double().mean(),
            greedy.all(dim=-1).double().mean(),
        )
        totals += torch.stack([figure.double().cpu() for figure in figures]) * len(tokens)
    entropy, kl, forced_share, greedy_share, exact = (totals / len(clips)).tolist()
    variances = torch.cat(means).double().var(dim=0, unbiased=False)
    active = is_active((variances / (variances + noise)).numpy())
    return {
        "validation_loss": entropy + kl_weight * kl,
        "validation_cross_entropy": entropy,
        "validation_kl": kl,
        "teacher_forced": forced_share,
        "greedy": greedy_share,
        "exact": exact,
        "active_units": float(active.sum()),
    }
