"""The two-way grid between A and B."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def grid(hands):
    """The page with a grid from the melody to one that is turned both ways; its places by [down][across]."""
    hands.do("b").click()
    hands.type_in("pitch", "5")
    hands.type_in("rhythm", "1")
    hands.do("a").click()
    hands.settled()
    hands.tab("grid")
    ends = [hands.turned(hands.state["decks"][side])["notes"] for side in "ab"]
    hands.until("the grid from A to B", lambda: (cells := places(hands)) and [cells[0][0], cells[-1][-1]] == ends)
    return places(hands)


def places(hands):
    """Notes of all places that are shown."""
    board = hands.page.locator("lk-grid")
    return board.evaluate("(grid) => grid.cells.map((row) => row.map(({notes}) => notes))") if board.count() else None


def cell(hands, down, across):
    """One place."""
    return hands.page.locator(f"lk-grid [data-at='{down},{across}']")


def test_five_by_five_from_a_to_b(hands, grid):
    """Of 25 places the top left is exactly what A sounds like, the bottom right exactly B, other ends neither."""
    state = hands.state
    a, b = (hands.turned(state["decks"][side])["notes"] for side in "ab")

    assert [len(row) for row in grid] == [5] * 5
    assert hands.page.locator("[role=grid] [role=gridcell]").count() == 25
    assert (grid[0][0], grid[4][4]) == (a, b)
    assert a != b
    assert grid[0][4] not in (a, b)
    assert grid[4][0] not in (a, b)


@pytest.mark.parametrize("size", [3, 9])
def test_other_sizes(hands, grid, size):
    """Any size from 3 to 9 has the same ends."""
    hands.do("size").select_option(str(size))
    hands.until("its places", lambda: hands.page.locator("[role=gridcell]").count() == size**2)
    cells = places(hands)

    assert (cells[0][0], cells[-1][-1]) == (grid[0][0], grid[4][4])


def test_arrows_move(hands, grid):
    """One place is reached with Tab; from there arrows, Home and End move, and stop at the edges."""
    assert hands.page.locator("lk-grid [tabindex='0']").count() == 1
    hands.page.locator("lk-grid [tabindex='0']").focus()
    for key, at in (
        ("ArrowRight", "0,1"),
        ("ArrowDown", "1,1"),
        ("End", "1,4"),
        ("ArrowRight", "1,4"),
        ("Control+End", "4,4"),
        ("ArrowUp", "3,4"),
        ("ArrowLeft", "3,3"),
        ("Control+Home", "0,0"),
        ("ArrowUp", "0,0"),
    ):
        hands.page.keyboard.press(key)
        assert hands.page.locator("lk-grid [data-at]:focus").get_attribute("data-at") == at

    hands.page.keyboard.press("ArrowDown")
    hands.page.keyboard.press("Enter")
    hands.until("the place's notes", lambda: hands.look("playing") and hands.notes == grid[1][0])


def test_hover_shows_and_click_plays(hands, grid):
    """A place under the pointer is drawn; a click plays it; leaving the tab gives A back."""
    cell(hands, 1, 3).hover()
    label = f"Row 2, column 4: {len(grid[1][3])} notes"
    hands.until("the place on the screen", lambda: hands.drawing().startswith(label))
    assert not hands.look("playing")
    assert hands.page.locator("lk-screen lk-roll rect.note").count() == len(grid[1][3])

    cell(hands, 1, 3).click()
    hands.until("signal", lambda: hands.level() > 0.01)
    assert hands.notes == grid[1][3]
    assert cell(hands, 1, 3).get_attribute("aria-selected") == "true"

    hands.tab("knobs")
    hands.until("A", lambda: hands.notes == grid[0][0])


def test_a_place_is_opened(hands, grid):
    """A place that was chosen becomes the piece of the side that is open."""
    cell(hands, 4, 0).click()
    hands.do("take-cell").click()
    hands.until("the piece", lambda: hands.deck["piece"]["notes"] == grid[4][0])

    assert (hands.state["side"], hands.deck["knobs"]) == ("a", {})
    hands.settled()
