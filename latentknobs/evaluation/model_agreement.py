"""How far two models agree on the same clips: their greedy reconstructions side by side, clip by clip."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from attrs import asdict
from numpy.random import default_rng

from latentknobs.core.arrays import ClipBatch, Floats, group_index
from latentknobs.core.attribute import Comparison
from latentknobs.core.backend import VAEBackend
from latentknobs.core.corpus import Progress, Song, no_progress
from latentknobs.evaluation.bootstrap import SongDraws, interval

SHARES = ("tokens", "clips", "both_right", "only_a_right", "only_b_right", "both_wrong", "difference")


def agreement(
    a: VAEBackend,
    b: VAEBackend,
    songs: Iterable[Song],
    seed: int,
    *,
    comparisons: Sequence[Comparison] = (),
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """
    Compare the greedy reconstructions of two models; the code of a clip is the posterior mean.

    Args:
        a: One model.
        b: The other, of the same clip format.
        songs: Songs whose clips both can carry, with one clip at least.
        seed: Seed of the intervals.
        comparisons: Comparisons of the format: the one reconstruction with the other.
        progress: Told of the work.

    Returns:
        JSON. ``tokens`` and ``clips``, shares that both decode alike; ``both_right``, ``only_a_right``,
        ``only_b_right``, ``both_wrong``, shares of tokens, which add up to 1; ``difference``, right tokens of a less
        those of b on the same clips; ``comparisons``, name to value. Each is a mean over clips with its 95 % interval
        over songs, None where it is defined for no clip.
    """
    rows: list[Floats] = []
    owners: list[str] = []
    for song in songs:
        rows.append(_row(a, b, song.clips, comparisons))
        owners += [song.name] * len(song.clips)
        progress("comparing reconstructions", len(owners), None)
    number = group_index(owners)
    means, drawn = SongDraws(number, default_rng([seed, 4])).means(np.concatenate(rows))
    cells = [
        None if np.isnan(mean) else asdict(interval(float(mean), column))
        for mean, column in zip(means, drawn.T, strict=True)
    ]
    results = dict(zip((*SHARES, *(comparison.name for comparison in comparisons)), cells, strict=True))
    shares = {name: results[name] for name in SHARES}
    return {**shares, "comparisons": {comparison.name: results[comparison.name] for comparison in comparisons}}


def _row(a: VAEBackend, b: VAEBackend, clips: ClipBatch, comparisons: Sequence[Comparison]) -> Floats:
    n = len(clips)
    first, second = (model.decode(model.encode(clips).mean) for model in (a, b))
    same = (first == second).reshape(n, -1)
    right, also = ((decoded == clips).reshape(n, -1) for decoded in (first, second))
    columns = [
        same.mean(axis=1),
        same.all(axis=1).astype(np.float64),
        *(part.mean(axis=1) for part in (right & also, right & ~also, ~right & also, ~right & ~also)),
        right.mean(axis=1) - also.mean(axis=1),
        *(comparison.measure(first, second) for comparison in comparisons),
    ]
    return np.stack(columns, axis=1)
