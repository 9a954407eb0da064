"""
What a discovery costs in work on shards, and how it would go on many workers: measured, then simulated.

    python -m benchmarks.scale record                 # minutes: one process, one thread, into docs/results/scale.csv
    python -m benchmarks.scale simulate               # a minute: 10^8 clips on 1 to 256 workers, and its picture

`record` reads a corpus as `discover` does and times each shard: reading it and making bytes of it, the work of a worker
on it, and what the program does with the result, in seconds of the processor, which other programs do not lengthen;
with the bytes in both directions and the memory that all this takes.
`simulate` draws from these times. Items are given out in order to whichever worker is free, and results are taken in
order, as latentknobs.executors.executor_map does. One task in a hundred takes ten times as long, one in a
thousand is lost at some moment of its time and begun again 5 s later.
"""

from __future__ import annotations

import argparse
import csv
import heapq
import os
import pickle
import resource
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from attrs import define, frozen
from numpy.random import Generator, default_rng

from latentknobs.core.arrays import Floats
from latentknobs.core.executor_specs import ShardMap, ShardTask
from latentknobs.executors.executor_map import AHEAD
from latentknobs.executors.shipping import dumps, loads
from latentknobs.workbench import Workbench

RECORDED = Path("docs/results/scale.csv")
PICTURE = Path("docs/images/scale.png")
COLUMNS = ("clips", "read_s", "work_s", "fold_s", "sent_bytes", "received_bytes")
CLIPS = 10**8
WORKERS = (1, 4, 8, 16, 32, 64, 128, 256)
SLOW, SLOWER = 0.01, 10.0
LOST, AGAIN = 0.001, 5.0
BANDWIDTH = 1.25e9
"""Bytes a second between the program and all workers: 10 Gbit/s."""
T = TypeVar("T")
R = TypeVar("R")


class _Recorded(Exception):  # noqa: N818 - the end of the reading, not a fault
    """Raised once all shards are read: what follows is not on shards."""


@define(eq=False)
class Recorder:
    """A map that times itself."""

    bench: Workbench
    rows: list[tuple[float, ...]]

    def __call__(self, task: ShardTask[T, Any, R], items: Iterable[T]) -> Iterator[tuple[T, R]]:
        """As every map, in this process, through the bytes that would travel."""
        of_task = dumps(task, self.bench)
        work: ShardTask[T, Any, R] = loads(of_task, self.bench)
        walk = iter(items)
        while True:
            start = time.process_time()
            try:
                item = next(walk)
            except StopIteration:
                raise _Recorded from None
            sent = dumps(item, self.bench)
            read = time.process_time()
            given = loads(sent, self.bench)
            result = pickle.dumps(work.work(given, work.prepare(given)), protocol=5)
            worked = time.process_time()
            yield item, pickle.loads(result)
            folded = time.process_time()
            shard: Any = item
            times = (read - start, worked - read, folded - worked)
            if shard[0].split == "train":  # others are smaller, and few
                self.rows.append((len(shard[0].clips), *times, len(of_task) + len(sent), len(result)))


class RecordingWorkbench(Workbench):
    """A workbench whose map is timed."""

    recorder: Recorder

    @property
    def map(self) -> ShardMap:
        """The recorder."""
        return self.recorder


