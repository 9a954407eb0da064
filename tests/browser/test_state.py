"""What lasts: the address, other tabs, a server that went away."""

from __future__ import annotations

import pytest

from tests.browser.page_driver import midi_file

pytestmark = pytest.mark.slow


def change(hands):
    """Changes of all kinds; gives the state, once the address has it."""
    hands.open_file("tune.mid", midi_file([[[4 * at, 60 + at, 4] for at in range(8)]]))
    hands.tab("knobs")
    before = hands.page.url
    hands.type_in("pitch", "2.5")
    hands.do("tempo").fill("77")
    hands.do("tempo").press("Enter")
    hands.until("the tempo", lambda: hands.state["tempo"] == 77)
    hands.page.keyboard.press("]")
    hands.knob("rhythm").locator(".lock").click()
    hands.do("b").click()
    hands.type_in("pitch", "-3")
    hands.settled()
    state = hands.state
    hands.until("an address of its own", lambda: hands.page.url != before)
    return state


def saved(hands, state):
    """Waits until the address holds a state, as a page that opens it shows."""
    link = hands.page.evaluate("() => document.querySelector('lk-app').session.address()")
    hands.until("the address", lambda: hands.page.url == link)
    return link.partition("#")[2]


def test_reload_restores_everything(hands):
    """After a reload the state and the notes are those from before, out of the address alone."""
    state = change(hands)
    saved(hands, state)
    notes = hands.notes
    hands.page.reload()
    hands.ready()

    assert (hands.state, hands.notes) == (state, notes)
    assert hands.page.evaluate("() => Object.keys(localStorage).length + Object.keys(sessionStorage).length") == 0


def test_a_link_opens_the_same_elsewhere(hands, new_page):
    """The link that is copied opens the same state in another browser."""
    state = change(hands)
    link = hands.copied("link")
    other = new_page()
    other.open(link.removeprefix(other.url))
    other.ready()

    assert other.state == state


@pytest.mark.parametrize("how", ["cut", "changed", "another version", "nonsense"])
def test_a_broken_link(hands, new_page, how):
    """A link that was cut or changed is said to be so, and the page starts anew."""
    fresh = hands.state
    link = saved(hands, change(hands))
    broken = {
        "cut": link[:-9],
        "changed": link[:40] + ("A" if link[40] != "A" else "B") + link[41:],
        "another version": "9" + link[1:],
        "nonsense": "%%%",
    }[how]
    other = new_page()
    other.open(f"#{broken}")
    said = other.notice()
    other.ready()

    assert said.startswith("The link ")
    assert said.endswith(".")
    assert other.state == fresh


def test_two_tabs_are_apart(hands, new_page):
    """What is turned in one tab is not turned in another, and each has its own notes."""
    other = new_page(beside=hands)
    other.open()
    other.ready()
    plain = other.notes
    hands.type_in("pitch", "7")
    other.type_in("pitch", "-5")
    hands.settled()
    other.settled()

    assert (hands.deck["knobs"], other.deck["knobs"]) == ({"pitch": 7}, {"pitch": -5})
    assert plain not in (hands.notes, other.notes)
    assert hands.notes != other.notes


def test_the_server_goes_and_comes(own_server, new_page):
    """Killed and started again on the same port, the server is found again without a reload, and turns go on."""
    own_server.start()
    hands = new_page(own_server)
    hands.forgive("ERR_CONNECTION|WebSocket connection")
    hands.open()
    hands.ready()
    own_server.kill()
    hands.until("the loss to be seen", lambda: hands.look("status") == "reconnecting")
    assert "your work is kept" in hands.page.locator("lk-screen [role=status]").inner_text()
    hands.dial("pitch").press("PageUp")  # a turn meanwhile is not lost
    hands.do("midi").click()
    assert "does not answer" in hands.notice()

    own_server.start()
    hands.until("the connection", lambda: hands.look("status") == "live")
    hands.settled()
    assert hands.amount("pitch") == 10
    hands.until("the notice to go", lambda: hands.page.locator("[data-notice]").count() == 0)
    hands.dial("pitch").press("ArrowDown")
    hands.settled()
    assert hands.amount("pitch") == 9
