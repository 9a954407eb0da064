"""
SQLite beside PostgreSQL: ten queries among 10, 10,000 and more knobs, as Python gets their answers.

    python -m benchmarks.shared_registry [--knobs N]... [--repeats N]

Starts a PostgreSQL server of its own (Debian's postgresql), fills a file, copies it to the server and prints a table.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.bench_registry import QUERIES, TOP, fill
from latentknobs.core.query_spec import KnobQuery
from latentknobs.registry.copying import copy
from latentknobs.registry.store import KnobStore
from tests.postgres_server import PostgresServer, lacking

TEN = {
    **QUERIES,
    "names with *": KnobQuery(name="knob-*", sort="name", limit=TOP),
    "effect": KnobQuery(effect=2.0, verdict="accepted", limit=TOP),
    "condition alone": KnobQuery(where="equivariance >= 0.9 and name like 'KNOB-1%'", limit=TOP),
}


def milliseconds(work: Callable[[], object], repeats: int) -> float:
    """The median time of some work, done once before."""
    work()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return 1000 * median(times)


def compare(server: PostgresServer, folder: Path, knobs: int, repeats: int) -> None:
    """Print the rows of one size."""
    path, url = folder / f"{knobs}.db", server.new_database()
    fill(path, knobs)
    began = time.perf_counter()
    rows = copy(path, url)
    print(f"| copied, all {sum(rows.values()):,} rows compared | {knobs:,} | | {time.perf_counter() - began:.1f} s |")
    file, shared = KnobStore.open(path), KnobStore.open(url)
    for name, query in TEN.items():
        assert [k.as_dict() for k in file.find(query)] == [k.as_dict() for k in shared.find(query)], name
        times = [milliseconds(lambda one=one, query=query: one.find(query), repeats) for one in (file, shared)]  # type: ignore[misc] # mypy asks for types of the defaults
        print(f"| {name} | {knobs:,} | {times[0]:.1f} | {times[1]:.1f} |", flush=True)


def main() -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--knobs", type=int, action="append")
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    if reason := lacking():
        raise SystemExit(reason)
    server = PostgresServer()
    try:
        print("| query | knobs | SQLite, ms | PostgreSQL, ms |\n|---|---|---|---|")
        with TemporaryDirectory() as folder:
            for knobs in options.knobs or (10, 10_000):
                compare(server, Path(folder), knobs, options.repeats)
    finally:
        server.close()


if __name__ == "__main__":
    main()
