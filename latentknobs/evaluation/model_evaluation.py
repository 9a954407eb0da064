"""
How good a model is: how well it reconstructs clips, what it makes of the prior, and how smooth its paths are.

Reconstruction is measured for z drawn from the posterior, as MusicVAE's is (Roberts et al. 2018), and for z the
mean, from which knobs start. Tokens are the most likely ones (MusicVAE samples them, at temperature 1). Every metric is
computed for each clip and reported as the mean over clips with its interval over songs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from attrs import asdict, frozen
from numpy.random import default_rng

from latentknobs.core.active_dimensions import is_active
from latentknobs.core.arrays import Bools, ClipBatch, Codes, Floats, Ints, group_index
from latentknobs.core.attribute import Attribute, Comparison
from latentknobs.core.backend import Posterior, VAEBackend
from latentknobs.core.clip import OutputGroup
from latentknobs.core.code_units import CodeUnits, prior_units
from latentknobs.core.corpus import Progress, Song, Tally, no_progress
from latentknobs.core.executor_specs import ShardMap, in_turn
from latentknobs.corpora.sharding import carried_songs
from latentknobs.errors import CorpusError
from latentknobs.evaluation.bootstrap import SongDraws, interval
from latentknobs.evaluation.interpolation_smoothness import smoothness
from latentknobs.evaluation.prior_samples import CorpusAttributes, prior, silent

CHUNK = 512
MOST_CLASSES = 8
"""A group with more classes than this is reported as one, not class by class."""


@frozen(eq=False)
class ModelEvaluationSpec:
    """
    What is evaluated of a model.

    Attributes:
        split: "train", "validation" or "test".
        seed: Seed of the codes drawn, of the pairs of clips and of the intervals.
        attributes: Attributes of the format, measured of the clips and of decoded codes from the prior.
        comparisons: Comparisons of the format, each clip with its reconstruction.
        map: Does work on batches, here or elsewhere; nothing depends on where.
    """

    split: str
    seed: int
    attributes: Sequence[Attribute] = ()
    comparisons: Sequence[Comparison] = ()
    map: ShardMap = in_turn


_Batch: TypeAlias = tuple[ClipBatch, Codes, list[str]]
"""Clips (n, *shape), noise (n, D) for codes drawn from their posteriors, the songs."""
_Decoded: TypeAlias = tuple[Bools, ClipBatch]
"""Which tokens are right after the true ones (n, *shape), and the clips after the model's own."""


@frozen(eq=False)
class ReconstructBatches:
    """The task on a batch: encode its clips, and decode the mean and, where there is a scale, a drawn code."""

    backend: VAEBackend

    def prepare(self, item: _Batch) -> None:
        """There is no work without the model."""

    def work(self, item: _Batch, prepared: None) -> tuple[Posterior, list[_Decoded]]:  # noqa: ARG002 - as above
        """The posterior and the decodings."""
        clips, noise, _ = item
        posterior = self.backend.encode(clips)
        kinds = [posterior.mean]
        if posterior.scale is not None:
            drawn = posterior.mean + noise * posterior.scale
            kinds.append(self.backend.spec.structure.with_condition(drawn, posterior.mean))
        return posterior, [self._decoded(z, clips) for z in kinds]

    def _decoded(self, z: Codes, clips: ClipBatch) -> _Decoded:
        return self.backend.decode_log_probs(z, clips).argmax(axis=-1) == clips, self.backend.decode(z)


