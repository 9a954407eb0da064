"""
A seeded sample of clips with their codes at every amount, for fits that need pairs themselves.

Where edits add up, editing by a and then by b being editing by a + b, a clip edited by every amount gives a
pair for every two of them: the sample finds out by trying, and says so in its routes.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.random import Generator

from latentknobs.core.arrays import Bools, ClipBatch, Codes
from latentknobs.core.attribute import Attribute
from latentknobs.core.augmentation import Augmentation, signed_amounts
from latentknobs.core.backend import VAEBackend
from latentknobs.core.method_specs import CodeSample
from latentknobs.core.plugin_guard import run_augmentation
from latentknobs.core.seed import priority
from latentknobs.corpora.sharding import Shard
from latentknobs.discovery.pairs import Pairs


class CodeReservoir:
    """
    Keeps the codes of at most ``size`` clips at 0 and at each of the edit's own amounts.

    Args:
        augmentation: The edit.
        latent_size: D.
        size: How many clips to keep.
        seed: Fixes which.
        target: The attribute that the edit targets, measured on the clips before it.
    """

    def __init__(
        self, augmentation: Augmentation, latent_size: int, size: int, seed: int, target: Attribute | None = None
    ) -> None:
        amounts, swapped = signed_amounts(augmentation)
        self.amounts = amounts
        self.knots = tuple(sorted([0.0, *(a for a in amounts if a > 0 or not swapped)]))
        self._seed, self._filled = seed, 0
        self._attribute = target
        # Pages are only taken as they are filled, and a full sample is changed in place: its size is its peak.
        self._ranks = np.zeros(size, dtype=np.uint64)
        self._codes = np.empty((size, len(self.knots), latent_size), dtype=np.float32)
        self._there = np.zeros((size, len(self.knots)), dtype=bool)
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
        self._there[slots] = False
        zero = self.knots.index(0.0)
        self._codes[slots, zero], self._there[slots, zero] = codes[rows], True
        if self._attribute is not None and len(rows):
            self._target[slots] = self._attribute.measure(shard.clips[rows])
        for pair in pairs:
            if pair.amount in self.knots:
                j = self.knots.index(pair.amount)
                with_pair = pair.valid[rows]
                self._codes[slots[with_pair], j] = pair.after[np.cumsum(pair.valid)[rows[with_pair]] - 1]
                self._there[slots, j] = with_pair
        self._filled += len(fresh)

    def sample(self, adds_up: bool) -> CodeSample:
        """What was kept, with every route of an edit that adds up, or only those from and to the clips themselves."""
        routes = {}
        zero = self.knots.index(0.0)
        for amount in self.amounts:
            found = [
                (i, j)
                for i, start in enumerate(self.knots)
                for j, end in enumerate(self.knots)
                if abs(end - start - amount) < 1e-9 and (adds_up or zero == (i if amount in self.knots else j))
            ]
            routes[amount] = tuple(found)
        n = self._filled
        order = np.argsort(self._ranks[:n], kind="stable")
        for j in range(len(self.knots)):  # knot by knot, so that no second copy of all of it stands in memory
            self._codes[:n, j], self._there[:n, j] = self._codes[order, j], self._there[order, j]
        self._ranks[:n], self._target[:n] = self._ranks[order], self._target[order]
        self._codes[:n][~self._there[:n]] = 0.0
        return CodeSample(self.knots, self._codes[:n], self._there[:n], routes, self._target[:n])


def adds_up(
    backend: VAEBackend, augmentation: Augmentation, clips: ClipBatch, knots: tuple[float, ...], rng: Generator
) -> bool:
    """Whether editing clips (n, *shape) by a and then by b is editing them by a + b, for all a, b that fit."""
    at = {a: run_augmentation(augmentation, clips, a, rng, backend.spec.clip_format) for a in knots}
    met = False
    for a in knots:
        for b in knots:
            if not a or not b or a + b not in at:
                continue
            twice = run_augmentation(augmentation, at[a].clips, b, rng, backend.spec.clip_format)
            both: Bools = at[a].valid & twice.valid & at[a + b].valid
            met |= bool(both.any())
            if not np.array_equal(twice.clips[both], at[a + b].clips[both]):
                return False
    return met
