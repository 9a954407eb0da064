"""The suite of real files: a few of its files through the whole of it, so that it goes on to work."""

import pytest

from benchmarks.real_files.commands import Terminal
from benchmarks.real_files.report import judge, summary, text
from benchmarks.real_files.suite import RECIPES

SOME = (
    "reel_48.mid", "reel_played.mid", "pop_melody_first.mid", "march_band.mid", "type0_reel.mid", "karaoke_pop_33.kar",
    "no_notes.mid", "riff.gp5",
)  # fmt: skip


@pytest.mark.slow
def test_what_is_turned_comes_back_whole(tmp_path):
    """Whatever is turned keeps every event that is no melody, and what is not turned gives its reason in a sentence."""
    with Terminal() as terminal:
        verdicts = [judge(RECIPES[name], tmp_path, terminal) for name in SOME]

    assert [v.name for v in verdicts if v.turned and not (v.turned.whole and v.still and v.still.whole)] == []
    assert [v.reason for v in verdicts if v.messages is None and not v.reason.startswith("Error: ")] == []
    assert sum(v.messages == 0 for v in verdicts) >= 2
    assert len(summary(verdicts)) < len(text(verdicts).splitlines())
