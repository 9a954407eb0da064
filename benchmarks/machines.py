"""
The results of ``latentknobs bench`` on several machines, side by side.

    latentknobs bench -o benchmarks/results/NAME.json      # on each machine
    python -m benchmarks.machines                          # the table and docs/images/machines.png
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from latentknobs.core.bench_result import BenchResult, read_bench_result
from latentknobs.plots import draw_throughput
from latentknobs.plots.throughput import where

RESULTS = Path(__file__).parent / "results"
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "machines.png"


def table(results: Sequence[BenchResult]) -> str:
    """What each machine multiplies, its best of each precision, and what is taken there, as markdown."""
    lines = ["| machine | model | precision | peak, billion a second | encode | decode | taken |", "|---" * 7 + "|"]
    for result in results:
        for precision in result.settings.precisions:
            best = {
                work: max(
                    (x.clips_a_second for x in result.timings if (x.work, x.precision) == (work, precision)),
                    default=0.0,
                )
                for work in ("encode", "decode")
            }
            peak = result.peak.get(precision)
            taken = f"batches of {result.choice.batch}" if precision == result.choice.precision else ""
            lines.append(
                f"| {where(result)} | {result.model} | {precision} | {f'{peak / 1e9:.0f}' if peak else '-'} "
                f"| {best['encode']:.0f} | {best['decode']:.0f} | {taken} |"
            )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of files of latentknobs bench -o")
    parser.add_argument("--plot", type=Path, default=PICTURE, help="where the picture goes")
    options = parser.parse_args(arguments)
    paths = sorted(options.results.glob("*.json"))
    if not paths:
        sys.exit(f"{options.results} has no results: make one with latentknobs bench -o {options.results}/NAME.json")
    results = [read_bench_result(path) for path in paths]
    if len(models := {result.model_id for result in results}) > 1:
        sys.exit(f"{options.results} has results of {len(models)} models: measure the same one everywhere")
    print(table(results))
    place = where(results[0]) if len(results) == 1 else "machine by machine"
    draw_throughput(results, options.plot, title=f"{results[0].model}, {place}", overwrite=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
