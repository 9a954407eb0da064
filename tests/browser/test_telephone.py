"""On a telephone: fingers turn knobs to the sides and scroll up and down, and the melody stays in sight."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def phone(new_page):
    """A page on a telephone."""
    hands = new_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    hands.open()
    hands.ready()
    return hands


def swipe(hands, name, across, down):
    """A finger on a knob that moves by pixels and is lifted."""
    dial = hands.dial(name)
    dial.evaluate("(dial) => dial.scrollIntoView({ block: 'center' })")
    box = dial.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = hands.page.context.new_cdp_session(hands.page)
    for kind, share in (("touchStart", 0.0), *(("touchMove", k / 10) for k in range(1, 11))):
        points = [{"x": x + across * share, "y": y + down * share}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def scrolled(hands):
    """How far the page is scrolled."""
    return hands.page.evaluate("() => scrollY")


def test_a_finger_turns_to_the_side_and_scrolls_up_and_down(phone):
    """A swipe up that begins on a knob scrolls the page and turns nothing; one to the side turns it."""
    swipe(phone, "pitch", 40, 0)
    phone.until("a turn", lambda: phone.amount("pitch") == 6)
    phone.settled()
    phone.dial("rhythm").evaluate("(dial) => dial.scrollIntoView({ block: 'center' })")
    before = scrolled(phone)
    swipe(phone, "rhythm", 2, -120)
    phone.until("scrolling", lambda: scrolled(phone) > before + 50)

    assert phone.deck["knobs"] == {"pitch": 6}


def test_the_melody_stays_in_sight(phone):
    """With the last knob on the screen, the notes are seen at its top."""
    phone.page.locator("lk-knob").last.evaluate("(knob) => knob.scrollIntoView({ block: 'end' })")
    assert scrolled(phone) > 200
    roll = phone.page.locator("lk-screen lk-roll").bounding_box()

    assert roll["y"] >= 0
    assert roll["y"] + roll["height"] < 300
    assert phone.page.locator("lk-knob").last.bounding_box()["y"] > roll["y"] + roll["height"]
