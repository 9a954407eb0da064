"""Encode and decode over batch and hidden size, ours and others', each checked and beside the machine's limit."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks import contenders

HIDDEN = (256, 512, 2048)
BATCHES = (1, 32, 256, 1024)
LONG = 2e11
"""Work of more operations than this is timed three times, other work up to twenty."""


@pytest.mark.slow
@pytest.mark.parametrize("number", ["float32", "bf16", "int8"])
@pytest.mark.parametrize("way", ["laid out", "plain"])
def test_peak(benchmark: BenchmarkFixture, number: str, way: str) -> None:
    """The fastest product of this kind of number, of two ways: the limit that the others stand beside."""
    if number not in contenders.numbers():
        pytest.skip(f"this processor multiplies no {number}")
    benchmark.pedantic(contenders.products(number)[way], rounds=10)
    if benchmark.enabled:
        benchmark.extra_info.update(work="peak", number=number, way=way, operations_a_second=contenders.peak(number))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """All sizes where times are taken; the smallest, for correctness, in the tests."""
    if "clips" in metafunc.fixturenames:
        timed = not metafunc.config.getoption("benchmark_disable") or metafunc.config.getoption("benchmark_enable")
        metafunc.parametrize("hidden", HIDDEN if timed else HIDDEN[:1])
        metafunc.parametrize("clips", BATCHES if timed else BATCHES[:2])


@pytest.mark.parametrize("work", contenders.WORK)
@pytest.mark.parametrize("by", contenders.NAMES)
def test_core(benchmark: BenchmarkFixture, work: str, by: str, clips: int, hidden: int) -> None:
    """Nobody is timed whose codes or tokens are not the plain network's."""
    make, flops = contenders.WORK[work]
    tokens, z = contenders.batch(clips)
    with torch.inference_mode():
        entries = {one.name: one for one in make(_network(hidden), tokens if work == "encode" else z)}
        if by not in entries:
            pytest.skip(f"{by} is not available for {work}")
        one, plain = entries[by], next(iter(entries.values()))
        difference = contenders.check(one, one.work(), plain.work())
        operations = flops(hidden) * clips
        # Just before and just after: the machine may be slower in another minute.
        limits = [contenders.peak(one.number)] if benchmark.enabled else []
        benchmark.pedantic(one.work, rounds=3 if operations > LONG else 20, warmup_rounds=1)
        if limits:
            benchmark.extra_info["peak"] = max(*limits, contenders.peak(one.number))
    benchmark.extra_info.update(
        work=work, hidden=hidden, clips=clips, by=by, number=one.number, operations=operations, **difference
    )


_network = cache(contenders.network)
