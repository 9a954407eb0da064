"""Where to compute, and with which precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from latentknobs.errors import UsageError


def choose_device(device: str) -> torch.device:
    """
    "auto" (cuda where there is one), "cpu" or "cuda" as a torch device.

    Raises:
        UsageError: Another word, or cuda where there is none.
    """
    if device not in {"auto", "cpu", "cuda"}:
        raise UsageError(f"The device must be auto, cpu or cuda, not {device!r}.")
    there = torch.cuda.is_available()
    if device == "cuda" and not there:
        raise UsageError("There is no CUDA device here: use --device cpu or auto.")
    return torch.device("cuda" if there and device != "cpu" else "cpu")


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 by itself; not how fast."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return any(_capabilities().get(name) for name in ("amx_bf16", "avx512_bf16", "bf16"))


def _capabilities() -> dict[str, Any]:
    found: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return found


def trains_in_bfloat16(precision: str, device: torch.device) -> bool:
    """Whether to train under bfloat16 autocast; "auto" = where the machine has matrix units for it."""
    if precision != "auto":
        return precision == "bfloat16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    # Of AVX-512 processors without AMX, some multiply bfloat16 at half the speed of float32 (measured).
    return bool(_capabilities().get("amx_bf16", False))


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch on one thread, so that sums which it splits by the number of threads are the same on any machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def has_byte_products() -> bool:
    """Whether this processor multiplies and adds up bytes without losing any of them (VNNI), and torch can use it."""
    vnni = any(_capabilities().get(name) for name in ("avx512_vnni", "avx_vnni"))
    return vnni and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call] # torch leaves it without types
