"""From the hand to new notes."""

from __future__ import annotations

import numpy as np
import pytest

from tests.browser.page_driver import midi_file

pytestmark = pytest.mark.slow
MOVES = 60
# Each answer with the time since the key went down and what the page itself measured.
CLOCK = """() => {
  const session = document.querySelector("lk-app").session;
  let [pressed, last] = [0, session.result];
  window.times = [];
  window.addEventListener("keydown", (event) => { pressed = event.timeStamp; }, true);
  session.subscribe(() => {
    if (session.result === last) return;
    last = session.result;
    window.times.push([performance.now() - pressed, session.latency]);
  });
}"""


def test_from_hand_to_new_notes(hands, tell):
    """Sixty moves of a knob on one clip are each answered, and how long that took is told."""
    hands.open_file("clip.mid", midi_file([[[4 * at, 60 + at, 4] for at in range(8)]]))
    hands.tab("knobs")
    hands.dial("pitch").focus()
    hands.page.evaluate(CLOCK)
    for move in range(MOVES):
        hands.page.keyboard.press("Shift+ArrowUp")  # each amount is a new one: of those before, the page has the notes
        hands.until("an answer", lambda move=move: hands.page.evaluate("() => window.times.length") > move)
    hands.settled()
    times = np.array(hands.page.evaluate("() => window.times"))
    for name, column in (("from the key", times[:, 0]), ("as the page measures", times[:, 1])):
        median, late = np.percentile(column, [50, 99])
        tell(f"{MOVES} moves, {name}: median {median:.1f} ms, 99th percentile {late:.1f} ms")

    assert (len(times), hands.amount("pitch")) == (MOVES, 12)
    assert (times > 0).all()
