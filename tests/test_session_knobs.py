"""When a session's knobs are read, and when what is wrong with the registry is told."""

from __future__ import annotations

import pytest

from latentknobs.core.piece import Piece
from latentknobs.errors import RegistryError
from latentknobs.session import Session
from latentknobs.testing.tiny import tiny_clips


@pytest.fixture
def piece(workbench):
    """Two bars of the tiny model's."""
    return Piece.join(tiny_clips(1, seed=3), workbench.model("tiny").spec.clip_format)


def test_a_piece_that_is_open_has_its_knobs(workbench, own, piece):
    """Its knobs turn though the registry is gone."""
    session = Session.open(workbench, piece, "tiny")
    (own / "registry.db").unlink()

    assert session.turn({"pitch": 2}).amounts == {"pitch": 2}


def test_a_damaged_registry_is_told_where_a_knob_is_asked_for(workbench, own, piece):
    """Each time, and the piece opens and can be heard."""
    (own / "registry.db").write_bytes(b"no registry" * 1000)
    session = Session.open(workbench, piece, "tiny")

    assert session.turn({}).after.notes
    for _ in range(2):
        with pytest.raises(RegistryError, match="not a latentknobs registry"):
            session.turn({"pitch": 2})


def test_known_knobs_are_not_read(workbench, own, piece):
    """Those that a session is opened with stand for the registry's."""
    knobs = {workbench.model("tiny").spec.model_id: Session.open(workbench, piece, "tiny").knobs}
    (own / "registry.db").write_bytes(b"no registry" * 1000)

    assert Session.open(workbench, piece, "tiny", knobs=knobs).turn({"pitch": 2}).amounts == {"pitch": 2}
