"""What messages do to the session, without sockets."""

from __future__ import annotations

import math
import re
import struct

import pytest
from pythonosc.parsing import ntp

from latentknobs import __version__
from latentknobs.frontends.osc import control
from latentknobs.frontends.osc.control import MOST_WAITING
from latentknobs.frontends.osc.packets import MOST_BYTES, OscMessage, written
from latentknobs.frontends.osc.subscribers import MOST_SUBSCRIBERS

OTHER = ("127.0.0.2", 50_001)


def errors(messages):
    """The sentences of errors among messages."""
    return [message.arguments[0] for message in messages if message.address == "/error"]


def dated(packet, at):
    """A bundle with another time."""
    return packet[:8] + ntp.system_time_to_ntp(at) + packet[16:]


@pytest.mark.parametrize(
    ("address", "argument", "path", "value"),
    [
        ("/knob/pitch", 3.0, "knob/pitch", 3.0),
        ("/knob/pitch", 3, "knob/pitch", 3.0),
        ("/knob/pitch/normalized", 0.75, "knob/pitch", 6.0),
        ("/bars/3-4/knob/pitch", 2.0, "bars/3-4/knob/pitch", 2.0),
        ("/clip/2/knob/pitch", 2.0, "bars/3-4/knob/pitch", 2.0),
        ("/tempo", 90, "tempo", 90.0),
        ("/play", 1.0, "play", True),
        ("/loop", 0, "loop", False),
        ("/loop/bars", "3-4", "loop/bars", "3-4"),
        ("/seed", 7.0, "seed", 7.0),
    ],
)
def test_an_address_is_a_parameter(dialogue, session, address, argument, path, value):
    """It is set in its own unit or by its place; whole numbers stand for others."""
    assert dialogue.say(address, argument) == []
    assert session.values[path] == value


def test_a_message_without_a_value_asks(dialogue):
    """It is answered at the same address, in the same unit; bars that are not set follow the piece."""
    dialogue.say("/knob/pitch", 6)

    assert dialogue.say("/knob/pitch") == [OscMessage("/knob/pitch", (6.0,))]
    assert dialogue.say("/knob/pitch/normalized") == [OscMessage("/knob/pitch/normalized", (0.75,))]
    assert dialogue.say("/bars/1-2/knob/pitch") == [OscMessage("/bars/1-2/knob/pitch", (6.0,))]
    assert dialogue.say("/file") == [OscMessage("/file", ("tune",))]
    assert dialogue.say("/play") == [OscMessage("/play", (0,))]
    assert dialogue.say("/ping") == [OscMessage("/pong", (__version__,))]


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ("/knob/{pitch,rhythm}", {"knob/pitch", "knob/rhythm"}),
        ("/knob/p*", {"knob/pitch"}),
        ("/knob/[!p]?ythm", {"knob/rhythm"}),
        ("/bars/1-2/knob/{pitch,rhythm}", {"bars/1-2/knob/pitch", "bars/1-2/knob/rhythm"}),
        ("/clip/1/knob/pit??", {"bars/1-2/knob/pitch"}),
    ],
)
def test_patterns_set_what_they_match(dialogue, session, pattern, matched):
    """OSC's wildcards and braces, as one change."""
    before = session.values
    assert dialogue.say(pattern, 1) == []

    changed = {path for path, value in session.values.items() if before.get(path) != value}
    assert changed == matched
    assert len(session.history) == 1


def test_patterns_do_nothing_that_is_done(dialogue, session):
    """A pattern that would match triggers matches values alone."""
    dialogue.say("/knob/pitch", 3)
    dialogue.say("/*", 1)

    assert session.values["knob/pitch"] == 3
    assert "no parameter" in errors(dialogue.say("/snapshot/*", "one"))[0]


