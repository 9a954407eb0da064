"""``report``: what it writes and what it refuses."""

from __future__ import annotations

WORDS = ("report", "--model", "tiny", "--corpus", "tiny", "--clips", 200, "--no-metrics")


def test_the_folder(cli, tmp_path):
    """A page, pictures and tables are written in a new folder; a second time nothing is overwritten."""
    result = cli(*WORDS, "-o", tmp_path / "r", "--json")

    assert result.code == 0, result.err
    assert sorted(result.json["files"]) == sorted(path.name for path in (tmp_path / "r").iterdir())
    assert "index.html" in result.json["files"]
    again = cli(*WORDS, "-o", tmp_path / "r")
    assert again.code == 2
    assert "not empty" in again.one_sentence()
