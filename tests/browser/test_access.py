"""For everybody: axe's findings, small screens, motion, colours, help."""

from __future__ import annotations

import re

import pytest

from tests.browser.conftest import REJECTED, RUN_AXE
from tests.browser.page_driver import KEYBOARD

pytestmark = pytest.mark.slow
VIEWS = ("knobs", "grid", "melody", "inspector")
WIDTHS = (1440, 390)
# In all shadow trees: what is wider than the page, and what moves by itself.
EVERYTHING = """const everything = (root) => [...root.querySelectorAll("*")]
  .flatMap((one) => [one, ...(one.shadowRoot ? everything(one.shadowRoot) : [])]);"""


def show(hands, view):
    """A tab with all that belongs to it."""
    hands.tab(view)
    if view == "knobs":
        hands.do("controls").check()
        hands.do("all").check()
        hands.knob(REJECTED).wait_for()
    elif view == "grid":
        hands.page.locator("[role=gridcell]").first.wait_for()
    elif view == "inspector":
        hands.page.locator("lk-inspector lk-bars").first.wait_for()


LEAVE = """() => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  at?.blur();
}"""
"""Takes the focus out of a text box, where keys are letters."""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing_serious(new_page, axe, width, theme):
    """Axe finds nothing serious and nothing critical on any tab and in the dialogs, wide and narrow, light and dark."""
    hands = new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
    hands.page.add_init_script(KEYBOARD)
    hands.open()
    hands.ready()
    assert hands.page.evaluate("() => document.documentElement.dataset.theme") == theme
    hands.page.evaluate(axe)
    hands.type_in("rhythm", "1")
    hands.settled()
    hands.page.evaluate(LEAVE)
    hands.page.keyboard.press("]")
    hands.do("clear-range").wait_for()
    found = {}
    hands.do("sound").click()
    hands.do("timbre").wait_for()
    found["sound"] = hands.page.evaluate(RUN_AXE)
    hands.page.keyboard.press("Escape")
    for view in VIEWS:
        show(hands, view)
        found[view] = hands.page.evaluate(RUN_AXE)
    for way in ("file", "keys", "draw"):
        hands.tab("melody")
        hands.page.locator(f"[data-way={way}]").click()
        found[way] = hands.page.evaluate(RUN_AXE)
    found |= with_midi(hands)
    hands.do("command").click()
    hands.page.locator("[data-shown]").wait_for()
    hands.do("help").click()
    hands.page.locator("dialog[open]").wait_for()
    found["help"] = hands.page.evaluate(RUN_AXE)

    assert {view: each["wrong"] for view, each in found.items() if each["wrong"]} == {}
    assert min(each["contrasts"] for each in found.values()) > 10  # it has looked into the elements


def with_midi(hands):
    """What axe finds while a controller learns a knob, and while an instrument is recorded."""
    found = {}
    hands.tab("knobs")
    hands.do("learn").click()
    hands.dial("pitch").press("ArrowUp")
    hands.page.evaluate("() => window.send(0xb0, 21, 0)")
    hands.page.get_by_role("button", name="Forget controller 21 of pitch").wait_for()
    found["learn"] = hands.page.evaluate(RUN_AXE)
    hands.do("learn").click()
    hands.tab("melody")
    hands.page.locator("[data-way=keys]").click()
    hands.do("record").click()
    hands.page.get_by_role("button", name="Stop recording").wait_for()
    found["recording"] = hands.page.evaluate(RUN_AXE)
    hands.do("record").click()
    return found


@pytest.mark.parametrize("width", [320, 360, 390, 1024])
def test_nothing_is_wider_than_the_screen(new_page, width):
    """On a small telephone as on a tablet no tab scrolls to the side."""
    hands = new_page(viewport={"width": width, "height": 740})
    hands.open()
    hands.ready()
    hands.type_in("rhythm", "1")
    wide = {}
    for view in VIEWS:
        show(hands, view)
        wide[view] = hands.page.evaluate("() => document.scrollingElement.scrollWidth")

    assert {view: size for view, size in wide.items() if size > width} == {}


