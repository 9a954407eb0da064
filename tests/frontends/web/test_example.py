"""The example of docs/reference/http.md: a client of the API in a terminal."""

from __future__ import annotations

import runpy
from pathlib import Path

from latentknobs import scores

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "live_client.py"
NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


def named(shift):
    """The theme's notes, moved, by name."""
    return " ".join(f"{NAMES[(n.pitch + shift) % 12]}{(n.pitch + shift) // 12 - 1}" for n in scores.twinkle().notes)


def test_the_example_turns_knobs(port, capsys):
    """It prints the theme, then what each line makes of it, and goes on after a line that cannot be."""
    runpy.run_path(str(EXAMPLE))["main"](["pitch=3", "pitch=400", "pitch=-2"], f"127.0.0.1:{port}")
    plain, up, wrong, down = capsys.readouterr().out.splitlines()

    assert (plain, up, down) == (named(0), named(3), named(-2))
    assert "outside the usable range" in wrong


def test_the_example_is_short():
    """So that it can be read at once."""
    assert len(EXAMPLE.read_text(encoding="utf-8").splitlines()) < 50
