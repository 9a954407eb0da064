"""
Equivariance loss: training that makes an edit of a clip an affine map of its code.

In a VAE that reconstructs well, the change of code that an edit causes depends on the clip, and no affine map predicts
it. So half of a batch is the other half, edited: x' = edit(x, amount). With a map for each amount,
p(z' | z) = N(M_a z + b_a, diag(s^2)) is a conditional prior of the edited clip's code (Sohn, Lee and Yan 2015; that
edits should act linearly on codes is Higgins et al. 2018). The loss gains KL(q(z' | x') || p(z' | z)) in nats, with
the KL weight, for z drawn from q(z | x); and part of the edited clips are decoded from M_a z + b_a instead of their
own code. Maps and spread are trained along and discarded: knobs are found afterwards, as in any model.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

NONE = -1
"""The index of a clip that could not be edited."""


class AffineMaps(nn.Module):
    """
    An affine map for each amount of each followed edit, and the spread s around their predictions.

    Args:
        count: How many maps K.
        size: D.
    """

    def __init__(self, count: int, size: int) -> None:
        super().__init__()
        self.matrices = nn.Parameter(torch.eye(size).repeat(count, 1, 1))
        self.offsets = nn.Parameter(torch.zeros(count, size))
        self.log_spread = nn.Parameter(torch.zeros(size))

    def predict(self, z: Tensor, which: Tensor) -> Tensor:
        """The codes (n, D) after the maps ``which``, int64 (n,); where it is :data:`NONE`, the codes as they are."""
        mapped = (which != NONE).unsqueeze(-1)
        # Looked up as embeddings: threads would sum the gradient of plain indexing in arbitrary order.
        which = which.clamp(min=0)
        matrices = functional.embedding(which, self.matrices.flatten(1)).view(-1, *self.matrices.shape[1:])
        moved = torch.bmm(matrices, z.unsqueeze(-1)).squeeze(-1) + functional.embedding(which, self.offsets)
        return torch.where(mapped, moved, z)

    def cost(self, predicted: Tensor, mean: Tensor, scale: Tensor, which: Tensor) -> Tensor:
        """
        KL(N(mean, scale^2) || N(predicted, s^2)) summed over dimensions, nats, mean over clips.

        A clip that could not be edited counts 0.
        """
        variance = torch.exp(2 * self.log_spread)
        ratio = ((mean - predicted) ** 2 + scale**2) / variance
        nats = 0.5 * (ratio - 1) + self.log_spread - torch.log(scale)
        return torch.where(which == NONE, 0.0, nats.sum(dim=-1)).mean()
