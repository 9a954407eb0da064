"""Real ports: RtMidi on a JACK server without a sound card."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest

from benchmarks.jack import Device, jack_server
from latentknobs.frontends.midi import frontend as frontend_module
from latentknobs.frontends.midi.frontend import start
from latentknobs.frontends.midi.ports import RtMidiPorts
from tests.frontends.waiting import until

rtmidi = pytest.importorskip("rtmidi", reason="python-rtmidi has no wheel for this Python")
pytestmark = pytest.mark.slow


@pytest.fixture
def jack(tmp_path):
    """A JACK server of this test's own."""
    if shutil.which("jackd") is None:
        pytest.skip("jackd is not installed")
    with jack_server(f"latentknobs-{tmp_path.parent.name}", tmp_path / "jackd.log"):
        yield


def test_a_session_is_played_through_real_ports(jack, session, monkeypatch, caplog):
    """Controls arrive, notes leave and end; a device that goes and comes back is taken again."""
    monkeypatch.setattr(frontend_module, "PORTS", 0.1)
    with ExitStack() as stack:
        pads, synth = Device("Pads"), Device("Synth")
        stack.callback(synth.close)
        frontend = start(
            session, ["--in", "Pads:out", "--out", "Synth in", "--map", "pitch=cc20", "--takeover", "jump", "--play"]
        )
        stack.callback(frontend.stop)
        until(lambda: any(data[0] == 0x90 for data in synth.heard))
        pads.out.send_message([0xB0, 20, 127])
        until(lambda: session.values["knob/pitch"] == session.parameters["knob/pitch"].high)
        pads.close()
        until(lambda: "has gone" in caplog.text)
        pads = Device("Pads")
        stack.callback(pads.close)
        until(lambda: "is back" in caplog.text)

        def turned_back():
            pads.out.send_message([0xB0, 20, 64])
            time.sleep(0.1)
            return session.values["knob/pitch"] == 0

        until(turned_back)
        session.set("play", False)
        until(lambda: (0xFC,) in synth.heard)
        time.sleep(0.2)
        ons, offs = ([data[1] for data in synth.heard if data[0] == status] for status in (0x90, 0x80))

        assert sorted(ons) == sorted(offs)


def test_virtual_ports_are_there_while_it_runs(jack, session, cli):
    """Others see them, ``latentknobs ports`` lists them, and they are gone afterwards."""
    frontend = start(session, [])
    listed = cli("ports", "--json").json
    shown = cli("ports").out
    frontend.stop()

    assert [name for name in listed["inputs"] if "latentknobs" in name]
    assert [name for name in listed["outputs"] if "latentknobs:latentknobs" in name]
    assert shown.startswith("inputs ")
    assert cli("ports", "--json").json == {"inputs": [], "outputs": []}


def test_a_burst_arrives_whole(jack):
    """Also while what came before is still being done."""
    heard, sent = [], [(0xB0, k // 100, k % 100) for k in range(3000)]

    def slow(data):
        if not heard:
            time.sleep(1)
        heard.append(tuple(data))

    port = RtMidiPorts().open_input(None, slow)
    pads = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, "Pads")
    pads.open_port(next(k for k, name in enumerate(pads.get_ports()) if "latentknobs" in name))
    for number, message in enumerate(sent):
        pads.send_message(message)
        if number % 100 == 0:
            time.sleep(0.02)  # what JACK takes in one go is bounded
    until(lambda: len(heard) == len(sent))
    pads.close_port()
    pads.delete()
    port.close()

    assert heard == sent


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_terminated_server_leaves_no_note(jack, plugins_dir, tiny_registry, number):
    """``latentknobs serve midi`` ends the notes that sound at SIGTERM or with its terminal, and its code is 0."""
    synth = Device("Synth")
    words = ["--model", "tiny", "--registry", str(tiny_registry), "--out", "Synth in", "--play"]
    server = subprocess.Popen(
        [sys.executable, "-m", "latentknobs", "serve", "midi", *words], stderr=subprocess.PIPE, text=True
    )
    try:
        until(lambda: any(data[0] == 0x90 for data in synth.heard) or server.poll() is not None, 120)
        server.send_signal(number)
        said = server.communicate(timeout=60)[1]
        until(lambda: (0xFC,) in synth.heard)
        ons, offs = ([data[1] for data in synth.heard if data[0] == status] for status in (0x90, 0x80))

        assert server.returncode == 0, said
        assert "MIDI: output Synth in:in." in said
        assert sorted(ons) == sorted(offs) != []
    finally:
        server.kill()
        synth.close()


def test_a_machine_without_midi_is_one_sentence(cli, monkeypatch):
    """That says what can be done."""
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "nobody")
    monkeypatch.setattr(rtmidi, "get_compiled_api", lambda: [rtmidi.API_UNIX_JACK])

    assert "has no MIDI" in cli("ports").one_sentence()
