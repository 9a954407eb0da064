"""Encode and decode over batch and hidden size, ours and others', each checked and beside the machine's limit."""

from __future__ import annotations

from functools import lru_cache
from itertools import product

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks import contenders
from latentknobs.backends.machine import peak

HIDDEN = (512, 2048)
BATCHES = (1, 32, 256)
ROUNDS, LONG_ROUNDS = 10, 3
LONG = 2e10
"""Work of more operations than this is timed three times, other work ten times."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """All sizes where times are taken; the smallest, for correctness, in the tests."""
    if "case" in metafunc.fixturenames:
        timed = not metafunc.config.getoption("benchmark_disable") or metafunc.config.getoption("benchmark_enable")
        sizes = product(HIDDEN, contenders.WORK, BATCHES) if timed else product([256], contenders.WORK, BATCHES[:2])
        cases = [(*size, by) for size in sizes for by in contenders.NAMES]
        metafunc.parametrize("case", cases, ids=["-".join(map(str, case)) for case in cases])


def test_core(benchmark: BenchmarkFixture, case: tuple[int, str, int, str]) -> None:
    """Nobody is timed whose codes or tokens are not the plain network's."""
    hidden, work, clips, by = case
    entries, plain = _entries(hidden, work, clips)
    if by not in entries:
        pytest.skip(f"{by} is not available for {work}")
    one = entries[by]
    operations = contenders.flops(work, hidden) * clips
    with torch.inference_mode():
        difference = contenders.check(one, one.work(), plain)
        # Just before and just after: the machine may be slower in another minute.
        limits = [peak(one.number)] if benchmark.enabled else []
        benchmark.pedantic(one.work, rounds=LONG_ROUNDS if operations > LONG else ROUNDS, warmup_rounds=1)
        if limits:
            benchmark.extra_info["peak"] = max(*limits, peak(one.number))
    benchmark.extra_info.update(
        work=work, hidden=hidden, clips=clips, by=by, number=one.number, operations=operations, **difference
    )


_network = lru_cache(1)(contenders.network)


@lru_cache(1)
def _entries(hidden: int, work: str, clips: int) -> tuple[dict[str, contenders.Contender], torch.Tensor]:
    """All who do this, by name, and what the plain network gives."""
    tokens, z = contenders.batch(clips)
    with torch.inference_mode():
        some = contenders.WORK[work](_network(hidden), tokens if work == "encode" else z)
        entries = {one.name: one for one in some}
        return entries, next(iter(entries.values())).work()
