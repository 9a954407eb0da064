"""The machine: what it is, and how fast it multiplies matrices, which is the limit that models stand beside."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Callable
from functools import partial
from pathlib import Path
from timeit import timeit

import numpy as np
import torch

from latentknobs import __version__
from latentknobs.backends.devices import cpu_capabilities, has_bfloat16
from latentknobs.backends.precision import PRECISIONS
from latentknobs.core.bench_result import BenchMachine, BenchVersions

SIZE = 2048
"""Rows and columns of the matrices."""
PRODUCT_FLOPS = 2 * SIZE**3
TRIES = 4
INSTRUCTIONS = (
    "avx2",
    "avx512_f",
    "avx512_bf16",
    "avx512_vnni",
    "avx_vnni",
    "amx_bf16",
    "amx_int8",
    "neon",
    "sve",
    "bf16",
)
"""torch's names of instruction sets that its products depend on."""


def this_machine() -> BenchMachine:
    """What this machine is, and how busy it was in the last minute."""
    has = cpu_capabilities()
    cores = _cores()
    load = os.getloadavg()[0] / cores if hasattr(os, "getloadavg") else None
    return BenchMachine(
        cpu=_cpu(),
        cores=cores,
        memory=_memory(),
        instructions=tuple(name for name in INSTRUCTIONS if has.get(name)),
        load=None if load is None else round(load, 2),
    )


def these_versions() -> BenchVersions:
    """What runs."""
    return BenchVersions(__version__, platform.python_version(), str(torch.__version__), np.__version__)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu() -> str:
    with contextlib.suppress(OSError):  # Linux alone has the file
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine() or "unknown"


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # no POSIX
        return None


def numbers(device: str = "cpu") -> list[str]:
    """In which numbers this device multiplies."""
    supported = [name for name in PRECISIONS if name != "bf16" or has_bfloat16(torch.device(device))]
    return [name for name in supported if name != "int8" or device == "cpu"]


def products(number: str, device: str = "cpu") -> dict[str, Callable[[], object]]:
    """
    A product of two matrices of this kind of number, PRODUCT_FLOPS operations, by name; done when it returns.

    torch's own, and on a processor ours, whose weights lie as oneDNN reads them: which is faster depends on who made
    the processor. The faster one is the limit.
    """
    a, b = torch.randn(2, SIZE, SIZE, device=device, generator=torch.Generator(device).manual_seed(0)).unbind()
    candidates: dict[str, Callable[[], object]] = {}
    if device == "cpu":
        way = PRECISIONS[number]()
        ours, operand = way.product(b, torch.zeros(SIZE)), way.operand(a.tanh())
        candidates["laid out"] = partial(ours, operand)
    if number == "int8":
        x, y = ((x * 30).round().clamp(-127, 127).to(torch.int8) for x in (a, b))
        candidates["plain"] = partial(torch._int_mm, x, y)  # noqa: SLF001 - as in latentknobs/backends/precision.py
    else:
        x, y = (x.to(torch.bfloat16 if number == "bf16" else torch.float32) for x in (a, b))
        candidates["plain"] = partial(torch.mm, x, y)
    return {name: partial(_done, way, device) for name, way in candidates.items()}


@torch.inference_mode()
def _done(work: Callable[[], object], device: str) -> None:
    work()
    if device == "cuda":
        torch.cuda.synchronize()


def peak(number: str, device: str = "cpu") -> float:
    """The fastest product of this kind of number that the machine does in these seconds, operations a second."""
    times = [timeit(way, number=1) for way in products(number, device).values() for _ in range(TRIES)]
    return PRODUCT_FLOPS / min(times)


def threads() -> int:
    """Threads of torch's products."""
    return torch.get_num_threads()
