"""
What each part of the preset `broad` buys: the same recipe without it, trained as long.

    python -m benchmarks.ablations FOLDER [--steps 2000] [--only NAME ...] [-o docs/results/ablations.csv]

Each variant is trained in its own folder, or gone on with, and measured on validation songs: reconstruction from the
mean and from a drawn code, the share of valid clips among codes of the prior, and how far edits are affine. For these
an affine map is fitted by least squares on training clips of folk and broad, and decoded on others: equivariance, which
is 0 where nothing is turned and 1 where the turned code is as good as the edited clip's own, of the worst amount.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from attrs import evolve, frozen

from benchmarks.generalization import Sample, sample
from latentknobs.backends.training import commands
from latentknobs.backends.training.config import Config
from latentknobs.backends.training.trainer import CHECKPOINT, MODEL
from latentknobs.core.arrays import ClipBatch, Floats
from latentknobs.core.backend import VAEBackend
from latentknobs.core.corpus import Tally
from latentknobs.core.melody_format import MELODY
from latentknobs.core.model_calls import decode, edited, encode
from latentknobs.workbench import Workbench

Tables = Mapping[str, Mapping[str, Any]]
PLAIN: Final = {"height": False, "mirrors": False}
TRANSPOSITION: Final = [float(n) for n in range(-12, 13) if n]
MIRRORS: Final = [
    {"name": "retrograde", "share": 2, "amounts": [1]},
    {"name": "reflection", "share": 2, "amounts": [1]},
]
FOLK: Final = [{"corpus": "folk", "share": 0.8}, {"corpus": "factors", "share": 0.05, "clips": 20_000}]
VARIANTS: Final[Mapping[str, Tables]] = {
    "as it is": {},
    "no mirrors": {"network": {"mirrors": False}},
    "no mirrors, both followed": {"network": {"mirrors": False}, "follow": {"more": MIRRORS}},
    "no height": {"network": PLAIN},
    "no height, transposition followed by matrices": {
        "network": PLAIN,
        "follow": {"more": [{"name": "transpose", "share": 9, "amounts": TRANSPOSITION}]},
    },
    "no height, transposition followed by powers": {
        "network": PLAIN,
        "follow": {"more": [{"name": "transpose", "share": 9, "map": "powers", "amounts": TRANSPOSITION}]},
    },
    "follows nothing": {"data": {"follow": []}},
    "no corpus broad": {"data": {"sources": FOLK}},
    "reads z in its first layer": {"network": {"step_features": 0, "step_hidden": 0}},
    "posterior of the last states": {"network": {**PLAIN, "state_features": 0}},
    "network of the preset folk": {"network": {**PLAIN, "state_features": 0, "step_features": 0, "step_hidden": 0}},
}
EDITS: Final[Mapping[str, tuple[float, ...]]] = {
    "transpose": (-12, -7, -1, 1, 7, 12),
    "retrograde": (1,),
    "reflection": (1,),
    "rotation": (1, 2, 3, 4),
    "thinning": (-1,),
    "ornament": (1,),
}
CORPORA: Final = ("folk", "essen", "parts", "broad")
CLIPS: Final = 400
FITTED: Final = 5_000
"""Training clips of each of two corpora that maps are fitted on."""
PENALTY: Final = 1e-2


@frozen(eq=False)
class Clips:
    """Clips that are measured, by corpus, and those that maps are fitted on."""

    measured: Mapping[str, Sample]
    fitted: ClipBatch


def config_of(variant: str, steps: int) -> Config:
    """The recipe of a variant."""
    tables = Config.preset("broad").tables()
    for name, table in VARIANTS[variant].items():
        if name == "follow":
            tables["data"]["follow"] = [*tables["data"]["follow"], *table["more"]]
        else:
            tables[name] |= table
    config = Config.from_tables(tables)
    training = evolve(config.training, steps=steps, kl_rise=3 * steps // 20, evaluate_every=steps // 4)
    return evolve(config, training=training)


def trained(workbench: Workbench, variant: str, folder: Path, steps: int) -> VAEBackend:
    """The model of a variant, from its folder where it is there."""
    out = folder / variant.replace(" ", "-").replace(",", "")
    if not (out / MODEL).exists():
        workbench.note(f"{variant}:")
        out.mkdir(parents=True, exist_ok=True)
        recipe = out.with_suffix(".toml")
        recipe.write_text(config_of(variant, steps).to_toml(), encoding="utf-8")
        commands.train(workbench, out=out, preset="broad", config=recipe, resume=(out / CHECKPOINT).exists())
    return workbench.model(str(out / MODEL))


def rows(workbench: Workbench, backend: VAEBackend, clips: Clips) -> Iterator[tuple[str, str, float]]:
    """Corpus, measure and value of a model; no corpus for codes of the prior."""
    prior = np.random.default_rng(0).standard_normal((1000, backend.spec.latent_size)).astype(np.float32)
    raw = backend.decode_log_probs(prior, None).argmax(axis=-1).astype(np.int16)
    yield "", "prior valid", float(MELODY.valid(raw).mean())
    for corpus, one in clips.measured.items():
        posterior = backend.encode(one.clips)
        noise = np.random.default_rng(1).standard_normal(posterior.mean.shape).astype(np.float32)
        assert posterior.scale is not None
        for kind, z in (("mean", posterior.mean), ("drawn", posterior.mean + noise * posterior.scale)):
            right = decode(backend, z) == one.clips
            yield corpus, f"greedy, {kind}", float(right.mean())
            yield corpus, f"exact, {kind}", float(right.all(axis=1).mean())
    for name, amounts in EDITS.items():
        maps = {amount: fitted_map(workbench, backend, clips.fitted, name, amount) for amount in amounts}
        for corpus, one in clips.measured.items():
            yield corpus, name, min(follows(workbench, backend, one, (name, a), maps[a]) for a in amounts)


def fitted_map(workbench: Workbench, backend: VAEBackend, clips: ClipBatch, name: str, amount: float) -> Floats:
    """The affine map (D + 1, D) of an edit by an amount, by least squares."""
    after, valid = edited(backend, workbench.augment(name), clips, amount, np.random.default_rng(2), Tally())
    before, codes = (encode(backend, one[valid]).astype(np.float64) for one in (clips, after))
    design = np.concatenate([before, np.ones((len(before), 1))], axis=1)
    gram = design.T @ design + PENALTY * np.eye(design.shape[1])
    out: Floats = np.linalg.solve(gram, design.T @ codes)
    return out


def follows(workbench: Workbench, backend: VAEBackend, one: Sample, edit: tuple[str, float], fitted: Floats) -> float:
    """Equivariance of an edit's map on a sample."""
    name, amount = edit
    after, valid = edited(backend, workbench.augment(name), one.clips, amount, np.random.default_rng(3), Tally())
    before, after = one.clips[valid], after[valid]
    codes, own = encode(backend, before), encode(backend, after)
    turned = (np.concatenate([codes, np.ones((len(codes), 1))], axis=1) @ fitted).astype(np.float32)
    score, ceiling, floor = ((decode(backend, z) == after).mean() for z in (turned, own, codes))
    return float((score - floor) / (ceiling - floor))


def read(workbench: Workbench, backend: VAEBackend) -> Clips:
    """The clips, all inside the range of the models."""
    load = cache(lambda corpus, split, size: sample(workbench, backend, corpus, split, size))
    measured = {corpus: load(corpus, "validation", CLIPS) for corpus in CORPORA}
    return Clips(measured, np.concatenate([load(corpus, "train", FITTED).clips for corpus in ("folk", "broad")]))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--only", nargs="*", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("-o", "--out", type=Path)
    options = parser.parse_args()
    table = []
    with Workbench.open() as workbench:
        clips = None
        for variant in options.only:
            backend = trained(workbench, variant, options.folder, options.steps)
            clips = clips or read(workbench, backend)
            for corpus, measure, value in rows(workbench, backend, clips):
                table.append((variant, options.steps, corpus, measure, round(value, 4)))
                workbench.note(f"{variant}: {corpus} {measure} {value:.4f}")
    out = sys.stdout if options.out is None else options.out.open("w", encoding="utf-8", newline="")
    with out:
        csv.writer(out).writerows([("variant", "steps", "corpus", "measure", "value"), *table])


if __name__ == "__main__":
    main()
