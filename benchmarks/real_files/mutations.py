"""
Malformed files by mutation, through the whole of ``latentknobs turn``: what must not happen, and how often what did.

    python -m benchmarks.real_files.mutations                # 2,000 files, about half an hour
    python -m benchmarks.real_files.mutations --count 50     # a first look
    python -m benchmarks.real_files.mutations --seed 417     # one of them, kept in the folder "mutations"

A fault is a traceback, an exit code other than 0, 1 and 2, more than ten seconds, a refusal that is no sentence, an
output beside a refusal, or an output that is refused when it is read again. All commands run in one process, which is
started again after a fault that ends it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import select
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from attrs import frozen

from benchmarks.real_files.commands import Outcome
from benchmarks.real_files.notation_files import in_abc, in_music_xml
from benchmarks.real_files.performances import Take
from benchmarks.real_files.song_files import a_song
from latentknobs.errors import LatentKnobsError
from latentknobs.scores.midi_file import load

LONGEST = 10.0
"""Seconds that a file may take."""
CASES = Path(__file__).parents[2] / "tests" / "data" / "midi"
OPTIONS: Sequence[Sequence[str]] = ((), ("--policy", "skyline"), ("--track", "1"))


@cache
def seed_files() -> tuple[tuple[str, bytes], ...]:
    """Suffix and bytes of what is mutated: small cases of the tests, short songs with events of all kinds, scores."""
    songs = [
        a_song("pop", 201, Take(seed=201, lyrics="events", tempo_map=True), form="A"),
        a_song("country", 202, Take(seed=202, kind=0, lyrics="soft karaoke"), form="A"),
        a_song("waltz", 203, Take(seed=203, loose=0, ticks=96), form="A"),
    ]
    out = [(".mid", path.read_bytes()) for path in sorted(CASES.glob("*.mid"))]
    out += [(".mid", make("song.mid").data) for make in songs] * 4
    out += [(".abc", in_abc("reel", 204)("reel.abc").data), (".abc", in_abc("jig", 205)("jig.abc").data)] * 4
    out += [(".musicxml", in_music_xml("reel", 206, ".musicxml", form="A")("reel.musicxml").data)] * 4
    return tuple(out)


def mutated(raw: bytes, other: bytes, rng: random.Random) -> bytes:
    """A file with some bytes changed, cut, put in, repeated or taken from another, lengths and times made wrong."""
    out = bytearray(raw)
    for _ in range(rng.randint(1, 6)):
        at, size = rng.randrange(len(out)), rng.choice((1, 1, 2, 4, 8, 64))
        match rng.choice(
            ("change", "bit", "cut", "insert", "repeat", "cross", "end", "length", "delta", "chunk", "meta")
        ):
            case "change":
                out[at] = rng.choice((0, 0x7F, 0x80, 0xFF, rng.randrange(256)))
            case "bit":
                out[at] ^= 1 << rng.randrange(8)
            case "cut" if len(out) > 80:
                del out[at : at + size]
            case "insert":
                out[at:at] = rng.randbytes(size)
            case "repeat":
                out[at:at] = out[at : at + size] * rng.choice((1, 2, 50))
            case "end" if len(out) > 80:
                del out[max(at, 40) :]
            case "length" if places := _all(out, rb"MTrk|MThd"):
                place = rng.choice(places) + 4
                out[place : place + 4] = rng.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF, rng.randrange(2000))).to_bytes(
                    4, "big"
                )
            case "delta":
                out[at:at] = rng.choice((b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff\x7f", b"\x8f\xff\x7f"))
            case "chunk" if (starts := _all(other, rb"MTrk")) and len(out) > 14:
                place = rng.choice(_all(out, rb"MTrk") or [len(out)])
                out[place:place] = other[rng.choice(starts) :]
            case "meta" if places := _all(out, rb"\xff[\x51\x58\x59]"):
                place = rng.choice(places) + 3
                out[place : place + 2] = rng.choice((b"\0\0", b"\xff\xff", b"\x01\x02", rng.randbytes(2)))
            case _:
                start = rng.randrange(len(other))
                out[at : at + size] = other[start : start + size]
    return bytes(out)


def _all(raw: bytes | bytearray, pattern: bytes) -> list[int]:
    return [match.start() for match in re.finditer(pattern, raw, re.DOTALL)]


def mutation(seed: int) -> tuple[str, bytes]:
    """Name and bytes of one malformed file."""
    rng = random.Random(seed)
    suffix, raw = rng.choice(seed_files())
    others = [data for kind, data in seed_files() if kind == suffix]
    return f"{seed}{suffix}", mutated(raw, rng.choice(others), rng)


@frozen
class Trial:
    """
    What became of a malformed file.

    Attributes:
        seed: Of the file.
        suffix: Of its name.
        code: Exit code, -1 = the process ended or did not answer.
        seconds: How long it took.
        fault: What must not happen, "" = nothing of it.
    """

    seed: int
    suffix: str
    code: int
    seconds: float
    fault: str


def trial(seed: int, folder: Path, run: Callable[[Sequence[str]], Outcome]) -> Trial:
    """Turn one malformed file as told, and as its message says if it names a command."""
    name, data = mutation(seed)
    source, output = folder / name, folder / "out.mid"
    source.write_bytes(data)
    output.unlink(missing_ok=True)
    words = ["turn", name, "--knob", "pitch=+3", "-o", output.name, *OPTIONS[seed % len(OPTIONS)]]
    outcome = run(words)
    fault = _fault(outcome, output)
    commands = outcome.advised()
    seconds = outcome.seconds
    if not fault and outcome.code and len(commands) == 1:
        outcome = run(commands[0])
        fault, seconds = _fault(outcome, output), max(seconds, outcome.seconds)
    if not fault and source.read_bytes() != data:
        fault = "the file itself was changed"
    if not fault:
        source.unlink()
    return Trial(seed, source.suffix, outcome.code, seconds, fault)


def _fault(outcome: Outcome, output: Path) -> str:
    if "Traceback" in outcome.err:
        return f"traceback: {outcome.err.strip().splitlines()[-1]}"
    if outcome.code not in (0, 1, 2):
        return f"exit code {outcome.code}"
    if outcome.seconds > LONGEST:
        return f"{outcome.seconds:.1f} seconds"
    if outcome.code:
        errors = [line for line in outcome.err.splitlines() if line.startswith(("Error: ", "nothing written: "))]
        if len(errors) != 1 or not errors[0].isprintable():
            return f"no sentence: {outcome.err[-200:]!r}"
        return "an output beside a refusal" if output.exists() else ""
    try:
        load(output)
    except LatentKnobsError as error:
        return f"its own output is refused: {error}"
    return ""


def _in_process(words: Sequence[str]) -> Outcome:
    """The command line as a function, its errors as a user sees them."""
    from latentknobs.frontends.cli.app import run_command_line

    before = time.monotonic()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        kept = [os.dup(number) for number in (1, 2)]
        try:
            for number, file in ((1, out), (2, err)):
                os.dup2(file.fileno(), number)
            try:
                code = run_command_line(list(words))
            except BaseException:  # noqa: BLE001 - whatever comes is a fault of the program
                traceback.print_exc()
                code = 70
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            for number, copy in zip((1, 2), kept, strict=True):
                os.dup2(copy, number)
                os.close(copy)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    return Outcome(tuple(words), code, texts[0], texts[1], time.monotonic() - before)


def _work(folder: Path) -> None:
    """Answer the seeds on stdin."""
    import resource

    answers = os.fdopen(os.dup(1), "w")
    os.chdir(folder)
    for line in sys.stdin:
        one = trial(int(line), folder, _in_process)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        answers.write(json.dumps([one.seed, one.suffix, one.code, one.seconds, one.fault, memory]) + "\n")
        answers.flush()


class _Worker:
    """A process that turns malformed files, started again when it ends or hangs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.memory = 0
        self.process: subprocess.Popen[str] | None = None

    def ask(self, seed: int) -> Trial:
        """One file's trial."""
        process = self.process
        if process is None:
            env = {name: value for name, value in os.environ.items() if not name.startswith("LATENTKNOBS_")}
            command = [sys.executable, "-m", "benchmarks.real_files.mutations", "--work", "-o", str(self.folder)]
            process = self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env | {"OMP_NUM_THREADS": "1"}
            )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{seed}\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], 6 * LONGEST)
        answer = process.stdout.readline() if ready else ""
        if not answer:
            self.close()
            return Trial(
                seed, Path(mutation(seed)[0]).suffix, -1, 6 * LONGEST, "it hangs" if not ready else "the process ended"
            )
        *facts, memory = json.loads(answer)
        self.memory = max(self.memory, memory)
        return Trial(*facts)

    def close(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
        self.process = None


@contextlib.contextmanager
def _workplace(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder.resolve()
        return
    with tempfile.TemporaryDirectory() as temporary:
        yield Path(temporary)


def summary(trials: Sequence[Trial]) -> str:
    """What became of the files, by suffix, and every fault."""
    lines = []
    for suffix in sorted({one.suffix for one in trials}):
        own = [one for one in trials if one.suffix == suffix]
        codes = Counter(one.code for one in own)
        told = ", ".join(f"{count} with exit code {code}" for code, count in sorted(codes.items()))
        lines.append(f"{len(own)} {suffix}: {told}; longest {max(one.seconds for one in own):.1f} s")
    faults = [one for one in trials if one.fault]
    lines.append(f"{len(faults)} faults")
    lines += [f"    seed {one.seed}{one.suffix}: {one.fault}" for one in faults]
    return "\n".join(lines)


def main() -> int:
    """Try them; 1 where there is a fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000, help="how many [2000]")
    parser.add_argument("--start", type=int, default=0, help="the first seed [0]")
    parser.add_argument("--seed", type=int, help="this one alone, kept in the folder")
    parser.add_argument("-o", "--output", type=Path, help="folder for files with faults [a temporary one]")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    options: Any = parser.parse_args()
    if options.work:
        _work(options.output)
        return 0
    if options.seed is not None:
        folder = options.output or Path("mutations")
        folder.mkdir(parents=True, exist_ok=True)
        name, data = mutation(options.seed)
        (folder / name).write_bytes(data)
    with _workplace(options.output) as folder:
        worker = _Worker(folder)
        trials = []
        for seed in range(options.start, options.start + options.count) if options.seed is None else [options.seed]:
            trials.append(worker.ask(seed))
            print(f"\r{len(trials)}", end="", file=sys.stderr, flush=True)
        worker.close()
    print(file=sys.stderr)
    print(summary(trials))
    print(f"memory of the process: {worker.memory / 1024:.0f} MB")
    return int(any(one.fault for one in trials))


if __name__ == "__main__":
    sys.exit(main())
