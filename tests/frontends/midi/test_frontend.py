"""The front end as a whole: any messages at all, its end by any way, and its commands."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latentknobs.frontends.midi.ports import PortError
from tests.frontends.midi.memory_ports import MemoryPorts
from tests.frontends.waiting import until

BYTES = st.lists(st.integers(0, 255), max_size=4)
MESSAGES = st.one_of(
    BYTES,
    st.tuples(st.integers(0xB0, 0xBF), st.sampled_from([20, 21, 52, 53, 120, 121, 123, 7]), st.integers(0, 127)),
    st.tuples(st.integers(0x80, 0x9F), st.integers(0, 127), st.integers(0, 127)),
    st.tuples(st.integers(0xC0, 0xCF), st.integers(0, 127)),
    st.sampled_from([(0xF8,), (0xFA,), (0xFB,), (0xFC,), (0xF2, 3, 1)]),
)


@pytest.fixture(params=["send", "follow"])
def anything(request, started, session):
    """A front end with all that listens to messages."""
    session.set("snapshot/store", "one")
    words = ("--map", "pitch=cc20,14bit", "--map", "tempo=cc21,relative", "--record", "2", "--clock", request.param)
    return started(*words)


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(stream=st.lists(MESSAGES, max_size=60))
def test_no_messages_do_harm(stream, anything, session):
    """Whatever comes, the front end answers afterwards, and values stay in their ranges."""
    for data in stream:
        anything.receive(list(data))
    session.set("tempo", 100.0)

    assert session.values["tempo"] == 100.0
    for path, value in session.values.items():
        if path in session.parameters:
            session.parameters[path].checked(value)


def test_turned_knobs_are_heard_while_it_plays(session, started, ports):
    """A control changes what sounds, from controller to notes."""
    started("--takeover", "jump", "--map", "pitch=cc20", "--play")
    until(lambda: ports.messages(0x90))
    ports.say(0xB0, 20, 127)
    until(lambda: any(data[1] >= 72 for data in ports.messages(0x90)))


def test_a_failing_session_ends_no_thread(session, started, ports, monkeypatch, caplog):
    """What goes wrong now and then is told, and the next message is heard."""
    frontend = started()
    monkeypatch.setattr(frontend._watch, "look", lambda: 1 / 0)
    until(lambda: "tried again" in caplog.text)
    ports.say(0xFA)

    assert session.values["play"] is True


PROGRAM = """
import atexit, json, sys, time
from latentknobs.core.clip import Note
from latentknobs.core.melody_format import MELODY
from latentknobs.core.piece import Piece
from latentknobs.core.transport import Transport
from latentknobs.frontends.midi.frontend import MidiFrontend
from latentknobs.frontends.midi.options import MidiOptions
from tests.frontends.midi.memory_ports import MemoryPorts
from tests.frontends.waiting import until
from latentknobs.core.live_session import Music

class Session:
    parameters, values, clip_format = {}, {}, MELODY
    music = Music(Piece((Note(0, 60, 32),), 32), 0)
    transport = Transport(True, 60.0, 4, 0, 32, True, 0.0, time.monotonic())
    def subscribe(self, *_args):
        class Listening:
            def close(self): pass
        return Listening()

ports = MemoryPorts()
atexit.register(lambda: print(json.dumps(ports.messages()), flush=True))
frontend = MidiFrontend(Session(), MidiOptions(), ports)
until(lambda: ports.messages(0x90))
END
"""


@pytest.mark.parametrize("end", ["raise SystemExit(3)", "raise RuntimeError('a fault')", "frontend.stop()", "pass"])
def test_no_way_out_leaves_a_note(tmp_path, end):
    """At the end of the program, by whatever way, the note that sounds is ended."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.replace("END", end)],
        capture_output=True, text=True, check=False, env={**os.environ, "LATENTKNOBS_CONFIG": str(tmp_path)},
    )  # fmt: skip

    assert "[144, 60, 112]" in done.stdout, done.stderr
    assert done.stdout.index("[128, 60, 0]") > done.stdout.index("[144, 60, 112]")


def test_the_doctor_names_the_ports(cli, monkeypatch):
    """Where the extra is installed: those of each direction, or why there are none."""
    pytest.importorskip("rtmidi", reason="python-rtmidi has no wheel for this Python")
    place = "latentknobs.frontends.midi.ports.RtMidiPorts"
    monkeypatch.setattr(place, lambda: MemoryPorts(["Pads", "Keys"]))
    assert cli("doctor", "--json").json["MIDI ports"] == {"inputs": "Pads, Keys", "outputs": "none"}

    def none():
        raise PortError("This machine has no MIDI.")

    monkeypatch.setattr(place, none)
    assert cli("doctor", "--json").json["MIDI ports"] == "This machine has no MIDI."


def test_ports_are_listed(cli, monkeypatch):
    """For people a line each, for programs as JSON."""
    monkeypatch.setattr("latentknobs.frontends.midi.ports.RtMidiPorts", lambda: MemoryPorts(["Pads", "Keys"]))

    assert cli("ports").out.split() == ["inputs", "Pads", "Keys", "outputs", "none"]
    assert cli("ports", "--json").json == {"inputs": ["Pads", "Keys"], "outputs": []}


def test_continue_goes_on_where_it_stopped(session, started, ports):
    """Start begins anew; a song position is where Continue begins."""
    started()
    ports.say(0xFA)
    until(lambda: session.transport.position(time.monotonic()) > 6)
    ports.say(0xFC)
    stopped = session.transport.origin
    ports.say(0xFB)
    assert session.transport.origin == stopped > 0
    ports.say(0xFC)
    ports.say(0xF2, 3, 0)
    ports.say(0xFB)
    assert session.transport.origin == 3
    ports.say(0xFC)
    session.set("loop/bars", "2")
    ports.say(0xF2, 3, 0)
    ports.say(0xFB)
    assert session.transport.origin == session.transport.start + 3
    ports.say(0xFC)
    ports.say(0xFA)
    assert session.transport.origin == session.transport.start
