"""A session that several front ends play: newest wins, all are told, nothing loops, and steps are undone."""

from __future__ import annotations

import math
import queue
import random
import threading
import time

import pytest

from latentknobs.core.piece import Piece
from latentknobs.errors import AmountError, UnknownNameError, UsageError
from latentknobs.session import Session
from latentknobs.steering.batch_decoder import DecoderQueue
from latentknobs.studio import history
from latentknobs.studio.shared_session import SharedSession
from tests.tiny_meters import MIXED, NAMES, quarters

PATIENCE = 30


def pitches(music):
    """Of the notes."""
    return [note.pitch for note in music.piece.notes]


@pytest.fixture
def told(shared):
    """All changes that a front end is told of, in a queue."""
    out = queue.Queue()
    subscription = shared.subscribe(out.put)
    yield out
    subscription.close()


def test_a_knob_changes_the_notes_as_in_a_session_of_its_own(meters, shared):
    """To the note, in steps and normalized."""
    direct = Session.open(meters, quarters(("4/4", 32)), NAMES).turn({"pitch": 6.0})
    change = shared.set("knob/pitch", 6.0, "one")

    assert shared.wait(change.number).piece.notes == direct.after.notes
    shared.set("knob/pitch", 0.0)
    assert shared.set_normalized("knob/pitch", 0.75).value == 6.0
    assert shared.wait().piece.notes == direct.after.notes


def test_a_clip_is_another_name_of_its_bars(shared):
    """What is set for one is the other's."""
    change = shared.set("clip/3/knob/pitch", 2.0)

    assert change.path == "bars/5-6/knob/pitch"
    assert shared.values["bars/5-6/knob/pitch"] == 2.0
    assert "bars/5-6/knob/pitch" in shared.parameters
    moved = [a - b for a, b in zip(pitches(shared.wait()), pitches(shared.wait(0)), strict=True)]
    assert moved == [0] * 32 or moved == [0] * 16 + [2] * 8 + [0] * 8
    shared.clear("clip/3/knob/pitch")
    assert "bars/5-6/knob/pitch" not in shared.values


def test_everyone_is_told_with_who_did_it(shared, told):
    """So that a front end can leave out its own."""
    shared.set("tempo", 90.0, "osc")
    shared.set("knob/pitch", 1.0, "midi")

    assert [(one.path, one.value, one.source) for one in (told.get(timeout=PATIENCE), told.get(timeout=PATIENCE))] == [
        ("tempo", 90.0, "osc"),
        ("knob/pitch", 1.0, "midi"),
    ]


def test_what_changes_nothing_is_told_to_nobody(shared, told):
    """Else two front ends that answer one another would never end."""
    shared.set("tempo", 90.0)
    shared.set("tempo", 90.0)
    shared.set("play", False)
    shared.set("loop", False)

    assert [told.get(timeout=PATIENCE).path for _ in range(2)] == ["tempo", "loop"]


def test_two_that_answer_one_another_come_to_rest(shared):
    """Each sets what it is told by the other."""
    told = []
    done = threading.Event()

    def echo(own):
        def heard(change):
            told.append(change)
            if change.source != own and change.path == "knob/pitch":
                shared.set(change.path, change.value, own)
            if change.path == "tempo":
                done.set()

        return heard

    both = [shared.subscribe(echo(own), name=own) for own in ("one", "other")]
    for amount in range(1, 6):
        shared.set("knob/pitch", float(amount), "hand")
    shared.wait()
    shared.set("tempo", 99.0)
    assert done.wait(PATIENCE)
    time.sleep(0.2)
    count = len(told)
    time.sleep(0.2)
    for one in both:
        one.close()
    assert len(told) == count < 100
    assert shared.values["knob/pitch"] == 5.0


def test_a_listener_that_raises_is_noted_and_told_on(meters, shared, monkeypatch):
    """Once for each sentence, and others are told as before."""
    notes, heard, told = [], queue.Queue(), queue.Queue()
    monkeypatch.setattr(type(meters), "note", lambda _self, text: notes.append(text))

    def fails(change):
        heard.put(change)
        raise RuntimeError("the cable is out")

    with_faults = shared.subscribe(fails, lambda _music: 1 / 0, "box")
    other = shared.subscribe(told.put)
    for tempo in (90.0, 91.0):
        shared.set("tempo", tempo)
        heard.get(timeout=PATIENCE)
        told.get(timeout=PATIENCE)
    with_faults.close()
    other.close()

    assert notes.count("box failed when it was told of a change: RuntimeError: the cable is out") == 1
    assert len(notes) == len({*notes})


