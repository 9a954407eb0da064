"""
Benchmarks under pytest-benchmark: subclass one as a ``Test...`` class and say what is timed.

``pytest --benchmark-only`` prints the times, and ``--benchmark-autosave`` keeps them; ``--benchmark-disable`` runs each
once, to see that it works. Needs the extra ``plugin-dev``.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from time import perf_counter
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import pytest

from latentknobs.analysis.bench_sample import BenchSample
from latentknobs.analysis.model_benchmark import flops_of
from latentknobs.core.backend import VAEBackend
from latentknobs.errors import MissingExtraError

if find_spec("pytest_benchmark") is None:
    raise MissingExtraError("A benchmark under pytest", "plugin-dev")
if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

SECONDS = 0.5
"""How long each is timed, in about as many rounds as that gives."""
FEWEST_ROUNDS, MOST_ROUNDS = 5, 100
T = TypeVar("T")


class BackendBenchmark:
    """
    Encode and decode of a model over batches of its own clips; override ``backend``.

    Beside the times each has, under "extra info", its clips a second, and the share of the machine's fastest matrix
    product where the model says how many operations a clip takes (:class:`~latentknobs.core.backend.FlopCount`).

    Attributes:
        batches: Clips of a batch; the first alone where nothing is timed.
        precision: In which numbers the model multiplies ("float32", "bf16" or "int8"), for the product beside it.
    """

    batches: ClassVar[tuple[int, ...]] = (1, 32, 256)
    precision: str = "float32"

    @pytest.fixture
    def backend(self) -> VAEBackend:
        """The model that is timed."""
        pytest.fail("override the fixture `backend` to return the model that is timed")

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test for each batch."""
        if "batch" in metafunc.fixturenames:
            options = metafunc.config.option
            timed = options.benchmark_enable or not options.benchmark_disable
            metafunc.parametrize("batch", self.batches if timed else self.batches[:1])

    def test_encode(self, benchmark: BenchmarkFixture, backend: VAEBackend, batch: int) -> None:
        """Clips become codes."""
        clips = BenchSample.draw(backend, batch, 0).clips
        if clips is None:
            pytest.skip("the model is a decoder alone")
        posterior = self._time(benchmark, backend, ("encode", batch), lambda: backend.encode(clips))
        assert posterior.mean.shape == (batch, backend.spec.latent_size)

    def test_decode(self, benchmark: BenchmarkFixture, backend: VAEBackend, batch: int) -> None:
        """Codes become valid clips."""
        codes = BenchSample.draw(backend, batch, 0).codes
        clips = self._time(benchmark, backend, ("decode", batch), lambda: backend.decode(codes))
        assert backend.spec.clip_format.valid(clips).all()

    def _time(self, benchmark: Any, backend: VAEBackend, what: tuple[str, int], work: Callable[[], T]) -> T:
        kind, batch = what
        if not benchmark.enabled:
            untimed: T = benchmark(work)
            return untimed
        work()
        start = perf_counter()
        work()
        rounds = min(max(int(SECONDS / (perf_counter() - start)), FEWEST_ROUNDS), MOST_ROUNDS)
        result: T = benchmark.pedantic(work, rounds=rounds, warmup_rounds=1)
        speed = batch / benchmark.stats.stats.median
        benchmark.extra_info.update(clips=batch, clips_a_second=speed)
        flops = flops_of(backend)
        if kind in flops:
            from latentknobs.backends.machine import peak  # loads torch

            benchmark.extra_info["share_of_peak"] = speed * flops[kind] / peak(self.precision)
        return result
