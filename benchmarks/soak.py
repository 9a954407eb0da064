"""
One session, played from three front ends for a long time: python -m benchmarks.soak [--minutes 60].

Starts ``latentknobs serve web,osc,midi`` in a process of its own, on a JACK server without a sound card, with a piece
that loops. A page, an OSC client and MIDI controls make random moves at once: knobs of the piece and of bars, start and
stop, loops (which go to another place), tempo, snapshots, morphs, undo; the page also opens pieces and reconnects. Each
draws its moves from the seed; when they arrive is chance. ``--moves 1000`` makes so many without any pause.

Afterwards all is stopped, and ends while it plays. The exit code is 1 if a note hangs, a message is lost though JACK
was never late, anything told an error or a line of the log, the page and OSC differ in a value, or memory has grown by
more than ``--most-growth`` since a tenth of it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from attrs import asdict, frozen
from numpy.random import default_rng

from benchmarks.jack import jack_server
from benchmarks.load import memory
from benchmarks.random_players import CONTROLS, PATIENCE, SNAPSHOTS, Midi, Moves, Osc, Page, Surface
from benchmarks.surfaces import value
from latentknobs.studio.history import DEPTH

LATE = "XRun"
"""What JACK's log has of each late cycle, with which it loses messages of any program."""
SHOWN = 20
"""Errors and lines of the log that are printed."""


@frozen
class Burden:
    """What the process holds: resident memory in MB, open files, threads."""

    memory: float
    files: int
    threads: int

    @classmethod
    def of(cls, process: int) -> Burden:
        """That of a process."""
        files, threads = (sum(1 for _ in Path(f"/proc/{process}/{name}").iterdir()) for name in ("fd", "task"))
        return cls(memory(process), files, threads)


class Served:
    """``latentknobs serve web,osc,midi``, and what it writes to its log after it has begun."""

    def __init__(self, file: Path | None) -> None:
        maps = [word for name, number in CONTROLS.items() for word in ("--midi-map", f"{name}=cc{number}")]
        words = ["--web-port", "0", "--osc-port", "0", "--osc-no-zeroconf", "--midi-in", "Soak:out"]
        words += ["--midi-out", "Soak in", "--midi-takeover", "jump", *maps, *(["--file", str(file)] if file else [])]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "latentknobs", "serve", "web,osc,midi", *words], stderr=subprocess.PIPE, text=True
        )
        self.log: list[str] = []
        self._begun = threading.Event()
        self._said = ""
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if self._begun.is_set():
                self.log.append(line.rstrip())
            else:
                self._said += line
                if "Ctrl-C" in line:
                    self._begun.set()

    def ports(self) -> tuple[int, int]:
        """Those of the page and of OSC, once it has begun."""
        while not self._begun.wait(0.1):
            assert self.process.poll() is None, self._said
        page, osc = (
            re.search(r"127\.0\.0\.1:(\d+)", self._said),
            re.search(r"OSC on 127\.0\.0\.1, port (\d+)", self._said),
        )
        assert page is not None, self._said
        assert osc is not None, self._said
        return int(page[1]), int(osc[1])

    def end(self) -> int:
        """Terminate it; its exit code."""
        self.process.terminate()
        code = self.process.wait(PATIENCE)
        self._reading.join(timeout=PATIENCE)
        return code

    def close(self) -> None:
        """End it in any case."""
        self.process.kill()
        self.process.wait()


def until(met: Callable[[], object], seconds: float = PATIENCE) -> bool:
    """Wait until something is so; whether it came about."""
    end = time.monotonic() + seconds
    while not met():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


