"""Controls: values of 7 and 14 bits, relative ones, takeover, programs, and what goes back to their lights."""

from __future__ import annotations

import pytest

from latentknobs.frontends.midi.controls import Controls, place_of, turned, value_at
from latentknobs.frontends.midi.mapping import Control
from tests.frontends.waiting import until

PITCH, RHYTHM = "knob/pitch", "knob/rhythm"


@pytest.fixture
def controls(session):
    """Make the controls of a mapping, on the session."""
    return lambda *mapping, takeover="jump": Controls(
        session, [Control.parse(*one) for one in mapping], takeover, lambda: None, lambda: None
    )


@pytest.mark.parametrize("bits", [7, 14])
def test_the_middle_is_untouched(bits):
    """64 of 7 bits and 8192 of 14 lie exactly in the middle, the ends at the ends, and every value comes back."""
    top = (1 << bits) - 1

    assert [place_of(value, bits) for value in (0, 1 << (bits - 1), top)] == [0.0, 0.5, 1.0]
    assert [value_at(place_of(value, bits), bits) for value in range(top + 1)] == list(range(top + 1))


def test_an_untouched_knob_is_at_64(session, controls):
    """At 64 the knob is exactly 0 wherever it came from, and at the ends it is its range's ends."""
    one, knob = controls((PITCH, "cc20")), session.parameters[PITCH]
    for value in range(64):
        one.change(0, 20, value)
        for sent, wanted in ((64, 0.0), (127, knob.high), (64, 0.0), (0, knob.low)):
            one.change(0, 20, sent)

            assert session.values[PITCH] == wanted, (value, sent)


def test_fourteen_bits_are_finer(session, controls):
    """The coarse controller alone reaches both ends; with the fine one a value is between two coarse ones."""
    one = controls(("tempo", "cc21,14bit"))

    one.change(0, 21, 127)
    assert session.values["tempo"] == 300
    one.change(0, 21, 64)
    middle = session.values["tempo"]
    one.change(0, 53, 64)
    between = session.values["tempo"]
    one.change(0, 21, 65)
    assert middle < between < session.values["tempo"]
    one.change(0, 21, 127)
    one.change(0, 53, 127)
    assert session.values["tempo"] == 300
    one.change(0, 21, 64)
    assert session.values["tempo"] == middle


@pytest.mark.parametrize(
    ("word", "up", "down"),
    [("relative", (1, 5), (127, 123)), ("relative-offset", (65, 69), (63, 59)), ("relative-sign", (1, 5), (65, 69))],
)
def test_relative_controls_turn_by_what_they_say(session, controls, word, up, down):
    """The same way up and down leads back to exactly where it began."""
    control = Control.parse("tempo", f"cc30,{word}")
    assert [turned(value, control) for value in (*up, *down)] == [1, 5, -1, -5]
    one = controls(("tempo", f"cc30,{word}"))

    begun = session.values["tempo"]
    for value in up:
        one.change(0, 30, value)
    assert session.values["tempo"] == pytest.approx(begun + 6 / 128 * 270)
    for value in down:
        one.change(0, 30, value)
    assert session.values["tempo"] == pytest.approx(begun)


def test_small_turns_add_up_on_a_stepped_knob(session, controls):
    """A relative control moves a knob of whole steps, though each turn is less than a step."""
    one = controls((PITCH, "cc30,relative"))
    for _ in range(64):
        one.change(0, 30, 1)

    assert session.values[PITCH] == session.parameters[PITCH].high


def test_pickup_waits_until_it_passes_the_value(session, controls):
    """A control elsewhere than the value does nothing until it crosses it, though it skips the value itself."""
    one = controls(("tempo", "cc20"), takeover="pickup")
    session.set("tempo", 150.0)
    one.change(0, 20, 100)
    one.change(0, 20, 80)
    assert session.values["tempo"] == 150.0

    one.change(0, 20, 20)
    assert session.values["tempo"] == pytest.approx(30 + 270 * place_of(20, 7))
    one.change(0, 20, 90)
    assert session.values["tempo"] == pytest.approx(30 + 270 * place_of(90, 7))


