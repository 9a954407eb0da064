"""Any bytes: they are played or refused, and the next message is played."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latentknobs.errors import UsageError
from latentknobs.frontends.osc.packets import OscMessage, bundled, read, written
from tests.frontends.osc.conftest import SENDER, Dialogue

FEW = pytest.mark.parametrize("examples", [60, pytest.param(2000, marks=pytest.mark.slow)])

addresses = st.sampled_from(
    [
        "/knob/pitch",
        "/knob/*",
        "/bars/1-2/knob/pitch",
        "/play",
        "/morph",
        "/snapshot/store",
        "/undo",
        "/subscribe",
        "/get/notes",
    ]
) | st.text("/abk*?[]{},!-\\", max_size=20).map(lambda text: f"/{text}")
arguments = st.lists(
    st.integers(-(2**31), 2**31 - 1) | st.floats(width=32) | st.text(max_size=8).filter(lambda text: "\0" not in text),
    max_size=3,
)
messages = st.builds(lambda address, own: OscMessage(address, tuple(own)), addresses, arguments)
packets = messages.map(written) | st.lists(messages, min_size=1, max_size=4).map(lambda many: bundled(many)[0])


@st.composite
def damaged(draw):
    """A packet with some of its bytes changed, cut or repeated."""
    data = bytearray(draw(packets))
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, max(0, len(data) - 1)))
        kind = draw(st.sampled_from(["set", "cut", "twice"]))
        if kind == "set" and data:
            data[place] = draw(st.sampled_from([0, 1, 4, 127, 128, 255]))
        elif kind == "cut":
            del data[place : place + draw(st.integers(1, 8))]
        else:
            data[place:place] = data[place : place + 16]
    return bytes(data)


@FEW
def test_any_packet_is_played_or_refused(session, examples):
    """The control never raises, and then sets what it is told."""
    dialogue = Dialogue(session)

    @settings(max_examples=examples, suppress_health_check=list(HealthCheck), database=None)
    @given(st.lists(st.binary(max_size=80) | damaged() | packets, max_size=4), st.floats(-12, 12, width=32))
    def play(many, amount):
        dialogue.control.play([(packet, SENDER) for packet in many])
        dialogue.say("/knob/pitch", amount)
        assert session.values["knob/pitch"] == amount
        dialogue.control.tell_change([])

    play()


@FEW
def test_reading_gives_messages_or_one_sentence(examples):
    """Whatever the bytes are; nothing else is raised."""

    @settings(max_examples=examples, database=None)
    @given(st.binary(max_size=200) | damaged() | st.binary(max_size=60).map(lambda data: b"#bundle\0" + data))
    def look(packet):
        with suppress(UsageError):
            assert all(message.address.startswith("/") for message in read(packet))

    look()


@settings(max_examples=100)
@given(messages)
def test_what_is_written_is_read(message):
    """A message comes back as it was, alone and in a bundle."""
    if not all(x == x for x in message.arguments):  # noqa: PLR0124 - not-a-number equals nothing
        return
    assert read(written(message)) == [message]
    assert read(bundled([message])[0]) == [message]
