"""The page as a person has it: keys, mouse, what is seen and heard. Nothing waits for a fixed time."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import httpx
import mido

from tests.browser.serving import PATIENCE

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

MODEL = "musicvae-broad-128"
Notes = Sequence[Sequence[int]]
KEYBOARD = """
window.keyboard = { name: "keys", state: "connected", onmidimessage: null };
navigator.requestMIDIAccess = async () => {
  window.asked = (window.asked ?? 0) + 1;
  return { inputs: new Map([["1", window.keyboard]]), onstatechange: null };
};
window.send = (...data) => window.keyboard.onmidimessage({ data: new Uint8Array(data), timeStamp: performance.now() });
"""
"""A MIDI instrument in the browser, which has none here; what it sends goes as a real one's messages do."""


class Hands:
    """One open page, and the API that it should agree with."""

    def __init__(self, page: Page, url: str, api: httpx.Client, forgiven: list[str]) -> None:
        self.page = page
        self.url = url
        self.api = api
        self._forgiven = forgiven
        self._turned: dict[str, dict[str, Any]] = {}

    # What is there.

    def look(self, what: str) -> Any:
        """A value of ``window.latentknobs``; None before the page has one."""
        return self.page.evaluate(f"() => window.latentknobs?.{what} ?? null")

    @property
    def state(self) -> dict[str, Any]:
        """All that undo and a link carry."""
        return self.look("state")

    @property
    def deck(self) -> dict[str, Any]:
        """The side that is heard."""
        state = self.state
        return state["decks"][state["side"]]

    @property
    def notes(self) -> list[list[int]]:
        """The notes that sound, as they are drawn."""
        return self.look("notes")

    def do(self, name: str) -> Locator:
        """The control that does something."""
        return self.page.locator(f"[data-do={name}]")

    def notice(self) -> str:
        """The sentence that stands on the page."""
        self.page.locator("[data-notice] p").wait_for()
        return self.page.locator("[data-notice] p").inner_text()

    def drawing(self) -> str:
        """What the roll on the display says it draws."""
        return self.page.locator("lk-screen lk-roll svg.sheet").get_attribute("aria-label") or ""

    # Waiting.

    def until(self, what: str, met: Callable[[], Any], patience: float = PATIENCE) -> Any:
        """Waits for a condition, and gives what it gave. The page's policy forbids Playwright's own way (eval)."""
        end = time.monotonic() + patience
        while not (got := met()):
            assert time.monotonic() < end, f"in vain: {what}; the page says {self.said()!r}"
            self.page.wait_for_timeout(20)
        return got

    def said(self) -> str:
        """The last sentence for people who listen to the page, and the one that stands on it."""
        return " | ".join(self.page.locator("[data-said], [data-notice] p").all_inner_texts())

    def ready(self) -> None:
        """Waits for the page to be live with the notes of what it has open."""
        self.until("a page that is live", lambda: self.look("state") and self.look("status") == "live")
        self.settled()

    def settled(self) -> dict[str, Any]:
        """Waits for the notes that the API gives for what the page has open; gives the API's answer."""

        def met() -> dict[str, Any] | None:
            answer = self.turned(self.deck)
            return answer if answer["notes"] == self.notes else None

        return self.until("the notes that the API gives", met)

    def turned(self, deck: dict[str, Any]) -> dict[str, Any]:
        """What the API says that a deck sounds like."""
        key = json.dumps(deck)
        if key not in self._turned:
            answer = self.api.post(f"/models/{MODEL}/turn", json=deck)
            assert answer.status_code == 200, answer.text
            self._turned[key] = answer.json()
        return self._turned[key]

    # Hands.

    def open(self, hash_: str = "") -> None:
        """Opens the page, or another link in it."""
        self.page.goto(self.url + hash_)

    def tab(self, view: str) -> None:
        """Opens one of the four tabs."""
        self.page.locator(f"[data-view={view}]").click()

    def knob(self, name: str) -> Locator:
        """A knob."""
        return self.page.locator(f"lk-knob[data-knob={name}]")

    def dial(self, name: str) -> Locator:
        """The part of a knob that is dragged: a native slider."""
        return self.knob(name).locator("input[type=range]")

    def amount(self, name: str) -> float:
        """What a knob of the open side stands at."""
        return self.deck["knobs"].get(name, 0)

    def drag(self, name: str, up: float, *, by: int = 8, shift: bool = False, release: bool = True) -> None:
        """Drags a knob up by pixels, in moves as a hand makes them."""
        self.dial(name).scroll_into_view_if_needed()
        box = self.dial(name).bounding_box()
        assert box
        x, y = box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.7
        self.page.mouse.move(x, y)
        if shift:
            self.page.keyboard.down("Shift")
        self.page.mouse.down()
        self.page.mouse.move(x, y - up, steps=by)
        if release:
            self.page.mouse.up()
        if shift:
            self.page.keyboard.up("Shift")

    def type_in(self, name: str, text: str) -> None:
        """Types an amount below a knob."""
        field = self.knob(name).locator("input[type=text]")
        field.click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")

    def choose_file(self, name: str, data: bytes) -> None:
        """Chooses a MIDI file in the tab Melody."""
        self.tab("melody")
        self.page.locator("[data-way=file]").click()
        self.do("file").set_input_files({"name": name, "mimeType": "audio/midi", "buffer": data})

    def open_file(self, name: str, data: bytes) -> None:
        """Opens all parts of a MIDI file."""
        self.choose_file(name, data)
        self.do("use").click()
        self.until("the file's piece", lambda: self.deck["piece"]["source"].get("file") == name)
        self.settled()

    def saved(self, name: str) -> bytes:
        """The bytes of the file that a button saves."""
        with self.page.expect_download() as download:
            self.do(name).click()
        return download.value.path().read_bytes()

    def copied(self, name: str) -> str:
        """What a button puts on the clipboard; it is also shown."""
        self.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.do(name).click()
        shown = self.page.locator(f"[data-shown={name.capitalize()}]")
        shown.get_by_text("copied", exact=True).wait_for()
        text = self.page.evaluate("() => navigator.clipboard.readText()")
        assert text == shown.locator("pre").inner_text()
        return text

    def level(self) -> float:
        """The loudest of what the analyser holds just now."""
        return self.page.evaluate(
            """() => {
              const analyser = window.latentknobs.analyser;
              if (!analyser) return 0;
              const wave = new Float32Array(analyser.fftSize);
              analyser.getFloatTimeDomainData(wave);
              return wave.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
            }"""
        )

    def forgive(self, pattern: str) -> None:
        """Errors that the test brings about itself, as a pattern; one that does not come is a fault."""
        self._forgiven.append(pattern)


def midi_file(tracks: Sequence[Notes], tempo: float = 120, steps_per_beat: int = 4) -> bytes:
    """A MIDI file with one track for each list of [onset, pitch, length], in steps; written with mido alone."""
    ticks = 480 // steps_per_beat
    out = mido.MidiFile(ticks_per_beat=480)
    for number, notes in enumerate(tracks):
        track = mido.MidiTrack()
        if number == 0:
            track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo)))
        events = [(at, 1, pitch) for at, pitch, *_ in notes] + [(at + length, 0, pitch) for at, pitch, length in notes]
        now = 0
        for at, on, pitch in sorted(events):
            kind = "note_on" if on else "note_off"
            track.append(mido.Message(kind, note=pitch, velocity=80 * on, time=(at - now) * ticks))
            now = at
        out.tracks.append(track)
    data = io.BytesIO()
    out.save(file=data)
    return data.getvalue()
