"""What choosing dimensions costs: the selectors that do not decode, on halves and resamplings of the songs."""

from __future__ import annotations

import numpy as np
from attrs import asdict
from numpy.random import default_rng
from pytest_benchmark.fixture import BenchmarkFixture

from latentknobs.core.experiment import Settings
from latentknobs.core.method_specs import SelectInput
from latentknobs.corpora.sharding import BLOCKS
from latentknobs.discovery.selection_stability import SongSubsets, choices
from latentknobs.hooks.manager import Plugins

SIZE, AMOUNTS, CLIPS = 128, 24, 200


def test_selectors_with_their_stability(benchmark: BenchmarkFixture) -> None:
    """Six selectors, guarded, on 100 halves and 200 resamplings at the size of the shipped model."""
    rng = default_rng(0)
    counts = rng.integers(10, 40, (AMOUNTS, BLOCKS)).astype(np.float64)
    change = np.where(np.arange(SIZE) < 5, 1.0, 0.03)
    sums = rng.normal(size=(AMOUNTS, BLOCKS, SIZE)) * 5 + counts[..., None] * change
    songs = SongSubsets(counts, sums, rng.random((CLIPS, SIZE)) ** 8, rng.integers(0, 80, CLIPS), 0)
    share = songs.energy.mean(axis=0) / songs.energy.mean(axis=0).sum()
    mean_change = sums.sum(axis=1) / counts.sum(axis=1)[:, None]
    settings = Settings()
    example = SelectInput(
        mean_change, share, lambda _dims: 1.0, asdict(settings), AMOUNTS - 1, counts=counts[-1], sums=sums[-1]
    )
    plugins = Plugins.build(["latentknobs.discovery.plugin"], plugins_dir=None, entry_points=False)
    rules = {name: one.select for name, one in plugins.selectors().items() if name != "effect"}

    def work() -> list[dict[str, list[list[int]]]]:
        inputs = (songs.halves(example, settings.halves), songs.resampled(example, settings.resamples))
        return [choices(one, rules) for one in inputs]

    halves, resampled = benchmark(work)

    assert {len(chosen) for chosen in halves.values()} == {settings.halves}
    assert {len(chosen) for chosen in resampled.values()} == {settings.resamples}