@pytest.mark.parametrize(
    ("address", "arguments", "said"),
    [
        ("/knob/pitch", (math.nan,), "finite"),
        ("/knob/pitch", (math.inf,), "finite"),
        ("/knob/pitch/normalized", (math.nan,), "finite"),
        ("/knob/pitch", ("high",), "finite number"),
        ("/knob/pitch", (1.0, 2.0), "one value"),
        ("/knob/pich", (1.0,), "did you mean 'knob/pitch'"),
        ("/knob/{a,b}*", (1.0,), "no parameter"),
        ("/" + "{0,1,2,3,4,5,6,7,8,9}" * 2, (1.0,), "64 alternatives"),
        ("/play/normalized", (0.5,), "no number"),
        ("/undo/clear", (), "no default"),
        ("/play", (0.5,), "on or off"),
        ("/bars/90/knob/pitch", (1.0,), "bars 1 to 4"),
        ("/clip/9/knob/pitch", (1.0,), "clips 1 to 2"),
        ("/snapshot/recall", ("gone",), "no snapshot"),
        ("/morph", (0.5,), "no two ends"),
        ("/snapshots", ("x",), "told, not set"),
        ("/subscribe", ("x",), "/subscribe 7771 60"),
        ("/subscribe", (0,), "1 to 65535"),
        ("/subscribe", (7771, 1e9), "3600 seconds"),
        ("/unsubscribe", (), "no subscription"),
    ],
)
def test_what_cannot_be_done_is_said(dialogue, session, address, arguments, said):
    """In one sentence, with the address; nothing is changed."""
    before = session.values
    (answer,) = dialogue.say(address, *arguments)

    assert answer.address == "/error"
    assert said in answer.arguments[0]
    assert answer.arguments[1] == address
    assert session.values == before


@pytest.mark.parametrize(
    ("address", "argument", "value"), [("/knob/pitch", 1e9, 12.0), ("/knob/pitch/normalized", -3.0, -12.0)]
)
def test_out_of_range_is_the_nearest_and_said(dialogue, session, address, argument, value):
    """The value is taken, and people learn of it."""
    (sentence,) = errors(dialogue.say(address, argument))

    assert "is outside, so knob/pitch is" in sentence
    assert session.values["knob/pitch"] == value


def test_triggers_are_done_once_a_press(dialogue, session):
    """A button sends 1 and then 0; a number names a snapshot too; bars are cleared to follow the piece."""
    dialogue.say("/knob/pitch", 3)
    dialogue.say("/snapshot/store", 1.0)
    dialogue.say("/snapshot/store", 0.0)
    dialogue.say("/reset", 1)
    dialogue.say("/reset", 0)
    assert (session.values["knob/pitch"], session.values["snapshots"]) == (0, "1")
    dialogue.say("/snapshot/recall", "1")
    assert session.values["knob/pitch"] == 3
    dialogue.say("/undo", 1)
    dialogue.say("/undo", 0)
    assert session.values["knob/pitch"] == 0
    dialogue.say("/bars/1-2/knob/pitch", 5)
    dialogue.say("/bars/1-2/knob/pitch/clear")
    assert "bars/1-2/knob/pitch" not in session.values


def test_a_bundle_is_one_change(dialogue, session, bundle):
    """One undo takes it back."""
    dialogue.play(bundle(("/knob/pitch", 4.0), ("/knob/rhythm", 1.0), ("/tempo", 90.0)))
    assert (session.values["knob/pitch"], session.values["knob/rhythm"], session.values["tempo"]) == (4, 1, 90)

    dialogue.say("/undo")
    assert (session.values["knob/pitch"], session.values["knob/rhythm"], session.values["tempo"]) == (0, 0, 120)


def test_what_is_wrong_in_a_bundle_spoils_nothing_else(dialogue, session, bundle):
    """It is said, and the rest is set."""
    dialogue.play(bundle(("/knob/pitch", 4.0), ("/loop/bars", "90"), ("/knob/rhythm", 1.0)))

    assert (session.values["knob/pitch"], session.values["knob/rhythm"]) == (4, 1)
    assert [message.arguments[1] for _to, message in dialogue.sent] == ["/loop/bars"]


def test_the_newest_of_many_wins(dialogue, session):
    """Of thousands of messages that came together the last one holds, whoever sent it, and it is one step."""
    packets = [
        (written(OscMessage("/knob/pitch", (k % 7 / 2,))), (SENDERS := [("127.0.0.1", 1), ("127.0.0.1", 2)])[k % 2])
        for k in range(4001)
    ]
    dialogue.control.play([*packets, (written(OscMessage("/knob/rhythm", (1.0,))), SENDERS[0])])

    assert session.values["knob/pitch"] == 4000 % 7 / 2
    assert len(session.history) <= 2


def test_order_is_kept_around_what_is_done(dialogue, session):
    """A snapshot between two values holds the first one."""
    said = [("/knob/pitch", (3,)), ("/snapshot/store", ("a",)), ("/knob/pitch", (5,))]
    dialogue.play(*(written(OscMessage(*one)) for one in said))

    assert session.values["knob/pitch"] == 5
    dialogue.say("/snapshot/recall", "a")
    assert session.values["knob/pitch"] == 3


