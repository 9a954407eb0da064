"""Playing: the same place from the same few numbers, in every front end."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentknobs.core.transport import Transport

PLAYING = Transport(playing=True, tempo=120.0, steps_per_quarter=4, start=0, end=32, loop=True, origin=0.0, since=100.0)
times = st.floats(100.0, 10_000.0)


def test_a_step_lasts_as_long_as_the_tempo_says():
    """At 120 quarters a minute a sixteenth lasts an eighth of a second."""
    assert PLAYING.position(100.0) == 0.0
    assert PLAYING.position(101.0) == pytest.approx(8.0)


@given(times)
def test_a_loop_stays_between_its_ends(now):
    """At any time."""
    assert 0 <= PLAYING.position(now) < 32


@given(times, st.floats(30, 300))
def test_another_tempo_moves_nothing_at_once(now, tempo):
    """What sounds goes on where it is."""
    after = PLAYING.at(now, tempo=tempo)

    assert after.position(now) == pytest.approx(PLAYING.position(now), abs=1e-6)


def test_without_a_loop_playing_ends_and_has_stopped_then():
    """With the time at which it does; and what is changed later starts nothing."""
    once = PLAYING.at(100.0, loop=False)

    assert once.ends == pytest.approx(104.0)
    assert (once.ended(103.9), once.ended(104.1), once.position(200.0)) == (False, True, 32.0)
    after = once.at(200.0, tempo=60.0)
    assert (after.playing, after.position(300.0)) == (False, 0.0)
    assert PLAYING.ends == math.inf


def test_other_bars_are_played_from_their_start():
    """Where what sounds is not in them."""
    after = PLAYING.at(100.5, start=16, end=24)

    assert (after.position(100.5), after.position(101.5)) == (16.0, 16.0)
