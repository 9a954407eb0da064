"""A session of the tiny model, and MIDI front ends on ports in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from attrs import evolve

from latentknobs.frontends.midi.frontend import MidiFrontend
from latentknobs.frontends.midi.options import read_options
from latentknobs.steering.batch_decoder import DecoderQueue
from latentknobs.studio.shared_session import SharedSession
from latentknobs.workbench import Workbench
from tests.frontends.conftest import tune
from tests.frontends.midi.memory_ports import MemoryPorts


@pytest.fixture(scope="module")
def queue() -> Iterator[DecoderQueue]:
    """The worker that computes."""
    with DecoderQueue() as out:
        yield out


@pytest.fixture
def session(bench: Workbench, queue: DecoderQueue) -> Iterator[SharedSession]:
    """A session of four bars of quarter notes, at 240 of them a minute."""
    with SharedSession(bench, queue, ("tiny",), evolve(tune(), tempo=240.0)) as out:
        yield out


@pytest.fixture
def ports() -> MemoryPorts:
    """The machine's ports: a controller, a synth, and a keyboard that has one direction only."""
    return MemoryPorts(["Pads 1:0", "Keys 2:0"], ["Pads 1:0", "Synth 3:0"])


Started = Callable[..., MidiFrontend]


@pytest.fixture
def started(session: SharedSession, ports: MemoryPorts) -> Iterator[Started]:
    """Start a front end with these options; it is stopped at the end, and nothing hangs."""
    with ExitStack() as stack:

        def start(*words: str) -> MidiFrontend:
            frontend = MidiFrontend(session, read_options(words), ports)
            stack.callback(frontend.stop)
            return frontend

        yield start
    assert ports.open == []
    for name in ("latentknobs", *ports.outs):
        assert ports.hanging(name) == {}
