"""Knobs under the hand: mouse, wheel, typing, keys; the notes on the screen are those that the API gives."""

from __future__ import annotations

import pytest

from tests.browser.conftest import REJECTED
from tests.browser.page_driver import MODEL

pytestmark = pytest.mark.slow


def drawn(hands):
    """How many notes the roll shows, and how many of them as changed."""
    roll = hands.page.locator("lk-screen lk-roll")
    return roll.locator("rect.note").count(), roll.locator("rect.note.changed").count()


def test_every_accepted_knob_is_there(hands):
    """What the registry has accepted appears by itself, on/off knobs as switches; two controls on demand."""
    assert hands.knob("random").count() == 0
    hands.do("controls").check()
    hands.knob("random").wait_for()
    known = hands.api.get(f"/models/{MODEL}/knobs").json()
    names = "(knobs) => knobs.map((knob) => knob.name)"
    dials, switches = (hands.page.locator(kind).evaluate_all(names) for kind in ("lk-knob", "lk-switch"))

    two_states = [knob["name"] for knob in known if knob["step"] and knob["high"] - knob["low"] <= knob["step"]]
    assert sorted(switches) == sorted(two_states)
    assert sorted(dials) == sorted(knob["name"] for knob in known if knob["name"] not in switches)
    assert dials[-2:] == ["random", "others"]
    assert "retrograde" in switches


def test_a_switch_is_turned_by_mouse_and_keyboard(hands):
    """On, the melody runs backwards from its last note to its first; the space bar turns it off again."""
    plain = hands.notes
    switch = hands.page.locator("lk-switch[data-knob=retrograde] input")
    switch.check()
    hands.until("it to be on", lambda: hands.amount("retrograde") == 1)
    answer = hands.settled()
    assert [note[1] for note in answer["notes"]] == [note[1] for note in plain][::-1]

    switch.press("Shift+Tab")  # by keyboard, where the space bar is the switch's; after the mouse it plays
    hands.page.keyboard.press("Tab")
    hands.page.keyboard.press("Space")
    hands.until("it to be off", lambda: hands.amount("retrograde") == 0)
    hands.until("the melody as it was", lambda: hands.notes == plain)


def test_the_notes_on_the_screen_are_the_apis(hands):
    """After a turn the page has the notes of the API's turn, draws each, and colours those that it calls changed."""
    before = hands.notes
    hands.drag("pitch", 30)
    answer = hands.settled()

    assert hands.notes != before
    hands.until("the drawing", lambda: drawn(hands) == (len(answer["notes"]), len(answer["changed"])))
    assert len(answer["changed"]) > 0


def test_drag_is_vertical_and_relative(hands):
    """A drag counts from where the knob is, not from where the pointer is; to the side it does nothing."""
    hands.drag("pitch", 0)
    assert hands.amount("pitch") == 0
    hands.drag("pitch", 20)
    assert hands.amount("pitch") == 3  # the range, 24 semitones, is 160 pixels
    hands.drag("pitch", -40)
    assert hands.amount("pitch") == -3

    box = hands.dial("pitch").bounding_box()
    hands.page.mouse.move(box["x"] + 20, box["y"] + 50)
    hands.page.mouse.down()
    hands.page.mouse.move(box["x"] + 300, box["y"] + 50, steps=5)
    hands.page.mouse.up()
    assert hands.amount("pitch") == -3


def test_a_drag_goes_by_whole_steps(hands):
    """What lies between them is reached with Shift alone."""
    hands.drag("pitch", 33)
    assert hands.amount("pitch") == 5
    hands.drag("pitch", 10, shift=True)
    assert hands.amount("pitch") == 5.3


def test_shift_is_fine(hands):
    """With Shift, the same drag turns a fifth as far."""
    hands.drag("pitch", 50, shift=True)

    assert hands.amount("pitch") == 1.5


def test_a_drag_is_heard_while_it_lasts(hands):
    """The notes follow while the button is held, and the drag is one step when it is let go."""
    hands.drag("pitch", 40, release=False)
    assert hands.amount("pitch") == 6
    hands.settled()
    assert hands.do("undo").is_disabled()

    hands.page.mouse.up()
    hands.until("a step", lambda: hands.do("undo").is_enabled())


