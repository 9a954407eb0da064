"""The page in a shared session: two browsers and a front end without a screen play one piece."""

from __future__ import annotations

import re

import httpx
import pytest

from latentknobs.frontends.web.server import start
from latentknobs.steering.batch_decoder import DecoderQueue
from latentknobs.studio.shared_session import SharedSession
from tests.browser.serving import PATIENCE
from tests.tiny_meters import NAMES, quarters

pytestmark = pytest.mark.slow


class Shared:
    """The page on a session of this process, as a server."""

    def __init__(self, session, url):
        self.session, self.url = session, url

    def client(self):
        """A client of the API, beside the page."""
        return httpx.Client(base_url=f"{self.url}api/v1", timeout=PATIENCE, trust_env=False)


@pytest.fixture
def room(meters):
    """The page on eight bars of 4/4, with the tiny models."""
    with DecoderQueue() as queue, SharedSession(meters, queue, NAMES, quarters(("4/4", 32))) as session:
        page = start(session, ["--port", "0"])
        try:
            yield Shared(session, re.search(r"http://\S+/", page.where).group())
        finally:
            page.stop()


@pytest.fixture
def pages(room, new_page):
    """Two browsers on it."""
    both = [new_page(room), new_page(room)]
    for one in both:
        one.open()
        one.page.locator("[data-badge]").wait_for()
    return both


def heights(hands):
    """The pitches that are drawn."""
    return [pitch for _onset, pitch, *_ in hands.notes]


def test_a_move_shows_everywhere(room, pages):
    """From a browser and from elsewhere: knobs, tempo, bars, snapshots and another piece."""
    first, second = pages
    plain = [note.pitch for note in room.session.session.piece.notes]

    first.type_in("pitch", "3")
    second.until("the knob of the other browser", lambda: second.amount("pitch") == 3)
    second.until("its notes", lambda: heights(second) == [pitch + 3 for pitch in plain])
    assert room.session.values["knob/pitch"] == 3.0

    room.session.set_all({"knob/pitch": -2.0, "tempo": 90.0, "loop": False}, "osc")
    for one in pages:
        one.until("a move from elsewhere", lambda one=one: (one.amount("pitch"), one.state["tempo"]) == (-2, 90))
        one.until("its notes", lambda one=one: heights(one) == [pitch - 2 for pitch in plain])
        assert not one.state["loop"]

    second.do("choose-bars").fill("5-6")
    second.do("choose-bars").press("Enter")
    second.type_in("pitch", "4")
    first.until("bars of their own", lambda: first.deck["knobs"] == {"pitch": -2, "pitch@5-6": 4})
    wanted = [pitch - 2 for pitch in plain[:16]] + [pitch + 4 for pitch in plain[16:24]] + [p - 2 for p in plain[24:]]
    first.until("their notes", lambda: heights(first) == wanted)

    first.page.locator("lk-screen h2").click()  # out of the text field
    first.page.keyboard.press("Shift+Digit1")
    first.until("a snapshot", lambda: "1" in room.session.snapshots)
    second.do("reset-bars").click()
    first.until("bars as the piece", lambda: first.deck["knobs"] == {"pitch": -2})
    second.page.locator("[data-snapshot='1']").click()
    first.until("the snapshot", lambda: first.deck["knobs"] == {"pitch": -2, "pitch@5-6": 4})
    first.do("history").select_option(label="before snapshot/recall")
    second.until("a step taken back", lambda: second.deck["knobs"] == {"pitch": -2})

    room.session.open(quarters(("4/4", 16), name="other"), "osc")
    for one in pages:
        one.until("another piece", lambda one=one: one.deck["piece"]["name"] == "other")
        one.until("its notes", lambda one=one: len(one.notes) == 16)
