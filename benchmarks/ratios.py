"""
Our encode and decode beside what people would otherwise run, as ratios of times taken in turns.

    python -m benchmarks.ratios                     # the table of docs/results/performance.md, hidden 512
    python -m benchmarks.ratios --hidden 2048 --rounds 5 --json
    python -m benchmarks.ratios --device cuda --clips 1 256 4096

All contenders of a row and the products of large matrices that are the limit (the faster of two ways) run one after
another, round after round, so that a slower minute of the machine is slower for everybody; a ratio, and a share of the
limit, is the median over rounds, a ratio with the middle half of the rounds behind it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from benchmarks import contenders
from latentknobs.backends.machine import PRODUCT_FLOPS, numbers, products


def row(work: str, hidden: int, size: int, rounds: int, device: str) -> list[dict[str, Any]]:
    """Every contender at one piece of work, the plain one first."""
    tokens, z = (x.to(device) for x in contenders.batch(size))
    with torch.inference_mode():
        entries = list(contenders.WORK[work](contenders.network(hidden).to(device), tokens if work == "encode" else z))
        expected = entries[0].work()
        differences = {one.name: contenders.check(one, one.work(), expected) for one in entries}
        limits = {number: products(number, device) for number in numbers(device)}
        ways: dict[str, Callable[[], object]] = {one.name: one.work for one in entries}
        ways |= {f"{number} {name}": way for number, some in limits.items() for name, way in some.items()}
        times: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, way in ways.items():
                times[name].append(_timed(way, device))
    plain = np.asarray(times[entries[0].name])
    out = []
    for one in entries:
        seconds = np.asarray(times[one.name])
        ratio = plain / seconds
        low, high = np.quantile(ratio, [0.25, 0.75])
        least = np.min([times[f"{one.number} {name}"] for name in limits[one.number]], axis=0)
        speed, limit = contenders.flops(work, hidden) * size / seconds, PRODUCT_FLOPS / least
        out.append(
            {"work": work, "hidden": hidden, "clips": size, "by": one.name}
            | {"ms": 1e3 * float(np.median(seconds)), "ms_99": 1e3 * float(np.quantile(seconds, 0.99))}
            | {
                "ratio": float(np.median(ratio)),
                "ratio_low": float(low),
                "ratio_high": float(high),
                "of_peak": float(np.median(speed / limit)),
            }
            | {"number": one.number, "limit": float(np.median(limit)), **differences[one.name]}
        )
    return out


def _timed(way: Callable[[], object], device: str) -> float:
    """Seconds until it is done."""
    start = time.perf_counter()
    way()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as markdown."""
    lines = [
        "| work | hidden | clips | by | ms | times as fast (middle half) | of the peak | differs by |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        peak = f"{r['of_peak']:.0%} {r['number']}"
        off = f"{1 - r['tokens_equal']:.2%} of tokens" if "tokens_equal" in r else f"{r['codes_off']:.0e}"
        lines.append(
            f"| {r['work']} | {r['hidden']} | {r['clips']} | {r['by']} | {r['ms']:.1f} "
            f"| {r['ratio']:.2f} ({r['ratio_low']:.2f} to {r['ratio_high']:.2f}) | {peak} | {off} |"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hidden", type=int, default=512)
    parser.add_argument("--clips", type=int, nargs="+", default=[1, 25, 256])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    rows: list[dict[str, Any]] = []
    for work in contenders.WORK:
        for size in options.clips:
            rounds = options.rounds * (4 if size < 100 else 1)
            rows += row(work, options.hidden, size, rounds, options.device)
    if options.json:
        print(json.dumps({"threads": torch.get_num_threads(), "rows": rows}, indent=2))
    else:
        limits = {r["number"]: r["limit"] for r in rows}
        print(", ".join(f"{name} {value / 1e9:.0f}" for name, value in limits.items()), "billion operations a second\n")
        print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
