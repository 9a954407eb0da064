"""
Moves that can be told apart: Voynov & Babenko (2020).

Directions are learned together with a network that is told the code of a clip before and after one of them, and says
which it was and how far. Both gain where it is right, so directions become such that each does something of its own.
The code after is that of the decoded clip: a move that changes no note cannot be told. Their generator is
differentiable and a decoder that chooses notes is not, so directions follow a gradient by evolution strategies
(Salimans et al. 2017): each clip is moved along a direction that is disturbed by chance, and the direction goes where
disturbances helped.
"""

from __future__ import annotations

import numpy as np
import torch
from attrs import frozen
from numpy.random import Generator, default_rng
from torch import Tensor, nn
from torch.nn import functional

from latentknobs.core.arrays import Codes, Floats, Ints
from latentknobs.core.model_calls import decode, encode
from latentknobs.discovery.candidate_moves import CandidateMove, MoveInput, straight
from latentknobs.evaluation.random_controls import Whitening

SOURCE = "classifier"
HIDDEN = 256
STEPS, EACH = 120, 32
"""Steps, and clips of each direction in one."""
SHORTEST, LONGEST = 1.0, 6.0
"""How far a clip is moved, in Mahalanobis distance over the codes; directions are 1 long."""
DISTURBANCE, PACE = 0.5, 0.3
"""Length of a disturbance, and how far a direction turns in a step, both beside directions of length 1."""
RATE = 2e-3
HOW_FAR = 0.25
"""Weight of the error in how far, beside that in which."""


class _MoveReader(nn.Module):
    """Which direction, and how far, from what a move does to codes."""

    def __init__(self, size: int, count: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2 * size, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, HIDDEN), nn.SiLU())
        self.which = nn.Linear(HIDDEN, count)
        self.far = nn.Linear(HIDDEN, 1)

    def forward(self, before: Tensor, change: Tensor) -> tuple[Tensor, Tensor]:
        """Codes before and their changes, (n, D) each, to logits (n, K) and lengths (n,)."""
        inner = self.body(torch.cat([before, change], dim=1))
        return self.which(inner), self.far(inner).squeeze(1)


def classifier_moves(given: MoveInput, count: int, *, shuffled: bool = False) -> list[CandidateMove]:
    """
    The moves.

    Args:
        given: What they are learned from.
        count: How many, K.
        shuffled: Tell the network directions and lengths of other clips, so that nothing can be learned: for nulls.
    """
    whitening, rng = Whitening.of(given.covariance), default_rng([given.seed, 14])
    directions = _unit(rng.standard_normal((count, len(whitening.dims))))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(given.seed)
        reader = _MoveReader(given.codes.shape[1], count)
        optimiser = torch.optim.Adam(reader.parameters(), lr=RATE)
        for step in range(STEPS):
            given.progress("learning moves that can be told apart", step, STEPS)
            trial = _Trial.drawn(given.codes, directions, rng)
            moved = given.codes[trial.rows] + whitening.colour(trial.moves, given.codes.shape[1])
            change = encode(given.backend, decode(given.backend, moved)) - given.codes[trial.rows]
            told = rng.permutation(len(trial.rows)) if shuffled else slice(None)
            losses = _losses(reader, given.codes[trial.rows], change, trial.which[told], trial.far[told])
            optimiser.zero_grad()
            losses.mean().backward()  # type: ignore[no-untyped-call]  # torch leaves it without types
            optimiser.step()
            directions = _turned(directions, trial, -losses.detach().double().numpy())
    columns = whitening.colour(directions, given.codes.shape[1])
    return [straight(SOURCE, rank, one) for rank, one in enumerate(columns, start=1)]


@frozen(eq=False)
class _Trial:
    """Moves of one step: clips (n,), directions (n,), lengths (n,), disturbances and moves (n, k), whitened."""

    rows: Ints
    which: Ints
    far: Floats
    disturbances: Floats
    moves: Floats

    @classmethod
    def drawn(cls, codes: Codes, directions: Floats, rng: Generator) -> _Trial:
        """As many of each direction, forwards or backwards; disturbances in pairs of opposite ones."""
        count, size = directions.shape
        which = np.repeat(np.arange(count), EACH)
        half = rng.standard_normal((len(which) // 2, size))
        disturbances = DISTURBANCE / np.sqrt(size) * np.stack([half, -half], axis=1).reshape(-1, size)
        # Both of a pair move the same clip equally far, so that only the disturbance differs.
        rows, far, side = (
            np.repeat(drawn, 2)
            for drawn in (
                rng.integers(len(codes), size=len(half)),
                rng.uniform(SHORTEST, LONGEST, size=len(half)),
                rng.choice([-1.0, 1.0], size=len(half)),
            )
        )
        far = far * side
        return cls(rows, which, far, disturbances, far[:, None] * _unit(directions[which] + disturbances))


def _losses(reader: _MoveReader, before: Codes, change: Codes, which: Ints, far: Floats) -> Tensor:
    logits, length = reader(torch.from_numpy(before), torch.from_numpy(change.astype(np.float32)))
    wrong = functional.cross_entropy(logits, torch.from_numpy(which), reduction="none")
    losses: Tensor = wrong + HOW_FAR * (length - torch.from_numpy(far.astype(np.float32))).abs()
    return losses


def _turned(directions: Floats, trial: _Trial, rewards: Floats) -> Floats:
    """The directions after a step towards the disturbances that were rewarded."""
    gain = (rewards[0::2] - rewards[1::2])[:, None] * trial.disturbances[0::2]
    sums = np.stack([gain[trial.which[0::2] == number].sum(axis=0) for number in range(len(directions))])
    return _unit(directions + PACE * _unit(sums))


def _unit(vectors: Floats) -> Floats:
    out: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
    return out
