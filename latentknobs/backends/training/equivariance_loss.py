"""
Equivariance loss: training that makes an edit of a clip an affine map of its code.

In a VAE that reconstructs well, the change of code that an edit causes depends on the clip, and no affine map predicts
it. So half of a batch is the other half, edited: x' = edit(x, amount). With a map for each amount,
p(z' | z) = N(M_a z + b_a, diag(s^2)) is a conditional prior of the edited clip's code (Sohn, Lee and Yan 2015; that
edits should act linearly on codes is Higgins et al. 2018), s being the edit's own. The loss gains
KL(q(z' | x') || p(z' | z)) in nats, with the KL weight, for z drawn from q(z | x); and part of the edited clips are
decoded from M_a z + b_a instead of their own code. Maps and spread are trained along and discarded: knobs are found
afterwards, as in any model.

The amounts of an edit that repeats, as transposition does, can be the powers of one map instead. Codes are then taken
in pairs of dimensions, and each pair turns by ``amount`` times an angle of its own and moves by ``amount`` times a
shift. These are the rotations by which a cyclic group acts on real vectors, and a translation: no power lets codes grow
or shrink, and what is learned from one amount holds for all. Angles start at the characters of pitch classes (30, 60,
... 180 degrees a semitone) and at slow turns; a part of the pairs starts unmoved.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentknobs.backends.training.config import Followed

NONE = -1
"""The index of a clip that could not be edited."""


class FollowingMaps(nn.Module):
    """
    A map for each amount of each followed edit, and the spread s around the predictions of each edit.

    Args:
        edits: The followed edits; their amounts, one after the other, number the maps.
        size: D.
    """

    amounts: Tensor
    edit_of: Tensor
    matrix_of: Tensor

    def __init__(self, edits: Sequence[Followed], size: int) -> None:
        super().__init__()
        grouped = [edit.group for edit in edits for _ in edit.amounts]
        matrices = [0 if group else 1 for group in grouped]
        self.register_buffer("amounts", torch.tensor([a for edit in edits for a in edit.amounts]), persistent=False)
        edit_of = torch.tensor([index for index, edit in enumerate(edits) for _ in edit.amounts])
        self.register_buffer("edit_of", edit_of, persistent=False)
        matrix_of = torch.tensor(matrices).cumsum(0).sub(1).where(torch.tensor(matrices) > 0, NONE)
        self.register_buffer("matrix_of", matrix_of, persistent=False)
        self.matrices = nn.Parameter(torch.eye(size).repeat(sum(matrices), 1, 1))
        self.offsets = nn.Parameter(torch.zeros(sum(matrices), size))
        self.log_spread = nn.Parameter(torch.zeros(len(edits), size))
        if any(grouped):
            self.angles = nn.Parameter(_first_angles(size // 2).repeat(len(edits), 1))
            self.shifts = nn.Parameter(torch.zeros(len(edits), size))

    def predict(self, z: Tensor, which: Tensor) -> Tensor:
        """The codes (n, D) after the maps ``which``, int64 (n,); where it is :data:`NONE`, the codes as they are."""
        mapped = (which != NONE).unsqueeze(-1)
        which = which.clamp(min=0)
        matrix = self.matrix_of[which]
        if not len(self.matrices):
            moved = self._powers(z, which)
        else:
            # Looked up as embeddings: threads would sum the gradient of plain indexing in arbitrary order.
            known = matrix.clamp(min=0)
            matrices = functional.embedding(known, self.matrices.flatten(1)).view(-1, *self.matrices.shape[1:])
            moved = torch.bmm(matrices, z.unsqueeze(-1)).squeeze(-1) + functional.embedding(known, self.offsets)
            if bool((matrix == NONE).any()):
                moved = torch.where((matrix == NONE).unsqueeze(-1), self._powers(z, which), moved)
        return torch.where(mapped, moved, z)

    def cost(self, predicted: Tensor, mean: Tensor, scale: Tensor, which: Tensor) -> Tensor:
        """
        KL(N(mean, scale^2) || N(predicted, s^2)) summed over dimensions, nats, mean over clips.

        A clip that could not be edited counts 0.
        """
        log_spread = functional.embedding(self.edit_of[which.clamp(min=0)], self.log_spread)
        ratio = ((mean - predicted) ** 2 + scale**2) / torch.exp(2 * log_spread)
        nats = 0.5 * (ratio - 1) + log_spread - torch.log(scale)
        return torch.where(which == NONE, 0.0, nats.sum(dim=-1)).mean()

    def _powers(self, z: Tensor, which: Tensor) -> Tensor:
        """The codes after powers of each edit's one map."""
        edit, amount = self.edit_of[which], self.amounts[which].unsqueeze(-1)
        angles = amount * functional.embedding(edit, self.angles)
        pairs = len(self.angles[0])
        first, second = z[:, :pairs], z[:, pairs : 2 * pairs]
        cos, sin = torch.cos(angles), torch.sin(angles)
        turned = torch.cat([cos * first - sin * second, sin * first + cos * second, z[:, 2 * pairs :]], dim=-1)
        return turned + amount * functional.embedding(edit, self.shifts)


def _first_angles(pairs: int) -> Tensor:
    """Angles that training starts from, in radians (pairs,)."""
    part = 9 * pairs // 32
    characters = math.pi / 6 * (torch.arange(part) % 6 + 1)
    slow = math.radians(2) * 14 ** torch.linspace(0, 1, part)
    return torch.cat([characters, slow, torch.zeros(pairs - 2 * part)])
