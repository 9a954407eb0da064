"""
Null edits: how many edits that teach nothing does each acceptance criterion, and the paper's threshold, accept?

    python -m benchmarks.nulls -o nulls.jsonl          # 100 seeds a kind: the table of docs/results/evidence.md
    python -m benchmarks.nulls --seeds 1 --alone 0     # a first look
    python -m benchmarks.nulls --augmentation last-note -o last.jsonl  # an edit of one token, measured by its changes
    python -m benchmarks.nulls -o nulls.jsonl --table  # the table of what is judged so far

A run that was stopped goes on where it stopped: the file has one line for each seed. Edited clips are encoded once
for all seeds and kept, about 1 GB with 4,096 clips.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from attrs import evolve, frozen
from numpy.random import Generator

from benchmarks.null_edits.edits import ClipPool, LastNote, NullEdit, RandomClip, drawn
from benchmarks.null_edits.encoded_corpus import EncodedCorpus, EncodedPairs
from latentknobs import Workbench
from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.core.active_dimensions import is_active
from latentknobs.core.arrays import ClipBatch
from latentknobs.core.augmentation import Augmented
from latentknobs.core.corpus import CorpusRequest
from latentknobs.core.experiment import Experiment, Methods, Settings
from latentknobs.core.melody_format import MELODY
from latentknobs.core.method_specs import Fit, SelectInput
from latentknobs.discovery.selectors import by_threshold
from latentknobs.errors import LatentKnobsError, NotFittedError, UsageError
from latentknobs.evaluation.lazy_criteria import ALONE, RANGED, LazyEvaluation

FROM_PAIRS, FROM_ATTRIBUTE = ("mean", "ridge"), ("attribute-vector", "ridge-reading", "discriminant")
"""Fits that learn from the pairs, and those that read the target of the originals alone: no null changes these."""
KINDS = ("real", "swapped", "stranger", "jitter")


@frozen(eq=False)
class Jitter(NullEdit):
    """
    Moves as many notes as the real edit changes tokens, each by its own number of semitones.

    The number is drawn evenly from -n to n without 0, n the size of the amount, so that its mean is 0. A clip is
    masked where the real edit masks it, where it has fewer notes than the edit changes tokens, and where a moved note
    or its mirror image would leave the pitches that the model knows: a mask that looked at one side would give the
    others a mean.

    Attributes:
        seed: Which of its jitters each clip gets at each amount.
        draws: So many jitters of a clip are there at each amount, the same for all seeds, so that they are encoded
            once; 0 = every seed draws its own.
        low: Lowest pitch.
        high: Highest pitch.
    """

    seed: int
    draws: int = 4
    low: int = 0
    high: int = 127
    kind: ClassVar[str] = "jitter"

    def _edit(self, clips: ClipBatch, amount: float, rng: Generator) -> Augmented:
        real = self.real(clips, amount, rng)
        count = (real.clips != clips).sum(axis=1)
        if not self.draws:
            moves = self._moves(clips, amount, count, "seed", self.seed)
        else:
            which = drawn(clips, 1, self.kind, self.seed, amount)[:, 0] % self.draws
            moves = np.zeros_like(clips)
            for draw in range(self.draws):
                rows = which == draw
                moves[rows] = self._moves(clips[rows], amount, count[rows], "draw", draw)
        inside = (moves == 0) | ((clips - np.abs(moves) >= self.low) & (clips + np.abs(moves) <= self.high))
        there = real.valid & inside.all(axis=1) & ((moves != 0).sum(axis=1) == count)
        return Augmented((clips + moves).astype(np.int16), there)

    def _moves(self, clips: ClipBatch, amount: float, count: Any, *keys: object) -> ClipBatch:
        """By how much each token moves, int16 (N, 32): ``count`` (N,) of the notes, chosen at random."""
        most = max(round(abs(amount)), 1)
        numbers = drawn(clips, 2 * MELODY.steps, self.kind, *keys, amount).astype(np.int64)
        order, size = np.split(numbers, 2, axis=1)
        order[~MELODY.onsets(clips)] = 2**32  # behind every note
        rank = order.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
        step = size % (2 * most) - most
        step += step >= 0
        return np.where((rank < count[:, None]) & MELODY.onsets(clips), step, 0).astype(np.int16)


def thresholded(pairs: EncodedPairs) -> int:
    """Of how many dimensions the paper's rule would make a knob."""
    change, covariance = pairs.mean_change(), pairs.corpus.statistics.covariance()
    if not len(change):
        return 0
    active = is_active(np.diag(covariance))
    options = pairs.corpus.experiment.settings.as_dict()
    return len(by_threshold(SelectInput(change, np.zeros(len(active)), lambda _: 0.0, options, active=active)))


