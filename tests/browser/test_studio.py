"""A composer's ten minutes: a song of four tracks, bars, snapshots, a recording, and a project that goes home."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from latentknobs.scores import read_piece
from latentknobs.scores.midi_file import parse_score
from tests.browser.firefox import FIREFOX, PULSEAUDIO, Firefox
from tests.browser.page_driver import KEYBOARD, Hands, midi_file
from tests.browser.serving import environment

pytestmark = pytest.mark.slow
TUNE = [[4 * at, 60 + (2, 4, 5, 7, 9, 7, 5, 4)[at % 8], 4] for at in range(48)]
SONG = [
    TUNE,
    [[16 * bar + at, 64, 8] for bar in range(12) for at in (0, 8)],
    [[16 * bar + at, 67, 8] for bar in range(12) for at in (0, 8)],
    [[16 * bar, 38 + bar % 5, 16] for bar in range(12)],
]
"""Twelve bars: a tune, two parts of chords and a bass."""
PLAY = """([notes, from]) => new Promise((done) => {
  const events = notes.flatMap(([onset, pitch, length]) => [[onset, 0x90, pitch], [onset + length - 0.5, 0x80, pitch]]);
  events.sort((one, other) => one[0] - other[0]);
  const timer = setInterval(() => {
    const place = window.latentknobs.position ?? Infinity;
    while (events.length && events[0][0] + from <= place) {
      const [, status, pitch] = events.shift();
      window.send(status, pitch, 100);
    }
    if (!events.length) { clearInterval(timer); done(); }
  }, 2);
})"""
"""Plays notes where the playhead is, counted from a step, as a hand does that hears the metronome."""
PLAYED = [[4 * at, 67 - (at * 5) % 9, 3] for at in range(16)]


@pytest.fixture
def studio(new_page):
    """The page, with an instrument."""
    return opened(new_page(), KEYBOARD)


@pytest.fixture
def in_firefox(server, tmp_path):
    """Makes pages in Firefox."""
    if FIREFOX is None or PULSEAUDIO is None:
        pytest.skip("no Firefox or no PulseAudio here: apt-get install firefox-esr pulseaudio")
    firefox = Firefox(tmp_path / "firefox")
    with server.client() as client:
        yield lambda: Hands(firefox.page(), server.url, client, [])
        firefox.close()
    assert firefox.wrong == []


def opened(hands, script=""):
    """The page as it opens, with a script of the test's before its own."""
    hands.page.add_init_script(script)
    hands.open()
    hands.ready()
    return hands


def choose_bars(hands, bars):
    """Has the knobs turn these bars, "" = all."""
    if hands.do("all-bars").count():
        hands.do("all-bars").click()
    if bars:
        hands.do("choose-bars").fill(bars)
        hands.do("choose-bars").press("Enter")
        hands.page.locator(f"[data-bars='{bars}']").wait_for()


def project(hands):
    """Saves the project; gives its bytes."""
    return hands.saved("save-project")