def test_a_slow_listener_is_told_the_newest_of_each_parameter(shared):
    """Memory does not grow with what it misses."""
    gate, told = threading.Event(), queue.Queue()
    slow = shared.subscribe(lambda change: (gate.wait(PATIENCE), told.put((change.path, change.value))))
    shared.set("loop", False)
    for tempo in range(30, 300):
        shared.set("tempo", float(tempo))
    gate.set()
    got = [told.get(timeout=PATIENCE)]
    while got[-1] != ("tempo", 299.0):
        got.append(told.get(timeout=PATIENCE))
    slow.close()

    assert got[0] == ("loop", False)
    assert len(got) <= 3


def test_a_listener_may_end_itself_and_hears_nothing_more(shared):
    """From within."""
    told, subscriptions = [], []

    def once(change):
        told.append(change.path)
        subscriptions[0].close()

    subscriptions.append(shared.subscribe(once))
    shared.set_all({"tempo": 80.0, "loop": False})
    shared.set("tempo", 81.0)
    shared.wait()
    deadline = time.monotonic() + PATIENCE
    while not subscriptions[0].closed and time.monotonic() < deadline:
        time.sleep(0.01)

    assert told in (["tempo"], ["loop"])


def test_all_of_several_are_set_or_none(shared):
    """A wrong one leaves all as they were."""
    before = shared.values
    with pytest.raises(AmountError):
        shared.set_all({"knob/pitch": 1.0, "tempo": 9999.0})
    with pytest.raises(UsageError, match="is done, not set"):
        shared.set_all({"tempo": 90.0, "undo": ""})

    assert shared.values == before
    assert shared.history == ()


def test_undo_and_redo_go_through_all_that_was_set(shared):
    """Step by step, to where it began and back again."""
    seen = [shared.values]
    for k, (path, value) in enumerate(
        [("knob/pitch", 2.0), ("tempo", 90.0), ("bars/2-3/knob/pitch", 1.0), ("seed", 7)]
    ):
        shared.set(path, value, f"hand {k}")
        seen.append(shared.values)
    for values in reversed(seen[:-1]):
        shared.set("undo")
        assert shared.values == values
    shared.set("undo")
    for values in seen[1:]:
        shared.set("redo")
        assert shared.values == values
    assert shared.history == ("knob/pitch", "tempo", "bars/2-3/knob/pitch", "seed")


def test_a_gesture_is_one_step(shared):
    """What one front end does to one knob within a moment; another front end's is a step of its own."""
    for amount in (1.0, 2.0, 3.0):
        shared.set("knob/pitch", amount, "osc")
    shared.set("knob/pitch", 4.0, "midi")

    assert shared.history == ("knob/pitch", "knob/pitch")
    shared.set("undo")
    assert shared.values["knob/pitch"] == 3.0
    shared.set("undo")
    assert shared.values["knob/pitch"] == 0.0


def test_two_snapshots_in_a_moment_are_two_steps(shared):
    """They are no gesture."""
    shared.set("snapshot/store", "one")
    shared.set("snapshot/store", "other")
    shared.set("undo")

    assert shared.values["snapshots"] == "one"


def test_notes_of_a_change_that_changes_none_are_there_already(shared):
    """Nobody waits for notes of a tempo."""
    shared.wait()

    assert shared.wait(shared.set("tempo", 77.0).number, timeout=PATIENCE).error == ""


def test_a_snapshot_is_stored_anew_under_its_name(shared, told):
    """And everyone is told, though the names are the same."""
    shared.set("snapshot/store", "one")
    shared.set("knob/pitch", 3.0)
    shared.set("snapshot/store", "one")
    shared.set("reset")
    shared.set("snapshot/recall", "one")

    assert shared.values["knob/pitch"] == 3.0
    shared.set("tempo", 90.0)
    paths = [told.get(timeout=PATIENCE).path]
    while paths[-1] != "tempo":
        paths.append(told.get(timeout=PATIENCE).path)
    assert "snapshots" in paths


def test_a_morph_goes_from_one_snapshot_to_the_other(shared):
    """On the knobs' steps, and it needs two."""
    with pytest.raises(UsageError, match="two ends"):
        shared.set("morph", 0.5)
    shared.set("snapshot/store", "low")
    shared.set("knob/pitch", 4.0)
    shared.set("bars/1-2/knob/pitch", 8.0)
    shared.set("snapshot/store", "high")
    shared.set_all({"morph/from": "low", "morph/to": "high"})
    shared.set("morph", 0.5)

    assert (shared.values["knob/pitch"], shared.values["bars/1-2/knob/pitch"]) == (2.0, 4.0)
    with pytest.raises(UnknownNameError):
        shared.set("morph/to", "gone")
    shared.open(quarters(("4/4", 16)))
    shared.set("morph", 0.5)
    assert shared.values["knob/pitch"] == 2.0


