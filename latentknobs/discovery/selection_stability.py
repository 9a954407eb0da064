"""
How stable a selection is: which dimensions recur on half of the songs, and how their number varies.

Stability selection (Meinshausen & Buehlmann 2010): the selection is repeated on 100 random halves of the songs, and
the selection frequency of each dimension is counted. The interval on the number of dimensions is from resampled songs.
Both halve or resample the songs of the training pairs, in their blocks, and those of the validation clips that the
shares are measured on. A selector that decodes (it calls ``kept``) is not repeated; its order is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
from attrs import evolve, frozen
from numpy.random import Generator, default_rng

from latentknobs.core.arrays import Floats, Ints
from latentknobs.core.method_specs import SelectInput

STABLE = 0.9
"""A dimension is stable if it is selected on at least this share of the halves."""
FLIPS = 200
"""Most sign flips of each repeated selection."""


@frozen(eq=False)
class SongSubsets:
    """
    Contributions of the songs to a selector's input, from which it is recomputed on a subset of them.

    Attributes:
        counts: float64 (A, K), pairs of each of K blocks of training songs.
        sums: float64 (A, K, D), sums of their differences.
        energy: float64 (n, D), each validation clip's moved energy in units of spread, 0 where not active.
        songs: int64 (n,), the song of each of these clips.
        seed: Draws the songs.
    """

    counts: Floats
    sums: Floats
    energy: Floats
    songs: Ints
    seed: int

    def halves(self, select_input: SelectInput, count: int) -> Iterator[SelectInput]:
        """The input on ``count`` random halves of the songs, drawn without replacement."""
        return self._inputs(select_input, count, default_rng([self.seed, 6]), half=True)

    def resampled(self, select_input: SelectInput, count: int) -> Iterator[SelectInput]:
        """The input on ``count`` bootstrap samples of the songs, drawn with replacement."""
        return self._inputs(select_input, count, default_rng([self.seed, 7]), half=False)

    def _inputs(self, select_input: SelectInput, count: int, rng: Generator, *, half: bool) -> Iterator[SelectInput]:
        names, song = np.unique(self.songs, return_inverse=True)
        energy = np.zeros((len(names), self.energy.shape[1]))
        np.add.at(energy, song, self.energy)
        used = np.flatnonzero(self.counts.sum(axis=0))
        blocks = np.stack([_draw(len(used), rng, half=half) for _ in range(count)])
        shares = np.stack([_draw(len(names), rng, half=half) for _ in range(count)]) @ energy
        pairs = blocks @ self.counts[:, used].T
        changes = np.stack([blocks @ sums for sums in self.sums[:, used]], axis=1)
        options = {**select_input.options, "flips": min(FLIPS, int(select_input.options.get("flips", FLIPS)))}
        for weights, share, n, total in zip(blocks, shares, pairs, changes, strict=True):
            rows = used[np.repeat(np.arange(len(used)), weights.astype(np.int64))]
            yield evolve(
                select_input,
                mean_change=np.where(n[:, None] > 0, total / np.maximum(n, 1.0)[:, None], select_input.mean_change),
                share=share / share.sum() if share.sum() > 0 else share,
                counts=self.counts[select_input.at, rows],
                sums=self.sums[select_input.at, rows],
                options=options,
            )


def _draw(songs: int, rng: Generator, *, half: bool) -> Floats:
    """How often each of so many songs is drawn, float64 (songs,)."""
    out = np.zeros(songs)
    if half:
        out[rng.permutation(songs)[: max(songs // 2, min(songs, 1))]] = 1.0
    elif songs:
        out += rng.multinomial(songs, np.full(songs, 1.0 / songs))
    return out


def choices(
    inputs: Iterable[SelectInput], rules: Mapping[str, Callable[[SelectInput], Ints]]
) -> dict[str, list[list[int]]]:
    """What each rule selects from each input; inputs are large and made one at a time."""
    out: dict[str, list[list[int]]] = {name: [] for name in rules}
    for one in inputs:
        for name, rule in rules.items():
            out[name].append([int(d) for d in rule(one)])
    return out


def of_halves(selected: Sequence[int], chosen: Sequence[Sequence[int]]) -> tuple[dict[str, float], int]:
    """
    How often each dimension was selected.

    Args:
        selected: The selection on all songs.
        chosen: The selections on halves of them, at least one.

    Returns:
        The frequency by dimension, of those selected at all; how many of ``selected`` are stable.
    """
    times = Counter(d for dims in chosen for d in dims)
    frequency = {d: times[d] / len(chosen) for d in sorted(times)}
    stable = sum(frequency.get(d, 0.0) >= STABLE for d in selected)
    return {str(d): round(part, 4) for d, part in frequency.items()}, stable


def of_resampled(chosen: Sequence[Sequence[int]]) -> tuple[int, int]:
    """The 95 % confidence interval of the number of dimensions, from resampled songs."""
    low, high = np.quantile([len(dims) for dims in chosen], [0.025, 0.975], method="nearest")
    return int(low), int(high)
