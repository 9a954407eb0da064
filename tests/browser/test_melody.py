"""How melodies come in: MIDI files, the keyboard, the roll, examples."""

from __future__ import annotations

import pytest

from tests.browser.page_driver import midi_file

pytestmark = pytest.mark.slow
TUNE = [[4 * at, 62 + (5 * at) % 12, 4] for at in range(32)]
"""Eight bars of quarters."""
BASS = [[32, 50, 4], [64, 50, 4], [68, 47, 4]]
"""Notes that start together with the tune's, below them."""


def windows(hands):
    """Text of each part of the file that the page lists."""
    return hands.page.locator(".window .line").all_inner_texts()


def test_a_real_file(hands):
    """All windows are listed by bars, what was dropped is said, and what is chosen is opened: the highest notes."""
    hands.forgive("status of 422")  # the page asks first for one voice as it is, and then for the highest notes
    hands.choose_file("song.mid", midi_file([sorted(TUNE + BASS)], tempo=90))
    hands.until("the windows", lambda: windows(hands))
    remarks = hands.page.locator("[aria-label='Import remarks'] li").all_inner_texts()
    assert [line.strip() for line in windows(hands)] == [f"bars {bar}\u2013{bar + 1}" for bar in (1, 3, 5, 7)]
    assert any("the highest" in remark for remark in remarks)
    assert any("3 " in remark for remark in remarks)

    for clip in (0, 3):
        hands.page.locator(f"[data-clip='{clip}']").uncheck()
    assert hands.do("use").inner_text() == "Open 2 of 4 as A"
    hands.do("use").click()
    hands.until("the piece", lambda: hands.deck["piece"]["name"] == "song")
    piece = hands.deck["piece"]

    assert piece["notes"] == [[at - 32, pitch, length, 0] for at, pitch, length in TUNE if 32 <= at < 96]
    assert (piece["steps"], piece["source"]["clips"], hands.state["tempo"]) == (64, [1, 2], 90)
    hands.settled()


def test_a_bad_file(hands):
    """What is no MIDI file gives a sentence that says what to do, and leaves all as it was."""
    hands.forgive("status of 4")
    before = hands.state
    hands.choose_file("song.mid", b"MThd, but no more than that")
    said = hands.notice()

    assert "song.mid" in said
    assert said.endswith(".")
    assert "Traceback" not in said
    assert hands.state == before
    hands.tab("knobs")
    hands.dial("pitch").press("ArrowUp")
    hands.settled()


def test_a_dropped_file(hands):
    """A file dropped anywhere on the page is read as a chosen one."""
    data = list(midi_file([TUNE]))
    hands.page.evaluate(
        """(data) => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([Uint8Array.from(data)], "dropped.mid"));
          document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
        }""",
        data,
    )

    hands.until("the windows", lambda: len(windows(hands)) == 4)


def test_played_in(hands):
    """Keys of the screen and of the computer write notes of the chosen length, one after the other."""
    hands.tab("melody")
    hands.page.locator("[data-way=keys]").click()
    hands.page.locator("[data-pitch='60']").click()
    hands.page.locator("[data-length=eighth]").click()
    hands.page.locator("[data-pitch='64']").click()
    hands.page.keyboard.press("g")  # G, a fifth above C
    hands.do("rest").click()
    hands.page.locator("[data-pitch='62']").click()
    hands.do("back").click()
    hands.page.locator("[data-pitch='72']").click()
    hands.do("use").click()
    hands.until("the piece", lambda: hands.deck["piece"]["source"]["kind"] == "drawn")

    assert hands.deck["piece"]["notes"] == [[0, 60, 4, 0], [4, 64, 2, 0], [6, 67, 2, 0], [10, 72, 2, 0]]
    assert hands.deck["piece"]["steps"] == 32
    hands.settled()


def test_drawn(hands):
    """In the roll, Enter puts a note and takes it away, Shift and arrows make it longer, and one voice is kept."""
    hands.tab("melody")
    hands.page.locator("[data-way=draw]").click()
    sheet = hands.page.locator("lk-melody svg[role=application]")
    sheet.focus()
    for key in ("Enter", "Shift+ArrowRight", *["ArrowRight"] * 8, "ArrowUp", "Enter", *["ArrowRight"] * 8, "Enter"):
        sheet.press(key)
    sheet.press("Enter")  # the last one goes again
    hands.do("use").click()
    hands.until("the piece", lambda: hands.deck["piece"]["source"]["kind"] == "drawn")
    (first, second) = hands.deck["piece"]["notes"]

    assert (first[0], first[2], second[0], second[2]) == (0, 5, 8, 4)
    assert second[1] == first[1] + 1


def test_drawn_with_the_mouse(hands):
    """A press in the roll puts a note, and drawing to the right makes it longer."""
    hands.tab("melody")
    hands.page.locator("[data-way=draw]").click()
    sheet = hands.page.locator("lk-melody svg[role=application]")
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()
    step = box["width"] / 32
    x, y = box["x"] + 4.5 * step, box["y"] + box["height"] / 2
    hands.page.mouse.move(x, y)
    hands.page.mouse.down()
    hands.page.mouse.move(x + 6 * step, y, steps=6)
    hands.page.mouse.up()
    hands.do("use").click()
    hands.until("the piece", lambda: hands.deck["piece"]["source"]["kind"] == "drawn")

    assert [[note[0], note[2]] for note in hands.deck["piece"]["notes"]] == [[4, 7]]


def test_an_example(hands):
    """An example is opened with a click."""
    hands.open_file("tune.mid", midi_file([TUNE]))
    hands.page.locator("[data-way=examples]").click()
    hands.page.locator("[data-example=twinkle]").click()
    hands.until("the example", lambda: hands.deck["piece"]["name"] == "twinkle")

    assert hands.deck["piece"] == hands.api.get("/examples/twinkle").json()
    hands.settled()
