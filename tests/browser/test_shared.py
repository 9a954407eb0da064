"""The page in a shared session: two browsers and a front end without a screen play one piece."""

from __future__ import annotations

import re
import time

import httpx
import pytest

from latentknobs.frontends.web.server import start
from latentknobs.steering.batch_decoder import DecoderQueue
from latentknobs.studio.shared_session import SharedSession
from tests.browser.page_driver import midi_file
from tests.browser.serving import PATIENCE
from tests.tiny_meters import NAMES, quarters

pytestmark = pytest.mark.slow
SOUND_OFF = """() => {
  const { player, room } = document.querySelector("lk-app").session;
  return room.apart(player.position(), room.position());
}"""
"""Seconds between what a page sounds and where the session plays, by its own measure."""


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


def test_the_loop_is_one(room, pages):
    """Bars that are drawn on one page, or set elsewhere, are looped everywhere; knobs' bars stay each page's own."""
    first, second = pages
    box = first.page.locator("lk-screen lk-roll svg.sheet").bounding_box()
    step = box["width"] / room.session.piece.steps
    first.page.mouse.move(box["x"] + 20 * step, box["y"] + 8)
    first.page.mouse.down()
    first.page.mouse.move(box["x"] + 44 * step, box["y"] + 8, steps=3)
    first.page.mouse.up()
    second.until("its loop", lambda: second.state["range"] == [16, 48])
    assert room.session.values["loop/bars"] == "2-3"
    assert (first.page.locator("[data-bars='2-3']").count(), second.page.locator("[data-bars]").count()) == (1, 0)

    room.session.set("loop/bars", "5-8", "osc")
    for one in pages:
        one.until("a loop from elsewhere", lambda one=one: one.state["range"] == [64, 128])
    second.do("clear-range").click()
    first.until("all bars", lambda: first.state["range"] is None)
    assert room.session.values["loop/bars"] == ""


def test_pages_play_in_one_place(room, pages):
    """That of the session, from wherever it is begun and sent to; another page's sound waits for a gesture there."""
    first, second = pages

    def off():
        """The most seconds that a page is beside the session."""
        now = time.monotonic()
        here = room.session.transport
        apart = []
        for one in pages:
            before = time.monotonic()
            at = one.look("position")
            now = (before + time.monotonic()) / 2
            apart.append(1.0 if at is None else abs(at - here.position(now)) * here.step_seconds)
        return max(apart)

    first.page.keyboard.press("Space")
    for one in pages:
        one.until("playing", lambda one=one: one.look("playing"))
    first.until("one place", lambda: off() < 0.05)
    second.page.locator("lk-screen h2").click()
    second.until("sound", lambda: second.level() > 0.001)
    for one in pages:
        one.until("sound in that place", lambda one=one: one.page.evaluate(SOUND_OFF) < 0.05)
    second.page.keyboard.press(".")
    first.until("one place", lambda: off() < 0.05)
    first.until("sound in that place", lambda: first.page.evaluate(SOUND_OFF) < 0.05)
    second.page.keyboard.press("Space")
    for one in pages:
        one.until("stopped", lambda one=one: not one.look("playing") and one.look("position") is None)
    assert room.session.values["play"] is False


def test_a_file_that_is_opened_on_a_page_is_the_sessions_piece(room, pages):
    """With its notes, so that every front end plays them."""
    rows = [[4 * at, 62 + at % 5, 4] for at in range(32)]
    pages[0].choose_file("mine.mid", midi_file([rows]))
    pages[0].do("use").click()
    pages[1].until("the piece", lambda: pages[1].deck["piece"]["name"].startswith("mine"))
    assert [note.pitch for note in room.session.piece.notes] == [pitch for _onset, pitch, _length in rows]
    assert [note.pitch for note in room.session.wait().piece.notes] == heights(pages[1])
