"""
Candidate moves of unsupervised discovery, and what the methods that learn them are given.

A candidate is an operator with the amounts that it is traversed by. Straight ones come from codes, weights and outputs
(:mod:`.candidate_directions`). But between the codes of real clips a line passes where no clip is, and most directions
break the notes there before they move anything steadily. The others are learned from clips that the model decodes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from attrs import evolve, frozen

from latentknobs.core.arrays import Bools, Codes, Floats
from latentknobs.core.attribute import Attribute
from latentknobs.core.backend import VAEBackend
from latentknobs.core.corpus import Progress, no_progress
from latentknobs.core.knob import Operator
from latentknobs.core.model_calls import decode

GRID = (-3.0, -2.0, -1.0, -0.5, 0.5, 1.0, 2.0, 3.0)
"""Amounts of straight moves, in their length: about a standard deviation of the codes along them."""
AMOUNTS = (-1.5, -0.75, 0.75, 1.5)
"""Amounts of learned moves, in standard deviations of the attribute that they move."""
SAME = 0.95
"""Attributes with a rank correlation of this are one: a move is learned for the first of them."""


@frozen(eq=False)
class CandidateMove:
    """
    One move.

    Attributes:
        source: Where it comes from ("pca", "matched").
        rank: Its place among those of the source, from 1.
        operator: The move.
        amounts: What it is traversed by, ascending, without 0.
    """

    source: str
    rank: int
    operator: Operator
    amounts: tuple[float, ...]

    def measured_in(self, unit: float, round_amount: Mapping[float, float]) -> CandidateMove:
        """
        The same move with amounts in another unit.

        Args:
            unit: Units for amount 1; the move is turned round where it is negative.
            round_amount: For each amount here the amount there.
        """
        arrays = dict(self.operator.arrays)
        amounts = tuple(sorted(round_amount[a] for a in self.amounts))
        if "direction" in arrays:
            arrays["direction"] = arrays["direction"] / unit
        else:
            there = np.asarray([round_amount[a] for a in self.amounts])
            order = np.argsort(there)
            arrays["amounts"] = there[order]
            arrays |= {name: arrays[name][order] for name in ("matrices", "offsets")}
        return evolve(self, operator=Operator(self.operator.kind, arrays), amounts=amounts)


@frozen(eq=False)
class MoveInput:
    """
    What moves are learned from; codes are in code units (:mod:`latentknobs.core.code_units`).

    Attributes:
        backend: The model, of codes in units.
        codes: float32 (n, D), of training clips.
        held_out: float32 (m, D), of validation clips.
        attributes: What is measured on decoded clips.
        spreads: Standard deviation of each over the corpus.
        relations: Rank correlation of every two over training clips.
        limit: Attributes with a correlation under this should stay.
        held: bool (D,), the dimensions of a condition, which no move changes.
        seed: Of every random draw.
        progress: Told of the work.
    """

    backend: VAEBackend
    codes: Codes
    held_out: Codes
    attributes: tuple[Attribute, ...]
    spreads: Mapping[str, float]
    relations: Mapping[str, Mapping[str, float]]
    limit: float
    held: Bools
    seed: int
    progress: Progress = no_progress

    @property
    def covariance(self) -> Floats:
        """Of the codes, float64 (D, D); 0 in the dimensions of a condition."""
        out: Floats = np.atleast_2d(np.cov(self.codes, rowvar=False))
        out[self.held] = out[:, self.held] = 0.0
        return out

    def values(self, codes: Codes) -> Floats:
        """Every attribute of the clips that codes decode to, (n, A), in standard deviations; NaN where not finite."""
        clips = decode(self.backend, codes)
        out = np.stack([a.measure(clips) / (self.spreads[a.name] or 1.0) for a in self.attributes], axis=1)
        return np.where(np.isfinite(out), out, np.nan)

    def targets(self) -> list[int]:
        """The attributes that moves are learned for, by number: of those that mean the same the first."""
        chosen: list[int] = []
        for number, attribute in enumerate(self.attributes):
            known = (abs(self.relations[attribute.name][self.attributes[other].name]) for other in chosen)
            if self.spreads[attribute.name] > 0 and all(rho < SAME for rho in known):
                chosen.append(number)
        return chosen

    def staying(self, target: int) -> list[int]:
        """The numbers of the attributes that vary and should stay where one is moved."""
        relations = self.relations[self.attributes[target].name]
        varying = [n for n, a in enumerate(self.attributes) if self.spreads[a.name] > 0 and n != target]
        return [n for n in varying if abs(relations[self.attributes[n].name]) < self.limit]


def straight(source: str, rank: int, direction: Floats) -> CandidateMove:
    """A move along a direction (D,), as long as the codes vary along it."""
    return CandidateMove(source, rank, Operator("shift", {"direction": direction}), GRID)


def shifts(amounts: Sequence[float], offsets: Floats) -> Operator:
    """An affine operator that shifts every code alike, by another offset (A, D) at each amount."""
    size = offsets.shape[1]
    matrices = np.broadcast_to(np.eye(size), (len(offsets), size, size))
    return Operator("affine", {"amounts": np.asarray(amounts), "matrices": matrices, "offsets": offsets})
