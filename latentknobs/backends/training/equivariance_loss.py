"""
Equivariance loss: training that makes an edit of a clip an affine map of its code.

In a VAE that reconstructs well, the change of code that an edit causes depends on the clip, and no affine map predicts
it. So half of a batch is the other half, edited: x' = edit(x, amount). With a map for each amount,
p(z' | z) = N(M_a z + b_a, diag(s^2)) is a conditional prior of the edited clip's code (Sohn, Lee and Yan 2015; that
edits should act linearly on codes is Higgins et al. 2018), s being the edit's own. The loss gains
KL(q(z' | x') || p(z' | z)) in nats, with the KL weight, for z drawn from q(z | x); and part of the edited clips are
decoded from M_a z + b_a instead of their own code. Maps and spread are trained along and discarded: knobs are found
afterwards, as in any model.

A followed edit has one of three kinds of map. ``matrix``: an affine map for each amount. ``powers``, for an edit that
repeats, as transposition does: each amount's map is that power of one map, which takes codes in pairs of dimensions,
turns each pair by an angle of its own and adds a shift. These are the rotations by which a cyclic group acts on real
vectors, and a translation: no power lets codes grow or shrink, and what is learned from one amount holds for all.
Angles start at the characters of pitch classes (30, 60, ... 180 degrees a semitone) and at slow turns; a part of the
pairs starts unmoved. ``network``: for an edit that no affine map expresses, because what it changes depends on the
clip, the code plus what a small network makes of it, one for each amount.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentknobs.backends.training.config import Followed
from latentknobs.errors import TrainingError

NONE: Final = -1
"""The index of a clip that could not be edited."""
WIDTH: Final = 512
"""Hidden units of a network map."""


class EditMap(nn.Module, ABC):
    """
    The maps of one edit's amounts, and the spread s around what they predict.

    Args:
        amounts: The amounts.
        size: D.
    """

    def __init__(self, amounts: Sequence[float], size: int) -> None:
        super().__init__()
        self.amounts = tuple(amounts)
        self.log_spread = nn.Parameter(torch.zeros(size))

    @abstractmethod
    def moved(self, z: Tensor, number: int) -> Tensor:
        """Codes (n, D) after the map of an amount."""

    def turn(self, axes: Tensor) -> None:
        """Let it act on codes that are turned by R, ``axes`` (D, D), in place."""
        self.log_spread.copy_((axes * axes) @ self.log_spread)


class MatrixMap(EditMap):
    """A matrix and an offset for each amount; they start as the identity."""

    def __init__(self, amounts: Sequence[float], size: int) -> None:
        super().__init__(amounts, size)
        self.matrices = nn.Parameter(torch.eye(size).repeat(len(amounts), 1, 1))
        self.offsets = nn.Parameter(torch.zeros(len(amounts), size))

    def moved(self, z: Tensor, number: int) -> Tensor:
        return functional.linear(z, self.matrices[number], self.offsets[number])

    def turn(self, axes: Tensor) -> None:
        super().turn(axes)
        self.matrices.copy_(axes @ self.matrices @ axes.T)
        self.offsets.copy_(self.offsets @ axes.T)


class PowerMap(EditMap):
    """Powers of one rotation of pairs of dimensions, and a shift; an odd last dimension is shifted only."""

    def __init__(self, amounts: Sequence[float], size: int) -> None:
        super().__init__(amounts, size)
        self.angles = nn.Parameter(_first_angles(size // 2))
        self.shift = nn.Parameter(torch.zeros(size))

    def moved(self, z: Tensor, number: int) -> Tensor:
        amount, pairs = self.amounts[number], len(self.angles)
        cos, sin = torch.cos(amount * self.angles), torch.sin(amount * self.angles)
        first, second, rest = z[:, :pairs], z[:, pairs : 2 * pairs], z[:, 2 * pairs :]
        turned = torch.cat([cos * first - sin * second, sin * first + cos * second, rest], dim=1)
        return turned + amount * self.shift

    def turn(self, axes: Tensor) -> None:  # noqa: ARG002 - there is no way to use them
        # A config with both is refused; called otherwise, the maps would no longer fit the codes.
        raise TrainingError("Powers rotate pairs of given axes, which cannot be turned: leave out 'align'.")


class NetworkMap(EditMap):
    """The code plus a network of one hidden layer of it, for each amount; they start as the identity."""

    def __init__(self, amounts: Sequence[float], size: int) -> None:
        super().__init__(amounts, size)
        self.reads = nn.ModuleList(nn.Linear(size, WIDTH) for _ in amounts)
        self.writes = nn.ModuleList(nn.Linear(WIDTH, size) for _ in amounts)
        for layer in self.writes:
            for parameter in layer.parameters():
                nn.init.zeros_(parameter)

    def moved(self, z: Tensor, number: int) -> Tensor:
        change: Tensor = self.writes[number](functional.silu(self.reads[number](z)))
        return z + change

    def turn(self, axes: Tensor) -> None:
        super().turn(axes)
        for layer in self.reads:
            weight = layer.get_parameter("weight")
            weight.copy_(weight @ axes.T)
        for layer in self.writes:
            for parameter in layer.parameters():
                parameter.copy_(axes @ parameter)


KINDS: Final[Mapping[str, type[EditMap]]] = {"matrix": MatrixMap, "powers": PowerMap, "network": NetworkMap}
"""By the ``map`` of a followed edit."""


class FollowingMaps(nn.Module):
    """
    The maps of all followed edits; their amounts, one edit after the other, number them.

    Args:
        edits: The followed edits.
        size: D.
        formats: How many formats the clips have: each has maps of its own.
    """

    def __init__(self, edits: Sequence[Followed], size: int, formats: int = 1) -> None:
        super().__init__()
        self.edits = nn.ModuleList(KINDS[edit.map](edit.amounts * formats, size) for edit in edits)
        numbers = [formats * len(edit.amounts) for edit in edits]
        self._places = [(index, number) for index, count in enumerate(numbers) for number in range(count)]

    def edit(self, index: int) -> EditMap:
        """The maps of one edit."""
        module = self.edits[index]
        assert isinstance(module, EditMap)
        return module

    def predict(self, z: Tensor, which: Tensor) -> Tensor:
        """The codes (n, D) after the maps ``which``, int64 (n,); where it is :data:`NONE`, the codes as they are."""
        moved = z
        # Each clip has one map, so that no order of sums is left to threads.
        for place in sorted(set(which.tolist())):
            if place != NONE:
                rows = torch.nonzero(which == place).squeeze(1)
                index, number = self._places[place]
                moved = moved.index_copy(0, rows, self.edit(index).moved(z[rows], number))
        return moved

    def cost(self, predicted: Tensor, mean: Tensor, scale: Tensor, which: Tensor) -> Tensor:
        """
        KL(N(mean, scale^2) || N(predicted, s^2)) summed over dimensions, nats, mean over clips.

        A clip that could not be edited counts 0.
        """
        spreads = torch.stack([self.edit(index).log_spread for index in range(len(self.edits))])
        edits = torch.tensor([*(index for index, _ in self._places), 0], device=which.device)[which]
        log_spread = functional.embedding(edits, spreads)
        ratio = ((mean - predicted) ** 2 + scale**2) / torch.exp(2 * log_spread)
        nats = 0.5 * (ratio - 1) + log_spread - torch.log(scale)
        return torch.where(which == NONE, 0.0, nats.sum(dim=-1)).mean()


def _first_angles(pairs: int) -> Tensor:
    """Angles that training starts from, in radians (pairs,)."""
    part = 9 * pairs // 32
    characters = math.pi / 6 * (torch.arange(part) % 6 + 1)
    slow = math.radians(2) * 14 ** torch.linspace(0, 1, part)
    return torch.cat([characters, slow, torch.zeros(pairs - 2 * part)])