def test_a_bundle_waits_for_its_time(dialogue, session, bundle, monkeypatch):
    """Until then nothing changes."""
    dialogue.play(dated(bundle(("/knob/pitch", 4.0)), control.time.time() + 5))
    assert session.values["knob/pitch"] == 0
    assert 0 < dialogue.control.until_due() <= 5

    later = control.time.monotonic() + 6
    monkeypatch.setattr(control.time, "monotonic", lambda: later)
    dialogue.play()
    assert session.values["knob/pitch"] == 4
    assert dialogue.control.until_due() is None


def test_a_bundle_of_the_past_is_played_at_once(dialogue, session, bundle):
    """As one that says at once."""
    dialogue.play(dated(bundle(("/knob/pitch", 4.0)), control.time.time() - 100))

    assert session.values["knob/pitch"] == 4


def test_waiting_is_bounded(dialogue, bundle):
    """In time and in number; what is refused is said."""
    dialogue.play(dated(bundle(("/knob/pitch", 4.0)), control.time.time() + 60))
    assert "seconds before its time" in errors(message for _to, message in dialogue.sent)[0]

    del dialogue.sent[:]
    soon = dated(bundle(("/knob/pitch", 4.0)), control.time.time() + 9)
    dialogue.play(*[soon] * (MOST_WAITING + 1))
    assert "wait for their time already" in errors(message for _to, message in dialogue.sent)[0]


def test_a_bundle_without_end_is_no_packet(dialogue, session):
    """An element of negative size, at which python-osc's reader never returns, is refused."""
    dialogue.play(b"#bundle\0" + struct.pack(">Qi", 1, -4))

    assert "cannot have -4 bytes" in errors(message for _to, message in dialogue.sent)[0]
    dialogue.play(b"/knob/pitch\0,b\0\0" + struct.pack(">i", 0))
    dialogue.play(b"x" * (MOST_BYTES + 1))
    assert len(dialogue.sent) == 3


def test_errors_are_bounded_and_counted(dialogue, monkeypatch):
    """Of a flood of faults some are said, and later how many were not."""
    dialogue.play(*[written(OscMessage("/gone", (1.0,)))] * 500)
    said = errors(message for _to, message in dialogue.sent)
    assert 0 < len(said) < 100

    later = control.time.monotonic() + 60
    monkeypatch.setattr(control.time, "monotonic", lambda: later)
    said += errors(dialogue.say("/gone", 1.0))
    unsaid = sum(int(number) for sentence in said for number in re.findall(r"\((\d+) more went unsaid", sentence))
    assert len(said) + unsaid == 501


def test_the_notes_are_told(dialogue, session):
    """With how many they are, each with pitch, velocity, start and length in beats, and as a list of steps."""
    dialogue.say("/knob/pitch", 2)
    music = session.wait()
    begin, *notes, end = dialogue.say("/get/notes")

    assert (begin.address, begin.arguments, end.address) == ("/notes/begin", (16,), "/notes/end")
    told = [note.arguments for note in notes]
    assert told == [(note.pitch, 100, note.onset / 4, note.length / 4) for note in music.piece.notes]
    (steps,) = dialogue.say("/get/steps")
    assert steps.arguments[:6] == (62, 128, 128, 128, 63, 128)
    assert len(steps.arguments) == 64


def test_subscribers_are_bounded(dialogue):
    """The 33rd is refused; one that subscribes again is none."""
    for number in range(MOST_SUBSCRIBERS):
        assert errors(dialogue.say("/subscribe", 9000 + number, sender=("127.0.0.1", 100 + number))) == []
    assert "subscribers already" in errors(dialogue.say("/subscribe", 8000, sender=OTHER))[0]
    assert errors(dialogue.say("/subscribe", 9000, sender=("127.0.0.1", 100))) == []


def test_a_subscription_ends(dialogue, monkeypatch):
    """After its time nothing is told any more."""
    dialogue.say("/subscribe", 9000, 30)
    assert len(list(dialogue.control.subscribers)) == 1

    later = control.time.monotonic() + 31
    monkeypatch.setattr(control.time, "monotonic", lambda: later)
    assert list(dialogue.control.subscribers) == []


def test_answers_go_to_the_port_that_was_given(dialogue):
    """Never to the one that was sent from; without a subscription to the usual one."""
    dialogue.say("/ping")
    assert dialogue.sent[0][0] == ("127.0.0.1", 7771)
    dialogue.say("/subscribe", 9000)
    dialogue.say("/ping")
    assert dialogue.sent[0][0] == ("127.0.0.1", 9000)
    dialogue.say("/ping", sender=OTHER)
    assert dialogue.sent[0][0] == ("127.0.0.2", 7771)
