"""
Mergeable statistics of code pairs (before, after), one set for each amount.

First moments are kept for each block of songs (a stable hash of the song's name picks one of 256 blocks, so
songs stay whole and resampling can act on blocks); second moments for each split. Their memory does not
depend on the number of clips, and folding two disjoint parts gives what folding the whole gives.
"""

from __future__ import annotations

import numpy as np
from attrs import define, field

from latentknobs.core.arrays import Bools, Codes, Floats, Ints
from latentknobs.core.backend import Posterior
from latentknobs.core.code_units import CodeUnits
from latentknobs.corpora.sharding import BLOCKS


@define(eq=False)
class PairMoments:
    """
    Second moments of one split at A amounts, float64.

    Attributes:
        gram: (A, D + 1, D + 1), sums of [1, z][1, z]'; [a, 0, 0] is the number of pairs.
        cross: (A, D + 1, D), sums of [1, z] z_after'.
        square: (A, D), sums of z_after^2.
    """

    gram: Floats
    cross: Floats
    square: Floats

    @classmethod
    def empty(cls, amounts: int, latent_size: int) -> PairMoments:
        """Moments of no pairs."""
        d = latent_size
        return cls(np.zeros((amounts, d + 1, d + 1)), np.zeros((amounts, d + 1, d)), np.zeros((amounts, d)))

    def add(self, a: int, before: Codes, after: Codes) -> None:
        """Fold in pairs (n, D) at the amount with index a."""
        x = np.concatenate([np.ones((len(before), 1)), before.astype(np.float64)], axis=1)
        y = after.astype(np.float64)
        self.gram[a] += x.T @ x
        self.cross[a] += x.T @ y
        self.square[a] += (y * y).sum(axis=0)

    def merge(self, other: PairMoments) -> None:
        """Fold in moments of other pairs."""
        self.gram += other.gram
        self.cross += other.cross
        self.square += other.square

    def only(self, amounts: Bools) -> PairMoments:
        """The moments of some of the amounts, bool (A,)."""
        return PairMoments(self.gram[amounts], self.cross[amounts], self.square[amounts])

    def in_units(self, units: CodeUnits) -> PairMoments:
        """The moments of the same codes in these units."""
        change = np.eye(len(units.scale) + 1)  # [1, u] = change [1, z]
        change[1:, 0], change[1:, 1:] = -units.centre / units.scale, np.diag(1.0 / units.scale)
        pairs, after = self.gram[:, :1, 0], self.cross[:, 0]
        cross = (self.cross - self.gram[:, :, :1] * units.centre) / units.scale
        square = self.square - 2.0 * units.centre * after + units.centre**2 * pairs
        return PairMoments(change @ self.gram @ change.T, change @ cross, square / units.scale**2)

    def counts(self) -> Ints:
        """Number of pairs at each amount, (A,)."""
        out: Ints = self.gram[:, 0, 0].round().astype(np.int64)
        return out


