"""
Flows: moves that raise one attribute, as measured on decoded clips, and hold the others.

A decoder answers in steps and has no gradient by attributes. So a small network learns the attributes of decoded clips
from codes, of training clips and of codes around and between them. Along its Jacobian J the flow is the shortest way,
in the metric of the codes' covariance C, that raises the target by 1 and leaves the others,

    dz/dt = C J' (J C J' + r I)^-1 e,

as shortest moves along attribute gradients are taken in images (Shen et al. 2020, conditional manipulation), followed
in steps with J taken anew at each. A ridge map of where the flow carries the training codes is the move.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import default_rng
from torch import Tensor, nn
from torch.func import jacrev, vmap
from torch.nn import functional

from latentknobs.core.arrays import Codes, Floats
from latentknobs.core.method_specs import FitInput
from latentknobs.discovery.candidate_moves import AMOUNTS, CandidateMove, MoveInput
from latentknobs.discovery.fits.closed_form import affine_by_ridge
from latentknobs.discovery.pair_statistics import PairMoments

SOURCE = "flow"
HIDDEN = 384
CLIPS = 2048
"""Training codes that the flow is learned from."""
AROUND = 8192
"""Further codes: part of the way to another clip's, with noise."""
HALFWAY, NOISES = 0.5, (0.0, 0.1, 0.2, 0.3)
"""The most of the way, and the standard deviations of the noise, in code units."""
STEPS, BATCH, RATE, DECAY, JITTER = 1200, 512, 2e-3, 0.05, 0.05
STRIDE = 0.375
"""Length of a step along the flow, in standard deviations of the attribute."""
REGULARIZER = 1e-3


class _Attributes(nn.Module):
    """Attributes of the clip that a code decodes to, in standard deviations: linear, and what a network adds."""

    def __init__(self, size: int, count: int) -> None:
        super().__init__()
        self.linear = nn.Linear(size, count)
        layers = [nn.Linear(size, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, count)]
        self.network = nn.Sequential(*layers)

    def forward(self, z: Tensor) -> Tensor:
        """Codes (..., D) to attributes (..., A)."""
        out: Tensor = self.linear(z) + self.network(z)
        return out


def flow_moves(given: MoveInput) -> list[CandidateMove]:
    """The moves, ranked as the attributes are."""
    codes = given.codes[:CLIPS]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(given.seed)
        network = _learned(given, codes)
    covariance = torch.from_numpy(given.covariance.astype(np.float32))
    found = []
    targets = given.targets()
    for rank, target in enumerate(targets, start=1):
        given.progress("learning flows", rank - 1, len(targets))
        rows = [target, *given.staying(target)]
        moved = {
            split: {a: _followed(network, covariance, torch.from_numpy(z), rows, a).numpy() for a in AMOUNTS}
            for split, z in (("train", codes), ("validation", given.held_out))
        }
        operator, _ = affine_by_ridge(_pairs(given, codes, moved["train"], moved["validation"]))
        found.append(CandidateMove(SOURCE, rank, operator, AMOUNTS))
    return found


def _learned(given: MoveInput, codes: Codes) -> _Attributes:
    rng = default_rng([given.seed, 13])
    one, other = (codes[rng.integers(len(codes), size=AROUND)] for _ in range(2))
    noise = rng.choice(NOISES, size=(AROUND, 1)) * rng.standard_normal(one.shape)
    around = one + HALFWAY * rng.random((AROUND, 1)) * (other - one) + noise
    every = np.concatenate([codes, around]).astype(np.float32)
    values = given.values(every)
    known = np.isfinite(values)
    values[:, ~known.any(axis=0)] = 0.0
    wanted = np.nan_to_num(values - np.nanmean(values, axis=0)).astype(np.float32)
    z, mask, goal = torch.from_numpy(every), torch.from_numpy(known), torch.from_numpy(wanted)
    network = _Attributes(codes.shape[1], len(given.attributes))
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=RATE, total_steps=STEPS + 1, pct_start=0.1)
    for _ in range(STEPS):
        drawn = torch.randint(len(z), (BATCH,))
        read = network(z[drawn] + JITTER * torch.randn(BATCH, z.shape[1]))
        loss = (functional.smooth_l1_loss(read, goal[drawn], reduction="none") * mask[drawn]).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it without types
        optimiser.step()
        schedule.step()
    return network.eval()


def _followed(network: nn.Module, covariance: Tensor, z: Tensor, rows: list[int], amount: float) -> Tensor:
    """Where the flow of the first of some attributes, the others held, carries codes (n, D)."""
    jacobian = vmap(jacrev(network))
    steps = max(round(abs(amount) / STRIDE), 1)
    goal = torch.zeros(len(rows), 1)
    goal[0] = amount / steps
    for _ in range(steps):
        with torch.no_grad():
            slopes = jacobian(z)[:, rows]
            spread = slopes @ covariance
            gram = spread @ slopes.transpose(1, 2)
            level = gram.diagonal(dim1=1, dim2=2).mean(dim=1)[:, None, None]
            solved = torch.linalg.solve(gram + REGULARIZER * level * torch.eye(len(rows)), goal.expand(len(z), -1, -1))
            z = z + (spread.transpose(1, 2) @ solved).squeeze(2)
    return z


def _pairs(given: MoveInput, codes: Codes, train: dict[float, Codes], validation: dict[float, Codes]) -> FitInput:
    """Codes before and after as the input of a fit."""
    size = codes.shape[1]
    moments = []
    for before, after in ((codes, train), (given.held_out, validation)):
        pairs = PairMoments.empty(len(AMOUNTS), size)
        for number, amount in enumerate(AMOUNTS):
            pairs.add(number, before, after[amount])
        moments.append(pairs)
    learned, checked = moments
    change: Floats = np.stack([(train[a].astype(np.float64) - codes).mean(axis=0) for a in AMOUNTS])
    return FitInput(
        size,
        AMOUNTS,
        change,
        learned.gram,
        learned.cross,
        checked.gram,
        checked.cross,
        checked.square.sum(axis=1),
        seed=given.seed,
    )
