"""Undo, redo and locks."""

from __future__ import annotations

import pytest

from tests.browser.page_driver import midi_file

pytestmark = pytest.mark.slow


def turn(hands):
    """A drag of many moves."""
    hands.drag("pitch", 30, by=20)


def tempo(hands):
    """A tempo, typed."""
    hands.do("tempo").fill("96")
    hands.do("tempo").press("Enter")


def clip(hands):
    """A tune from a file."""
    hands.choose_file("tune.mid", midi_file([[(4 * i, 60 + i, 4) for i in range(8)]]))
    hands.do("use").click()
    hands.until("the tune", lambda: hands.deck["piece"]["name"] == "tune")
    hands.tab("knobs")


def grid(hands):
    """Another size of the grid."""
    hands.tab("grid")
    hands.do("size").select_option("3")
    hands.tab("knobs")


def controls(hands):
    """Controls that imitate rhythm."""
    hands.do("controls").check()
    hands.do("like").select_option("rhythm")


def looped(hands):
    """Chooses bars, which changes nothing yet, and loops them."""
    hands.page.keyboard.press("]")
    hands.page.keyboard.press("l")


GESTURES = {
    "a knob dragged": turn,
    "a knob typed": lambda hands: hands.type_in("rhythm", "1.5"),
    "a knob by its key": lambda hands: hands.dial("rhythm").press("ArrowUp"),
    "over to B": lambda hands: hands.do("b").click(),
    "a knob of B": lambda hands: hands.type_in("pitch", "-4"),
    "a lock": lambda hands: hands.knob("pitch").locator(".lock").click(),
    "the tempo": tempo,
    "the loop": lambda hands: hands.do("loop").click(),
    "how new notes enter": lambda hands: hands.do("follow").select_option("once"),
    "controls like rhythm": controls,
    "a surprise": lambda hands: hands.do("surprise").click(),
    "bars that are looped": looped,
    "other directions": lambda hands: hands.do("dice").click(),
    "the grid's size": grid,
    "B copied to A": lambda hands: hands.do("copy-over").click(),
    "a clip": clip,
    "all knobs to 0": lambda hands: hands.do("reset").click(),
}


def test_undo_and_redo_of_everything(hands):
    """Each gesture is one step: undo gives each state back in turn, to the first, and redo each to the last."""
    states = [hands.state]
    for name, gesture in GESTURES.items():
        if name == "all knobs to 0":
            hands.type_in("rhythm", "-1")  # a loaded clip has no knob turned
            hands.until("a turned knob", lambda: hands.deck["knobs"])
            states.append(hands.state)
        gesture(hands)
        hands.until(f"a change by {name}", lambda: hands.state != states[-1])
        states.append(hands.state)
        assert hands.do("undo").is_enabled(), name

    assert hands.do("redo").is_disabled()
    hands.page.locator("h1").click()  # out of any text box, where Ctrl Z is the box's own
    for state in reversed(states[:-1]):
        hands.page.keyboard.press("Control+z")
        hands.until("the state before", lambda state=state: hands.state == state)
    hands.settled()
    hands.until("nothing to undo", lambda: hands.do("undo").is_disabled())
    for at, state in enumerate(states[1:]):
        hands.page.keyboard.press("Control+Shift+z" if at % 2 else "Control+y")
        hands.until("the state after", lambda state=state: hands.state == state)
    hands.settled()
    assert hands.do("redo").is_disabled()


def test_the_buttons_name_their_step(hands):
    """Undo and redo say what they take back and do again; a new gesture ends what could be done again."""
    hands.type_in("pitch", "3")
    hands.page.get_by_role("button", name="Undo pitch +3 semitones").click()
    hands.page.get_by_role("button", name="Redo pitch +3 semitones").wait_for()
    assert hands.amount("pitch") == 0

    hands.type_in("rhythm", "1")
    hands.until("nothing to redo", lambda: hands.do("redo").is_disabled())


def test_a_locked_knob_stays(hands):
    """A locked knob moves by no drag, key, wheel or reset, and keeps its amount when all others go to 0."""
    hands.type_in("pitch", "3")
    hands.type_in("rhythm", "1")
    hands.knob("pitch").locator(".lock").click()
    hands.until("the lock", lambda: hands.state["locks"] == ["pitch"])

    hands.drag("pitch", 40)
    hands.dial("pitch").press("End")
    hands.dial("pitch").dblclick(force=True)
    hands.page.mouse.wheel(0, -100)
    hands.do("reset").click()
    hands.until("the others at 0", lambda: hands.deck["knobs"] == {"pitch": 3})
    hands.settled()

    hands.knob("pitch").locator(".lock").click()
    hands.do("reset").click()
    hands.until("all at 0", lambda: hands.deck["knobs"] == {})
