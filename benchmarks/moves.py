"""
What a person waits for who turns knobs of the shipped models: median and 99th percentile of many moves of one clip.

    python -m benchmarks.moves
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.bench_model import piece
from latentknobs.hooks.built_ins import BUILTINS
from latentknobs.hooks.manager import Plugins
from latentknobs.session import Session
from latentknobs.workbench import Workbench

MOVES, WARM = 300, 10


def moves(session: Session, other: Session) -> dict[str, Callable[[int], object]]:
    """The moves by name; a number says where knobs go, never twice in a row to the same place. A grid has its own."""
    return {
        "one knob moved": lambda k: session.turn({"pitch": float(k % 12 - 6)}),
        "both knobs": lambda k: session.turn({"pitch": float(k % 12 - 6), "rhythm": float(k % 2)}),
        "grid of 5 x 5": lambda _: session.two_way(other, 5, "pitch", "rhythm"),
    }


def main() -> int:
    """Measure and print."""
    print("| model | move | precision | median, ms | 99th percentile, ms |\n|---|---|---|---|---|")
    for precision in ("float32", "int8"):
        plugins = Plugins.build(BUILTINS, plugins_dir=None, entry_points=False)
        with (
            tempfile.TemporaryDirectory() as folder,
            Workbench.open(str(Path(folder, "none.db")), device="cpu", plugins=plugins, precision=precision) as bench,
        ):
            for model in bench.models.defaults:
                beats = bench.model(model).spec.clip_format.steps // 4
                session, other = (
                    Session.open(bench, piece(name, name[:beats]), model) for name in ("aahhjjhh", "mmkkjjhh")
                )
                every = moves(session, other)
                taken: dict[str, list[float]] = {name: [] for name in every}
                for k in range(WARM + MOVES):
                    for name, move in every.items():
                        start = time.perf_counter()
                        move(k)
                        taken[name].append(1e3 * (time.perf_counter() - start))
                for name, times in taken.items():
                    low, high = np.quantile(times[WARM:], [0.5, 0.99])
                    print(f"| {model} | {name} | {precision} | {low:.1f} | {high:.1f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
