"""
Rotation of a trained latent space so that edits move few of its axes.

The prior N(0, I) has no preferred axes, so training ends with arbitrary ones; but knobs are described, stored and
combined dimension by dimension. So the codes of a finished run are rotated, z' = R z with R orthogonal, together with
every weight that writes or reads codes, which leaves reconstructions from the mean unchanged. The rows of R are the
eigenvectors of

    C = E[d d^T] / tr, of the followed edits,  minus  E[d d^T] / tr, of the other edits,

with d = mean(edited clip) - mean(clip): contrastive principal components (Abid, Zhang, Bagaria and Zou 2018). The
first axes are those that only the followed edits move, the last ones those that only the others move. A rotated
posterior no longer has independent dimensions: its variances become geometric means, which the training that follows
corrects.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from latentknobs.backends.gru_musicvae.network import GruMusicVae
from latentknobs.backends.training.data import Moves
from latentknobs.backends.training.equivariance_loss import FollowingMaps
from latentknobs.backends.training.validation_metrics import CHUNK
from latentknobs.core.arrays import ClipBatch, Floats


def rotation(network: GruMusicVae, moves: Moves) -> Tensor:
    """R, float32 (D, D), on the network's device; the identity where no edit moves a code."""
    contrast = _second_moment(network, *moves.followed) - _second_moment(network, *moves.others)
    values, vectors = np.linalg.eigh(contrast)
    axes = vectors[:, np.argsort(-values, kind="stable")].T
    # An eigenvector's sign is arbitrary: its largest entry is made positive.
    axes *= np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])[:, None]
    return torch.from_numpy(axes.astype(np.float32)).to(network.linear_mu.weight.device)


@torch.no_grad()
def turn(network: GruMusicVae, maps: FollowingMaps | None, axes: Tensor) -> None:
    """Rotate the codes of a network and the maps of the followed edits, in place; ``axes`` is R (D, D)."""
    for layer, matrix in ((network.linear_mu, axes), (network.linear_var, axes * axes)):
        layer.weight.copy_(matrix @ layer.weight)
        layer.bias.copy_(matrix @ layer.bias)
    network.linear_init.weight.copy_(network.linear_init.weight @ axes.T)
    if network.config.step_features:
        network.linear_hidden.weight.copy_(network.linear_hidden.weight @ axes.T)
    else:
        reads = network.cells[0].weight_ih[:, network.config.token_size :]
        reads.copy_(reads @ axes.T)
    if maps is not None:
        for index in range(len(maps.edits)):
            maps.edit(index).turn(axes)


@torch.no_grad()
def _second_moment(network: GruMusicVae, before: ClipBatch, after: ClipBatch) -> Floats:
    """E[d d^T] over its trace, float64 (D, D); 0 without any move."""
    device = network.linear_mu.weight.device
    moment = np.zeros((network.config.latent_size,) * 2)
    for start in range(0, len(before), CHUNK):
        ends = (torch.from_numpy(part[start : start + CHUNK].astype("int64")).to(device) for part in (before, after))
        first, second = (network.encode(tokens)[0].double().cpu().numpy() for tokens in ends)
        moment += (second - first).T @ (second - first)
    total = float(np.trace(moment))
    return moment / total if total else moment
