"""How melodies come in: MIDI files, the keyboard, the roll, examples."""

from __future__ import annotations

import random

import pytest

from tests.browser.page_driver import midi_file

pytestmark = pytest.mark.slow
TUNE = [[4 * at, 62 + (5 * at) % 12, 4] for at in range(32)]
"""Eight bars of quarters."""
BASS = [[32, 50, 4], [64, 50, 4], [68, 47, 4]]
"""Notes that start together with the tune's, below them."""


def windows(hands):
    """Text of each part of the file that the page lists."""
    return hands.page.locator(".window > span:not(.why)").all_inner_texts()


def remarks(hands):
    """What the page says of the file."""
    return hands.page.locator("[aria-label='Import remarks'] li").all_inner_texts()


def test_unfamiliar_bars_are_told_and_marked(hands):
    """Beside the melody's name stands how far it is from what the model knows; bars of random notes are marked."""
    draw = random.Random(0)
    strange = [[at, draw.randint(40, 90), 1] for at in range(32, 64)]
    known = [[4 * at, 62 + (5 * at) % 12, 4] for at in (*range(8), *range(16, 24))]
    hands.open_file("half.mid", midi_file([sorted(known + strange)]))

    assert "of 3 clips come back exactly" in hands.page.locator("[data-style]").inner_text()
    assert "unfamiliar: bars 3-4 (" in hands.page.locator("[data-style]").inner_text()
    assert hands.page.locator("lk-screen lk-roll text.unfamiliar").all_text_contents() == ["by rule, unfamiliar"]


def test_a_real_file(hands):
    """All parts are listed by bars, what was dropped is said, and the bars that are chosen are opened."""
    hands.choose_file("song.mid", midi_file([sorted(TUNE + BASS)], tempo=90))
    hands.until("the parts", lambda: windows(hands))
    assert windows(hands) == [f"Bars {bar} to {bar + 1}" for bar in (1, 3, 5, 7)]
    assert any("3 " in remark for remark in remarks(hands))

    hands.do("bars").fill("3-6")
    hands.do("bars").press("Enter")
    hands.until("fewer parts", lambda: len(windows(hands)) == 2)
    assert hands.do("use").inner_text() == "Open 4 bars as A"
    hands.do("use").click()
    hands.until("the piece", lambda: hands.deck["piece"]["name"] == "song_b3-6")
    piece = hands.deck["piece"]

    assert piece["notes"] == [[at - 32, pitch, length, 0] for at, pitch, length in TUNE if 32 <= at < 96]
    assert (piece["steps"], piece["stretches"][0]["bar"], hands.state["tempo"]) == (64, 3, 90)
    hands.settled()


def test_the_likely_track_is_chosen(hands):
    """Of two tracks that may be the melody one is taken with a note and no error, and the other can be chosen."""
    hands.choose_file("two.mid", midi_file([TUNE, [[at, pitch - 2, length] for at, pitch, length in TUNE]]))
    hands.page.locator("[data-note]").wait_for()
    assert (
        hands.page.locator("[data-note]")
        .inner_text()
        .startswith("No track is plainly the melody: track 1 is likeliest")
    )
    assert hands.page.locator("[data-notice]").count() == 0
    assert hands.do("track").locator("option:checked").inner_text().startswith("1. ")
    hands.do("track").select_option("2")
    hands.until("another melody", lambda: hands.page.locator("[data-note]").count() == 0 and windows(hands))
    hands.do("use").click()
    hands.until("the piece", lambda: hands.deck["piece"]["name"] == "two")

    assert hands.deck["piece"]["notes"][0][1] == TUNE[0][1] - 2


def test_another_time_signature(hands):
    """As a waltz the file's bars are its own, turned by the model of 3/4, and the picture has its bar lines."""
    hands.choose_file("waltz.mid", midi_file([TUNE[:24]]))
    hands.until("the parts", lambda: windows(hands))
    hands.do("time-signature").select_option("3/4")
    hands.until(
        "parts of a waltz",
        lambda: [text.partition(":")[0] for text in windows(hands)] == [f"Bars {k} to {k + 1}" for k in (1, 3, 5, 7)],
    )
    hands.do("use").click()
    hands.until("the piece", lambda: hands.deck["piece"]["name"] == "waltz")
    hands.tab("knobs")
    hands.type_in("pitch", "2")
    hands.settled()
    roll = hands.page.locator("lk-screen lk-roll")

    assert [note[1] for note in hands.notes] == [pitch + 2 for _at, pitch, _length in TUNE[:24]]
    assert hands.page.locator("[data-counts]").inner_text().startswith("4 clips: 4 by the model")
    assert roll.locator("line.bar").count() == 9
    assert "by rule" not in roll.locator("#words").inner_text()


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


def test_every_example(hands):
    """Ten examples are told of, and each is opened as it is, by the models alone."""
    examples = hands.api.get("/info").json()["examples"]
    hands.do("other-melody").click()
    for one in examples:
        card = hands.page.locator(f"[data-example={one['name']}]")
        assert f"{one['style']}, {one['signature']}, {one['bars']} bars" in card.inner_text()
        card.click()
        hands.until(one["title"], lambda one=one: hands.deck["piece"]["name"] == one["name"])
        assert hands.settled()["counts"]["by_rule"] == 0
    assert len(examples) == 10


def test_an_example(hands):
    """An example is opened with a click."""
    hands.open_file("tune.mid", midi_file([TUNE]))
    hands.page.locator("[data-way=examples]").click()
    hands.page.locator("[data-example=twinkle]").click()
    hands.until("the example", lambda: hands.deck["piece"]["name"] == "twinkle")

    assert hands.deck["piece"] == hands.api.get("/examples/twinkle").json()
    hands.settled()