@define(eq=False)
class PairStatistics:
    """
    All the statistics of a run at A amounts.

    Attributes:
        counts: float64 (A, 256), training pairs in each block.
        sums: float64 (A, 256, D), sums of d = after - before over training pairs.
        energy: float64 (A, D), sums of d^2.
        codes: Moments of the training originals themselves (one "amount", after = before).
        train: Second moments of the training pairs.
        validation: Second moments of the validation pairs.
        noise: float64 (D,), sums of the training originals' posterior variances; NaN where the model declares none.
        held: bool (D,), the dimensions of a condition, which fits may read and nothing moves.
    """

    counts: Floats
    sums: Floats
    energy: Floats
    codes: PairMoments
    train: PairMoments
    validation: PairMoments
    noise: Floats
    latent_size: int = field()
    held: Bools

    @classmethod
    def empty(cls, amounts: int, latent_size: int, held: Bools | None = None) -> PairStatistics:
        """Statistics of nothing."""
        return cls(
            counts=np.zeros((amounts, BLOCKS)),
            sums=np.zeros((amounts, BLOCKS, latent_size)),
            energy=np.zeros((amounts, latent_size)),
            codes=PairMoments.empty(1, latent_size),
            train=PairMoments.empty(amounts, latent_size),
            validation=PairMoments.empty(amounts, latent_size),
            noise=np.zeros(latent_size),
            latent_size=latent_size,
            held=np.zeros(latent_size, dtype=bool) if held is None else held,
        )

    def add_originals(self, posterior: Posterior) -> None:
        """Fold in the posteriors of training clips, (n, D)."""
        self.codes.add(0, posterior.mean, posterior.mean)
        scale = posterior.scale
        self.noise += np.nan if scale is None else (scale.astype(np.float64) ** 2).sum(axis=0)

    def add_training(self, a: int, before: Codes, after: Codes, blocks: Ints) -> None:
        """Fold in training pairs (n, D) at the amount with index a; blocks (n,) as :func:`block_of` gives them."""
        d = after.astype(np.float64) - before.astype(np.float64)
        np.add.at(self.counts[a], blocks, 1.0)
        np.add.at(self.sums[a], blocks, d)
        self.energy[a] += (d * d).sum(axis=0)
        self.train.add(a, before, after)

    def only(self, amounts: Bools) -> PairStatistics:
        """The statistics of some of the amounts, bool (A,)."""
        return PairStatistics(
            self.counts[amounts],
            self.sums[amounts],
            self.energy[amounts],
            self.codes,
            self.train.only(amounts),
            self.validation.only(amounts),
            self.noise,
            self.latent_size,
            self.held,
        )

    def merge(self, other: PairStatistics) -> None:
        """Fold in the statistics of other songs."""
        self.counts += other.counts
        self.sums += other.sums
        self.energy += other.energy
        self.noise += other.noise
        for mine, theirs in ((self.codes, other.codes), (self.train, other.train), (self.validation, other.validation)):
            mine.merge(theirs)

    def units(self) -> CodeUnits:
        """The units of the training originals' codes, a condition's too; the model's own where there are none."""
        gram = self.codes.gram[0]
        if not gram[0, 0]:
            return CodeUnits.none(self.latent_size)
        noise = self.noise / gram[0, 0]
        variance = np.diag(self._moments())
        return CodeUnits.of(gram[0, 1:] / gram[0, 0], variance, None if np.isnan(noise).any() else noise)

    def in_units(self, units: CodeUnits) -> PairStatistics:
        """The statistics of the same codes in these units."""
        return PairStatistics(
            self.counts,
            self.sums / units.scale,
            self.energy / units.scale**2,
            self.codes.in_units(units),
            self.train.in_units(units),
            self.validation.in_units(units),
            self.noise / units.scale**2,
            self.latent_size,
            self.held,
        )

    def covariance(self) -> Floats:
        """Covariance of the training originals' codes, float64 (D, D); zeros where there are none, or a condition."""
        out = self._moments()
        out[self.held] = out[:, self.held] = 0.0
        return out

    def _moments(self) -> Floats:
        gram = self.codes.gram[0]
        n = max(gram[0, 0], 1.0)
        mean = gram[0, 1:] / n
        out: Floats = gram[1:, 1:] / n - np.outer(mean, mean)
        return out

    def mean_change(self) -> Floats:
        """Mean of d over training pairs, float64 (A, D)."""
        out: Floats = self.sums.sum(axis=1) / np.maximum(self.counts.sum(axis=1), 1.0)[:, None]
        return out

    def coherence(self) -> Floats:
        """||mean d||^2 / mean ||d||^2 at each amount (A,): 1 = every clip moves alike, 0 = no common move."""
        n = np.maximum(self.counts.sum(axis=1), 1.0)
        total = self.energy.sum(axis=1) / n
        out: Floats = (self.mean_change() ** 2).sum(axis=1) / np.where(total > 0, total, 1.0)
        return out

    def mean_change_error(self) -> Floats:
        """Jackknife standard error over blocks of songs of the mean change, float64 (A, D) (Efron & Stein 1981)."""
        n, total = self.counts.sum(axis=1), self.sums.sum(axis=1)
        out: Floats = np.zeros(total.shape)
        for a in range(len(out)):
            used = self.counts[a] > 0
            blocks = int(used.sum())
            if blocks > 1:
                left = (total[a] - self.sums[a, used]) / (n[a] - self.counts[a, used])[:, None]
                out[a] = np.sqrt((blocks - 1) / blocks * ((left - left.mean(axis=0)) ** 2).sum(axis=0))
        return out
