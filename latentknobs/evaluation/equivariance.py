"""
Equivariance: does turning the knob give what editing the clip gives?

(score against the edited clip - floor) / (ceiling - floor). The floor is the best of the baselines: decoding the
unchanged code, and decoding the mean code of edited clips. The ceiling is decoding the edited clip's own code. 1 = as
good as the model can do, 0 = no better than not turning.

The score is the accuracy, the share of equal tokens, unless the edit changes too few of them: a clip that is not turned
at all then scores almost as much as one that is. What counts there is the changes, each a place and its new token. Of
those that the edit makes to the clip and those that the turned clip shows against it, the score is the F1: twice the
number in common over the sum of both numbers, all clips together. So are correctors of grammar scored, whose edits are
just as sparse (Dahlmeier & Ng, "Better evaluation for grammatical error correction", NAACL 2012; there weighted).

A few changes can be guessed from the clip alone: where some notes were moved up and others down at random, a map that
mends what sounds wrong finds half of them. Such a map does the same whichever way it is turned. So changes have a third
baseline, the knob turned as far the other way, where it can be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from attrs import asdict

from latentknobs.core.arrays import ClipBatch, Floats
from latentknobs.core.evidence import LEAST_ROOM, Equivariance, Measure
from latentknobs.evaluation.bootstrap import SongDraws, interval
from latentknobs.evaluation.evaluation_set import AmountBatch


def accuracy(a: ClipBatch, b: ClipBatch) -> Floats:
    """Share of equal tokens of each pair of clips (n, *shape), float64 (n,)."""
    out: Floats = (a == b).mean(axis=_places(a))
    return out


def equivariance(
    batch: AmountBatch,
    turned: ClipBatch,
    mean_edited: ClipBatch,
    draws: SongDraws,
    measure: Measure = "tokens",
    back: ClipBatch | None = None,
) -> Equivariance:
    """
    Measure equivariance at one amount.

    Args:
        batch: The amount's clips, m of them.
        turned: Decodings of T(z, amount), (m, *shape).
        mean_edited: Decoding of the mean code of edited training clips, (*shape), or one for each clip, (m, *shape).
        draws: Resamplings of the batch's songs.
        measure: What is scored.
        back: Decodings of the knob turned the other way, (m, *shape): a floor too. It depends on the knob, so it makes
            no room smaller: where it leaves none, equivariance is 0.
    """
    after, _, ceiling = batch.edit
    if not len(turned):
        return Equivariance(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    candidates = (turned, ceiling, batch.plain, _each(mean_edited, after), batch.plain if back is None else back)
    counts = np.concatenate([_counts(batch, one, measure) for one in candidates], axis=1)
    means, resampled = draws.means(counts)
    scores = _scores(means[None])
    top, floor, lowest = (float(x) for x in (scores[0, 1], scores[0, 2:].max(), scores[0, 2:-1].max()))
    if top - floor < LEAST_ROOM <= top - lowest:
        return Equivariance(0.0, 0.0, 0.0, 0.0, accuracy=float(scores[0, 0]), floor=lowest, ceiling=top)
    value = float(_ratio(scores)[0])
    ratio_interval = asdict(interval(value, _ratio(_scores(resampled))))
    return Equivariance(**ratio_interval, accuracy=float(scores[0, 0]), floor=floor, ceiling=top)


def measure_for(batches: Mapping[float, AmountBatch], mean_edited: Mapping[float, ClipBatch]) -> Measure:
    """
    What an edit is measured by: tokens, or changes where tokens leave no room at one of the amounts.

    Args:
        batches: Clips of validation songs at the amounts nearest to 0, where an edit changes least.
        mean_edited: By amount, the decoding of the mean code of edited training clips, (*shape) or (m, *shape).
    """
    for amount, batch in batches.items():
        after, _, ceiling = batch.edit
        floor = max(accuracy(one, after).mean() for one in (batch.plain, _each(mean_edited[amount], after)))
        if accuracy(ceiling, after).mean() - floor < LEAST_ROOM:
            return "changes"
    return "tokens"


def nearest(amounts: Iterable[float]) -> tuple[float, ...]:
    """Of amounts, the one nearest to 0 on each side: at most two."""
    amounts = sorted(amounts)
    return (*[a for a in amounts if a < 0][-1:], *[a for a in amounts if a > 0][:1])


def _each(baseline: ClipBatch, after: ClipBatch) -> ClipBatch:
    """One decoding (*shape) for all clips, or one for each already, (m, *shape)."""
    return np.broadcast_to(baseline, after.shape)


def _places(clips: ClipBatch) -> tuple[int, ...]:
    return tuple(range(1, clips.ndim))


def _counts(batch: AmountBatch, candidate: ClipBatch, measure: Measure) -> Floats:
    """Numerator and denominator of a candidate's score for each clip, float64 (m, 2)."""
    after, _, _ = batch.edit
    if measure == "tokens":
        return np.stack([accuracy(candidate, after), np.ones(len(after))], axis=1)
    wanted, made = after != batch.before, candidate != batch.before
    common = wanted & (candidate == after)
    places = _places(after)
    return np.stack([2.0 * common.sum(axis=places), wanted.sum(axis=places) + made.sum(axis=places)], axis=1)


def _scores(means: Floats) -> Floats:
    """The scores (B, k) of means of counts (B, 2k); 0 where nothing is counted."""
    counted, most = means[:, ::2], means[:, 1::2]
    return np.divide(counted, most, out=np.zeros_like(counted), where=most > 0)


def _ratio(scores: Floats) -> Floats:
    """The ratios (B,) of scores (B, k); 0 without room: songs drawn so that there is none speak against the knob."""
    floor = scores[:, 2:].max(axis=1)
    gap = scores[:, 1] - floor
    with np.errstate(divide="ignore", invalid="ignore"):
        out: Floats = np.where(gap > 0, (scores[:, 0] - floor) / gap, 0.0)
    return out
