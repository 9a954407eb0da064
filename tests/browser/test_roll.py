"""The display: going to a place, looping bars, zoom, and what is seen while notes are computed."""

from __future__ import annotations

import itertools

import pytest

from latentknobs.frontends.web.service import ALONE
from tests.browser.page_driver import midi_file

pytestmark = pytest.mark.slow
LONG = [[4 * at, 60 + (7 * at) % 13, 4] for at in range(1024)]
"""256 bars of quarters."""
VISIBLE = """(roll) => {
  const [frame, head] = [roll.renderRoot.querySelector(".scroll"), roll.renderRoot.querySelector(".head")];
  const x = head.getBoundingClientRect().left;
  const { left, right } = frame.getBoundingClientRect();
  return head.getAttribute("visibility") === "visible" && x >= left - 1 && x <= right + 1;
}"""
# Holds back what the server sends, and lets it through again.
HOLD = """() => {
  const live = document.querySelector("lk-app").session.live.socket;
  const { onmessage } = live;
  const held = [];
  live.onmessage = (event) => held.push(event);
  window.release = () => { live.onmessage = onmessage; held.forEach((event) => live.onmessage(event)); };
}"""

# Keeps the parts of answers that the server sends.
PARTS = """() => {
  window.parts = [];
  const live = document.querySelector("lk-app").session.live.socket;
  const { onmessage } = live;
  live.onmessage = (event) => {
    const { type, pending, notes } = JSON.parse(event.data);
    if (type === "turned" && pending.length) window.parts.push({ pending, notes });
    onmessage(event);
  };
}"""


def place(hands, step, y=100.0):
    """A place of the roll on the screen."""
    roll = hands.page.locator("lk-screen lk-roll")
    box = roll.locator("svg.sheet").bounding_box()
    return box["x"] + (step + 0.5) * box["width"] / roll.evaluate("(roll) => roll.steps"), box["y"] + y


def loop(hands, first, last):
    """Draws on the ruler from a step to another."""
    hands.page.mouse.move(*place(hands, first, 8))
    hands.page.mouse.down()
    hands.page.mouse.move(*place(hands, last, 8), steps=4)
    hands.page.mouse.up()


def width(hands):
    """How wide the melody is drawn."""
    return hands.page.locator("lk-screen lk-roll svg.sheet").bounding_box()["width"]


def test_a_click_goes_to_the_beat(hands):
    """Playing starts at the beat that was clicked, and goes to another at once; Enter goes back to the beginning."""
    hands.page.mouse.click(*place(hands, 66))
    assert hands.look("cursor") == 64
    hands.page.keyboard.press("Space")
    hands.until("playing from there", lambda: 64 <= (hands.look("position") or 0) < 80)
    hands.page.mouse.click(*place(hands, 160))
    hands.until("playing from elsewhere", lambda: 160 <= hands.look("position") < 176)
    hands.page.keyboard.press("Enter")
    hands.until("the end", lambda: not hands.look("playing"))
    hands.page.keyboard.press("Space")
    hands.until("playing from the beginning", lambda: 0 < (hands.look("position") or 0) < 16)


def test_bars_are_looped(hands):
    """Bars that are drawn on the ruler are played round and round, shown, told, and undone; Escape loops all."""
    hands.do("tempo").fill("300")
    hands.do("tempo").press("Enter")
    loop(hands, 50, 70)
    hands.until("two bars", lambda: hands.state["range"] == [48, 80])
    assert hands.do("clear-range").inner_text().startswith("Bars 4 to 5 loop")
    hands.do("play").click()
    seen = []

    def rounds():
        seen.append(hands.look("position") or 48)
        return sum(after < before for before, after in itertools.pairwise(seen))

    hands.until("two rounds", lambda: rounds() >= 2)
    assert min(seen) >= 48
    assert max(seen) <= 80

    hands.page.keyboard.press("Control+z")
    hands.until("a step back", lambda: hands.state["range"] is None)
    hands.page.keyboard.press("Control+y")
    hands.until("it again", lambda: hands.state["range"] == [48, 80])
    hands.page.keyboard.press("Escape")
    hands.until("all bars", lambda: hands.state["range"] is None and hands.do("clear-range").count() == 0)
    loop(hands, 50, 70)
    hands.page.mouse.dblclick(*place(hands, 100, 8))
    hands.until("all bars", lambda: hands.state["range"] is None)


def test_bars_that_are_drawn_are_those_that_knobs_turn(hands):
    """By mouse, and with the loop off they are not looped; Shift goes on to there, Escape turns the whole piece."""
    loop(hands, 50, 70)
    hands.until("the bars", lambda: hands.page.locator("[data-bars='4-5']").count() == 1)
    hands.type_in("pitch", "3")
    assert hands.deck["knobs"] == {"pitch@4-5": 3}
    hands.page.locator("lk-screen h2").click()  # out of the text field
    hands.page.keyboard.press("Escape")
    hands.until("the whole piece", lambda: hands.do("choose-bars").count() == 1)
    hands.page.keyboard.press("l")
    loop(hands, 2, 20)
    hands.page.keyboard.down("Shift")
    hands.page.mouse.click(*place(hands, 34, 8))
    hands.page.keyboard.up("Shift")
    hands.until("a bar more", lambda: hands.page.locator("[data-bars='1-3']").count() == 1)
    assert hands.state["range"] is None
    hands.page.keyboard.press("l")
    hands.until("the loop plays them", lambda: hands.state["range"] == [0, 48])


