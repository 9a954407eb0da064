"""The front end over real sockets: who is told what, how it starts and ends, and its description."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from http.client import HTTPConnection

import pytest
from zeroconf import ServiceBrowser, Zeroconf

from latentknobs.errors import MissingExtraError, UsageError
from latentknobs.frontends.osc import announcing
from latentknobs.frontends.osc.options import start
from latentknobs.frontends.osc.packets import OscMessage, written
from tests.frontends.waiting import until


def by_address(messages):
    """The last arguments of each address."""
    return {message.address: message.arguments for message in messages}


def fetched(port, path, host=None):
    """Status and JSON of a request."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, json.loads(body) if body else None


def test_who_subscribes_is_told_everything_then_what_others_change(session, client, other):
    """Values and notes at first; then changes of others, notes, and its own in the unit that it did not send."""
    told = by_address(client.subscribed())
    assert told["/knob/pitch"] == (0.0,)
    assert told["/knob/pitch/normalized"] == (0.5,)
    assert told["/file"] == ("tune",)
    assert told["/notes/begin"] == (16,)

    client.send("/knob/pitch", 3)
    mine = by_address(client.until("/steps"))
    assert ("/knob/pitch" in mine, mine["/knob/pitch/normalized"]) == (False, (0.625,))
    assert mine["/notes/begin"] == (16,)
    other.send("/knob/pitch/normalized", 0.75)
    told = by_address(client.until("/steps"))
    assert (told["/knob/pitch"], told["/knob/pitch/normalized"]) == ((6.0,), (0.75,))


def test_what_a_trigger_changes_is_told_to_its_sender_too(session, client):
    """It sent no value, and would not know it."""
    client.subscribed()
    client.send("/knob/pitch", 3)
    client.until("/steps")
    client.send("/undo")

    assert by_address(client.until("/steps"))["/knob/pitch"] == (0.0,)


def test_a_value_out_of_range_is_told_as_it_was_set(session, client):
    """Even where that changes nothing, so that a fader shows what is."""
    client.subscribed()
    for _ in range(2):
        client.send("/knob/pitch", 1e30)
        told = by_address(client.until("/knob/pitch/normalized"))
        assert (told["/knob/pitch"], told["/knob/pitch/normalized"]) == ((12.0,), (1.0,))


def test_what_other_front_ends_change_is_told(session, client):
    """Whoever made it."""
    client.subscribed()
    session.set("tempo", 99, "page")

    assert by_address(client.until("/tempo"))["/tempo"] == (99.0,)


def test_who_has_unsubscribed_is_told_nothing(session, client):
    """But what it asks."""
    client.subscribed()
    client.asked("/unsubscribe")
    session.set("tempo", 99, "page")
    session.set("tempo", 98, "page")

    assert [message.address for message in client.asked("/tempo")] == ["/tempo"]


def test_a_flood_ends_with_the_last_value(session, client, other):
    """Of two clients that send without waiting, whatever was lost on the way."""
    for k in range(3000):
        client.send("/knob/pitch", k % 10 / 2)
        other.send("/knob/rhythm", k % 2)
        if k % 50 == 0:
            time.sleep(0.01)
    for one, address, value in ((client, "/knob/pitch", 7.5), (other, "/knob/rhythm", 2)):
        one.send(address, value)
    until(lambda: (session.values["knob/pitch"], session.values["knob/rhythm"]) == (7.5, 2))


def test_it_ends_and_leaves_nothing(session):
    """No port and no thread."""
    before = {thread.name for thread in threading.enumerate()}
    running = start(session, ["--port", "0"])
    port = int(re.search(r"port (\d+)", running.where)[1])
    running.stop()

    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as again:
            again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, kind == socket.SOCK_STREAM)
            again.bind(("127.0.0.1", port))
    assert {thread.name for thread in threading.enumerate()} == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--port", "99999"], "serve osc: argument --port: a port is a number from 0 to 65535."),
        (["--port", "some"], "serve osc: argument --port: a port is a number from 0 to 65535."),
        (["--reply-port", "0"], "serve osc: argument --reply-port: a port to answer to is a number from 1 to 65535."),
        (["--mon"], "serve osc: unrecognized arguments: --mon."),
    ],
)
def test_wrong_options_are_usage(session, capsys, words, said):
    """In a sentence; options have no short forms."""
    with pytest.raises(UsageError) as refused:
        start(session, words)

    assert (str(refused.value), *capsys.readouterr()) == (said, "", "")


