"""Devices: which one to use, and what it computes fast."""

from __future__ import annotations

import functools
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from latentknobs.errors import UsageError

PRODUCT = ((512, 512), (512, 1536))
"""The matrices that are multiplied to see which numbers are faster: those of a GRU's states and weights."""
FASTER = 1.3
"""How much faster bfloat16 must be, to be worth its rounding."""

if hasattr(os, "register_at_fork"):
    # A copy of the process has none of OpenMP's threads, and would wait for them for ever.
    os.register_at_fork(after_in_child=functools.partial(torch.set_num_threads, 1))


def choose_device(device: str) -> torch.device:
    """
    "auto" (cuda if available), "cpu" or "cuda" as a torch device.

    Raises:
        UsageError: Another name, or cuda without such a device.
    """
    if device not in {"auto", "cpu", "cuda"}:
        raise UsageError(f"The device must be auto, cpu or cuda, not {device!r}.")
    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        raise UsageError("This machine has no CUDA device: use --device cpu or auto.")
    return torch.device("cuda" if available and device != "cpu" else "cpu")


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device has bfloat16 instructions, however fast."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return any(cpu_capabilities().get(name) for name in ("amx_bf16", "avx512_bf16", "bf16"))


def cpu_capabilities() -> dict[str, Any]:
    """Instruction sets of the processor by torch's names, empty where torch does not say."""
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return capabilities


def has_bfloat16_units(device: torch.device) -> bool:
    """Whether the processor has matrix units for bfloat16; the same every time, so that results may rest on it."""
    return device.type == "cpu" and bool(cpu_capabilities().get("amx_bf16", False))


def trains_in_bfloat16(precision: str, device: torch.device) -> bool:
    """Whether to train under bfloat16 autocast; "auto" = where products are faster in it, measured for a second."""
    if precision != "auto":
        return precision == "bfloat16"
    return has_bfloat16(device) and bfloat16_speed(device) >= FASTER


@functools.cache
def bfloat16_speed(device: torch.device) -> float:
    """How many times as fast as in float32 a product of matrices is in bfloat16, measured in turns for a second."""
    kinds = (torch.float32, torch.bfloat16)
    pairs = [[torch.ones(shape, dtype=kind, device=device) for shape in PRODUCT] for kind in kinds]
    fastest = [math.inf, math.inf]
    until = time.perf_counter() + 1.0
    while time.perf_counter() < until or math.inf in fastest:
        for k, (a, b) in enumerate(pairs):
            start = time.perf_counter()
            a @ b
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            fastest[k] = min(fastest[k], time.perf_counter() - start)
    return fastest[0] / fastest[1]


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch on one thread: it splits sums by the number of threads, so their rounding would depend on it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def has_int8_products() -> bool:
    """Whether the processor multiplies and accumulates bytes without overflow (VNNI), and torch can use it."""
    vnni = any(cpu_capabilities().get(name) for name in ("avx512_vnni", "avx_vnni"))
    return vnni and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call] # torch leaves it without types