def test_a_snapshot_of_a_longer_piece_is_recalled_as_far_as_it_goes(shared):
    """Bars and knobs that the open piece lacks are left out."""
    shared.set("bars/7-8/knob/pitch", 2.0)
    shared.set("knob/rhythm", 1.0)
    shared.set("snapshot/store", "long")
    shared.open(quarters(("3/4", 12)))
    shared.set("snapshot/recall", "long")

    assert not [path for path in shared.values if path.startswith("bars/")]
    assert "knob/rhythm" not in shared.parameters or shared.values["knob/rhythm"] <= 1.0
    assert shared.parameters
    assert shared.wait().error == ""


def test_another_piece_is_a_step_that_can_be_undone(shared):
    """With its knobs and its tempo."""
    shared.set("knob/pitch", 2.0)
    shared.open(quarters(("3/4", 12), name="waltz"), "hand")

    assert (shared.values["file"], shared.values["knob/pitch"]) == ("waltz", 0.0)
    assert shared.parameters["knob/pitch"].high == 5.0
    shared.set("undo")
    assert (shared.values["file"], shared.values["knob/pitch"]) == ("tune", 2.0)
    assert shared.parameters["knob/pitch"].high == 12.0


def test_a_piece_that_cannot_be_opened_leaves_what_is_open(shared, tmp_path):
    """All of it."""
    before = shared.values
    with pytest.raises(Exception, match="cannot be opened"):
        shared.open(tmp_path / "gone.mid")

    assert shared.values == before


def test_several_models_share_what_all_can(open_shared):
    """And a stretch that no model is for is turned by rule."""
    shared = open_shared(quarters(*MIXED, ("5/4", 10)))
    shared.set("knob/pitch", 5.0)
    music = shared.wait()

    assert shared.parameters["knob/pitch"].high == 5.0
    assert (len(music.piece.notes), music.error) == (46, "")
    with pytest.raises(AmountError):
        shared.set("knob/pitch", 6.0)
    shared.set("clip/6/knob/pitch", -1.0)
    assert shared.wait().error == ""


def test_controls_are_always_within_the_range_of_the_knob_that_they_are_like(shared, told):
    """Of the first knob where nobody names one: whatever else is turned, the notes are made, and everyone is told."""
    shared.set("knob/rhythm", 1.0)
    first = next(iter(shared.parameters)).removeprefix("knob/")
    shared.set("knob/random", shared.parameters[f"knob/{first}"].high)
    assert (shared.values["like"], shared.wait().error) == (first, "")
    narrow = min(("pitch", "rhythm"), key=lambda name: shared.parameters[f"knob/{name}"].high)
    shared.set("like", narrow)
    high = shared.parameters[f"knob/{narrow}"].high

    assert (shared.values["knob/random"], shared.parameters["knob/random"].high) == (high, high)
    assert shared.wait().error == ""
    with pytest.raises(AmountError):
        shared.set("bars/1-2/knob/random", high + 1)
    shared.set("undo")
    assert shared.values["knob/random"] > high
    shared.set("undo")
    assert (shared.values["knob/random"], shared.values["like"]) == (0.0, "")
    paths = {told.get(timeout=PATIENCE).path for _ in range(4)}
    assert {"knob/rhythm", "knob/random", "like"} <= paths


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("knob/colour", 1.0),
        ("like", "random"),
        ("bars/9-12/knob/pitch", 1.0),
        ("bars/x/knob/pitch", 1.0),
        ("clip/0/knob/pitch", 1.0),
        ("clip/5/knob/pitch", 1.0),
        ("bars/1-2/knob/colour", 1.0),
        ("", 1.0),
        ("file", "x"),
        ("loop/bars", "99"),
        ("seed", 2.0**62),
        ("snapshot/store", "a/b"),
        ("snapshot/store", ""),
        ("snapshot/recall", "gone"),
        ("knob/pitch", math.nan),
    ],
)
def test_what_cannot_be_set_is_said_and_changes_nothing(shared, path, value):
    """A sentence, and no step."""
    before = shared.values
    with pytest.raises(UsageError, match=r"[.?]$"):
        shared.set(path, value)

    assert (shared.values, shared.history) == (before, ())


def test_a_trigger_is_never_cleared(shared):
    """To put a parameter back must not undo something."""
    shared.set("tempo", 90.0)
    with pytest.raises(UsageError):
        shared.clear("undo")
    shared.clear("tempo")

    assert shared.values["tempo"] == 120.0