def record(edit: str, corpus: str, clips: int, path: Path) -> None:
    """Read a corpus for an edit, on one thread, and write what each shard cost."""
    rows: list[tuple[float, ...]] = []
    with RecordingWorkbench.open(":memory:") as bench:
        assert isinstance(bench, RecordingWorkbench)
        bench.recorder = Recorder(bench, rows)
        with suppress(_Recorded):
            bench.discover(edit, corpus=corpus, clips=clips, keep=False)
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(COLUMNS)
        for clips_of, read, work, fold, sent, received in rows:
            out.writerow((int(clips_of), f"{read:.4f}", f"{work:.4f}", f"{fold:.4f}", int(sent), int(received)))
    table = np.asarray(rows[1:])  # the first shard pays for what is made once
    a_clip = table[:, 1:].sum(axis=0) / table[:, 0].sum()
    for name, seconds in zip(("reading", "work", "folding"), a_clip, strict=False):
        print(f"{name}: {1e3 * seconds:.3f} ms a clip")
    print(f"bytes a clip: {a_clip[3]:.0f} sent, {a_clip[4]:.0f} received")
    print(f"memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


@frozen
class Outcome:
    """
    A simulated run.

    Attributes:
        workers: How many.
        seconds: From its begin to the last result.
        program: Share of them in which the program itself is busy.
        busy: Share of the workers' time in which they work.
        lost: Pieces of work that were lost.
    """

    workers: int
    seconds: float
    program: float
    busy: float
    lost: int


def simulate(recorded: Floats, workers: int, shards: int, rng: Generator, *, troubles: bool = True) -> Outcome:
    """
    Work on so many shards.

    Args:
        recorded: Rows of :data:`COLUMNS`.
        workers: How many work.
        shards: How many shards.
        rng: Draws the shards' times, which are slow and which are lost.
        troubles: Whether any are.
    """
    drawn = recorded[rng.integers(0, len(recorded), shards)]
    _, read, work, fold, sent, received = drawn.T
    lost = rng.random(shards) < LOST * troubles
    work = np.where(rng.random(shards) < SLOW * troubles, SLOWER * work, work)
    work = work + np.where(lost, rng.random(shards) * work + AGAIN, 0.0)
    before, after = read + sent / BANDWIDTH, fold + received / BANDWIDTH
    free = [0.0] * workers
    waiting: deque[tuple[float, float]] = deque()
    now = 0.0
    for first, does, then in zip(before.tolist(), work.tolist(), after.tolist(), strict=True):
        now += first
        done = max(now, heapq.heappop(free)) + does
        heapq.heappush(free, done)
        waiting.append((done, then))
        while len(waiting) >= AHEAD * workers:
            there, folds = waiting.popleft()
            now = max(now, there) + folds
    for there, folds in waiting:
        now = max(now, there) + folds
    return Outcome(
        workers, now, float((before + after).sum()) / now, float(work.sum()) / (now * workers), int(lost.sum())
    )


def simulated(path: Path, clips: int, seed: int) -> list[tuple[Outcome, Outcome]]:
    """For each number of workers: without troubles, and with them."""
    with path.open(encoding="utf-8") as file:
        recorded = np.asarray([[float(row[name]) for name in COLUMNS] for row in csv.DictReader(file)])[1:]
    shards = round(clips / recorded[:, 0].mean())
    print(f"{shards} shards of {recorded[:, 0].mean():.0f} clips")
    return [
        (
            simulate(recorded, n, shards, default_rng([seed, n]), troubles=False),
            simulate(recorded, n, shards, default_rng([seed, n])),
        )
        for n in WORKERS
    ]


def draw(outcomes: Sequence[tuple[Outcome, Outcome]], clips: int, path: Path) -> None:
    """Clips a second over the number of workers."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    counts = np.asarray([plain.workers for plain, _ in outcomes])
    alone = clips / outcomes[0][0].seconds
    program = clips / (outcomes[0][0].program * outcomes[0][0].seconds)
    figure, axes = plt.subplots(figsize=(6.4, 4))
    axes.plot(counts, counts * alone, color="0.7", linestyle="--", label="every worker busy")
    axes.axhline(program, color="0.4", linestyle=":", label="the program busy: reading, sending, folding")
    axes.plot(counts, [clips / plain.seconds for plain, _ in outcomes], marker="o", label="all workers alike")
    axes.plot(counts, [clips / hard.seconds for _, hard in outcomes], marker="s", label="1 % slow, 0.1 % lost")
    axes.set(xscale="log", yscale="log", xlabel="workers, of one thread", ylabel="clips a second")
    axes.set_xticks(counts, [str(n) for n in counts])
    axes.minorticks_off()
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main(words: Sequence[str] | None = None) -> None:
    """Run one of the two."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("record", "simulate"))
    parser.add_argument("--edit", default="transpose")
    parser.add_argument("--corpus", default="folk")
    parser.add_argument("--clips", type=int, help="clips to read (8192) or to simulate (10^8)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--recorded", type=Path, default=RECORDED)
    parser.add_argument("--picture", type=Path, default=PICTURE)
    given = parser.parse_args(words)
    if given.what == "record":
        if os.environ.get("OMP_NUM_THREADS") != "1":  # read when torch is loaded
            environ = {**os.environ, "OMP_NUM_THREADS": "1"}
            again = [sys.executable, "-m", "benchmarks.scale", *(words or sys.argv[1:])]
            raise SystemExit(subprocess.run(again, env=environ, check=False).returncode)
        record(given.edit, given.corpus, given.clips or 8192, given.recorded)
        return
    clips = given.clips or CLIPS
    outcomes = simulated(given.recorded, clips, given.seed)
    print("| workers | hours | with troubles | workers busy | program busy | lost |\n|---|---|---|---|---|---|")
    for plain, hard in outcomes:
        hours = f"{plain.seconds / 3600:.1f} | {hard.seconds / 3600:.1f}"
        print(f"| {plain.workers} | {hours} | {hard.busy:.0%} | {hard.program:.0%} | {hard.lost} |")
    draw(outcomes, clips, given.picture)


if __name__ == "__main__":
    main()
