"""How smoothly decoded clips change along a path between two codes."""

from __future__ import annotations

from typing import Any

import numpy as np
from attrs import asdict, frozen
from numpy.random import Generator, default_rng

from latentknobs.core.arrays import ClipBatch, Codes, Floats, Ints
from latentknobs.core.backend import VAEBackend
from latentknobs.core.code_units import CodeUnits
from latentknobs.core.corpus import Progress, no_progress
from latentknobs.core.model_calls import decode
from latentknobs.evaluation.bootstrap import SongDraws, interval
from latentknobs.steering.interpolation import one_way

CHUNK = 20
"""Paths decoded at a time."""


@frozen(eq=False)
class PathMeasures:
    """
    Measures of P paths, each float64 (P,).

    Attributes:
        ends: Token distance of the path's two ends, 0 to 1.
        path: Length of the path over the distance of its ends, from 1; NaN where the ends are equal.
        jump: The largest single change as a share of the path's length, 1 / steps to 1; NaN where the ends are equal.
    """

    ends: Floats
    path: Floats
    jump: Floats


def path_measures(clips: ClipBatch) -> PathMeasures:
    """
    Measure the clips decoded along paths, int16 (P, points, *shape), points at least 2.

    The token distance d of two clips is the share of their tokens that differ (Hamming 1950), by which Roberts et
    al. (MusicVAE, 2018) look at interpolations. With steps = points - 1 and d(k) from point k to k + 1:

        path = mean(d(k)) / (d(first, last) / steps) = sum of d(k) / d(first, last)
        jump = max(d(k)) / sum of d(k)

    path is the ratio of arc to chord in this distance: 1 = each token that differs changes once and directly, more =
    detours. jump is 1 / steps where the clip changes evenly, 1 where it changes all at once. Both are our own.
    """
    flat = clips.reshape(*clips.shape[:2], -1)
    steps = (flat[:, 1:] != flat[:, :-1]).mean(axis=2)
    ends = (flat[:, 0] != flat[:, -1]).mean(axis=1)
    length = steps.sum(axis=1)
    distinct = ends > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        path = np.where(distinct, length / ends, np.nan)
        jump = np.where(distinct, steps.max(axis=1) / length, np.nan)
    return PathMeasures(ends, path, jump)


def draw_pairs(songs: Ints, pairs: int, rng: Generator) -> tuple[Ints, Ints, Ints]:
    """
    Pairs of clips of different songs.

    Songs are paired at random, each once, so that song pairs are independent; where there are fewer song pairs than
    pairs, they are used in turn, each time with newly drawn clips.

    Args:
        songs: int64 (n,), the song of each clip; two songs at least.
        pairs: How many.
        rng: Draws songs and clips.

    Returns:
        int64 (pairs,) each: the first clips, the second clips, and the number of the song pair.
    """
    order = np.argsort(songs, kind="stable")
    _, starts, sizes = np.unique(songs[order], return_index=True, return_counts=True)
    count = min(pairs, len(starts) // 2)
    mixed = rng.permutation(len(starts))
    song_pair = np.arange(pairs) % count
    first, second = (
        order[starts[part[song_pair]] + rng.integers(0, sizes[part[song_pair]])]
        for part in (mixed[:count], mixed[count:])
    )
    return first, second, song_pair


@frozen
class PathSampling:
    """
    How many paths are measured, and how finely.

    Attributes:
        pairs: Number of paths, at least 1.
        points: Codes on each, ends included, at least 2.
    """

    pairs: int = 200
    points: int = 11


DEFAULT_SAMPLING = PathSampling()


def smoothness(
    backend: VAEBackend,
    codes: Codes,
    songs: Ints,
    seed: int,
    *,
    units: CodeUnits | None = None,
    sampling: PathSampling = DEFAULT_SAMPLING,
    progress: Progress = no_progress,
) -> dict[str, Any] | None:
    """
    Measure the paths between the codes of clips of different songs: SLERP, as ``latentknobs interpolate`` goes.

    Args:
        backend: The model.
        codes: Codes of clips (n, D).
        songs: int64 (n,), the song of each clip.
        seed: Seed of the pairs and of the intervals.
        units: In which the prior is standard normal; None = the model's own.
        sampling: Number of paths and of points on each.
        progress: Told of the work.

    Returns:
        JSON: ``pairs``; ``song_pairs``, the number of song pairs, which the intervals are resampled over; ``points``;
        ``measured``, pairs whose ends decode to different clips: the others have no ``path`` and ``jump``; ``ends``,
        ``path`` and ``jump`` of :func:`path_measures`, means with their 95 % intervals. None where all clips are of
        one song.
    """
    if len(np.unique(songs)) < 2:
        return None
    pairs, points = sampling.pairs, sampling.points
    first, second, song_pair = draw_pairs(songs, pairs, default_rng([seed, 6]))
    units = units or CodeUnits.none(codes.shape[1])
    inner = units.inward(codes)
    parts = []
    for start in range(0, pairs, CHUNK):
        rows = slice(start, start + CHUNK)
        ends = zip(first[rows], second[rows], strict=True)
        ways = [one_way(inner[a], inner[b], points, structure=backend.spec.structure) for a, b in ends]
        z = units.outward(np.concatenate(ways))
        measures = path_measures(decode(backend, z).reshape(-1, points, *backend.spec.clip_format.shape))
        parts.append(np.stack([measures.ends, measures.path, measures.jump], axis=1))
        progress("decoding paths between clips", min(start + CHUNK, pairs), pairs)
    values = np.concatenate(parts)
    means, draws = SongDraws(song_pair, default_rng([seed, 7])).means(values)
    return {
        "pairs": pairs,
        "song_pairs": len(np.unique(song_pair)),
        "points": points,
        "measured": int(np.isfinite(values[:, 1]).sum()),
        **{
            name: asdict(interval(float(mean), drawn)) if np.isfinite(mean) else None
            for name, mean, drawn in zip(("ends", "path", "jump"), means, draws.T, strict=True)
        },
    }