def test_pickup_begins_again_when_others_set_the_value(session, controls):
    """What another front end sets is not lost to the next small move."""
    one = controls(("tempo", "cc20"), takeover="pickup")
    one.change(0, 20, value_at(session.parameters["tempo"].normalized(240.0), 7) + 1)
    change = session.set("tempo", 60.0, "web")
    one.told(change)
    one.change(0, 20, 100)

    assert session.values["tempo"] == 60.0


def test_jump_sets_at_once(session, controls):
    """Wherever the control is."""
    controls(("tempo", "cc20"), takeover="jump").change(0, 20, 0)

    assert session.values["tempo"] == 30


def test_scale_goes_its_share_and_meets_at_the_end(session, controls):
    """The first message tells where the control is; from there both reach the end together."""
    one = controls(("tempo", "cc20"), takeover="scale")
    session.set("tempo", 60.0)
    one.change(0, 20, 64)
    assert session.values["tempo"] == 60.0
    one.change(0, 20, 96)
    assert 60 < session.values["tempo"] < 30 + 270 * place_of(96, 7)
    one.change(0, 20, 127)
    assert session.values["tempo"] == pytest.approx(300)


def test_switches_and_triggers(session, controls):
    """Values from 64 on switch on, or do it."""
    one = controls(("loop", "cc40"), ("undo", "cc41"))
    one.change(0, 40, 0)
    assert session.values["loop"] is False
    one.change(0, 41, 127)
    one.change(0, 41, 0)

    assert session.values["loop"] is True


def test_a_channel_is_heard_alone_where_it_is_named(session, controls):
    """Others are not meant; without a channel all are."""
    one = controls((PITCH, "cc20,ch3"), (RHYTHM, "cc21"))
    one.change(0, 20, 127)
    one.change(5, 21, 127)
    assert (session.values[PITCH], session.values[RHYTHM]) == (0, session.parameters[RHYTHM].high)
    one.change(2, 20, 127)

    assert session.values[PITCH] == session.parameters[PITCH].high


def test_what_others_set_goes_back_and_ones_own_does_not(session, started, ports):
    """A value set elsewhere is sent as CC, a control's own value is not, and untouched is 64."""
    started("--map", "pitch=cc20", "--map", "tempo=cc21")
    until(lambda: (0xB0, 20, 64) in ports.messages(0xB0))
    session.set("tempo", 300.0, "web")
    until(lambda: (0xB0, 21, 127) in ports.messages(0xB0))
    ports.sent.clear()

    ports.say(0xB0, 20, 64)
    ports.say(0xB0, 20, 127)
    session.set("tempo", 30.0, "web")
    until(lambda: (0xB0, 21, 0) in ports.messages(0xB0))

    assert ports.messages(0xB0) == [(0xB0, 21, 0)]


def test_a_program_is_the_snapshot_of_its_number(session, started, ports):
    """Whichever was stored first; those with words follow in their own order."""
    started()
    for amount, name in ((3, "3"), (1, "1"), (5, "verse"), (7, "chorus")):
        session.set(PITCH, amount)
        session.set("snapshot/store", name)
    recalled = {}
    for program in (0, 2, 1, 5):
        session.set(PITCH, 0)
        ports.say(0xC0, program)
        recalled[program] = session.values[PITCH]

    assert recalled == {0: 1, 2: 3, 1: 7, 5: 0}


def test_programs_recall_snapshots_and_controls_are_told(session, started, ports):
    """Program 0 is the first snapshot; there is nothing behind the last one; CC 121 resets."""
    started("--takeover", "jump", "--map", "pitch=cc20")
    ports.say(0xB0, 20, 127)
    high = session.values[PITCH]
    session.set("snapshot/store", "up")
    ports.say(0xB0, 121, 0)
    assert session.values[PITCH] == 0
    ports.say(0xC0, 5)
    assert session.values[PITCH] == 0
    until(lambda: (0xB0, 20, 64) in ports.messages(0xB0))
    ports.sent.clear()
    ports.say(0xC0, 0)

    assert session.values[PITCH] == high
    until(lambda: (0xB0, 20, 127) in ports.messages(0xB0))
