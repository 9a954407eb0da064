"""Looking a knob up: in the package's own registry, and in one of 200 runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from latentknobs.core.backend import VAEBackend
from latentknobs.registry.store import KnobStore
from latentknobs.testing.store import MODEL, arrays, sample_run
from latentknobs.workbench import Workbench

RUNS = 200
SIZE = 32


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> KnobStore:
    """A store of 200 runs with 20 names of knobs between them."""
    out = KnobStore.open(tmp_path_factory.mktemp("bench") / "registry.db")
    for seed in range(RUNS):
        out.save_run(sample_run(seed, name=f"knob-{seed % 20}", size=SIZE))
    return out


def test_shipped_knob(benchmark: BenchmarkFixture, workbench: Workbench, model: VAEBackend) -> None:
    """The shipped pitch knob, through all layers, with its operator."""
    knob = benchmark(workbench.registry.knob, model.spec.model_id, "pitch")

    assert knob.operator is not None
    assert knob.operator.sha256 == knob.operator_sha256


def test_knob_among_many(benchmark: BenchmarkFixture, store: KnobStore) -> None:
    """The current knob of a name is the newest run's."""
    knob = benchmark(store.knob, MODEL, "knob-7")

    assert arrays(knob) == arrays(sample_run(RUNS - 20 + 7, name="knob-7", size=SIZE).knobs[1])


def test_list_of_knobs(benchmark: BenchmarkFixture, store: KnobStore) -> None:
    """The current knobs without their operators: what ``knobs list`` reads."""
    knobs = benchmark(store.knobs, operators=False)

    assert len(knobs) == 20
    assert all(knob.operator is None for knob in knobs)


def test_save_run(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """A run is stored whole, each in a transaction of its own."""
    out = KnobStore.open(tmp_path / "registry.db", create=True)
    runs = iter(range(1_000_000))

    def save() -> bool:
        return out.save_run(sample_run(next(runs), size=SIZE))

    assert benchmark(save)
    assert len(out.runs()) == next(runs)