def evaluate(
    backend: VAEBackend,
    songs: Iterable[Song],
    spec: ModelEvaluationSpec,
    *,
    tally: Tally | None = None,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """
    Measure a model on the clips of one split.

    Only codes and measurements of each clip are held in memory, not the clips.

    Args:
        backend: The model.
        songs: Songs of any split; only those of the spec's split count.
        spec: The split, the seed, the attributes and comparisons.
        tally: Counts clips that the model cannot carry.
        progress: Told of the work.

    Returns:
        JSON. ``model``, ``model_id``, ``split``, ``clips``, ``songs``, ``latent_size``, ``active_units``,
        ``left_out``; ``spectrum``, see :func:`spectrum`; ``kl``, nats a clip (None without a scale). These and what
        follows of the prior and of paths are in the units in which the prior is standard normal: where the model
        declares none, in code units (:mod:`latentknobs.core.code_units`). For z the
        ``mean`` and (with a scale) z ``drawn`` from the posterior: ``teacher_forced`` and ``greedy``, shares of
        right tokens; ``exact``, share of clips without a wrong token; ``groups``, "GROUP/CLASS" or (of many classes)
        "GROUP" to the share of the class' tokens that greedy decoding gives the right class; ``comparisons``, name to
        its value for clip and greedy reconstruction. Each is a mean over clips with its 95 % interval over songs and
        the number of ``clips`` that count (those with a token of the class), None where there are none. ``prior``:
        see :func:`latentknobs.evaluation.prior_samples.prior`. ``smoothness``: see
        :func:`latentknobs.evaluation.interpolation_smoothness.smoothness`.

    Raises:
        CorpusError: No clip of the split that the model can carry.
    """
    tally = tally if tally is not None else Tally()
    split, seed, structure = spec.split, spec.seed, backend.spec.structure
    rows: dict[str, list[Floats]] = {"mean": [], "drawn": []}
    names: list[str] = []
    means: list[Codes] = []
    scales: list[Codes] = []
    measured: list[Floats] = []
    rng = default_rng([seed, 3])

    def batches() -> Iterator[_Batch]:
        for clips, owners in _batches(backend, songs, split, tally):
            noise = rng.standard_normal((len(clips), backend.spec.latent_size)).astype(np.float32)
            yield clips, noise, owners

    for (clips, _, owners), (posterior, decoded) in spec.map(ReconstructBatches(backend), batches()):
        means.append(posterior.mean)
        rows["mean"].append(_row(backend, decoded[0], clips, spec.comparisons))
        if posterior.scale is not None:
            rows["drawn"].append(_row(backend, decoded[1], clips, spec.comparisons))
            scales.append(posterior.scale)
        facts = [silent(backend.spec.clip_format, clips), *(attribute.measure(clips) for attribute in spec.attributes)]
        measured.append(np.stack(facts, axis=1))
        names += owners
        progress(f"evaluating on {split} clips", len(names), None)
    if not names:
        raise CorpusError(
            f"The corpus has no {split} clips that model {backend.spec.name} can carry: ask for more clips, "
            "another split or another corpus."
        )
    number = group_index(names)
    codes = np.concatenate(means)
    posteriors = Posterior(codes, np.concatenate(scales) if scales else None)
    own = CodeUnits.of_posterior(posteriors).holding(structure.held)
    latent = structure.latent
    units = prior_units(backend.spec) or own
    kl = None if posteriors.scale is None else divergence(posteriors, units, latent)
    draws = SongDraws(number, default_rng([seed, 4]))
    out: dict[str, Any] = {
        "model": backend.spec.name,
        "model_id": backend.spec.model_id,
        "split": split,
        "clips": len(names),
        "songs": int(number.max()) + 1,
        "latent_size": backend.spec.latent_size,
        "active_units": int(is_active(own.inward(codes).var(axis=0, dtype=np.float64))[latent].sum()),
        "spectrum": spectrum(np.take(units.inward(codes), latent, axis=1)),
        "kl": None if kl is None else _intervals(draws, kl[:, None])[0],
        "left_out": tally.by_name(),
    }
    for kind, parts in rows.items():
        if parts:
            columns = iter(_intervals(draws, np.concatenate(parts)))
            out[kind] = {name: next(columns) for name in ("teacher_forced", "greedy", "exact")}
            out[kind]["groups"] = {name: next(columns) for group in _groups(backend) for name in _labels(group)}
            out[kind]["comparisons"] = {comparison.name: next(columns) for comparison in spec.comparisons}
    table = np.concatenate(measured)
    corpus = CorpusAttributes(spec.attributes, table[:, 1:], table[:, 0], draws)
    out["prior"] = prior(backend, corpus, seed, units=units, codes=codes, progress=progress)
    out["smoothness"] = smoothness(backend, codes, number, seed, units=units, progress=progress)
    return out


def _intervals(draws: SongDraws, values: Floats) -> list[dict[str, float] | None]:
    """Mean over clips and interval of each column of values (n, k), and how many clips count."""
    means, resampled = draws.means(values)
    counts = (~np.isnan(values)).sum(axis=0)
    return [
        {**asdict(interval(float(mean), drawn)), "clips": int(count)} if count else None
        for mean, drawn, count in zip(means, resampled.T, counts, strict=True)
    ]


def divergence(posterior: Posterior, units: CodeUnits | None = None, latent: Ints | None = None) -> Floats:
    """
    KL of each posterior from the standard normal, nats, (n,) (Kingma & Welling 2014, appendix B).

    Args:
        posterior: With a scale.
        units: In which the prior is standard normal; None = the model's own.
        latent: The dimensions that count, None = all.
    """
    assert posterior.scale is not None  # called only for models with a scale
    units = units or CodeUnits.none(posterior.mean.shape[1])
    mean, scale = (posterior.mean - units.centre) / units.scale, posterior.scale / units.scale
    if latent is not None:
        mean, scale = np.take(mean, latent, axis=1), np.take(scale, latent, axis=1)
    variance = scale**2
    out: Floats = 0.5 * (mean**2 + variance - 1.0 - np.log(variance)).sum(axis=1)
    return out


def spectrum(codes: Codes) -> list[float]:
    """
    Share of the variance of codes (n, D) in each principal component, the largest first, D numbers; all 0 without any.

    Component k's share is the k-th eigenvalue of the covariance over its trace (Jolliffe 2002, chapter 2).
    """
    centred = codes.astype(np.float64) - codes.mean(axis=0, dtype=np.float64)
    squares = np.zeros(codes.shape[1])
    eigenvalues = np.linalg.svd(centred, compute_uv=False) ** 2
    squares[: len(eigenvalues)] = eigenvalues
    total = squares.sum()
    return [float(x) for x in (squares / total if total else squares)]


def _batches(
    backend: VAEBackend, songs: Iterable[Song], split: str, tally: Tally
) -> Iterable[tuple[ClipBatch, list[str]]]:
    waiting: list[ClipBatch] = []
    owners: list[str] = []
    for song in carried_songs(backend, (song for song in songs if song.split == split), tally):
        waiting.append(song.clips)
        owners += [song.name] * len(song.clips)
        if len(owners) >= CHUNK:
            yield np.concatenate(waiting), owners
            waiting, owners = [], []
    if owners:
        yield np.concatenate(waiting), owners


def _groups(backend: VAEBackend) -> tuple[OutputGroup, ...]:
    return backend.spec.clip_format.groups


def _labels(group: OutputGroup) -> list[str]:
    if len(group.classes) > MOST_CLASSES:
        return [group.name]
    return [f"{group.name}/{label}" for label in group.classes]


def _row(backend: VAEBackend, made: _Decoded, clips: ClipBatch, comparisons: Sequence[Comparison]) -> Floats:
    """Of each clip, (n, k): teacher-forced, greedy, exact, labels of the groups, comparisons; NaN = has none."""
    n = len(clips)
    forced, decoded = made
    greedy = decoded == clips
    columns = [
        forced.reshape(n, -1).mean(axis=1),
        greedy.reshape(n, -1).mean(axis=1),
        greedy.reshape(n, -1).all(axis=1).astype(np.float64),
    ]
    for group in _groups(backend):
        classes, decoded_classes = group.of(clips), group.of(decoded)
        labels = range(len(group.classes)) if len(group.classes) <= MOST_CLASSES else [None]
        for label in labels:
            members = (classes >= 0) if label is None else (classes == label)
            correct = ((classes == decoded_classes) & members).reshape(n, -1).sum(axis=1)
            count = members.reshape(n, -1).sum(axis=1)
            columns.append(np.where(count > 0, correct / np.maximum(count, 1), np.nan))
    columns += [comparison.measure(clips, decoded) for comparison in comparisons]
    return np.stack(columns, axis=1)
