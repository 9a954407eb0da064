"""A composer's two minutes, as docs/how-to/browser.md has them: each step is read there and done here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from latentknobs import scores
from tests.browser.page_driver import midi_file

pytestmark = pytest.mark.slow
DOCUMENT = Path(__file__).parents[2] / "docs" / "how-to" / "browser.md"
TUNE = [[4 * at, 57 + (7 * at) % 12, 4] for at in range(24)]
HANDS = {}
"""What is done for a step: a pattern that the whole step has to be, and the hands."""


def steps():
    """The numbered lines under the heading."""
    text = DOCUMENT.read_text(encoding="utf-8")
    part = re.split(r"^### A composer's two minutes$", text, flags=re.MULTILINE)[1]
    part = re.split(r"^#", part, flags=re.MULTILINE)[0]
    return [line for _number, line in re.findall(r"^(\d+)\. (.+)$", part, re.MULTILINE)]


def step(pattern):
    """Says which step a function does."""

    def put(hand):
        HANDS[pattern] = hand
        return hand

    return put


def hears(hands):
    """Something sounds."""
    hands.until("signal", lambda: hands.level() > 0.01)


@step(r"`latentknobs serve --open`, then (\w+): Twinkle sounds, round and round\.")
def start(hands, key):
    """The server runs already; the key plays."""
    hands.page.keyboard.press(key)
    hears(hands)
    assert hands.state["loop"]
    assert hands.deck["piece"]["name"] == "twinkle"


@step(r"Drag \*\*(\w+)\*\* up to about \+(\d+)\. The notes climb while you drag; from the next bar on you hear them\.")
def drag(hands, knob, amount):
    """The notes follow the drag."""
    low = min(note[1] for note in hands.notes)
    hands.drag(knob, int(amount) * 160 / 24, release=False)
    hands.until("notes that climb", lambda: min(note[1] for note in hands.notes) > low)
    hands.page.mouse.up()
    hands.settled()
    assert hands.amount(knob) == pytest.approx(int(amount), abs=0.5)
    assert hands.state["follow"] == "bar"
    hears(hands)


@step(r"Press (\w): B is the melody as it was\. \1 again, back to yours\.")
def compare(hands, key):
    """Over to the other side and back."""
    turned = hands.notes
    hands.page.keyboard.press(key.lower())
    hands.until("B", lambda: hands.state["side"] == "b")
    hands.settled()
    assert hands.notes == hands.turned({**hands.deck, "knobs": {}})["notes"] != turned
    hands.page.keyboard.press(key.lower())
    hands.until("A", lambda: hands.state["side"] == "a" and hands.notes == turned)


@step(
    r"Press Tab until \*\*(\w+)\*\* has the focus and Arrow up four times: \+(\d) doubling, more notes\. "
    r"(\S+) takes a step back, (\S+) does it again\."
)
def keys(hands, knob, amount, undo, redo):
    """A knob by keys alone, a step back and again."""
    before = len(hands.notes)
    for _ in range(40):
        hands.page.keyboard.press("Tab")
        if hands.dial(knob).evaluate("(dial) => dial.matches(':focus')"):
            break
    for _ in range(4):
        hands.page.keyboard.press("ArrowUp")
    hands.until("the amount", lambda: hands.amount(knob) == int(amount))
    assert len(hands.settled()["notes"]) > before
    hands.page.keyboard.press(undo.replace("Ctrl", "Control"))
    hands.until("a step back", lambda: hands.amount(knob) < int(amount))
    hands.page.keyboard.press(redo.replace("Ctrl", "Control"))
    hands.until("it again", lambda: hands.amount(knob) == int(amount))


@step(r"Lock \*\*(\w+)\*\*, press \*\*(.+?)\*\*: the (\w+) is plain again, the \1 stays\.")
def lock(hands, knob, button, other):
    """What is locked stays."""
    hands.page.get_by_role("button", name=f"Lock {knob}").click()
    hands.page.get_by_role("button", name=button).click()
    hands.until("the lock's knob alone", lambda: list(hands.deck["knobs"]) == [knob])
    hands.settled()
    assert hands.amount(other) == 0


@step(r"\*\*(Show .+?)\*\*, turn \*\*(\w+)\*\* up as far: it moves as much and means nothing\. Double-click it\.")
def control(hands, switch, knob):
    """A control, and back."""
    hands.page.get_by_role("switch", name=switch).check()
    hands.drag(knob, 33)
    assert hands.amount(knob) == pytest.approx(5, abs=0.1)
    hands.settled()
    hands.dial(knob).dblclick()
    hands.until("nothing of it", lambda: hands.amount(knob) == 0)


@step(r"Press \*\*B\*\*, open \*\*(\w+)\*\*, \*\*(.+?)\*\*, drop a tune of yours and press \*\*(\w+)\*\*\.")
def tune(hands, tab, way, button):
    """A tune of six bars, of which four are opened."""
    hands.page.get_by_role("button", name="B", exact=True).click()
    hands.page.get_by_role("tab", name=tab).click()
    hands.page.get_by_role("button", name=way, exact=True).click()
    hands.do("file").set_input_files(
        {"name": "mine.mid", "mimeType": "audio/midi", "buffer": midi_file([TUNE], tempo=108)}
    )
    hands.page.get_by_role("button", name=f"{button} 6 bars as B").wait_for()
    hands.do("bars").fill("1-4")
    hands.do("bars").press("Enter")
    hands.page.get_by_role("button", name=f"{button} 4 bars as B").click()
    hands.until("the tune", lambda: hands.deck["piece"]["name"] == "mine_b1-4")
    assert hands.deck["piece"]["notes"] == [[*note, 0] for note in TUNE[:16]]
    hands.settled()


@step(
    r"Open \*\*(\w+)\*\*: your tune is bottom right, Twinkle top left\. Point to see, click to hear, "
    r"arrow keys to move\. \*\*(.+?)\*\* when you like one\."
)
def grid(hands, tab, button):
    """From A to B: seen, heard, walked, opened."""
    hands.page.get_by_role("tab", name=tab).click()
    board = hands.page.locator("lk-grid")

    def ends():
        decks = [{**deck, "piece": {**deck["piece"], "by_model": True}} for deck in hands.state["decks"].values()]
        want = [hands.turned(deck)["notes"] for deck in decks]  # the model alone knows a way between them
        want[0] = [note for note in want[0] if note[0] < 64]  # as many bars as both have
        read = "(grid) => [grid.cells[0][0].notes, grid.cells.at(-1).at(-1).notes]"
        return board.count() and board.evaluate(read) == want

    hands.until("a grid from A to B", ends)
    place = board.locator("[data-at='2,2']")
    place.hover()
    hands.until("the place under the pointer", lambda: hands.drawing().startswith("Row 3, column 3: "))
    place.click()
    hears(hands)
    hands.page.keyboard.press("ArrowRight")
    assert board.locator("[data-at]:focus").get_attribute("data-at") == "2,3"
    hands.page.keyboard.press("Enter")
    notes = board.evaluate("(grid) => grid.cells[2][3].notes")
    hands.until("the next place", lambda: hands.notes == notes)
    hands.page.get_by_role("button", name=button).click()
    hands.until("it as B", lambda: hands.state["decks"]["b"]["piece"]["notes"] == notes)
    hands.settled()


@step(r"\*\*(.+?)\*\*: MIDI, or Ctrl\+S; \*\*(\w+)\*\* keeps the rest for tomorrow\.")
def home(hands, heading, link):
    """What is saved and copied is what is there."""
    hands.page.get_by_role("heading", name=heading).wait_for()
    with hands.page.expect_download() as download:
        hands.page.keyboard.press("Control+s")
    assert hands.saved("midi") == download.value.path().read_bytes()
    notes = scores.read_piece(download.value.path()).notes
    assert [[note.onset, note.pitch, note.length, note.voice] for note in notes] == hands.notes
    state = hands.state
    address = hands.copied(link.lower())
    hands.page.goto("about:blank")
    hands.page.goto(address)
    hands.ready()
    assert hands.state == state


def test_every_step_is_known():
    """Each step of the document is one that is done here, once, and nothing is done that it does not say."""
    found = [[pattern for pattern in HANDS if re.fullmatch(pattern, line)] for line in steps()]

    assert found == [[pattern] for pattern in HANDS]


def test_a_composers_two_minutes(hands):
    """Step by step, what the document says is what happens."""
    for line in steps():
        pattern, hand = next((pattern, hand) for pattern, hand in HANDS.items() if re.fullmatch(pattern, line))
        hand(hands, *re.fullmatch(pattern, line).groups())
