import numpy as np
import pytest

from latentknobs.core.melody_format import HOLD
from latentknobs.steering.carried_clips import carry, transposed
from latentknobs.testing.tiny import TinyBackend


def scale(low):
    """One clip of eight quarters from a pitch up."""
    clip = np.full((1, 32), HOLD, dtype=np.int16)
    clip[0, ::4] = low + np.arange(8)
    return clip


@pytest.mark.parametrize(("low", "shift"), [(60, 0), (24, 24), (100, -12), (12, 36)])
def test_a_clip_out_of_range_is_shifted_by_the_fewest_octaves(monkeypatch, low, shift):
    """And its reconstruction is shifted back."""
    inside = lambda _self, clips: ~((clips < 48) | ((clips > 96) & (clips < HOLD))).any(axis=1)  # noqa: E731 - a method
    monkeypatch.setattr(TinyBackend, "accepts", inside)
    clips = scale(low)
    carried = carry(TinyBackend(), clips)

    assert carried.accepted.tolist() == [True]
    assert carried.shifts.tolist() == [shift]
    assert (carried.plain[clips < HOLD] // 12 == low // 12).any()


def test_a_clip_that_no_octave_brings_into_range_is_not_accepted(monkeypatch):
    """It keeps its notes, and has no code."""
    monkeypatch.setattr(TinyBackend, "accepts", lambda _self, clips: np.zeros(len(clips), dtype=bool))
    carried = carry(TinyBackend(), scale(60))

    assert not carried.accepted.any()
    assert not carried.codes.any()
    assert np.array_equal(carried.plain, carried.clips)
    assert carried.in_style.tolist() == [False]


def test_transposing_leaves_what_would_leave_midi():
    """Such clips stay as they are, and are named."""
    moved, inside = transposed(np.concatenate([scale(60), scale(118)]), np.array([12, 12]))

    assert inside.tolist() == [True, False]
    assert moved[0, 0] == 72
    assert moved[1, 0] == 118
