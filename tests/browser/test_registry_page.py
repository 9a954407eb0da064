"""The page of the registry, as a person uses it."""

from __future__ import annotations

import csv
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.browser.conftest import REJECTED, RUN_AXE

pytestmark = pytest.mark.slow


class Shelf:
    """The registry's page, and the API that it should agree with."""

    def __init__(self, hands):
        self.hands = hands
        self.page = hands.page

    def open(self, path="registry"):
        """Opens an address of it, and waits for what it shows."""
        self.page.goto(self.hands.url + path)
        self.settled()

    def settled(self):
        """Waits until nothing is awaited any more."""
        self.hands.until("an answer", lambda: self.page.locator("main h1").count() == 1)
        self.hands.until("no waiting", lambda: self.page.get_by_text("Loading.", exact=True).count() == 0)
        self.hands.until("no old rows", lambda: self.page.locator("[aria-busy=true]").count() == 0)

    def rows(self):
        """The knobs of the table."""
        return self.page.locator("tr[data-knob]").evaluate_all("(rows) => rows.map((row) => row.dataset.knob)")

    def has(self, **asked):
        """Waits for the knobs that the API gives."""
        known = [one["id"] for one in self.table(**asked)["knobs"]]
        self.hands.until(f"the knobs of {asked}", lambda: self.rows() == known)
        return known

    def table(self, **asked):
        """What the API answers."""
        return self.hands.api.get("/registry/table/knobs", params=asked).raise_for_status().json()

    def asked(self):
        """The address's parameters."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.page.url).query).items()}


@pytest.fixture
def shelf(new_page):
    """The page with all current knobs."""
    out = Shelf(new_page())
    out.open()
    return out


def test_the_address_holds_what_is_seen(shelf):
    """Filters, search and order are in the address: reload, back, forward and a second tab show the same knobs."""
    shelf.has()
    shelf.page.locator("[data-verdict=accepted]").check()
    shelf.has(verdict="accepted")
    shelf.page.locator("[data-sort=effect]").click()
    shelf.has(verdict="accepted", sort="effect")
    shelf.page.locator("[data-filter=name]").press_sequentially("t")
    known = shelf.has(verdict="accepted", sort="effect", name="*t*")
    assert shelf.asked() == {"verdict": "accepted", "sort": "effect", "name": "t"}

    shelf.page.reload()
    shelf.settled()
    assert shelf.rows() == known
    assert shelf.page.locator("[data-filter=name]").input_value() == "t"
    shelf.page.go_back()
    shelf.has(verdict="accepted", sort="effect")
    shelf.page.go_back()
    shelf.has(verdict="accepted")
    shelf.page.go_forward()
    shelf.page.go_forward()
    assert shelf.has(verdict="accepted", sort="effect", name="*t*") == known


def test_a_condition(shelf):
    """A condition on criteria is asked for with Enter; one that cannot be read is told, and the table comes back."""
    field = shelf.page.locator("[data-filter=where]")
    field.fill("equivariance >= 0.9")
    field.press("Enter")
    known = shelf.has(where="equivariance >= 0.9")
    shelf.hands.forgive("422")
    field.fill("equivariance >=")
    field.press("Enter")
    shelf.page.locator("[data-fault]").get_by_text("cannot be read").wait_for()
    shelf.page.go_back()
    shelf.hands.until("the table", lambda: shelf.rows() == known)


def test_a_card_by_keyboard(shelf):
    """A knob's link opens its card with plots and criteria, its heading has the focus, and back leads to the table."""
    id_ = shelf.table(name="pitch")["knobs"][0]["id"]
    shelf.page.locator(f"tr[data-knob='{id_}'] a").press("Enter")
    shelf.page.locator("lk-response-plot svg").wait_for()

    assert shelf.page.locator("h1:focus").inner_text() == "pitch"
    card = shelf.hands.api.get(f"/registry/knobs/{id_}").json()
    plots = [one for one in card["criteria"] if len(one["points"]) > 2]
    assert shelf.page.locator("lk-criterion-plot").count() == len(plots)
    assert shelf.page.locator("lk-response-plot .whisker").count() == len(card["curve"]["points"])
    shelf.page.go_back()
    shelf.has()


