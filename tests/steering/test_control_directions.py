"""Which dimensions controls leave to the knobs, and the order in which a session has its knobs."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.core.knob import VERDICTS, KnobDimension
from latentknobs.registry.overlay import PACKAGED
from latentknobs.registry.store import KnobStore
from latentknobs.session import Session
from latentknobs.steering.control_directions import apart, in_order
from latentknobs.testing.store import sample_run
from latentknobs.workbench import Workbench, load_plugins

SIZE = 20
KNOB = sample_run(size=SIZE).knobs[0]


def _knob(name, dims, verdict="accepted"):
    dimensions = tuple(KnobDimension(d, 0.0) for d in dims)
    return evolve(KNOB, name=name, verdict=verdict, dimensions=dimensions)


WIDE = _knob("wide", range(12))
NARROW = _knob("narrow", range(8, 16))
ONE = _knob("one", [19])
REFUSED = _knob("refused", range(SIZE), "rejected")


@pytest.mark.parametrize(
    ("knobs", "like", "taken", "gone"),
    [
        ([WIDE, ONE], None, {*range(12), 19}, ()),
        ([ONE, REFUSED], None, {19}, ()),
        ([ONE, _knob("doubtful", [3], "provisional")], None, {19}, ()),
        ([_knob("doubtful", [3], "provisional"), _knob("b", [4], "rejected")], None, {3, 4}, ()),
        ([WIDE, NARROW, ONE], None, {*range(8, 16), 19}, ("wide",)),
        ([_knob("a", range(10)), _knob("b", range(10, 20)), ONE], None, {*range(10), 19}, ("b",)),
        ([ONE, REFUSED], REFUSED, {19}, ("refused",)),
        ([ONE, _knob("b", [4], "rejected")], _knob("b", [4], "rejected"), {4, 19}, ()),
        ([], None, set(), ()),
    ],
)  # fmt: skip
def test_controls_leave_the_knobs_dimensions(knobs, like, taken, gone):
    """Accepted knobs' dimensions and the own, without those of the widest where under a quarter would stay free."""
    assert apart(knobs, range(SIZE), like) == (frozenset(taken), gone)


def test_the_shipped_controls_are_those_of_pitch_and_rhythm():
    """Whatever other knobs ship beside them, controls leave pitch and rhythm alone; few dimensions come first."""
    stored = KnobStore.open(PACKAGED).knobs(operators=False)
    knobs = {knob.name: knob for knob in stored if knob.model_name == DEFAULT_MODEL}
    two = [knobs["pitch"], knobs["rhythm"]]
    dims = frozenset(d.dim for knob in two for d in knob.dimensions)
    taken, gone = apart(knobs.values(), range(128), knobs["pitch"])

    assert apart(two, range(128), knobs["pitch"]) == (dims, ())
    assert taken >= dims
    assert not {"pitch", "rhythm"} & set(gone)
    assert [knob.name for knob in in_order(knobs.values())[:3]] == ["pitch", "degree", "rhythm"]


@given(
    st.lists(st.tuples(st.sets(st.integers(0, SIZE - 1)), st.sampled_from(VERDICTS)), max_size=6),
    st.sets(st.integers(0, SIZE - 1)),
)
def test_a_quarter_of_the_active_dimensions_is_free(drawn, active):
    """Whatever the knobs are; and nothing is let go where it need not be."""
    knobs = [_knob(f"k{i}", dims, verdict) for i, (dims, verdict) in enumerate(drawn)]
    taken, gone = apart(knobs, active)

    assert len(active - taken) >= len(active) / 4
    back = {d.dim for knob in knobs if knob.name == (gone or ("",))[-1] for d in knob.dimensions}
    assert not gone or len(active - taken - back) < len(active) / 4


def test_accepted_knobs_come_first():
    """Then the better verdicts; of one verdict those of edits, and of these the knob that was found first."""
    day = datetime(2026, 1, 1, tzinfo=UTC)
    knobs = [
        evolve(_knob(name, [0], verdict), found=day.replace(day=result))
        for name, verdict, result in [
            ("a", "rejected", 1),
            ("b", "accepted", 3),
            ("c", "accepted", 2),
            ("d", "provisional", 1),
            ("e", "not measurable", 4),
        ]
    ]
    unaided = evolve(_knob("u", [0]), augmentation=None, found=day)

    assert [knob.name for knob in in_order([unaided, *knobs])] == ["c", "b", "u", "d", "e", "a"]


def test_a_control_among_knobs_is_told(tiny_registry):
    """Where knobs leave too few dimensions it is turned all the same, outside the others', and says so."""
    with Workbench.open(str(tiny_registry), plugins=load_plugins(tiny_registry.parent / "plugins")) as bench:
        session = Session.open(bench, model="tiny")
        pitch, rhythm = session.knob("pitch"), session.knob("rhythm")
        own = {d.dim for d in rhythm.dimensions}
        everything = tuple(KnobDimension(d, 1 / 24) for d in range(24))
        every = evolve(pitch, name="all", verdict="accepted", dimensions=everything)
        session = evolve(session, knobs={pitch.model_id: {"rhythm": rhythm, "all": every}})

        turned = session.turn({"random": 1}, like="rhythm")

    assert turned.remarks == ("random moves dimensions of all too: the knobs leave too few others",)
    moved = np.flatnonzero((turned.codes != session.codes).any(axis=0))
    assert len(moved)
    assert not own & set(moved.tolist())
