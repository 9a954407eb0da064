"""The suite of real files: what it looks at, and a few of its files through the whole of it."""

import pytest

from benchmarks.real_files.checks import compare
from benchmarks.real_files.commands import Terminal
from benchmarks.real_files.report import judge, summary, text
from benchmarks.real_files.suite import RECIPES

SOME = (
    "reel_48.mid", "reel_played.mid", "pop_melody_first.mid", "march_band.mid", "type0_reel.mid", "karaoke_pop_33.kar",
    "no_notes.mid", "riff.gp5",
)  # fmt: skip


def test_a_file_is_whole_beside_itself_and_not_beside_one_with_another_event(tmp_path):
    """An output that is its input has all its melody and no differences; another volume somewhere is one."""
    file = RECIPES["pop_melody_first.mid"].make("song.mid")
    output = tmp_path / "song.mid"
    output.write_bytes(file.data)
    same = compare(file, output, 0)
    output.write_bytes(file.data.replace(b"\x5b\x28", b"\x5b\x29", 1))

    assert (same.whole, same.equal, compare(file, output, 3).melody_right) == (True, True, False)
    assert [one.split(":")[0] for one in compare(file, output, 0).differences] == ["track 1 'Melody'"]


@pytest.mark.slow
def test_what_is_turned_comes_back_whole(tmp_path):
    """Whatever is turned keeps every event that is no melody, and what is not turned gives its reason in a sentence."""
    with Terminal() as terminal:
        verdicts = [judge(RECIPES[name], tmp_path, terminal) for name in SOME]

    assert [v.name for v in verdicts if v.turned and not (v.turned.whole and v.still and v.still.whole)] == []
    assert [v.reason for v in verdicts if v.messages is None and not v.reason.startswith("Error: ")] == []
    assert sum(v.messages == 0 for v in verdicts) >= len(SOME) // 2
    assert len(summary(verdicts)) < len(text(verdicts).splitlines())
