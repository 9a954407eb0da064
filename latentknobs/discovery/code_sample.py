"""
A seeded sample of clips with their codes at every amount, for fits that need pairs themselves.

Where edits add up (editing by a and then by b is editing by a + b), a clip edited by every amount gives a pair for
every two of them: the sample tests this, and lists the pairs in its routes.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.random import Generator

from latentknobs.core.arrays import Bools, ClipBatch, Codes
from latentknobs.core.code_units import CodeUnits
from latentknobs.core.experiment import Experiment
from latentknobs.core.method_specs import CodeSample
from latentknobs.core.plugin_guard import run_augmentation
from latentknobs.core.seed import priority
from latentknobs.corpora.sharding import Shard
from latentknobs.discovery.pairs import Pairs


class CodeReservoir:
    """
    Keeps the codes of at most ``size`` clips at 0 and at each of the edit's own amounts, with the target attribute.

    Args:
        experiment: Its seed fixes which clips are kept.
        size: How many clips to keep.
    """

    def __init__(self, experiment: Experiment, size: int) -> None:
        self.amounts = experiment.amounts
        self.knots = tuple(sorted([0.0, *experiment.own_amounts]))
        self._seed, self._filled = experiment.seed, 0
        self._attribute = experiment.target
        # Pages are only taken as they are filled, and a full sample is changed in place: its size is its peak.
        self._ranks = np.zeros(size, dtype=np.uint64)
        self._codes = np.empty((size, len(self.knots), experiment.latent_size), dtype=np.float32)
        self._known = np.zeros((size, len(self.knots)), dtype=bool)
        self._exact = np.zeros_like(self._known)
        self._target = np.full(size, np.nan)

    def add(self, shard: Shard, codes: Codes, pairs: Iterable[Pairs]) -> None:
        """Offer a shard's clips: their codes (n, D) and the pairs of every amount."""
        seen: dict[str, int] = {}
        new_ranks = []
        for song in shard.songs:
            new_ranks.append(priority(self._seed, song, seen.get(song, 0)))
            seen[song] = seen.get(song, 0) + 1
        ranks = np.concatenate([self._ranks[: self._filled], np.asarray(new_ranks, dtype=np.uint64)])
        kept = np.argsort(ranks, kind="stable")[: len(self._ranks)]
        rows = np.sort(kept[kept >= self._filled]) - self._filled
        gone = np.setdiff1d(np.arange(self._filled), kept)
        fresh = np.arange(self._filled, self._filled + len(rows) - len(gone))
        slots = np.concatenate([gone, fresh])
        self._ranks[slots] = ranks[rows + self._filled]
        self._known[slots] = self._exact[slots] = False
        zero = self.knots.index(0.0)
        self._codes[slots, zero], self._known[slots, zero], self._exact[slots, zero] = codes[rows], True, True
        if self._attribute is not None and len(rows):
            self._target[slots] = self._attribute.measure(shard.clips[rows])
        for pair in pairs:
            if pair.amount in self.knots:
                j = self.knots.index(pair.amount)
                with_pair = pair.valid[rows]
                self._codes[slots[with_pair], j] = pair.after[np.cumsum(pair.valid)[rows[with_pair]] - 1]
                self._known[slots, j], self._exact[slots, j] = with_pair, pair.exact[rows]
        self._filled += len(fresh)

    def sample(self, adds_up: bool, units: CodeUnits | None = None) -> CodeSample:
        """
        What was kept, with every route of an edit that adds up, or only those from and to the clips themselves.

        Args:
            adds_up: Whether the edit does.
            units: Of the sample's codes, None = the model's own.
        """
        routes = {}
        zero = self.knots.index(0.0)
        for amount in self.amounts:
            routes[amount] = tuple(
                (i, j)
                for i, start in enumerate(self.knots)
                for j, end in enumerate(self.knots)
                if abs(end - start - amount) < 1e-9 and (adds_up or zero == (i if amount in self.knots else j))
            )
        n = self._filled
        order = np.argsort(self._ranks[:n], kind="stable")
        for j in range(len(self.knots)):  # knot by knot, so that no second copy of all of it stands in memory
            self._codes[:n, j], self._known[:n, j] = self._codes[order, j], self._known[order, j]
            self._exact[:n, j] = self._exact[order, j]
            known = self._known[:n, j]
            self._codes[:n, j][~known] = 0.0
            if units is not None:
                self._codes[:n, j][known] = units.inward(self._codes[:n, j][known])
        self._ranks[:n], self._target[:n] = self._ranks[order], self._target[order]
        return CodeSample(self.knots, self._codes[:n], self._known[:n], routes, self._target[:n], self._exact[:n])


def adds_up(experiment: Experiment, clips: ClipBatch, knots: tuple[float, ...], rng: Generator) -> bool:
    """Whether editing clips (n, *shape) by a and then by b is editing them by a + b, for all a, b that fit."""
    edit, clip_format = experiment.edit, experiment.clip_format
    at = {a: run_augmentation(edit, clips, a, rng, clip_format) for a in knots}
    compared = False
    for a in knots:
        for b in knots:
            if not a or not b or a + b not in at:
                continue
            twice = run_augmentation(edit, at[a].clips, b, rng, clip_format)
            both: Bools = at[a].valid & twice.valid & at[a + b].valid
            compared |= bool(both.any())
            if not np.array_equal(twice.clips[both], at[a + b].clips[both]):
                return False
    return compared
