"""
How regular the MIDI clock that is sent is, and how soon new notes are there after a control was moved.

Run as ``python -m benchmarks.midi_clock``; --still leaves the knobs alone, so that nothing else is computed.
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time
from collections.abc import Sequence

import numpy as np

from latentknobs.core.live_session import Music
from latentknobs.frontends.midi.frontend import MidiFrontend
from latentknobs.frontends.midi.options import read_options
from latentknobs.frontends.midi.ports import Heard
from latentknobs.steering.batch_decoder import DecoderQueue
from latentknobs.studio.shared_session import SharedSession
from latentknobs.workbench import Workbench

TEMPO, CLOCK = 120.0, 0xF8
LATENCY_MOVES = 200


class NotingPorts:
    """Ports in memory that note when clocks are sent."""

    def __init__(self) -> None:
        self.clocks: list[float] = []
        self.heard: Heard = lambda _data: None

    def inputs(self) -> list[str]:
        """None by name."""
        return []

    def outputs(self) -> list[str]:
        """None by name."""
        return []

    def open_input(self, name: str | None, heard: Heard) -> NotingPorts:
        """The only one."""
        assert name is None
        self.heard = heard
        return self

    def open_output(self, name: str | None) -> NotingPorts:
        """The only one."""
        assert name is None
        return self

    def send(self, data: Sequence[int]) -> None:
        """Note the time of a clock."""
        if data[0] == CLOCK:
            self.clocks.append(time.monotonic())

    def close(self) -> None:
        """Nothing is open."""


def clock_deviation(session: SharedSession, ports: NotingPorts, seconds: float, *, still: bool) -> None:
    """Print by how much clocks come late, and how much intervals differ, while a knob is turned."""
    session.set("tempo", TEMPO)
    session.set("play", True)
    begin = session.transport.since
    end = time.monotonic() + seconds
    place = 0
    while time.monotonic() < end:
        if not still:
            ports.heard((0xB0, 20, place % 128))
            place += 1
        time.sleep(0.02)
    session.set("play", False)
    sent = np.array(ports.clocks) * 1000
    late = sent - 1000 * (begin + np.arange(len(sent)) * 60 / (24 * TEMPO))
    gaps = np.diff(sent)
    print(
        f"{len(sent)} clocks in {seconds:g} s: late by {late.mean():.3f} ms (standard deviation {late.std():.3f}, "
        f"worst {late.max():.3f}); intervals {gaps.mean():.3f} ms (standard deviation {gaps.std():.3f})"
    )


def latency(session: SharedSession, ports: NotingPorts) -> None:
    """Print how long after a control's message the new notes are there."""
    made = threading.Event()

    def told(_music: Music) -> None:
        made.set()

    times = []
    listening = session.subscribe(on_music=told)
    for k in range(LATENCY_MOVES):
        made.clear()
        begin = time.perf_counter()
        ports.heard((0xB0, 20, 5 + (k * 37) % 118))
        if made.wait(10):
            times.append((time.perf_counter() - begin) * 1000)
    listening.close()
    worst = statistics.quantiles(times, n=100)[98]
    print(f"{len(times)} moves: new notes after {statistics.median(times):.1f} ms (99th percentile {worst:.1f})")


def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--still", action="store_true")
    arguments = parser.parse_args()
    ports = NotingPorts()
    with Workbench.open() as workbench, DecoderQueue() as queue, SharedSession(workbench, queue) as session:
        frontend = MidiFrontend(session, read_options(["--map", "pitch=cc20", "--takeover", "jump"]), ports)
        if not arguments.still:
            latency(session, ports)
        clock_deviation(session, ports, arguments.seconds, still=arguments.still)
        frontend.stop()


if __name__ == "__main__":
    main()