def test_it_ends_while_it_is_told_things(meters):
    """From several threads: none waits for ever, and what is set later does no harm."""
    with DecoderQueue() as decoder:
        shared = SharedSession(meters, decoder, NAMES, quarters(("4/4", 8)))
        ended = threading.Event()

        def turn(source):
            rng = random.Random(source)
            while not ended.is_set():
                shared.set("knob/pitch", float(rng.randint(-12, 12)), source)

        hands = [threading.Thread(target=turn, args=(name,)) for name in ("one", "other")]
        subscription = shared.subscribe(lambda _change: shared.values, lambda _music: shared.parameters)
        for hand in hands:
            hand.start()
        time.sleep(0.3)
        shared.close()
        ended.set()
        for hand in hands:
            hand.join(PATIENCE)
        assert not any(hand.is_alive() for hand in hands)
        assert subscription.closed
        assert shared.subscribe(print).closed


def test_a_worker_that_has_ended_is_said(meters):
    """Nobody waits for notes that never come."""
    decoder = DecoderQueue()
    with decoder:
        shared = SharedSession(meters, decoder, NAMES, quarters(("4/4", 8)))
        shared.wait()
    shared.set("knob/pitch", 1.0)

    assert "has ended" in shared.wait(timeout=PATIENCE).error
    shared.close()


def test_a_thousand_moves_at_random_leave_it_consistent(meters, shared):
    """The values are within their parameters, undo and redo lead back to them, and the notes are theirs."""
    rng = random.Random(11)
    for _ in range(1000):
        path = rng.choice([*shared.parameters, "clip/2/knob/pitch", "bars/3-5/knob/pitch", "bars/9/knob/pitch", "none"])
        value = rng.choice([0.0, 1.0, -1.0, 0.5, rng.uniform(-20, 20), "a", "b", "2-3", "", True, math.inf])
        try:
            what = rng.random()
            if what < 0.1:
                shared.clear(path, "hand")
            elif what < 0.2:
                shared.set_normalized(path, rng.random(), "hand")
            else:
                shared.set(path, value, f"hand {rng.randint(0, 1)}")
        except UsageError:
            pass  # refused in a sentence, as the test above has it
        for name, one in shared.parameters.items():
            if one.kind != "trigger":
                one.checked(shared.values[name])
    shared.set_all({"knob/random": 0.0, "knob/others": 0.0})
    for bars, amounts in shared.settings.ranges:
        for name in amounts:
            shared.clear(f"bars/{bars}/knob/{name}")
    settings = shared.settings
    direct = Session.open(meters, quarters(("4/4", 32)), NAMES).turn(
        settings.knobs, like=settings.like, seed=settings.seed
    )
    assert shared.wait().piece.notes == direct.after.notes
    end, steps = {**shared.values, "play": False}, len(shared.history)
    for _ in range(steps):
        shared.set("undo")
    assert shared.history == ()
    for _ in range(steps):
        shared.set("redo")
    assert {**shared.values, "play": False} == end


def test_history_is_bounded(shared):
    """Its oldest steps are forgotten."""
    for k in range(history.DEPTH + 20):
        shared.set("seed", k + 1, str(k))

    assert len(shared.history) == history.DEPTH


def test_a_piece_without_stretches_has_bars_too(open_shared):
    """Those of the format, from 1."""
    plain = quarters(("4/4", 32))
    shared = open_shared(Piece(plain.notes, plain.steps, name="plain"))
    shared.set("bars/8/knob/pitch", 3.0)
    shared.set("loop/bars", "7-8")

    assert (shared.transport.start, shared.transport.end) == (96, 128)
    assert shared.values["bars/8-8/knob/pitch"] == 3.0
    assert shared.wait().piece.notes[-1].pitch == plain.notes[-1].pitch + 3


def test_few_pieces_are_gone_back_to(shared):
    """Each has its codes and its file with it."""
    for k in range(history.MOST_PIECES + 4):
        shared.open(quarters(("4/4", 16 + 16 * (k % 2))))

    assert shared.history == ("file",) * history.MOST_PIECES


def test_parameters_are_cleared_together_or_not_at_all(shared):
    """As one step."""
    shared.set_all({"knob/pitch": 1.0, "tempo": 90.0})
    with pytest.raises(UsageError):
        shared.clear_all(("knob/pitch", "tempo", "undo"))
    assert (shared.values["knob/pitch"], shared.values["tempo"]) == (1.0, 90.0)

    shared.clear_all(("knob/pitch", "tempo"))
    shared.set("undo")

    assert (shared.values["knob/pitch"], shared.values["tempo"]) == (1.0, 90.0)
