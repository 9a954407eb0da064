"""A session of the tiny model, and MIDI front ends on ports in memory."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from latentknobs.core.clip import Note
from latentknobs.core.piece import Piece
from latentknobs.frontends.midi.frontend import MidiFrontend
from latentknobs.frontends.midi.options import read_options
from latentknobs.steering.batch_decoder import DecoderQueue
from latentknobs.studio.shared_session import SharedSession
from latentknobs.workbench import Models, Workbench, load_plugins
from tests.conftest import TINY_PLUGIN
from tests.frontends.midi.memory_ports import MemoryPorts

TUNE = Piece(tuple(Note(4 * i, 60 + i % 5, 4) for i in range(16)), 64, tempo=240.0, name="tune")
"""Four bars of quarter notes."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, tiny_registry: Path) -> Iterator[Workbench]:
    """A workbench with the tiny model alone and its two knobs, for a whole module."""
    folder = tmp_path_factory.mktemp("bench")
    (folder / "plugins").mkdir()
    (folder / "plugins" / "tiny_model.py").write_text(TINY_PLUGIN)
    shutil.copy(tiny_registry, folder / "registry.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Models, "names", ("tiny",))
        with Workbench.open(str(folder / "registry.db"), plugins=load_plugins(folder / "plugins")) as out:
            yield out


@pytest.fixture(scope="module")
def queue() -> Iterator[DecoderQueue]:
    """The worker that computes."""
    with DecoderQueue() as out:
        yield out


@pytest.fixture
def session(bench: Workbench, queue: DecoderQueue) -> Iterator[SharedSession]:
    """A session of four bars of quarter notes, at 240 of them a minute."""
    with SharedSession(bench, queue, ("tiny",), TUNE) as out:
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