@pytest.mark.parametrize("how", ["double-click", "Alt-click", "Delete"])
def test_reset(hands, how):
    """A double-click, an Alt-click and Delete set a knob to 0, and the melody is as it was."""
    before = hands.notes
    hands.drag("pitch", 30)
    hands.settled()
    assert hands.notes != before

    if how == "double-click":
        hands.dial("pitch").dblclick()
    elif how == "Alt-click":
        hands.dial("pitch").click(modifiers=["Alt"])
    else:
        hands.dial("pitch").press("Delete")
    hands.settled()

    assert (hands.amount("pitch"), hands.notes) == (0, before)


def test_typed_amounts(hands):
    """What is typed is read as people write it, kept within the range, and put back where it is no number."""
    for text, amount in (("3", 3), ("-1,5", -1.5), ("+2.5 semitones", 2.5), ("1000", 12), ("loud", 12)):
        hands.type_in("pitch", text)
        hands.until(f"{amount} of {text!r}", lambda amount=amount: hands.amount("pitch") == amount)
    assert hands.knob("pitch").locator("input[type=text]").input_value() == "+12"
    hands.settled()


def test_an_amount_out_of_the_range_is_told(hands):
    """The range stands below the number until the knob is turned."""
    told = hands.knob("pitch").locator(".unit")
    hands.type_in("pitch", "99")
    hands.until("the range", lambda: told.inner_text() == "not +99: \u221212 to +12")
    assert hands.amount("pitch") == 12
    hands.dial("pitch").press("ArrowDown")
    hands.until("the unit", lambda: told.inner_text() == "semitones")


def test_surprise(hands):
    """A few knobs are turned by whole steps, not the locked ones, in one step of undo, and its number is told."""
    hands.type_in("rhythm", "1")
    hands.knob("rhythm").locator(".lock").click()
    hands.until("the lock", lambda: hands.state["locks"] == ["rhythm"])
    before = hands.deck
    hands.do("surprise").click()
    hands.until("a surprise", lambda: hands.deck != before)
    known = {knob["name"]: knob for knob in hands.api.get(f"/models/{MODEL}/knobs").json()}
    number = hands.page.locator("[data-seed]").inner_text()
    turned = hands.deck["knobs"]

    assert number.startswith("no. ")
    assert turned.pop("rhythm") == 1
    assert 1 <= len(turned) <= 3
    assert all(known[name]["low"] <= amount <= known[name]["high"] for name, amount in turned.items())
    hands.settled()
    hands.page.get_by_role("button", name=f"Undo surprise {number[4:]}").click()
    hands.until("as before", lambda: hands.deck == before)


def test_the_wheel_turns_only_what_has_the_focus(hands):
    """Over a knob the wheel scrolls the page; only a knob that has the focus is turned."""
    hands.dial("pitch").hover()
    hands.page.mouse.wheel(0, -100)
    hands.page.mouse.wheel(0, 40)
    hands.until("scrolling", lambda: hands.page.evaluate("() => scrollY") > 0)
    assert hands.amount("pitch") == 0

    hands.dial("pitch").focus()
    hands.dial("pitch").hover()
    hands.page.mouse.wheel(0, -100)
    hands.until("a step", lambda: hands.amount("pitch") == 1)
    hands.until("one step of undo", lambda: hands.do("undo").is_enabled())