def judged(pairs: EncodedPairs, fits: Sequence[Fit], clips: int | None, *, changes: bool = True) -> dict[str, Any]:
    """
    What the acceptance criteria say of each fit, and the paper's threshold of all.

    Args:
        pairs: The edit's pairs.
        fits: The fits.
        clips: Clips on which each criterion is applied alone; None = it is not.
        changes: Whether it is also said what they would say if equivariance scored changes where it scores tokens.
    """
    control_test = pairs.control_test()
    verdicts, by_changes, failed, alone, declined = {}, {}, {}, {}, {}
    beside = evolve(control_test, config=evolve(control_test.config, measure="changes"))
    for fit in fits if pairs.amounts else ():
        evaluation = LazyEvaluation(pairs, fit, control_test)
        try:
            verdicts[fit.name] = evaluation.verdict()
            by_changes[fit.name] = verdicts[fit.name]
            if changes and control_test.config.measure == "tokens":
                by_changes[fit.name] = LazyEvaluation(pairs, fit, beside).verdict()
        except NotFittedError as reason:
            declined[fit.name] = str(reason)
            continue
        failed[fit.name] = sorted(evaluation.failed())
        if clips is not None:
            shorter = LazyEvaluation(pairs, fit, control_test, clips)
            alone[fit.name] = {criterion: shorter.alone(criterion) for criterion in ALONE}
    return {
        "amounts": len(pairs.amounts),
        "measure": control_test.config.measure,
        "by_changes": by_changes,
        "fits": verdicts,
        "declined": declined,
        "failed_at_the_innermost": failed,
        "alone": alone,
        "threshold": thresholded(pairs),
    }


def encoded(bench: Workbench, options: argparse.Namespace) -> EncodedCorpus:
    """The songs, with the real edit and the closed-form fits."""
    backend, plugins, name = bench.model(options.model), bench.plugins, options.augmentation
    edit = LastNote() if name == LastNote.name else bench.augment(name)
    spec, fits = backend.spec, plugins.fits()
    closed = tuple(fits[name] for name in (*FROM_PAIRS, *FROM_ATTRIBUTE))
    attributes, comparisons = tuple(plugins.attributes().values()), tuple(plugins.comparisons().values())
    methods = Methods(closed, plugins.selectors(), plugins.bases(), attributes, comparisons)
    request = CorpusRequest(clips=options.clips, seed=0, pitch_range=spec.pitch_range or (0, 127))
    songs = bench.songs(options.corpus, request)
    settings = Settings(clips=options.clips, trial_clips=options.trial_clips, controls=options.controls)
    return EncodedCorpus.of(Experiment.of(backend, edit, settings, methods), songs, bench.progress)


def nulls(corpus: EncodedCorpus, draws: int) -> Mapping[str, Callable[[int], EncodedPairs]]:
    """By kind, the pairs of a seed."""
    edit = corpus.experiment.edit
    real, pool = EncodedPairs(corpus, edit), ClipPool.of(corpus.shards.values())
    low, high = corpus.experiment.backend.spec.pitch_range or (0, 127)
    return {
        "real": lambda _: real,
        "swapped": real.swapped,
        "stranger": lambda seed: EncodedPairs(corpus, RandomClip(edit, pool, seed)),
        "jitter": lambda seed: EncodedPairs(corpus, Jitter(edit, seed, draws, low, high)),
    }


