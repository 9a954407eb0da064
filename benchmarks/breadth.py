"""
How broad a model is, for :mod:`benchmarks.sweep`: reconstruction of other styles, and how far edits are affine.

Everything is measured on validation songs. An affine map of each edit is fitted by least squares on training clips of
folk and broad, and decoded on other clips: equivariance, which is 0 where nothing is turned and 1 where the turned code
is as good as the edited clip's own, of the worst amount.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.generalization import Sample, sample
from latentknobs.core.arrays import ClipBatch, Floats
from latentknobs.core.augmentation import Augmentation
from latentknobs.core.backend import VAEBackend
from latentknobs.core.corpus import Tally
from latentknobs.core.melody_format import MELODY
from latentknobs.core.model_calls import decode, edited, encode
from latentknobs.workbench import Workbench

CORPORA: Final = ("folk", "essen", "parts", "broad")
EDITS: Final[Mapping[str, tuple[float, ...]]] = {
    "transpose": (-12, -7, -1, 1, 7, 12),
    "retrograde": (1,),
    "reflection": (1,),
    "rotation": (1, 2, 3, 4),
    "thinning": (-1,),
    "ornament": (1,),
}
CLIPS: Final = 400
FITTED: Final = 2_500
"""Training clips of each of two corpora that maps are fitted on."""
PENALTY: Final = 1e-2


def measure(bench: Workbench, model: str) -> dict[str, Any]:
    """JSON: ``prior_valid``; by corpus ``greedy`` and ``exact`` from the mean, ``drawn``; ``affine``, edit to value."""
    backend = bench.model(model)
    prior = np.random.default_rng(0).standard_normal((1000, backend.spec.latent_size)).astype(np.float32)
    raw = backend.decode_log_probs(prior, None).argmax(axis=-1).astype(np.int16)
    samples = {corpus: sample(bench, backend, corpus, "validation", CLIPS) for corpus in CORPORA}
    clips = np.concatenate([sample(bench, backend, corpus, "train", FITTED).clips for corpus in ("folk", "broad")])
    training = (clips, encode(backend, clips).astype(np.float64))
    return {
        "prior_valid": float(MELODY.valid(raw).mean()),
        "corpora": {corpus: reconstruction(backend, one) for corpus, one in samples.items()},
        "affine": {name: dict(affine(backend, bench.augment(name), training, samples)) for name in EDITS},
    }


def reconstruction(backend: VAEBackend, one: Sample) -> dict[str, float]:
    """Shares of right tokens and of clips without a wrong one."""
    posterior = backend.encode(one.clips)
    assert posterior.scale is not None  # networks trained here have one
    noise = np.random.default_rng(1).standard_normal(posterior.mean.shape).astype(np.float32)
    right = decode(backend, posterior.mean) == one.clips
    drawn = decode(backend, posterior.mean + noise * posterior.scale) == one.clips
    return {"greedy": float(right.mean()), "exact": float(right.all(axis=1).mean()), "drawn": float(drawn.mean())}


def affine(
    backend: VAEBackend, edit: Augmentation, training: tuple[ClipBatch, Floats], samples: Mapping[str, Sample]
) -> Iterator[tuple[str, float]]:
    """Corpus, and the equivariance of an edit's affine maps there at the worst amount."""
    maps = {amount: fitted_map(backend, edit, training, amount) for amount in EDITS[edit.name]}
    for corpus, one in samples.items():
        yield corpus, min(equivariance(backend, edit, one.clips, at) for at in maps.items())


def fitted_map(backend: VAEBackend, edit: Augmentation, training: tuple[ClipBatch, Floats], amount: float) -> Floats:
    """The affine map (D + 1, D) of an edit by an amount, by least squares, from clips and their codes (n, D)."""
    clips, before = training
    after, valid = edited(backend, edit, clips, amount, np.random.default_rng(2), Tally())
    codes = encode(backend, after[valid]).astype(np.float64)
    design = _affine(before[valid])
    gram = design.T @ design + PENALTY * np.eye(design.shape[1])
    out: Floats = np.linalg.solve(gram, design.T @ codes)
    return out


def equivariance(backend: VAEBackend, edit: Augmentation, clips: ClipBatch, at: tuple[float, Floats]) -> float:
    """That of an amount and its map, on clips."""
    amount, fitted = at
    after, valid = edited(backend, edit, clips, amount, np.random.default_rng(3), Tally())
    after = after[valid]
    codes, own = encode(backend, clips[valid]), encode(backend, after)
    turned = (_affine(codes) @ fitted).astype(np.float32)
    score, ceiling, floor = ((decode(backend, z) == after).mean() for z in (turned, own, codes))
    return float((score - floor) / (ceiling - floor))


def _affine(codes: np.ndarray) -> np.ndarray:
    return np.concatenate([codes, np.ones((len(codes), 1))], axis=1)


def table(folder: Path, names: Iterable[str], measured: str) -> str:
    """Markdown of the rows that are measured so far."""
    lines = [
        (
            f"| row | prior valid | {' | '.join(f'{c}: greedy / exact; drawn' for c in CORPORA)} "
            f"| affine, folk; parts: {', '.join(EDITS)} |"
        ),
        "|---" * (3 + len(CORPORA)) + "|",
    ]
    for name in names:
        path = folder / name / measured
        if path.exists():
            facts = json.loads(path.read_text(encoding="utf-8"))
            parts = [
                f"{one['greedy']:.1%} / {one['exact']:.1%}; {one['drawn']:.1%}" for one in facts["corpora"].values()
            ]
            ways = "; ".join(
                ", ".join(f"{by_corpus[corpus]:.2f}" for by_corpus in facts["affine"].values())
                for corpus in ("folk", "parts")
            )
            lines.append(f"| {name} | {facts['prior_valid']:.1%} | {' | '.join(parts)} | {ways} |")
    return "\n".join(lines)
