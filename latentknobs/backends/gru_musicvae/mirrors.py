"""
Mirrors: codes that answer a melody's retrograde and its reflection by changes of sign.

A clip x has four mirror images: itself, its retrograde t(x), its reflection r(x) in E4, and both. With one network g
that reads each, and signs of each dimension, s_t and s_r,

    mean(x) = (g(x) + s_t g(t(x)) + s_r g(r(x)) + s_t s_r g(r(t(x)))) / 4,

so that mean(t(x)) = s_t mean(x) and mean(r(x)) = s_r mean(x), exactly: an average over the group by its characters, as
in Puny et al. (2022). Log-variances are averaged without signs. Dimensions take the four pairs of signs in turn. One
GRU reads all images, so the two directions of an ordinary encoder are one here: backwards is forwards in t(x).
"""

from __future__ import annotations

import torch
from torch import Tensor

from latentknobs.backends.gru_musicvae.pitch_height import CENTRE
from latentknobs.core.melody_format import HOLD, REST

IMAGES = 4


def retrograde(tokens: Tensor) -> Tensor:
    """Tokens int64 (N, T) read backwards: each note keeps its pitch and length."""
    step = torch.arange(tokens.shape[1], device=tokens.device)
    starts = torch.where(tokens != HOLD, step, 0).cummax(dim=1).values
    sounding = tokens.gather(1, starts)
    silent = sounding >= HOLD
    last = torch.cat([tokens[:, 1:] != HOLD, torch.ones_like(silent[:, :1])], dim=1)
    return torch.where(silent, REST, torch.where(last, sounding, HOLD)).flip(1)


def reflection(tokens: Tensor) -> Tensor:
    """Tokens int64 (N, T) with every pitch reflected in E4; pitch 0, whose image is 128, becomes 127."""
    return torch.where(tokens < HOLD, (2 * CENTRE - tokens).clamp(max=HOLD - 1), tokens)


def images(tokens: Tensor) -> Tensor:
    """All images of tokens (N, T), (4N, T): themselves, their retrogrades, and the reflections of both."""
    both = torch.cat([tokens, retrograde(tokens)])
    return torch.cat([both, reflection(both)])


def signs(size: int) -> Tensor:
    """By which sign each of ``size`` dimensions answers the retrograde, and the reflection: float32 (2, size)."""
    place = torch.arange(size)
    return torch.stack([1.0 - 2 * (place % 2), 1.0 - 2 * (place // 2 % 2)])


def posterior(mean: Tensor, log_variance: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and log-variance of clips, each (N, D), from those of their images (4N, D)."""
    sign = signs(mean.shape[1]).to(mean)
    return averaged(mean, sign), averaged(log_variance, torch.ones_like(sign))


def averaged(parts: Tensor, sign: Tensor) -> Tensor:
    """The average of what is read of the images (4N, D), with signs (2, D); (N, D)."""
    plain, backward, reflected, both = parts.chunk(IMAGES)
    in_time, in_pitch = sign
    mean: Tensor = (plain + in_time * backward + in_pitch * (reflected + in_time * both)) / IMAGES
    return mean