def work(bench: Workbench, options: argparse.Namespace, done: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Judge what is not done yet; one row for each seed, with the processor seconds that it took."""
    there = {(row["kind"], row["seed"]) for row in done}
    wanted = [(kind, seed) for kind in options.kinds for seed in range(1 if kind == "real" else options.seeds)]
    if not (left := [one for one in wanted if one not in there]):
        return
    corpus = encoded(bench, options)
    pairs = nulls(corpus, options.draws)
    for kind, seed in left:
        start = time.process_time()
        alone_clips = options.alone_clips if seed < options.alone else None
        row = judged(pairs[kind](seed), corpus.experiment.methods.fits, alone_clips, changes=options.by_changes)
        yield {"kind": kind, "seed": seed, **row, "seconds": round(time.process_time() - start, 2)}


def settings_of(bench: Workbench, options: argparse.Namespace) -> dict[str, Any]:
    """What a row depends on besides kind and seed."""
    names = (
        "augmentation",
        "corpus",
        "clips",
        "trial_clips",
        "controls",
        "alone",
        "alone_clips",
        "draws",
        "by_changes",
    )
    return {"model_id": bench.model(options.model).spec.model_id, **{name: getattr(options, name) for name in names}}


def read(path: Path, settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """
    The rows of a file; where it is not there, it is begun. A last line that was cut short is taken off.

    Raises:
        UsageError: It is of other settings, or no such file.
    """
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        lines = [json.loads(line) for line in whole.splitlines()]
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UsageError(f"{path} cannot be read as lines of JSON: {error}.") from error
    if not lines:
        whole, lines = json.dumps(settings) + "\n", [settings]
    if lines[0] != settings:
        raise UsageError(f"{path} was begun with other settings ({json.dumps(lines[0])}): name another file.")
    path.write_text(whole, encoding="utf-8")
    return lines[1:]


def recorded(rows: Iterable[dict[str, Any]], path: Path | None) -> Iterator[dict[str, Any]]:
    """The rows, each added to the file, if there is one, before the next is made."""
    for row in rows:
        if path is not None:
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        yield row


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """
    The table of docs/results/evidence.md.

    In brackets, of all seeds, those that such a gate does not refuse at both innermost amounts already.
    """
    heads = [
        "edit",
        "fits",
        "seeds",
        "measure",
        "accepted",
        "by changes",
        *(f"{gate} alone" for gate in ALONE),
        "threshold",
        "CPU minutes",
    ]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for kind in KINDS:
        of_kind = [row for row in rows if row["kind"] == kind]
        for fits in (FROM_PAIRS, FROM_ATTRIBUTE) if of_kind else ():
            good = {"accepted", "provisional"}
            cells = [", ".join(sorted({row["measure"] for row in of_kind}))]
            cells += [_cell([_any(row[name], fits, good) for row in of_kind]) for name in ("fits", "by_changes")]
            for gate in ALONE:
                asked = [{fit: gates[gate] for fit, gates in row["alone"].items()} for row in of_kind if row["alone"]]
                cells.append(_cell([_any(one, fits, {True}) for one in asked]))
                if gate in RANGED:
                    left = [row["failed_at_the_innermost"] for row in of_kind]
                    most = sum(any(fit in one and gate not in one[fit] for fit in fits) for one in left)
                    cells[-1] += f" (at most {most} of {len(of_kind)})"
            first = fits == FROM_PAIRS
            by_rule = _cell([row["threshold"] > 0 for row in of_kind]) if first else ""
            minutes = f"{sum(row['seconds'] for row in of_kind) / 60:.1f}" if first else ""
            lines.append(
                f"| {kind} | {', '.join(fits)} | {len(of_kind)} | {' | '.join(cells)} | {by_rule} | {minutes} |"
            )
    return "\n".join(lines)


def _any(found: Mapping[str, Any], fits: Sequence[str], good: set[Any]) -> bool:
    return any(found.get(fit) in good for fit in fits)


def _cell(hits: Sequence[bool]) -> str:
    return f"{sum(hits)} of {len(hits)}" if hits else "-"


def _kinds(text: str) -> tuple[str, ...]:
    kinds = tuple(text.split(","))
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise argparse.ArgumentTypeError(f"there is no kind {unknown[0]!r}; there is: {', '.join(KINDS)}")
    return kinds


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100, help="seeds of each kind of null")
    parser.add_argument("--kinds", type=_kinds, default=KINDS, help=f"of {','.join(KINDS)}")
    parser.add_argument("--clips", type=int, default=4096, help="clips asked of the corpus")
    parser.add_argument("--trial-clips", type=int, default=200, help="validation clips, and test clips, of a verdict")
    parser.add_argument("--controls", type=int, default=100, help="random controls of the effect gate")
    parser.add_argument("--alone", type=int, default=10, help="seeds for which every gate is asked alone")
    parser.add_argument("--alone-clips", type=int, default=64, help="validation clips, and test clips, of that")
    parser.add_argument("--draws", type=int, default=4, help="jitters of a clip at an amount; 0 = new for every seed")
    parser.add_argument("--by-changes", action="store_true", help="judge by the F1 of changes too")
    parser.add_argument("--augmentation", default="transpose")
    parser.add_argument("--corpus", default="folk")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--table", action="store_true", help="print the table of what is judged, judge nothing")
    options = parser.parse_args(arguments)
    try:
        with Workbench.open() as bench:
            rows = [] if options.output is None else read(options.output, settings_of(bench, options))
            for row in recorded(work(bench, options, tuple(rows)), options.output) if not options.table else ():
                rows.append(row)
                told = " ".join(f"{fit}={verdict}" for fit, verdict in row["fits"].items())
                print(f"{row['kind']} {row['seed']}: {told} ({row['seconds']:.1f} s)", file=sys.stderr)
    except UsageError as error:
        parser.error(str(error))
    except LatentKnobsError as error:
        parser.exit(1, f"Error: {error}\n")
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