def test_bars_are_drawn_with_a_finger(new_page):
    """To the side, beyond what is in sight too."""
    hands = new_page(viewport={"width": 390, "height": 844}, has_touch=True)
    hands.open()
    hands.ready()
    roll = hands.page.locator("lk-screen lk-roll")
    frame = roll.locator(".scroll").bounding_box()
    link = hands.page.context.new_cdp_session(hands.page)

    def touch(kind, x):
        points = [] if kind == "touchEnd" else [{"x": x, "y": frame["y"] + 10}]
        link.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", frame["x"] + 20)
    for x in range(40, int(frame["width"]), 40):
        touch("touchMove", frame["x"] + x)
    touch("touchMove", frame["x"] + frame["width"] - 8)
    hands.until(
        "scrolled on", lambda: roll.evaluate("(roll) => roll.renderRoot.querySelector('.scroll').scrollLeft") > 200
    )
    touch("touchEnd", 0)
    hands.until("some bars", lambda: hands.page.locator("[data-bars^='1-']").count() == 1)
    assert hands.state["range"][1] * 8 > frame["width"] + 100


def test_a_long_piece_is_zoomed_and_followed(hands):
    """256 bars can be seen whole and near, around the pointer; while they are played the playhead is in sight."""
    hands.open_file("long.mid", midi_file([LONG], tempo=300))
    roll = hands.page.locator("lk-screen lk-roll")
    room = roll.locator(".scroll").bounding_box()
    assert roll.locator("rect.note").count() < len(LONG)  # what is far off is not drawn
    hands.page.keyboard.press("0")
    hands.until("all in sight", lambda: width(hands) <= room["width"] + 1)
    hands.do("zoom-in").click()
    hands.until("nearer", lambda: width(hands) > 1.4 * room["width"])
    room = roll.locator(".scroll").bounding_box()  # the click may have scrolled the page
    hands.page.mouse.move(room["x"] + room["width"] / 2, room["y"] + 80)
    hands.page.keyboard.down("Control")
    for _ in range(9):
        hands.page.mouse.wheel(0, -200)
    hands.page.keyboard.up("Control")
    hands.until("bars that can be read", lambda: width(hands) > 20 * room["width"])
    assert hands.page.evaluate("() => visualViewport.scale") == 1

    hands.page.keyboard.press("Space")
    for _ in range(6):
        hands.page.keyboard.press(".")
        hands.until("the playhead in sight", lambda: roll.evaluate(VISIBLE))


def test_what_is_computed_is_seen(hands):
    """While an answer is awaited, the notes are dimmed, a mark moves and the display is busy; then it is over."""
    roll = hands.page.locator("lk-screen lk-roll")
    hands.page.evaluate(HOLD)
    hands.dial("pitch").press("ArrowUp")
    roll.locator("[role=progressbar]").wait_for()
    assert hands.look("computing") is True
    assert roll.locator(".box").get_attribute("aria-busy") == "true"
    assert float(roll.locator("rect.note").first.evaluate("(note) => getComputedStyle(note).opacity")) < 0.5
    hands.page.evaluate("() => window.release()")
    hands.until("the answer", lambda: roll.locator("[role=progressbar]").count() == 0)
    hands.settled()


def test_notes_that_are_looked_at_come_first(hands):
    """Of 256 bars those in sight are new while others are dimmed; in the end all are what the API gives."""
    hands.open_file("long.mid", midi_file([LONG], tempo=300))
    hands.settled()
    hands.tab("knobs")
    roll = hands.page.locator("lk-screen lk-roll")
    roll.evaluate("(roll) => { roll.renderRoot.querySelector('.scroll').scrollLeft = 1e6; }")
    hands.page.evaluate(PARTS)
    before = {tuple(note) for note in hands.notes}
    hands.page.wait_for_timeout(1000 * ALONE + 500)  # the API was another client, which nobody makes wait
    hands.type_in("pitch", "5")
    hands.until("a part", lambda: hands.page.evaluate("() => window.parts.length > 0"))
    hands.settled()
    part = hands.page.evaluate("() => window.parts[0]")
    end = 4 * len(LONG)

    assert not any(first <= end - 8 < after for first, after in part["pending"])
    assert any(first <= 8 < after for first, after in part["pending"])
    assert any(note[0] > end - 64 for note in part["notes"])
    assert {tuple(note) for note in part["notes"]} - before
    assert roll.locator("rect.older").count() == 0


def test_the_sound_is_kept_in_the_browser(hands):
    """Timbre, volumes and metronome outlast a reload, and are no step that undo takes back."""
    hands.do("sound").click()
    hands.do("timbre").select_option("flute")
    hands.do("volume").fill("0.5")
    hands.do("metronome").check()
    hands.page.keyboard.press("Escape")
    assert hands.do("undo").is_disabled()
    hands.page.reload()
    hands.ready()
    hands.do("sound").click()

    assert (hands.do("timbre").input_value(), hands.do("volume").input_value()) == ("flute", "0.5")
    assert hands.do("metronome").is_checked()
    hands.page.keyboard.press("Escape")
    hands.page.keyboard.press("Space")
    hands.until("signal", lambda: hands.level() > 0.005)
