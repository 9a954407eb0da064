"""Anything that may be sent: answered in time, never with a fault of the server's, and nothing is changed by it."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.sync.client import connect

from latentknobs import scores
from tests.frontends.web.conftest import API, as_message, rows, tune

TINY = f"{API}/models/tiny"
LONGEST = 20.0
FEW = pytest.mark.parametrize("examples", [8, pytest.param(200, marks=pytest.mark.slow)])
MANY = pytest.mark.parametrize("examples", [pytest.param(40, marks=pytest.mark.slow)])


def fuzz(examples):
    """Settings of a test of so many examples."""
    return settings(max_examples=examples, suppress_health_check=list(HealthCheck))


numbers = st.one_of(
    st.integers(),
    st.sampled_from([0, -1, 1, 2**31, 2**53, 2**63, 2**64, 10**400, -(10**400)]),
    st.floats(),
    st.sampled_from([0.5, 1e308, -1e308, float("nan"), float("inf")]),
)
junk = st.recursive(
    st.one_of(
        st.none(), st.booleans(), numbers, st.text(max_size=20), st.sampled_from(["\x00", "\ud800", "../../etc"])
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
knobs = st.dictionaries(
    st.sampled_from(["pitch", "rhythm", "random", "others", "nothing", "", "PITCH"]),
    st.floats(-15, 15) | junk,
    max_size=4,
)
notes = st.lists(
    st.tuples(st.integers(-2, 70), st.integers(-2, 130), st.integers(-2, 70), st.integers(-1, 2)).map(list) | junk,
    max_size=6,
)
pieces = st.fixed_dictionaries(
    {"steps": st.integers(-2, 70) | st.integers(1, 10_000) | junk, "notes": notes},
    optional={"name": st.text(max_size=130) | junk, "tempo": st.floats() | junk, "source": junk},
)
states = st.fixed_dictionaries(
    {"piece": st.just(as_message(tune())) | pieces},
    optional={"knobs": knobs | junk, "seed": numbers, "like": st.sampled_from(["pitch", "x"]) | junk, "more": junk},
)
grids = st.fixed_dictionaries(
    {
        "a": states,
        "b": states,
        "rows": st.sampled_from(["pitch", "rhythm", "x"]),
        "columns": st.sampled_from(["rhythm"]),
    },
    optional={"size": st.integers(2, 10) | numbers, "rest": st.sampled_from(["mean", "rows"]) | junk},
)
BODIES = {
    "open": st.fixed_dictionaries({"piece": pieces}) | junk,
    "turn": states | junk,
    "grid": grids | junk,
    "export": st.fixed_dictionaries({"state": states}, optional={"as": st.sampled_from(["midi", "wav", "x"])}),
    "export/grid": grids,
    "recipe": st.fixed_dictionaries({}, optional={"state": states, "grid": grids}),
}


def check(got, began):
    """In time, no 500, and every error a code and a sentence without a path or a trace."""
    assert time.monotonic() - began < LONGEST
    assert got.status_code < 500, got.text
    if got.status_code != 200:
        error = got.json()["error"]
        assert error["code"]
        assert error["message"]
        assert "Traceback" not in error["message"]
        assert "site-packages" not in error["message"]


@FEW
@pytest.mark.parametrize("route", BODIES)
def test_no_body_is_too_strange(client, route, examples):
    """Any JSON, near the schema and far from it, NaN and all."""

    @fuzz(examples)
    @given(BODIES[route])
    def run(body):
        began = time.monotonic()
        text = json.dumps(body)
        check(client.post(f"{TINY}/{route}", content=text, headers={"content-type": "application/json"}), began)

    run()


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"piece": 1' + b"0" * 10_000 + b"}", b"null"]
)
def test_what_is_no_json_is_refused(client, body):
    """Broken, deep, or with numbers without end."""
    began = time.monotonic()
    got = client.post(f"{TINY}/turn", content=body, headers={"content-type": "application/json"})

    check(got, began)
    assert got.status_code in (400, 422)


@MANY
def test_no_question_to_the_registry_is_too_strange(client, examples):
    """Any value of any condition."""

    @fuzz(examples)
    @given(
        st.sampled_from(["knobs", "runs"]),
        st.dictionaries(
            st.sampled_from(
                ["name", "model", "kind", "verdict", "since", "sort", "uses", "effect", "limit", "history", "x"]
            ),
            st.text(max_size=20).filter(lambda text: text.isprintable()) | numbers.map(lambda n: str(n)[:300]),
        ),
    )
    def run(kind, asked):
        began = time.monotonic()
        check(client.get(f"{API}/registry/{kind}", params=asked), began)

    run()


@FEW
def test_no_name_of_a_model_is_too_strange(client, examples):
    """Any text in the address."""

    @fuzz(examples)
    @given(st.text(max_size=30), st.sampled_from(["open", "knobs", "knobs/pitch", "knobs/x", "turn"]))
    def run(name, route):
        began = time.monotonic()
        quoted = "".join(f"%{byte:02x}" for byte in name.encode("utf-8", "replace"))
        check(client.get(f"{API}/models/{quoted}/{route}"), began)

    run()


@FEW
def test_no_file_is_too_strange(client, examples):
    """Bytes at random, and a good file with some of its bytes changed, cut or repeated."""

    @fuzz(min(examples, 50))  # each starts a process
    @given(st.data())
    def run(data):
        good = bytearray(scores.twinkle_path().read_bytes())
        if data.draw(st.booleans()):
            for _ in range(data.draw(st.integers(1, 8))):
                good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
            body = bytes(good[: data.draw(st.integers(0, len(good)))])
        else:
            body = b"MThd" + data.draw(st.binary(max_size=200))
        asked = data.draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "file": st.sampled_from(["../../x.mid", "", "a" * 300, "\x00.mid", "ü.mid", "-", "..", "con"]),
                    "track": st.sampled_from(["1", "9" * 100, "x", "\u0661"]),
                    "offset": st.sampled_from(["1", "1e300", "nan", "-4096"]),
                    "policy": st.sampled_from(["skyline", "none"]),
                },
            )
        )
        began = time.monotonic()
        check(client.post(f"{TINY}/read", params=asked, content=body), began)

    run()


@pytest.mark.slow
def test_a_file_that_is_slow_to_parse_ends(client):
    """A delta time without end, and a file of nothing but small events."""
    head = b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x01\xe0MTrk"
    for body in (b"\x80" * 900_000, b"\x00\x90\x3c\x40\x00\x80\x3c\x40" * 110_000):
        began = time.monotonic()
        check(client.post(f"{TINY}/read", content=head + len(body).to_bytes(4, "big") + body), began)


frames = st.one_of(
    st.binary(max_size=50),
    st.text(max_size=50),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["turn", "turn", "ping", "x"]), "seq": st.just("next") | junk},
        optional={"knobs": knobs | junk, "seed": numbers, "like": junk, "piece": junk, "model": junk},
    ).map(json.dumps),
)


@FEW
def test_no_frame_is_too_strange(port, examples):
    """After any frames a ping is answered, and the piece that was open is turned as before."""

    @fuzz(examples)
    @given(st.lists(frames, max_size=10))
    def run(sent):
        with connect(f"ws://127.0.0.1:{port}{API}/live", proxy=None) as link:
            link.send(json.dumps({"type": "open", "seq": 0, "model": "tiny", "piece": as_message(tune())}))
            assert json.loads(link.recv(LONGEST))["type"] == "opened"
            for seq, frame in enumerate(sent, 1):
                link.send(frame.replace('"next"', str(seq)) if isinstance(frame, str) else frame)
            last = 2**53 - 54321  # no frame above has it, though one may have a larger number
            link.send(json.dumps({"type": "turn", "seq": last, "knobs": {"pitch": 1}}))
            while True:
                got = json.loads(link.recv(LONGEST))
                assert got["type"] in ("turned", "pong", "error")
                assert got.get("error", {}).get("code") != "fault"
                if got["seq"] == last:
                    break
            if got["type"] == "turned":
                assert got["notes"] == [[on, pitch + 1, *rest] for on, pitch, *rest in rows(tune().notes)]
            else:
                assert got["error"]["code"] == "old-seq"

    run()
