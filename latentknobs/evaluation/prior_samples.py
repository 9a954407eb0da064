"""What a model makes of codes drawn from the prior: whether it is valid, whether it is silent, how like the corpus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from attrs import asdict, frozen
from numpy.random import default_rng
from scipy.stats import binomtest, ks_2samp

from latentknobs.core.arrays import ClipBatch, Codes, Floats
from latentknobs.core.attribute import Attribute
from latentknobs.core.backend import VAEBackend
from latentknobs.core.clip import ClipFormat
from latentknobs.core.code_units import CodeUnits
from latentknobs.core.corpus import Progress, no_progress
from latentknobs.core.evidence import Interval
from latentknobs.core.model_calls import decode
from latentknobs.evaluation.bootstrap import SongDraws, interval
from latentknobs.steering.prior_codes import drawn_codes

SAMPLES = 1000
CHUNK = 128
"""Codes whose log-probabilities are held at a time."""
SAME = 1e-9
"""A spread below this share of the mean's size is rounding: the values are all the same."""


def silent(clip_format: ClipFormat, clips: ClipBatch) -> Floats:
    """1 where a clip of (n, *shape) has no note at all, else 0, float64 (n,)."""
    return np.asarray([not clip_format.notes(clip) for clip in clips], dtype=np.float64).reshape(len(clips))


@frozen(eq=False)
class CorpusAttributes:
    """
    What is measured of the corpus' n clips, to compare samples from the prior with.

    Attributes:
        attributes: The attributes, a of them.
        values: float64 (n, a), NaN where an attribute is not defined.
        silent: float64 (n,), :func:`silent` of the clips.
        draws: Resamplings of their songs.
    """

    attributes: Sequence[Attribute]
    values: Floats
    silent: Floats
    draws: SongDraws


def prior(
    backend: VAEBackend,
    corpus: CorpusAttributes,
    seed: int,
    *,
    units: CodeUnits | None = None,
    codes: Codes | None = None,
    count: int = SAMPLES,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """
    Decode codes from N(0, I) in the prior's units, those of ``latentknobs sample`` for the seed, and measure them.

    Decoding repairs tokens that break the format's rules, so validity is that of the tokens before the repair, the
    most likely ones along the greedy path. All else is measured on the decoded clips and compared with the corpus.

    Args:
        backend: The model.
        corpus: The attributes of the corpus' clips.
        seed: Seed of the codes and of the samples' intervals.
        units: In which the prior is standard normal; None = the model's own.
        codes: Codes of the corpus' clips (n, D), of which conditions are drawn; of a conditional model.
        count: Number of codes, at least 1.
        progress: Told of the work.

    Returns:
        JSON: ``count``; ``valid`` and ``silent``, shares of the samples with 95 % intervals of independent draws
        (Wilson 1927); ``silent_in_corpus``, with its interval over songs; ``attributes``, by name: ``unit``; of
        ``corpus`` and ``samples`` the ``count`` of clips on which it is defined, ``mean`` and ``sd``;
        ``difference``, the samples' mean less the corpus', in standard deviations over the corpus (Glass 1976),
        its interval by resampling songs and samples; ``ks``, the two-sample Kolmogorov-Smirnov distance
        (Smirnov 1939), 0 = the same distribution to 1. What is not defined is None.
    """
    clip_format = backend.spec.clip_format
    drawn = drawn_codes(backend.spec, count, seed, units, codes)
    valid, silent_count, values = 0, 0, []
    for start in range(0, count, CHUNK):
        z = drawn[start : start + CHUNK]
        raw = backend.decode_log_probs(z).argmax(axis=-1).astype(np.int16)
        valid += int(clip_format.valid(raw).sum())
        clips = decode(backend, z)
        silent_count += int(silent(clip_format, clips).sum())
        values.append(_measure(corpus.attributes, clips))
        progress("decoding codes from the prior", start + len(z), count)
    sample_values = np.concatenate(values)
    sample_draws = SongDraws(np.arange(count), default_rng([seed, 5]))  # samples are independent of one another
    silent_share, silent_draws = corpus.draws.means(corpus.silent[:, None])
    return {
        "count": count,
        "valid": asdict(share(valid, count)),
        "silent": asdict(share(silent_count, count)),
        "silent_in_corpus": asdict(interval(float(silent_share[0]), silent_draws[:, 0])),
        "attributes": {
            attribute.name: {
                "unit": attribute.unit,
                **beside(corpus.values[:, k], corpus.draws, sample_values[:, k], sample_draws),
            }
            for k, attribute in enumerate(corpus.attributes)
        },
    }


def _measure(attributes: Sequence[Attribute], clips: ClipBatch) -> Floats:
    out = np.empty((len(clips), len(attributes)))
    for k, attribute in enumerate(attributes):
        out[:, k] = attribute.measure(clips)
    return out


def beside(ours: Floats, our_draws: SongDraws, theirs: Floats, their_draws: SongDraws) -> dict[str, Any]:
    """
    One attribute of two sets of clips, the corpus' (n,) and the samples' (m,), NaN where it is not defined.

    Returns:
        ``corpus``, ``samples``, ``difference`` and ``ks`` of :func:`prior`.
    """
    corpus, corpus_mean, corpus_sd = _moments(ours, our_draws)
    samples, samples_mean, _ = _moments(theirs, their_draws)
    out: dict[str, Any] = {"corpus": corpus, "samples": samples, "difference": None, "ks": None}
    if corpus["count"] and samples["count"]:
        out["ks"] = float(ks_2samp(ours[~np.isnan(ours)], theirs[~np.isnan(theirs)], method="asymp").statistic)
        if corpus["sd"]:
            with np.errstate(divide="ignore", invalid="ignore"):
                draws = (samples_mean - corpus_mean) / corpus_sd
            value = (samples["mean"]["value"] - corpus["mean"]["value"]) / corpus["sd"]
            out["difference"] = asdict(interval(value, draws))
    return out


def _moments(values: Floats, draws: SongDraws) -> tuple[dict[str, Any], Floats, Floats]:
    """Count, mean and standard deviation for JSON, and both over the resamplings, (B,) each."""
    middle = draws.means(values[:, None])[0]
    if not np.isfinite(middle[0]):
        undefined = np.full(1, np.nan)
        return {"count": 0, "mean": None, "sd": None}, undefined, undefined
    # Centred values keep their digits when squared.
    centred = values - middle[0]
    moments, resampled = draws.means(np.stack([centred, centred**2], axis=1))
    spread, spreads = (np.sqrt(np.maximum(m[..., 1] - m[..., 0] ** 2, 0.0)) for m in (moments, resampled))
    least = SAME * max(1.0, abs(float(middle[0])))
    mean, means = float(middle[0]), middle[0] + resampled[:, 0]
    facts = {
        "count": int((~np.isnan(values)).sum()),
        "mean": asdict(interval(mean, means)),
        "sd": float(spread) if spread > least else 0.0,
    }
    return facts, means, np.where(spreads > least, spreads, 0.0)


def share(hits: int, of: int) -> Interval:
    """
    A share of independent draws with its 95 % interval by Wilson's score (1927), which is sound at 0 and 1 as well.

    Args:
        hits: How many had what is counted, 0 to ``of``.
        of: How many were drawn, at least 1.
    """
    p = hits / of
    bounds = binomtest(hits, of).proportion_ci(method="wilson")
    # Rounding must not put a bound beyond the value at 0 and 1.
    return Interval(p, min(p, float(bounds.low)), max(p, float(bounds.high)), float(np.sqrt(p * (1 - p) / of)))
