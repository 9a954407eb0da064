"""Ports: found by a part of their names, let go and taken again, and never left with a note."""

from __future__ import annotations

import sys

import pytest

from latentknobs.errors import MissingExtraError, UnknownNameError, UsageError
from latentknobs.frontends.midi import frontend as frontend_module
from latentknobs.frontends.midi.frontend import MidiFrontend
from latentknobs.frontends.midi.options import read_options
from latentknobs.frontends.midi.plugin import _start
from latentknobs.frontends.midi.ports import Output, RtMidiPorts, port_named
from tests.frontends.midi.memory_ports import MemoryPorts
from tests.frontends.waiting import until


def test_a_part_of_a_name_is_enough():
    """In any case; a whole name is that port though it is part of another's."""
    there = ["Synth", "Synth 2", "Pads"]

    assert [port_named(name, there, "input") for name in ("pads", "Synth", "th 2")] == ["Pads", "Synth", "Synth 2"]


def test_a_name_of_several_or_none_is_said():
    """With all of them."""
    with pytest.raises(UsageError, match="'yn' is part of 2 MIDI inputs, Synth 1, Synth 2"):
        port_named("yn", ["Synth 1", "Synth 2"], "input")
    with pytest.raises(UnknownNameError, match=r"no MIDI output named 'organ'.*there is: Pads"):
        port_named("organ", ["Pads"], "output")


@pytest.mark.parametrize("words", [("--in", "organ"), ("--in", "Pads", "--out", "organ"), ("--feedback", "organ")])
def test_nothing_stays_open_where_a_port_is_not_there(session, ports, words):
    """The front end does not start, and the ports that it had taken are free."""
    with pytest.raises(UnknownNameError, match="organ"):
        MidiFrontend(session, read_options(words), ports)

    assert ports.open == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--channel", "17"], "1 to 16"),
        (["--clock", "sometimes"], "invalid choice"),
        (["--colour"], "unrecognized arguments"),
        (["--record", "-1"], "1 to 500"),
        (["--link", "--clock", "follow"], "choose one"),
        (["--map"], "expected one argument"),
    ],
)
def test_wrong_options_are_usage(words, said):
    """In a sentence."""
    with pytest.raises(UsageError, match=said):
        read_options(words)


def test_values_go_to_the_output_that_is_called_as_the_input(session, started, ports):
    """Notes go to the named output, values to the controller that they are turned with."""
    frontend = started("--in", "pads", "--out", "synth", "--map", "pitch=cc20", "--play")
    until(lambda: ports.messages(0x90, "Synth 3:0"))
    until(lambda: (0xB0, 20, 64) in ports.messages(port="Pads 1:0"))

    assert ports.messages(0x90, "Pads 1:0") == []
    assert ports.messages(0xB0, "Synth 3:0") == []
    assert frontend.where == "MIDI: input Pads 1:0, output Synth 3:0, output Pads 1:0."


def test_ports_of_our_own_where_none_is_named(started, ports):
    """One of each direction."""
    frontend = started()

    assert ports.open == ["latentknobs", "latentknobs"]
    assert frontend.where == "MIDI: virtual ports latentknobs."


def test_a_port_that_goes_and_comes_back_is_taken_again(session, started, ports, caplog, monkeypatch):
    """
    Playing goes on meanwhile, what may hang in it is ended when it is back, and its values are shown.

    Its name may end with another number then, as ALSA has it.
    """
    monkeypatch.setattr(frontend_module, "PORTS", 0.05)
    started("--in", "pads", "--out", "synth", "--takeover", "jump", "--map", "pitch=cc20", "--play")
    until(lambda: ports.messages(0x90, "Synth 3:0"))
    ports.ins.remove("Pads 1:0")
    ports.outs[:] = []
    until(lambda: caplog.text.count("has gone") == 3)
    assert session.transport.playing
    ports.sent.clear()
    ports.ins.append("Pads 7:0")
    ports.outs += ["Pads 7:0", "Synth 3:0"]
    until(lambda: caplog.text.count("is back") == 3)
    until(lambda: ports.messages(0x90, "Synth 3:0"))
    assert ports.messages(port="Synth 3:0")[0] == (0xB0, 123, 0)
    until(lambda: ports.messages(0xB0, "Pads 7:0"))
    ports.say(0xB0, 20, 127, to="Pads 7:0")

    assert session.values["knob/pitch"] == session.parameters["knob/pitch"].high


class Broken:
    """A port whose device was pulled out."""

    def send(self, data):
        raise OSError("no such device")

    def close(self):
        pass


def test_an_output_whose_port_breaks_goes_on_without():
    """It says that it does not work, and takes messages all the same."""
    output = Output()
    output.use(Broken())
    output.strike(0, 60, 100)
    assert not output.works
    output.strike(0, 62, 100)
    output.silence()

    assert output.sounding == frozenset()


def test_an_output_ends_what_it_has_begun():
    """A note struck twice is ended in between, one that does not sound is not ended, closing sends All Notes Off."""
    ports = MemoryPorts()
    output = Output()
    output.use(ports.open_output(None))
    output.release(0, 60)
    for pitch in (60, 60, 62):
        output.strike(3, pitch, 100)
    output.close()

    assert ports.messages() == [
        (0x93, 60, 100), (0x83, 60, 0), (0x93, 60, 100), (0x93, 62, 100), (0x83, 60, 0), (0x83, 62, 0), (0xB3, 123, 0)
    ]  # fmt: skip


@pytest.mark.parametrize(("module", "start"), [("mido", True), ("rtmidi", False)])
def test_a_missing_extra_is_one_sentence(session, monkeypatch, module, start):
    """That names it."""
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, "latentknobs.frontends.midi.frontend")

    with pytest.raises(MissingExtraError, match=r"pip install 'latentknobs\[midi\]'"):
        _start(session, []) if start else RtMidiPorts()
