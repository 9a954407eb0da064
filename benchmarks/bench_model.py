"""Encode and decode in each precision, one move of a knob, and a grid: what a person waits for."""

from __future__ import annotations

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.backends.machine import numbers
from latentknobs.backends.precision import PRECISIONS
from latentknobs.core.backend import VAEBackend
from latentknobs.core.clip import Note
from latentknobs.core.melody_format import MELODY
from latentknobs.core.piece import Piece
from latentknobs.session import Session
from latentknobs.testing.benchmarks import BackendBenchmark
from latentknobs.workbench import Workbench


class TestShippedModel(BackendBenchmark):
    """The default model in every precision that this processor has."""

    @pytest.fixture(params=PRECISIONS)
    def backend(self, workbench: Workbench, request: pytest.FixtureRequest) -> VAEBackend:
        """The model in a precision."""
        if request.param not in numbers():
            pytest.skip(f"this processor multiplies no {request.param}")
        self.precision = request.param
        return workbench.models.load(DEFAULT_MODEL, "cpu", request.param)


def piece(name: str, pitches: str) -> Piece:
    """A piece of one clip, as many quarter notes; letters are semitones above middle C ("a" = 0)."""
    notes = tuple(Note(4 * i, 60 + ord(p) - ord("a"), 4) for i, p in enumerate(pitches))
    return Piece(notes, 4 * len(pitches), name=name)


@pytest.fixture(scope="module")
def session(workbench: Workbench) -> Session:
    """The first two bars of the Twinkle theme, opened."""
    return Session.open(workbench, piece("twinkle", "aahhjjhh"))


@pytest.mark.parametrize("amounts", [{"pitch": 3.0}, {"pitch": 3.0, "rhythm": 1.0}], ids=["pitch", "pitch-and-rhythm"])
def test_knob_move(benchmark: BenchmarkFixture, session: Session, amounts: dict[str, float]) -> None:
    """One move of a slider on one clip: the moved code, decoded, in which the melody is higher."""
    turned = benchmark(session.turn, amounts)

    before, after = MELODY.sounding(session.plain), MELODY.sounding(turned.clips)
    assert 2.0 < after[after >= 0].mean() - before[before >= 0].mean() < 4.0


def test_grid(benchmark: BenchmarkFixture, session: Session, workbench: Workbench) -> None:
    """Five by five pieces between two, whose corners are those two as the model decodes them."""
    other = Session.open(workbench, piece("other", "mmkkjjhh"))

    grid = benchmark(session.two_way, other, 5, "pitch", "rhythm")

    assert np.array_equal(grid[0][0].clips, session.plain)
    assert np.array_equal(grid[-1][-1].clips, other.plain)