def test_melody_and_knobs_fit_the_screen_of_a_laptop(new_page):
    """At 1440 by 900 the roll and all knobs with their amounts are seen without scrolling."""
    hands = new_page(viewport={"width": 1440, "height": 900})
    hands.open()
    hands.ready()
    amounts = hands.page.locator("lk-knob .value")
    lowest = amounts.evaluate_all("(all) => all.map((one) => one.getBoundingClientRect().bottom)")

    assert len(lowest) >= 8
    assert max(lowest) <= 900
    assert hands.page.locator("lk-screen lk-roll").bounding_box()["y"] >= 0


def test_reduced_motion(new_page):
    """Where people ask for less motion, nothing on the page has a transition or an animation, also while it plays."""
    hands = new_page(reduced_motion="reduce")
    hands.open()
    hands.ready()
    hands.do("play").click()
    hands.until("playing", lambda: hands.look("playing"))
    hands.dial("pitch").press("PageUp")
    moving = hands.page.evaluate(
        f"""() => {{ {EVERYTHING} return everything(document).filter((one) => {{
          const {{ transitionDuration, animationName, scrollBehavior }} = getComputedStyle(one);
          return /[1-9]/.test(transitionDuration) || animationName !== "none" || scrollBehavior === "smooth";
        }}).map((one) => one.localName); }}"""
    )

    assert moving == []
    assert hands.page.evaluate("() => document.getAnimations().length") == 0


def test_light_and_dark(hands):
    """The switch goes from the system's colours to light and to dark, says so, and the choice outlasts a reload."""

    def look():
        return hands.page.evaluate(
            "() => [document.documentElement.dataset.theme, getComputedStyle(document.body).backgroundColor]"
        )

    switch = hands.do("theme")
    assert switch.get_attribute("aria-label") == "Theme: system"
    switch.click()
    light = look()
    assert (light[0], switch.get_attribute("aria-label")) == ("light", "Theme: light")
    switch.click()
    dark = look()
    assert (dark[0], switch.get_attribute("aria-label")) == ("dark", "Theme: dark")
    assert light[1] != dark[1]
    hands.page.reload()
    hands.ready()
    assert look() == dark


def test_help(hands):
    """The question mark opens the keys; Escape closes them; while they are open, no key does anything else."""
    hands.page.keyboard.press("?")
    help_ = hands.page.locator("dialog[open]")
    text = help_.inner_text()
    for key in ("Space", "Undo", "Drag up or down", "Home, End", "Backspace"):
        assert key in text
    hands.page.keyboard.press("l")
    assert hands.state["loop"] is True
    hands.page.keyboard.press("Escape")
    help_.wait_for(state="hidden")

    hands.do("help").click()
    help_.wait_for()
    help_.get_by_role("button", name="Close").click()
    help_.wait_for(state="hidden")


def test_tabs_by_keyboard(hands):
    """Arrows go from tab to tab, and the one that is open says so."""
    hands.page.locator("[data-view=knobs]").focus()
    for key, view in (("ArrowRight", "grid"), ("ArrowRight", "melody"), ("ArrowLeft", "grid"), ("ArrowLeft", "knobs")):
        hands.page.keyboard.press(key)
        tab = hands.page.locator("[role=tab]:focus")
        hands.until(f"the tab {view}", lambda tab=tab, view=view: tab.get_attribute("data-view") == view)
        assert tab.get_attribute("aria-selected") == "true"


def test_the_roll_in_words(hands):
    """The roll has its melody as text, bar by bar."""
    words = hands.page.locator("lk-screen lk-roll #words")
    assert re.match(r"Bar 1: C4 quarter, C4 quarter, G4 quarter, G4 quarter\. Bar 2: A4 ", words.inner_text())
    assert "Bar 12: " in words.inner_text()


def test_inspector(hands):
    """The tab Inspector shows each accepted knob's mean change, by place and sorted, at amounts that can be chosen."""
    show(hands, "inspector")
    pictures = hands.page.locator("lk-inspector section[aria-label=pitch] lk-bars")
    hands.until("bars and a curve", lambda: pictures.count() == 2)
    bars = pictures.first
    before = bars.evaluate("(bars) => bars.values")
    hands.page.locator("lk-inspector section[aria-label=pitch] select").select_option(index=0)
    hands.until("others", lambda: bars.count() and bars.evaluate("(bars) => bars.values") != before)
