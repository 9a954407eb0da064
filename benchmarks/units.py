"""
Units do not matter: the same model in other units and coordinates, and what a discovery then finds.

    python -m benchmarks.units [--clips 640] [--only tiny ...]

Each model is taken as it is (its prior not declared, as in its copies), behind z -> a z + b with one a (1e-3, 1e3) and
with an a for each dimension (1e-3 to 1e3, seeded), and behind a rotation; a condition stays. The same edit is looked
for in all of them by the closed-form fits. Prints Markdown: a row for each model, how many verdicts, usable ranges and
dimension selections are the same, and the largest difference of an effect (standard deviations of the attribute) or an
equivariance.
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from attrs import evolve, frozen
from numpy.random import Generator

from latentknobs.backends.transformed import TransformedBackend
from latentknobs.core.arrays import Bools, ClipBatch, Floats
from latentknobs.core.augmentation import TokenAugmentation
from latentknobs.core.backend import VAEBackend
from latentknobs.core.code_units import CodeUnits
from latentknobs.core.corpus import CorpusRequest, Song, no_progress, split_of
from latentknobs.core.drum_format import DRUMS
from latentknobs.core.experiment import QUICK, Experiment
from latentknobs.core.knob import Knob
from latentknobs.core.run import RunSpec
from latentknobs.discovery.discover import discover
from latentknobs.discovery.run_spec import methods_for
from latentknobs.hooks import hookimpl
from latentknobs.hooks.built_ins import BUILTINS
from latentknobs.hooks.manager import Plugins
from latentknobs.testing import tiny
from latentknobs.testing.units import drawn_scales, rescaled, rotated
from latentknobs.workbench import Workbench

ROOT = Path(__file__).resolve().parents[1]
FITS = ("mean", "ridge")
RATIO = 4
"""Clips asked for, to each dimension of the model and amount, where no number is given."""


def models(workbench: Workbench, folder: Path) -> Iterator[tuple[str, Callable[[], VAEBackend], str, str]]:
    """Name, how to make or load the model, corpus and edit of each row."""
    load = workbench.model
    yield "tiny", lambda: load("tiny"), "tiny", "note-split"
    yield "drum example, 1,500 steps", lambda: load(f"drums:{_drums(workbench, folder)}"), "patterns", "shift-hits"
    yield "EC2-like, 300 steps", lambda: load(f"chord-melody:{_chords(folder)}"), "chord-songs", "octave"
    yield "Magenta melody, random weights", lambda: load(f"magenta:{_magenta(folder)}"), "folk", "octave"
    drums = "drums-2bar"
    yield "Magenta drums, random weights", lambda: load(f"magenta:{_magenta(folder, drums)}"), "hits", "later-hits"
    yield "lstm-64", lambda: load(str(ROOT / "benchmarks/models/lstm-64.safetensors")), "folk", "octave"
    yield "shipped GRU", load, "folk", "octave"


def _drums(workbench: Workbench, folder: Path) -> Path:
    weights = folder / "drums.npz"
    _module(ROOT / "plugins" / "drums.py").train(workbench, weights, clips=4000, steps=1500)
    return weights


def _chords(folder: Path) -> Path:
    weights = folder / "chords.npz"
    host = SimpleNamespace(progress=no_progress)
    _module(ROOT / "plugins" / "chord_melody.py").train(host, weights, steps=300, clips=4000)
    return weights


def _magenta(folder: Path, kind: str = "melody-2bar") -> Path:
    random = _module(ROOT / "tests" / "backends" / "magenta" / "conftest.py")
    out = folder / kind
    out.mkdir()
    tensors = random.random_tensors(random.small_shapes(kind, 24, (20, 20), 16))
    random.write_folder(out, tensors, config=None if kind == "melody-2bar" else random.config_of_kind(kind))
    return out


@frozen
class RandomHits:
    """Songs of eight clips of random hits, on six steps of ten."""

    name: str = "hits"
    doc: str = "Random hits."
    licence: str = "Made by rule: free of rights."
    clip_format: str = DRUMS.name
    takes: str = ""

    def songs(self, request: CorpusRequest, argument: str = "") -> Iterator[Song]:  # noqa: ARG002 - it takes none
        """As many as give the clips asked for."""
        for index in range((request.clips or 0) // 8):
            rng = np.random.default_rng([request.seed, index])
            clips = rng.integers(0, DRUMS.vocabulary, (8, DRUMS.steps)) * (rng.random((8, DRUMS.steps)) < 0.6)
            yield Song(f"hits/{index}", clips.astype(np.int16), split_of(f"hits/{index}"))


class LaterHits(TokenAugmentation):
    """Rotates the clip by the amount in sixteenths."""

    name = knob_name = "later-hits"
    amounts = (1.0, 2.0)
    clip_format = DRUMS.name

    def edit_tokens(self, clips: ClipBatch, amount: float, rng: Generator) -> tuple[ClipBatch, Bools]:  # noqa: ARG002 - nothing here is left to chance
        """Any clip can be rotated."""
        return np.roll(clips, int(amount), axis=1), np.ones(len(clips), dtype=bool)


def _module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"units_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def copies(model: VAEBackend, units: CodeUnits) -> dict[str, VAEBackend]:
    """The model as it is, and in other units and coordinates."""
    size = model.spec.latent_size
    one = np.eye(size)
    scales: dict[str, Floats] = {
        "1e-3": np.full(size, 1e-3),
        "1e3": np.full(size, 1e3),
        "each": drawn_scales(size, 1, together=False),
    }
    return {
        "as it is": TransformedBackend(model, evolve(model.spec, prior="aggregate"), one, one, np.zeros(size)),
        **{name: rescaled(model, scale, units) for name, scale in scales.items()},
        "rotated": rotated(model, 2),
    }


def knobs(workbench: Workbench, model: VAEBackend, edit: str, songs: tuple[Song, ...]) -> tuple[Knob, ...]:
    """The knobs of the closed-form fits."""
    methods = methods_for(workbench.plugins, model.spec.clip_format)
    experiment = Experiment.of(model, workbench.augment(edit), evolve(QUICK, fits=FITS), methods)
    spec = RunSpec(model.spec.model_id, model.spec.name, edit, "", 0, {})
    return discover(experiment, songs, spec, version="").knobs


def compared(own: tuple[Knob, ...], other: tuple[Knob, ...]) -> str:
    """Same verdicts, ranges and dimensions, and the largest difference."""
    pairs = list(zip(own, other, strict=True))
    same = [
        sum(one.verdict == two.verdict for one, two in pairs),
        sum((one.low, one.high) == (two.low, two.high) for one, two in pairs),
        sum([d.dim for d in one.dimensions] == [d.dim for d in two.dimensions] for one, two in pairs),
    ]
    off = max(float(np.abs(_numbers(one) - _numbers(two)).max()) for one, two in pairs)
    return f"{', '.join(map(str, same))} of {len(pairs)}; {off:.1g}"


def _numbers(knob: Knob) -> Floats:
    validation = knob.evidence.validation
    assert validation is not None
    ratios = [x.equivariance.value for x in validation.amounts if x.equivariance is not None]
    return np.asarray([*(effect.effect for effect in knob.effects), *ratios])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, help="clips of each corpus [enough for each model]")
    parser.add_argument("--only", nargs="*", help="rows")
    arguments = parser.parse_args()
    print("| model | 1e-3 | 1e3 | each its own | rotated |\n|---|---|---|---|---|", flush=True)
    plugins = Plugins.build(BUILTINS, plugins_dir=None, entry_points=False, strict=True)
    plugins.register(tiny, "tiny")
    offered = ModuleType("hits")
    offered.LATENTKNOBS_API = 1  # type: ignore[attr-defined]  # a plugin made here
    offered.register_corpora = hookimpl(lambda: [RandomHits()])  # type: ignore[attr-defined]  # the same
    offered.register_augmentations = hookimpl(lambda: [LaterHits()])  # type: ignore[attr-defined]  # the same
    plugins.register(offered, "hits")
    for name in ("drums.py", "chord_melody.py"):
        plugins.add_file(ROOT / "plugins" / name)
    with (
        tempfile.TemporaryDirectory() as folder,
        Workbench.open(str(Path(folder) / "registry.db"), plugins=plugins) as workbench,
    ):
        for name, made, corpus, edit in models(workbench, Path(folder)):
            if arguments.only and name not in arguments.only:
                continue
            model = made()
            clips = arguments.clips or max(2 * RATIO * model.spec.latent_size, 400)
            songs = tuple(workbench.songs(corpus, CorpusRequest(clips=clips)))
            tokens = np.concatenate([song.clips for song in songs])[:512]
            units = CodeUnits.of_posterior(model.encode(tokens[model.accepts(tokens)]))
            found = {how: knobs(workbench, copy, edit, songs) for how, copy in copies(model, units).items()}
            own = found.pop("as it is")
            print(f"| {name}, {edit} | {' | '.join(compared(own, other) for other in found.values())} |", flush=True)


if __name__ == "__main__":
    main()