def by_command(home, folder, saved):
    """The MIDI file that the command line makes of a project."""
    (folder / "saved.lkproject").write_bytes(saved)
    words = [sys.executable, "-m", "latentknobs", "turn", "saved.lkproject", "-o", "turned.mid", "--force"]
    done = subprocess.run(  # its return code is asserted with what it said
        words, check=False, cwd=folder, env=environment(home), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return folder / "turned.mid"


def rows(path):
    """A file's melody as the page has it."""
    return [[note.onset, note.pitch, note.length, note.voice] for note in read_piece(path, track=1).notes]


def parts(data):
    """All notes of a MIDI file by part."""
    return [[(n.pitch, n.start, n.end) for n in part.notes] for part in parse_score(data, "file.mid").parts]


def settle(hands):
    """The notes, once they are those of the knobs."""
    return hands.settled()["notes"]


@pytest.mark.parametrize("browser_name", ["chromium", "firefox"])
def test_a_composers_ten_minutes(browser_name, request, home, tmp_path):
    """All that is set goes into the project, and page and command line make the same of it, in both browsers."""
    make = request.getfixturevalue({"chromium": "new_page", "firefox": "in_firefox"}[browser_name])
    hands = opened(make(), KEYBOARD)
    hands.open_file("song.mid", midi_file(SONG, tempo=132))
    assert hands.state["tempo"] == 132
    plain = hands.notes

    # Bars 5 to 8 are looped, and have pitch alone; all other bars have rhythm.
    hands.tab("knobs")
    hands.type_in("rhythm", "1")
    choose_bars(hands, "5-8")
    hands.type_in("rhythm", "0")
    hands.type_in("pitch", "3")
    hands.page.locator("lk-screen h2").click()
    hands.page.keyboard.press("Escape")
    hands.page.locator("lk-screen h2").click()
    choose_bars(hands, "")
    assert hands.deck["knobs"] == {"pitch@5-8": 3, "rhythm": 1, "rhythm@5-8": 0}
    first = settle(hands)
    inside = [note for note in first if 64 <= note[0] < 128]
    assert [note[1] for note in inside] == [note[1] + 3 for note in plain if 64 <= note[0] < 128]
    assert len(first) > len(plain)

    # Two snapshots, and the middle between them.
    hands.page.locator("[data-snapshot='1']").click()
    hands.type_in("pitch", "-4")
    settle(hands)
    hands.page.locator("[data-snapshot='2']").click()
    hands.do("morph").fill("0.5")
    hands.do("morph").dispatch_event("input")
    hands.until("the middle", lambda: hands.deck["knobs"].get("pitch") == -2)
    assert settle(hands) != first
    hands.page.locator("[data-snapshot='1']").click()
    hands.until("the first", lambda: hands.deck["knobs"] == {"pitch@5-8": 3, "rhythm": 1, "rhythm@5-8": 0})
    assert settle(hands) == first

    # Saved: the command line makes the same file, the other tracks as they were.
    saved, midi = project(hands), hands.saved("midi")
    assert parts(by_command(home, tmp_path, saved).read_bytes()) == parts(midi)
    assert parts(midi)[1:] == parts(midi_file(SONG))[1:]
    assert set(json.loads(saved)["snapshots"]) == {"1", "2"}

    # Four bars are recorded as B.
    recorded = record(hands, tmp_path, home)

    # Reloaded, it is all there; and the project opens in another browser.
    before = hands.state
    hands.until("the address", lambda: hands.page.evaluate("() => location.hash").startswith("#"))
    hands.page.wait_for_timeout(400)  # the address is written at rest
    hands.page.reload()
    hands.ready()
    assert {**hands.state, "draft": before["draft"]} == before
    assert hands.notes == recorded
    other = opened(make())
    other.do("open-project").set_input_files(
        {"name": "song.lkproject", "mimeType": "application/json", "buffer": saved}
    )
    other.until("the project", lambda: other.deck["piece"]["name"] == "song")
    assert settle(other) == first
    assert other.saved("midi") == midi
    other.page.locator("[data-snapshot='2']").click()
    other.until("its snapshot", lambda: other.deck["knobs"].get("pitch") == -4)


def record(hands, folder, home):
    """Records four bars and opens them as B; gives the notes, which are those that were played."""
    hands.do("b").click()
    hands.tab("melody")
    hands.page.locator("[data-way=keys]").click()
    assert hands.page.evaluate("() => window.asked ?? 0") == 0
    hands.do("record-bars").select_option("4")
    hands.do("record").click()
    hands.until("the bar that is counted in", lambda: hands.look("playing"))
    hands.page.evaluate(PLAY, [PLAYED, 16])
    hands.until("the end", lambda: not hands.look("playing") and hands.state["draft"]["notes"])
    assert hands.page.evaluate("() => window.asked") == 1
    hands.do("use").click()
    hands.until("the recording", lambda: hands.deck["piece"]["name"] == "played melody")
    notes = settle(hands)
    assert [note[:2] for note in notes] == [note[:2] for note in PLAYED]
    assert all(length in {3, 4} for _onset, _pitch, length, _voice in notes)
    assert hands.deck["piece"]["steps"] == 64
    assert rows(by_command(home, folder, project(hands))) == notes
    return notes


def test_a_recording_is_stopped_and_undone(studio):
    """The bars are heard once with the metronome, whatever is looped; what was played until Space is kept."""
    hands = studio
    hands.tab("melody")
    hands.page.locator("[data-way=keys]").click()
    loop = hands.state["loop"]
    hands.do("record").click()
    hands.until("the bar that is counted in", lambda: hands.look("playing") and hands.level() > 0.01)
    hands.page.evaluate(PLAY, [PLAYED[:3], 16])
    hands.until("them in the roll", lambda: len(hands.notes) == 3)
    hands.page.locator("lk-screen h2").click()
    hands.page.keyboard.press("Space")
    hands.until("the end", lambda: hands.state["draft"]["notes"])
    assert [note[:2] for note in hands.state["draft"]["notes"]] == [note[:2] for note in PLAYED[:3]]
    assert (hands.state["loop"], hands.look("playing")) == (loop, False)
    assert len(hands.notes) == len(hands.deck["piece"]["notes"])
    hands.page.keyboard.press("Control+z")
    hands.until("no recording", lambda: not hands.state["draft"]["notes"])


def test_a_controller_learns_a_knob(studio):
    """The knob that was turned last follows the controller that moves next; a reload keeps it."""
    hands = studio
    hands.do("learn").click()
    hands.page.locator("[data-midi]").get_by_text("Turn a knob here").wait_for()
    hands.dial("pitch").press("ArrowUp")
    hands.dial("pitch").press("Home")
    hands.page.evaluate("() => window.send(0xb0, 21, 0)")
    hands.page.get_by_role("button", name="Forget controller 21 of pitch").wait_for()
    hands.do("learn").click()
    hands.page.evaluate("() => [20, 40, 64, 96].forEach((value) => window.send(0xb0, 21, value))")
    hands.until("the amount", lambda: hands.amount("pitch") > 0)
    settle(hands)
    hands.until("a step of the history", lambda: hands.do("undo").get_attribute("title").startswith("Undo pitch"))


def test_a_browser_without_midi_says_so(hands):
    """In a sentence beside the button, and nothing is played."""
    hands.page.evaluate("() => { Navigator.prototype.requestMIDIAccess = undefined; }")
    hands.tab("melody")
    hands.page.locator("[data-way=keys]").click()
    hands.do("record").click()
    hands.page.locator("[data-midi]").get_by_text("no Web MIDI").wait_for()
    assert not hands.look("playing")