class Play:
    """
    All surfaces making moves at once, each in a thread.

    Args:
        seconds: How long, where ``most`` is None.
        rate: Moves a second of each.
        most: Moves of all, without pauses; None = for ``seconds``.
        seed: Of the pauses.
    """

    def __init__(self, seconds: float, rate: float, most: int | None, seed: int) -> None:
        self._seconds, self._rate, self._most, self._seed = seconds, rate, most, seed
        self.made: dict[str, int] = {}
        self._interrupted = threading.Event()

    def _surface(self, surface: Surface, number: int, share: int) -> None:
        rng, end = default_rng((self._seed, number)), time.monotonic() + self._seconds
        while self.made[surface.name] < share if self._most else time.monotonic() < end:
            if self._interrupted.is_set():
                return
            surface.move()
            self.made[surface.name] += 1
            if not self._most:
                self._interrupted.wait(rng.exponential(1 / self._rate))

    @contextmanager
    def _ending(self) -> Iterator[None]:
        try:
            yield
        finally:
            self._interrupted.set()

    def _done(self, began: float) -> float:
        return sum(self.made.values()) / self._most if self._most else (time.monotonic() - began) / self._seconds

    def run(self, surfaces: Sequence[Surface], process: int) -> list[Burden]:
        """Make the moves; what the process held at the start and after each tenth."""
        self.made = {one.name: 0 for one in surfaces}
        out, began = [Burden.of(process)], time.monotonic()
        with ThreadPoolExecutor() as pool, self._ending():
            share = -(-(self._most or 0) // len(surfaces))
            playing = [pool.submit(self._surface, one, number, share) for number, one in enumerate(surfaces)]
            while not all(one.done() for one in playing):
                if self._done(began) >= len(out) / 10 and len(out) < 10:
                    out.append(Burden.of(process))
                    print(
                        f"{len(out) - 1}0 %: {sum(self.made.values())} moves, {out[-1].memory:.0f} MB", file=sys.stderr
                    )
                time.sleep(0.05)
            for one in playing:
                one.result()
        return out


def differing(page: Page, port: int) -> list[str]:
    """The numbers in which the page and OSC differ."""
    numbers = {path: new for path, new in page.values.items() if isinstance(new, float)}
    return [path for path, new in numbers.items() if abs(value(port, f"/{path}") - new) > 1e-6 * max(1.0, abs(new))]


def table(result: dict[str, Any]) -> str:
    """What was measured, as a table."""
    start, tenth, end = (result["burden"][k] for k in (0, 1, -1))
    rows = [f"| {name} | {start[key]:.0f} | {tenth[key]:.0f} | {end[key]:.0f} |" for name, key in (
        ("memory, MB", "memory"), ("open files", "files"), ("threads", "threads"),
    )]  # fmt: skip
    made = ", ".join(f"{count} of {name}" for name, count in result["moves"].items())
    counted = (
        f"{sum(result['moves'].values())} moves in {result['seconds']:.0f} s ({made}), new notes for the page "
        f"{result['musics']} times, {result['notes']} notes played. Messages lost: {result['lost']}, cycles of "
        f"JACK that were late: {result['late']}; notes that hang: {len(result['hanging'])}; values that differ: "
        f"{len(result['differing'])}; errors: {len(result['faults'])}; logged lines: "
        f"{len(result['log'])}; exit code {result['code']}; growth since a tenth: {result['growth']:.1%}."
    )
    wrong = [*result["hanging"], *result["differing"], *result["faults"][:SHOWN], *result["log"][:SHOWN]]
    head = ["| | start | after a tenth | end |", "|---|---|---|---|"]
    return "\n".join([*head, *rows, "", counted, *(f"- {line}" for line in wrong)])


def main(arguments: Sequence[str] | None = None) -> int:
    """Play, and print what was counted."""
    parser = argparse.ArgumentParser(description="One session, played from three front ends for a long time.")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=1.0, help="moves a second of each front end")
    parser.add_argument("--moves", type=int, help="so many moves of all, without pauses, instead of --minutes")
    parser.add_argument("--file", type=Path, help="the piece [an example]")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most-growth", type=float, default=0.1, help="share by which memory may grow since a tenth")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    rngs = [default_rng((options.seed, number)) for number in range(3)]
    with ExitStack() as stack:
        log = Path(stack.enter_context(tempfile.TemporaryDirectory()), "jack.log")
        stack.enter_context(jack_server(f"soak-{os.getpid()}", log))
        midi = Midi(rngs[2])
        stack.callback(midi.close)
        served = Served(options.file)
        stack.callback(served.close)
        page_port, osc_port = served.ports()
        page = Page(f"ws://127.0.0.1:{page_port}/api/v1/live", rngs[0])
        stack.callback(page.close)
        osc = Osc(osc_port, Moves(page.parameters, page.bars, rngs[1]))
        stack.callback(osc.close)
        page.open()  # what the first one costs is no growth
        assert until(lambda: page.rests)
        for name in SNAPSHOTS:
            osc.client.send("/snapshot/store", name)
        osc.client.send("/morph/from", SNAPSHOTS[0])
        osc.client.send("/morph/to", SNAPSHOTS[1])
        assert until(lambda: page.values.get("morph/to"))
        for k in range(DEPTH + 1):  # so that no undo takes snapshots and morph away
            page.send(type="set", values={("seed", "tempo")[k % 2]: 60.0 + k})
        assert until(lambda: page.rests)
        osc.client.send("/play", 1)
        assert until(lambda: page.values["play"])
        began = time.monotonic()
        play = Play(60 * options.minutes, options.rate, options.moves, options.seed + 1)
        burden = play.run([page, osc, midi], served.process.pid)
        seconds = time.monotonic() - began
        assert until(lambda: page.rests)
        osc.client.send("/play", 0)
        until(lambda: page.values["play"] is False and not midi.sounding.hanging)
        hanging = [f"at the stop: {at}" for at in sorted(midi.sounding.hanging)]
        until(lambda: not differing(page, osc_port))
        different = differing(page, osc_port)
        burden.append(Burden.of(served.process.pid))
        osc.client.send("/loop", 1)
        osc.client.send("/play", 1)
        until(lambda: midi.sounding.hanging)
        page.close()
        stops = midi.stopped
        code = served.end()
        until(lambda: midi.stopped > stops, 10)
        hanging += [f"at the end: {at}" for at in sorted(midi.sounding.hanging)]
        late = log.read_text().count(LATE)
    result = {
        "moves": play.made,
        "seconds": seconds,
        "musics": page.musics,
        "notes": midi.sounding.begun,
        "lost": midi.sounding.lost,
        "late": late,
        "burden": [asdict(one) for one in burden],
        "growth": burden[-1].memory / burden[1].memory - 1,
        "hanging": hanging,
        "differing": different,
        "faults": [*page.faults, *osc.faults],
        "log": [line for line in served.log if line],
        "code": code,
    }
    print(json.dumps(result, indent=2) if options.json else table(result))
    good = (
        not (hanging or different or result["faults"] or result["log"] or code)
        and (late or not result["lost"])
        and result["growth"] <= options.most_growth
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
