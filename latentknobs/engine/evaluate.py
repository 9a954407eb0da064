"""How well a model reconstructs: token accuracy, whole clips, groups, active units, with intervals over songs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.random import default_rng

from latentknobs.core.arrays import ClipBatch, Codes, Floats
from latentknobs.core.backend import Posterior, VAEBackend
from latentknobs.core.corpus import Progress, Song, no_progress
from latentknobs.engine.bases import ACTIVE_VARIANCE
from latentknobs.engine.pairs import Tally
from latentknobs.engine.resample import SongDraws, interval
from latentknobs.errors import CorpusError

CHUNK = 512


def evaluate(
    backend: VAEBackend,
    songs: Iterable[Song],
    split: str,
    seed: int,
    *,
    tally: Tally | None = None,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """
    Measure a model's reconstruction of the clips of one split.

    Args:
        backend: The model.
        songs: Songs of any split; only those of ``split`` count.
        split: "train", "validation" or "test".
        seed: Seed of the codes drawn from the posterior and of the intervals.
        tally: Counts clips that the model cannot carry.
        progress: Told of the work.

    Returns:
        JSON: ``clips``, ``songs``, ``active_units``, ``kl`` (nats a clip, None without a scale), and for z
        the ``mean`` and (with a scale) z ``drawn`` from the posterior: teacher_forced, greedy and exact, and
        the greedy accuracy of each token class or group, each a value with its 95 % interval over songs.

    Raises:
        CorpusError: No clip of the split that the model can carry.
    """
    tally = tally if tally is not None else Tally()
    rows: dict[str, list[Floats]] = {"mean": [], "drawn": []}
    names: list[str] = []
    means: list[Codes] = []
    kl: list[Floats] = []
    rng = default_rng([seed, 3])
    for clips, owners in _batches(backend, songs, split, tally):
        posterior = backend.encode(clips)
        means.append(posterior.mean)
        rows["mean"].append(_row(backend, posterior.mean, clips))
        if posterior.scale is not None:
            noise = rng.standard_normal(posterior.mean.shape).astype(np.float32)
            rows["drawn"].append(_row(backend, posterior.mean + noise * posterior.scale, clips))
            kl.append(divergence(posterior))
        names += owners
        progress(f"evaluating on {split} clips", len(names), None)
    if not names:
        raise CorpusError(f"The corpus has no {split} clips that model {backend.spec.name} can carry.")
    number = np.unique(np.asarray(names, dtype=str), return_inverse=True)[1].astype(np.int64)
    columns = _columns(backend)
    out: dict[str, Any] = {
        "model": backend.spec.name,
        "model_id": backend.spec.model_id,
        "split": split,
        "clips": len(names),
        "songs": int(number.max()) + 1,
        "active_units": int((np.concatenate(means).astype(np.float64).var(axis=0) > ACTIVE_VARIANCE).sum()),
        "kl": float(np.concatenate(kl).mean()) if kl else None,
        "left_out": dict(tally.counts),
    }
    for kind, parts in rows.items():
        if parts:
            values, draws = SongDraws(number, default_rng([seed, 4])).means(np.concatenate(parts))
            out[kind] = {
                name: interval(float(v), d).as_dict() if np.isfinite(v) else None
                for name, v, d in zip(columns, values, draws.T, strict=True)
            }
    return out


def divergence(posterior: Posterior) -> Floats:
    """KL of each posterior from the standard normal, nats, (n,) (Kingma & Welling 2014, appendix B)."""
    assert posterior.scale is not None  # asked only of models with one
    mean, variance = posterior.mean.astype(np.float64), posterior.scale.astype(np.float64) ** 2
    out: Floats = 0.5 * (mean**2 + variance - 1.0 - np.log(variance)).sum(axis=1)
    return out


def _batches(
    backend: VAEBackend, songs: Iterable[Song], split: str, tally: Tally
) -> Iterable[tuple[ClipBatch, list[str]]]:
    waiting: list[ClipBatch] = []
    owners: list[str] = []
    for song in songs:
        if song.split != split:
            continue
        carried = backend.accepts(song.clips)
        tally.add("not accepted by the model", int((~carried).sum()))
        waiting.append(song.clips[carried])
        owners += [song.name] * int(carried.sum())
        if len(owners) >= CHUNK:
            yield np.concatenate(waiting), owners
            waiting, owners = [], []
    if owners:
        yield np.concatenate(waiting), owners


def _columns(backend: VAEBackend) -> list[str]:
    names = ["teacher_forced", "greedy", "exact"]
    for group in backend.spec.clip_format.groups:
        if len(group.classes) <= 8:  # a few classes are told apart; of many only the whole is of use
            names += [f"greedy_{group.name}_{label}" for label in group.classes]
        else:
            names.append(f"greedy_{group.name}")
    return names


def _row(backend: VAEBackend, z: Codes, clips: ClipBatch) -> Floats:
    """The columns of :func:`_columns` for each clip, (n, k); NaN where a clip has no token of the class."""
    n = len(clips)
    forced = backend.decode_log_probs(z, clips).argmax(axis=-1) == clips
    decoded = backend.decode(z)
    greedy = decoded == clips
    columns = [
        forced.reshape(n, -1).mean(axis=1),
        greedy.reshape(n, -1).mean(axis=1),
        greedy.reshape(n, -1).all(axis=1).astype(np.float64),
    ]
    for group in backend.spec.clip_format.groups:
        true, got = group.of(clips), group.of(decoded)
        wanted = range(len(group.classes)) if len(group.classes) <= 8 else [None]
        for label in wanted:
            there = (true >= 0) if label is None else (true == label)
            right = ((true == got) & there).reshape(n, -1).sum(axis=1)
            count = there.reshape(n, -1).sum(axis=1)
            columns.append(np.where(count > 0, right / np.maximum(count, 1), np.nan))
    return np.stack(columns, axis=1)