def test_a_port_that_is_taken_is_said(session):
    """With what to do."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(UsageError, match=r"--osc-port.*port 0"):
            start(session, ["--port", str(taken.getsockname()[1])])
    with pytest.raises(UsageError, match="cannot listen on nowhere"):
        start(session, ["--host", "nowhere.invalid"])


def test_who_is_heard_is_said(session):
    """Loopback, unless another interface is asked for."""
    for host, everybody in (("127.0.0.1", False), ("localhost", False), ("0.0.0.0", True)):
        running = start(session, ["--host", host, "--port", "0", "--no-zeroconf"])
        running.stop()
        assert ("Everybody in the network" in running.where) == everybody


def test_a_missing_extra_is_named(session, monkeypatch):
    """In one sentence."""
    for name in [name for name in sys.modules if name.startswith("latentknobs.frontends.osc.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "zeroconf", None)

    with pytest.raises(MissingExtraError, match=r"latentknobs\[osc\]"):
        start(session, ["--port", "0"])


def test_the_monitor_shows_traffic_in_plain_letters(session, capsys):
    """Both ways, a line each, and not more than so many."""
    running = start(session, ["--port", "0", "--no-zeroconf", "--monitor"])
    port = int(re.search(r"port (\d+)", running.where)[1])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.sendto(written(OscMessage("/morph/from", ("\x1b[31mred",))), ("127.0.0.1", port))
        for k in range(1000):
            out.sendto(written(OscMessage("/knob/pitch", (k % 10,))), ("127.0.0.1", port))
        out.sendto(written(OscMessage("/knob/pitch", (11,))), ("127.0.0.1", port))
    until(lambda: session.values["knob/pitch"] == 11)
    running.stop()

    lines = capsys.readouterr().err.splitlines()
    assert any(line.startswith("from 127.0.0.1:") and "/morph/from \\x1b[31mred" in line for line in lines)
    assert any(line.startswith("to   127.0.0.1:7771 /error") for line in lines)
    assert not any("\x1b" in line for line in lines)
    assert len([line for line in lines if line.startswith("from")]) < 900


def test_the_description_names_every_address(session, port):
    """As OSCQuery has it, with types, ranges, values and access."""
    session.set("knob/pitch", 3)
    status, root = fetched(port, "/")
    assert status == 200
    for path in session.parameters:
        node = root
        for word in path.split("/"):
            node = node["CONTENTS"][word]
        assert node["FULL_PATH"] == f"/{path}"
        assert node["DESCRIPTION"]
        assert node["ACCESS"] in (2, 3)

    pitch = root["CONTENTS"]["knob"]["CONTENTS"]["pitch"]
    del pitch["CONTENTS"]
    assert pitch == {
        "FULL_PATH": "/knob/pitch",
        "ACCESS": 3,
        "DESCRIPTION": session.parameter("knob/pitch").doc,
        "TYPE": "f",
        "VALUE": [3.0],
        "RANGE": [{"MIN": -12.0, "MAX": 12.0}],
        "UNIT": ["semitones"],
    }
    assert fetched(port, "/knob/pitch?VALUE") == (200, {"VALUE": [3.0]})
    assert fetched(port, "/undo?VALUE")[0] == 204
    assert fetched(port, "/?HOST_INFO")[1]["OSC_PORT"] == port
    assert fetched(port, "/gone")[0] == 404
    assert fetched(port, "/?GONE")[0] == 400
    assert fetched(port, "/", host="elsewhere.example")[0] == 403


def test_the_description_stands_idle_connections(port):
    """More than are served at once are closed, and the next request is answered when one is free."""
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
    for one in idle:
        one.close()

    def answers():
        try:
            return fetched(port, "/tempo?VALUE") == (200, {"VALUE": [120.0]})
        except OSError:
            return False

    until(answers)


def test_it_is_announced(session):
    """Both services, on the interface that is listened on."""
    found = {}

    def heard(zeroconf, service_type, name, state_change):
        info = zeroconf.get_service_info(service_type, name)
        if info is not None:
            found[service_type, info.port] = info.parsed_addresses()

    try:
        listening = Zeroconf(interfaces=["127.0.0.1"])
    except OSError as error:
        pytest.skip(f"nothing can be announced here: {error}")
    running = start(session, ["--port", "0"])
    port = int(re.search(r"port (\d+)", running.where)[1])
    kinds = ["_osc._udp.local.", "_oscjson._tcp.local."]
    try:
        browser = ServiceBrowser(listening, kinds, handlers=[heard])
        until(lambda: all((kind, port) in found for kind in kinds))
        browser.cancel()
    finally:
        running.stop()
        listening.close()
    assert [found[kind, port] for kind in kinds] == [["127.0.0.1"], ["127.0.0.1"]]


def test_what_cannot_be_announced_is_a_note(session, monkeypatch, capsys):
    """It is played all the same."""

    def fails(**_more):
        raise OSError("no multicast here")

    monkeypatch.setattr(announcing, "Zeroconf", fails)
    start(session, ["--port", "0"]).stop()

    assert "OSC is not announced by zeroconf (OSError: no multicast here)" in capsys.readouterr().err


def test_it_is_served_alone(plugins_dir, own):
    """``serve osc`` says where it is, is played, and ends at Ctrl-C."""
    words = [sys.executable, "-m", "latentknobs", "serve", "osc", "--port", "0", "--no-zeroconf", "--model", "tiny"]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=dict(os.environ))
    try:
        where = process.stderr.readline()
        assert re.fullmatch(
            r"OSC on 127\.0\.0\.1, port \d+; it answers to port 7771\. http://\S+ describes it\.\n", where
        )
        port = int(re.search(r"http://127\.0\.0\.1:(\d+)/", where)[1])
        assert fetched(port, "/tempo?VALUE")[0] == 200
        assert process.stderr.readline() == "Ctrl-C ends it.\n"
        time.sleep(0.5)  # it says so just before it waits
        process.send_signal(signal.SIGINT)
        assert (process.stderr.read(), process.wait(60)) == ("Ended.\n", 0)
    finally:
        process.kill()
        process.stderr.close()
        process.wait()