def test_keys_alone(hands):
    """Tab reaches the knob from the page's top; arrows, Page keys, Home, End and Delete turn it; it says so."""
    for _ in range(40):
        hands.page.keyboard.press("Tab")
        if hands.dial("pitch").evaluate("(dial) => dial.matches(':focus')"):
            break
    assert hands.dial("pitch").evaluate("(dial) => dial.matches(':focus')")

    for key, amount, words in (
        ("ArrowUp", 1, "1 semitone up, higher"),
        ("ArrowRight", 2, "2 semitones up, higher"),
        ("Shift+ArrowDown", 1.8, "1.8 semitones up, higher"),
        ("Home", -12, "12 semitones down, lower"),
        ("PageUp", -2, "2 semitones down, lower"),
        ("ArrowLeft", -3, "3 semitones down, lower"),
        ("End", 12, "12 semitones up, higher"),
        ("PageDown", 2, "2 semitones up, higher"),
        ("Delete", 0, "0, unchanged"),
    ):
        hands.page.keyboard.press(key)
        hands.until(f"{amount} by {key}", lambda amount=amount: hands.amount("pitch") == amount)
        assert hands.dial("pitch").get_attribute("aria-valuetext") == words
        hands.settled()


def test_the_turn_is_said(hands):
    """People who listen to the page hear the amount and how many notes changed."""
    hands.dial("rhythm").press("PageUp")
    answer = hands.settled()
    what = f"rhythm: 2.5 doublings up, more notes. {len(answer['changed'])} of {len(answer['notes'])} notes changed."

    hands.until("the sentence", lambda: hands.page.locator("[data-said]").inner_text() == what)


def test_the_card(hands):
    """The badge opens the knob's card: its effects, the acceptance criteria, its selected dimensions."""
    hands.knob("pitch").locator(".badge").click()
    card = hands.page.locator("dialog[open]")
    text = card.inner_text()

    assert hands.page.locator("dialog[open] h2").inner_text() == "pitch"
    for part in (
        "learned from the edit transpose",
        "Effect on attributes",
        "mean-pitch (its target)",
        "Acceptance criteria",
        "Selected dimensions",
    ):
        assert part in text
    hands.page.keyboard.press("Escape")
    card.wait_for(state="hidden")


def test_rejected_knobs_behind_a_switch(hands):
    """A knob that was not accepted is shown when asked for, with the reason, and can be turned all the same."""
    every = hands.api.get(f"/models/{MODEL}/knobs?all=true").json()
    others = [knob for knob in every if knob["verdict"] != "accepted" and not knob["reserved"]]
    assert REJECTED in [knob["name"] for knob in others]
    assert hands.knob(REJECTED).count() == 0
    hands.page.get_by_role("switch", name=f"Show {len(others)} knob").check()
    said = hands.page.locator(".rejected .one p").all_inner_texts()

    assert said == [knob["reason"] for knob in others]
    assert all(text.startswith("It is rejected: ") for text in said)
    hands.dial(REJECTED).press("PageUp")
    hands.settled()
    assert hands.deck["knobs"] == {REJECTED: 10}


def test_the_reserved_controls(hands):
    """The controls turn in directions without a meaning, as far as a knob that is named, in others on demand."""
    hands.do("controls").check()
    hands.do("like").select_option("rhythm")
    hands.until("the range of rhythm", lambda: hands.dial("random").get_attribute("max") == "4")
    hands.dial("random").press("End")
    hands.dial("others").press("ArrowUp")
    first = hands.settled()
    assert (hands.deck["knobs"], hands.deck["like"]) == ({"others": 0.25, "random": 4}, "rhythm")
    assert len(first["touched"]) > 0

    hands.do("dice").click()
    hands.until("another seed", lambda: hands.deck["seed"] == 1)
    assert hands.settled()["codes"] != first["codes"]


def test_a_tempo_that_is_being_typed_stays(hands):
    """Notes that arrive while a tempo is typed do not take away what was typed; what is out of range is put right."""
    hands.do("tempo").focus()
    hands.page.keyboard.press("Control+a")
    hands.page.keyboard.type("9")
    hands.page.evaluate("() => document.querySelector('lk-app').session.set('pitch', 2)")
    hands.settled()
    hands.page.keyboard.type("6")
    hands.page.keyboard.press("Enter")
    hands.until("the tempo", lambda: hands.state["tempo"] == 96)

    for _ in range(2):
        hands.do("tempo").fill("1000")
        hands.page.keyboard.press("Enter")
        hands.until("the fastest", lambda: hands.state["tempo"] == 300)
        assert hands.do("tempo").input_value() == "300"
