"""When a session's knobs are read, and when what is wrong with the registry is told."""

from __future__ import annotations

import numpy as np
import pytest
from attrs import evolve

from latentknobs.core.knob import Operator
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


@pytest.mark.parametrize("amount", [1.0, 0.5])
def test_an_amount_that_a_knob_was_not_judged_at_is_told(workbench, own, piece, amount):
    """Of a map of its own for each amount; a shift goes along a line."""
    known = Session.open(workbench, piece, "tiny").knobs
    size = known["pitch"].operator.size
    maps = {"amounts": [1.0], "matrices": np.eye(size)[None], "offsets": np.zeros((1, size))}
    mapped = evolve(known["pitch"], name="mapped", kind="affine", operator=Operator("affine", maps))
    knobs = {workbench.model("tiny").spec.model_id: {"pitch": known["pitch"], "mapped": mapped}}
    remarks = Session.open(workbench, piece, "tiny", knobs=knobs).turn({"mapped": amount, "pitch": 0.5}).remarks

    told = [remark for remark in remarks if "judged at whole amounts" in remark]
    assert told == ([] if amount == 1 else ["mapped was learned and judged at whole amounts, not at 0.5."])


def test_a_key_and_an_axis_that_no_knob_uses_are_told(workbench, own, piece):
    """Where a knob is turned."""
    session = Session.open(workbench, piece, "tiny", key="D minor", axis="E4")
    said = {remark for remark in session.turn({"pitch": 1}).remarks if "left out" in remark}

    assert {remark.split(" is left out")[0] for remark in said} == {"The key", "The axis"}
    assert not [remark for remark in session.turn({}).remarks if "left out" in remark]