def test_before_and_after_are_heard(shelf):
    """A card plays the example before and after, and the amount is in the address."""
    id_ = shelf.table(name="pitch", model="musicvae-broad-128")["knobs"][0]["id"]
    shelf.open(f"registry/knobs/{id_}?amount=3")
    roll = shelf.page.locator("lk-listen lk-roll")
    plain = shelf.hands.api.get("/examples/twinkle").json()["notes"]
    shelf.hands.until(
        "three semitones",
        lambda: roll.count() and roll.evaluate("(roll) => roll.notes.map((n) => n[1])") == [n[1] + 3 for n in plain],
    )
    for what, other in (("after", "before"), ("before", "after")):
        button = shelf.page.locator(f"[data-do={what}]")
        button.click()
        assert (
            button.get_attribute("aria-pressed"),
            shelf.page.locator(f"[data-do={other}]").get_attribute("aria-pressed"),
        ) == ("true", "false")
        shelf.hands.until("a playhead", lambda: roll.evaluate("(roll) => roll.playhead") is not None)
    shelf.page.locator("lk-listen [data-do=amount]").press("ArrowRight")
    shelf.hands.until("the amount", lambda: float(shelf.asked()["amount"]) > 3)


def test_knobs_side_by_side(shelf):
    """Two picked knobs are compared, outlast a reload, and one can be left out."""
    first, second = shelf.rows()[:2]
    for id_ in (first, second):
        shelf.page.locator(f"tr[data-knob='{id_}'] td.pick input").check()
    shelf.page.locator("[data-do=compare]").click()
    shelf.page.reload()
    heads = shelf.page.locator("lk-compare section").first.locator("thead th")
    shelf.hands.until("two columns", lambda: heads.count() == 2)
    assert [heads.nth(k).inner_text().split()[0] for k in (0, 1)] == [first.split("@")[0], second.split("@")[0]]
    shelf.page.get_by_label(f"Leave out {second}").click()
    shelf.page.get_by_text("Pick two to four knobs").wait_for()


def test_what_is_taken_home(shelf):
    """SQL is copied as the API gives it, and the CSV file has the rows of the table."""
    shelf.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    shelf.page.locator("[data-do=sql]").click()
    shelf.page.locator("[data-shown=sql]").get_by_text("copied", exact=True).wait_for()
    assert shelf.page.evaluate("() => navigator.clipboard.readText()") == shelf.table()["seen"]["sql"]
    with shelf.page.expect_download() as download:
        shelf.page.locator("[data-do=csv]").click()
    rows = csv.DictReader(download.value.path().read_text(encoding="utf-8").splitlines())
    assert [f"{row['name']}@{row['run']}/{row['fit']}" for row in rows] == shelf.rows()


def test_from_the_player_and_back(hands):
    """The player leads to the registry, and the registry back."""
    hands.do("registry").click()
    shelf = Shelf(hands)
    shelf.settled()
    assert REJECTED in {id_.split("@")[0] for id_ in shelf.rows()}
    hands.do("player").click()
    hands.ready()


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (320, "light"), (390, "dark")])
def test_for_everybody(new_page, axe, width, theme):
    """Axe finds nothing, and nothing is wider than the screen, in any view, wide and narrow, light and dark."""
    shelf = Shelf(new_page(viewport={"width": width, "height": 900}, color_scheme=theme))
    shelf.open()
    known = [one["id"] for one in shelf.table(name="pitch", history=True)["knobs"]]
    ids = [next(id_ for id_ in known if id_.endswith("/ridge")), known[0]]
    run = ids[0].partition("@")[2].partition("/")[0]
    compared = "&".join(f"knob={id_}" for id_ in ids)
    found, wide = {}, {}
    for path in (
        "?history=true&seed=0&verdict=accepted&verdict=rejected&pick=" + ids[0],
        f"/knobs/{ids[0]}",
        f"/compare?{compared}",
        "/runs",
        f"/runs/{run}",
        "/runs/nothing",
    ):
        if path.endswith("nothing"):
            shelf.hands.forgive("404")
        shelf.open(f"registry{path}")
        shelf.page.evaluate(axe)
        found[path] = shelf.page.evaluate(RUN_AXE)["wrong"]
        wide[path] = shelf.page.evaluate("() => document.scrollingElement.scrollWidth")

    assert {path: wrong for path, wrong in found.items() if wrong} == {}
    assert {path: size for path, size in wide.items() if size > width} == {}
