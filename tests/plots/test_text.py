import numpy as np
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from latentknobs.core.clip import Note
from latentknobs.core.drum_format import DRUMS
from latentknobs.core.melody_format import MELODY, MELODY_4BAR, REST
from latentknobs.plots import text_roll

OLD = MELODY.tokens([Note(0, 60, 4), Note(4, 64, 4), Note(16, 72, 16)])
NEW = MELODY.tokens([Note(0, 60, 4), Note(4, 63, 4), Note(16, 72, 8)])


def test_one_clip_is_drawn_with_bar_lines_beats_and_pitch_names():
    """A row for each pitch, a column for each step, a dot for each empty beat, long gaps as one row."""
    assert text_roll(OLD, ascii_only=True).splitlines() == [
        "C5  |.   .   .   .   |#===============|",
        "    |:   :   :   :   |:   :   :   :   |",
        "E4  |.   #===.   .   |.   .   .   .   |",
        "Eb4 |.   .   .   .   |.   .   .   .   |",
        "D4  |.   .   .   .   |.   .   .   .   |",
        "C#4 |.   .   .   .   |.   .   .   .   |",
        "C4  |#===.   .   .   |.   .   .   .   |",
    ]


def test_what_changed_is_drawn_lighter():
    """A note that is the same before and after looks the same; a moved or shortened one does not."""
    rows = {line[:4].strip(): line[40:] for line in text_roll(OLD, NEW, ascii_only=True).splitlines()[1:]}

    assert rows["C4"] == "|#===.   .   .   |.   .   .   .   |"
    assert rows["Eb4"] == "|.   @---.   .   |.   .   .   .   |"
    assert rows["C5"] == "|.   .   .   .   |@-------.   .   |"


def test_silence_is_said():
    """A clip without notes is a word, alone or beside another."""
    silent = np.full(32, REST, dtype=np.int16)

    assert text_roll(silent) == "silence"
    assert text_roll(OLD, silent).endswith("after: silence")


def test_what_is_too_wide_is_drawn_bar_by_bar():
    """Four bars twice, side by side in each; two bars of twelfths of a beat, one below the other."""
    long, fine = MELODY_4BAR, evolve(DRUMS, name="fine", shape=(96,), steps=96, steps_per_beat=12)
    melody, hit = long.tokens([Note(0, 60, 4), Note(48, 60, 16)]), fine.tokens([Note(50, 36)])
    wide, finer = text_roll(melody, melody, long, ascii_only=True), text_roll(hit, hit, fine, ascii_only=True)

    assert wide.splitlines()[6:] == [
        "bar 4: before             after (@ = changed)",
        "C4     |#===============| |#===============|",
    ]
    assert finer.splitlines()[::2] == [
        f"bar {bar}: {when}" for bar in (1, 2) for when in ("before", "after (@ = changed)")
    ]
    assert finer.splitlines()[5] == "kick   |. #         .           .           .           |"


def test_bars_are_numbered_as_in_the_piece():
    """Where a roll is drawn bar by bar."""
    clip = MELODY_4BAR.tokens([Note(0, 60, 4)])
    lines = text_roll(clip, clip, MELODY_4BAR, ascii_only=True, first_bar=9).splitlines()

    assert [line.split(":")[0] for line in lines[::2]] == ["bar 9", "bar 10", "bar 11", "bar 12"]


clips = st.lists(st.integers(0, 129), min_size=32, max_size=32).map(lambda t: np.array(t, dtype=np.int16))


@given(clips, clips)
def test_two_rolls_fit_a_terminal_of_80_columns(before, after):
    """No line is longer than 80 characters, and every onset is drawn once."""
    text = text_roll(before, after, ascii_only=True)

    assert all(len(line) <= 80 for line in text.splitlines())
    body = "".join(line[4:] for line in text.splitlines()[1:] if "silence" not in line)
    wanted = len(MELODY.notes(before)) + len(MELODY.notes(after))
    assert body.count("#") + body.count("@") == wanted
    assert text.isascii()
