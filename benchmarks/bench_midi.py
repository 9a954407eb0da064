"""MIDI in and out."""

from __future__ import annotations

from pathlib import Path

from pytest_benchmark.fixture import BenchmarkFixture

from latentknobs import scores


def test_read(benchmark: BenchmarkFixture) -> None:
    """The Twinkle theme from its file, 12 bars."""
    piece = benchmark(scores.TWINKLE.read)

    assert piece.notes == scores.twinkle().notes


def test_write(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """The same to bytes, which read back as the same notes."""
    theme = scores.twinkle()

    data = benchmark(scores.midi_bytes, theme, provenance={"program": "latentknobs"})

    path = tmp_path / "twinkle.mid"
    path.write_bytes(data)
    assert scores.read_piece(path).notes == theme.notes
