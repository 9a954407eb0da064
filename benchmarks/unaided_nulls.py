"""
Nulls of learned moves: how many that were taught nothing do the acceptance criteria accept?

    python -m benchmarks.unaided_nulls -o unaided.jsonl             # 20 seeds a method
    python -m benchmarks.unaided_nulls --seeds 1                    # a first look
    python -m benchmarks.unaided_nulls -o unaided.jsonl --table     # the table of what is judged so far

`matched` and `flow` learn from attributes that are noise: a normal number for each clip, drawn from its notes, so that
equal clips have equal ones and nothing else does. `classifier` is told directions and lengths of other clips. What they
learn is named and judged by the real attributes, as in `latentknobs disentangle`; but as the best of the moves of one
method alone, so that less is asked of each. `real` is the same with nothing changed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from attrs import evolve

from benchmarks.null_edits.edits import drawn
from benchmarks.nulls import read, recorded
from latentknobs import Workbench
from latentknobs.backends.devices import one_thread
from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.core.arrays import ClipBatch, Floats
from latentknobs.core.attribute import Attribute
from latentknobs.core.corpus import Tally
from latentknobs.core.determinism import one_thread_sums
from latentknobs.core.experiment import Experiment, UnsupervisedSettings
from latentknobs.core.run import RunSpec
from latentknobs.corpora.corpus_spec import CorpusSelection
from latentknobs.discovery.attribute_flows import flow_moves
from latentknobs.discovery.candidate_moves import CandidateMove, MoveInput
from latentknobs.discovery.matched_moves import matched_moves
from latentknobs.discovery.move_classifier import classifier_moves
from latentknobs.discovery.run_spec import methods_for
from latentknobs.discovery.unsupervised import Search
from latentknobs.errors import DiscoveryError, LatentKnobsError, UsageError

METHODS = ("matched", "flow", "classifier")
FOUND = ("accepted", "provisional")


def noise(attribute: Attribute, seed: int) -> Attribute:
    """An attribute of the same name whose values are standard normal numbers, the same for the same clip."""

    def measure(clips: ClipBatch) -> Floats:
        numbers = drawn(clips.reshape(len(clips), -1), 2, "attribute", attribute.name, seed).astype(np.float64)
        radius, angle = (numbers + 1).T / 2.0**32
        out: Floats = np.sqrt(-2 * np.log(np.clip(radius, 1e-12, 1.0))) * np.cos(2 * np.pi * angle)
        return out

    return evolve(attribute, measure=measure)


def moves_of(method: str, given: MoveInput, count: int, *, null: bool) -> list[CandidateMove]:
    """What a method learns, taught nothing or what there is."""
    if null and method != "classifier":
        attributes = tuple(noise(a, given.seed) for a in given.attributes)
        nothing = {a.name: {b.name: float(a is b) for b in attributes} for a in attributes}
        spreads = {a.name: 1.0 for a in attributes}
        given = evolve(given, attributes=attributes, spreads=spreads, relations=nothing)
    if method == "matched":
        return matched_moves(given)[0]
    if method == "flow":
        return flow_moves(given)
    return classifier_moves(given, count, shuffled=null)


def work(bench: Workbench, options: argparse.Namespace, done: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Judge what is not done yet; one row for each method and seed."""
    there = {(row["method"], row["kind"], row["seed"]) for row in done}
    wanted = [(method, "real", 0) for method in options.methods]
    wanted += [(method, "null", seed) for seed in range(options.seeds) for method in options.methods]
    left = [one for one in wanted if one not in there]
    if not left:
        return
    backend = bench.model(options.model)
    settings = UnsupervisedSettings(clips=options.clips)
    methods = methods_for(bench.plugins, backend.spec.clip_format)
    experiment = Experiment.of(backend, None, settings, methods, 0)
    songs = bench.songs_for(backend, CorpusSelection(options.corpus, options.clips, 0), Tally())
    search = Search.of(experiment, songs, Tally(), bench.progress)
    spec = RunSpec(backend.spec.model_id, backend.spec.name, None, options.corpus, 0, {})
    for method, kind, seed in left:
        start = time.process_time()
        mine = evolve(search, experiment=evolve(experiment, seed=seed))
        with one_thread(), one_thread_sums():
            moves = moves_of(method, mine.given, settings.candidates, null=kind == "null")
            try:
                knobs = mine.judged(moves, spec)
            except DiscoveryError:
                knobs = ()
        yield {
            "method": method,
            "kind": kind,
            "seed": seed,
            "moves": len(moves),
            "verdicts": {knob.name: knob.verdict for knob in knobs},
            "seconds": round(time.process_time() - start, 1),
        }


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """How many of each were named, judged and accepted."""
    lines = ["| moves | taught | runs | moves learned | named and judged | accepted |", "|---|---|---|---|---|---|"]
    for method in METHODS:
        for kind, taught in (("real", "what there is"), ("null", "nothing")):
            some = [row for row in rows if row["method"] == method and row["kind"] == kind]
            good = [name for row in some for name, verdict in row["verdicts"].items() if verdict in FOUND]
            accepted = f"{len(good)} ({', '.join(sorted(set(good)))})" if good else "0"
            moves, named = sum(row["moves"] for row in some), sum(len(row["verdicts"]) for row in some)
            lines.append(f"| {method} | {taught} | {len(some)} | {moves} | {named} | {accepted} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20, help="null seeds of each method")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--clips", type=int, default=24_000, help="clips asked of the corpus")
    parser.add_argument("--corpus", default="folk")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--table", action="store_true", help="print the table of what is judged, judge nothing")
    options = parser.parse_args(arguments)
    try:
        with Workbench.open() as bench:
            settings = {"clips": options.clips, "corpus": options.corpus, "model": options.model}
            rows = [] if options.output is None else read(options.output, settings)
            for row in recorded(work(bench, options, tuple(rows)), options.output) if not options.table else ():
                rows.append(row)
                told = " ".join(f"{name}={verdict}" for name, verdict in row["verdicts"].items())
                print(f"{row['method']} {row['kind']} {row['seed']}: {told} ({row['seconds']:.0f} s)", file=sys.stderr)
    except UsageError as error:
        parser.error(str(error))
    except LatentKnobsError as error:
        parser.exit(1, f"Error: {error}\n")
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
