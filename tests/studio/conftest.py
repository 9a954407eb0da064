"""A shared session over the tiny models, whose knobs are exact."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from latentknobs.core.piece import Piece
from latentknobs.steering.batch_decoder import DecoderQueue
from latentknobs.studio.shared_session import SharedSession
from latentknobs.workbench import Workbench
from tests.tiny_meters import NAMES, quarters

Opener = Callable[..., SharedSession]


@pytest.fixture
def open_shared(meters: Workbench) -> Iterator[Opener]:
    """Opens a shared session on a piece or a file: eight bars of 4/4 where none is named."""
    sessions: list[SharedSession] = []
    with DecoderQueue() as queue:

        def make(source: Piece | Path | None = None, models: tuple[str, ...] = NAMES) -> SharedSession:
            sessions.append(SharedSession(meters, queue, models, source or quarters(("4/4", 32))))
            return sessions[-1]

        yield make
        for session in sessions:
            session.close()


@pytest.fixture
def shared(open_shared: Opener) -> SharedSession:
    """A session on eight bars of 4/4."""
    return open_shared()
