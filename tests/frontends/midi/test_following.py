"""Following: a MIDI clock that comes irregularly, stops, or goes; and Link."""

from __future__ import annotations

import random
import time

import pytest

from latentknobs.frontends.midi.following import ClockFollower
from tests.frontends.waiting import until


@pytest.fixture
def follower(session):
    """A follower of the session."""
    return ClockFollower(session)


def clocks(follower, count, tempo, begin=100.0, jitter=0.0, seed=0):
    """Send clocks of a tempo, each early or late by chance; the time of the last one without that."""
    rng = random.Random(seed)
    for k in range(count):
        now = begin + k * 60 / (24 * tempo)
        follower.clock(now + rng.uniform(-jitter, jitter))
    return begin + (count - 1) * 60 / (24 * tempo)


@pytest.mark.parametrize("tempo", [60.0, 97.5, 180.0])
def test_tempo_and_place_are_those_of_the_sender(session, follower, tempo):
    """Though each clock is up to 3 ms early or late, the place is right to 2 ms and the tempo to 1 in the end."""
    follower.start(again=False)
    now = clocks(follower, 24 * 16 + 1, tempo, jitter=0.003)
    found = follower.transport(now)

    assert found.playing
    assert session.values["tempo"] == pytest.approx(tempo, abs=1)
    assert abs((found.position(now) - 0 + 32) % 64 - 32) * found.step_seconds < 0.002
    assert found.tempo == pytest.approx(tempo, rel=0.01)


def test_a_sudden_tempo_is_followed(session, follower):
    """From 90 to 150 within a beat, and the session's in two."""
    follower.start(again=False)
    now = clocks(follower, 96, 90.0)
    now = clocks(follower, 20, 150.0, begin=now + 60 / (24 * 150))
    assert follower.transport(now).tempo == pytest.approx(150)
    clocks(follower, 29, 150.0, begin=now + 60 / (24 * 150))

    assert session.values["tempo"] == pytest.approx(150, abs=1)


def test_start_stop_and_continue(session, follower):
    """The first clock after Start is the beginning; Continue goes on; Stop stops; a song position is a place."""
    follower.start(again=False)
    assert not follower.transport(99.0).playing
    now = clocks(follower, 31, 120.0)
    assert follower.transport(now).position(now) == pytest.approx(5.0)
    follower.stop()
    assert (session.values["play"], follower.transport(now).playing) == (False, False)

    follower.start(again=True)
    follower.clock(now + 3)
    assert session.values["play"] is True
    assert follower.transport(now + 3).position(now + 3) == pytest.approx(31 / 6)
    follower.stop()
    follower.locate(8)
    follower.start(again=True)
    follower.clock(now + 5)
    assert follower.transport(now + 5).position(now + 5) == pytest.approx(8)


def test_a_clock_that_has_gone_stops_playing(session, follower):
    """After a second without one; a song that was stopped by hand stays stopped."""
    follower.start(again=False)
    now = clocks(follower, 30, 120.0)
    follower.look(now + 0.5)
    assert session.values["play"] is True
    follower.look(now + 1.5)

    assert session.values["play"] is False


def test_a_sender_plays_the_loop(session, started, ports):
    """Notes come with its clocks, in its tempo, and none before Start; no clock is sent back."""
    started("--clock", "follow")
    ports.say(0xF8)
    ports.say(0xFA)
    assert session.values["play"] is True
    begin = time.monotonic()
    for k in range(24 * 3):
        ports.say(0xF8)
        time.sleep(max(begin + (k + 1) * 60 / (24 * 150) - time.monotonic(), 0))
    ports.say(0xFC)
    until(lambda: not ports.hanging())
    pitches = [data[1] for data in ports.messages(0x90)]

    assert pitches[:2] == [60, 61]
    assert {60, 61, 62, 63} >= set(pitches)
    assert all(data[0] < 0xF0 for data in ports.messages())


def test_start_is_heard_without_following_the_clock(session, started, ports):
    """Start and Stop of any device play and stop the session, and Stop silences it."""
    started()
    ports.say(0xFA)
    assert session.values["play"] is True
    until(lambda: ports.messages(0x90))
    ports.say(0xB0, 123, 0)
    ports.say(0xFC)
    until(lambda: ports.messages(0xFC))

    assert session.values["play"] is False


def test_link_gives_and_takes_the_tempo(session, started, ports):
    """A tempo of the session is that of the others and theirs is the session's; playing begins on their beat."""
    pytest.importorskip("aalink", reason="Ableton Link needs the extra link")
    from latentknobs.frontends.midi.link import LinkFollower

    other = LinkFollower(session)
    try:
        started("--link", "--play")
        until(lambda: other._link.num_peers, 20)
        session.set("tempo", 99.0)
        until(lambda: abs(other._link.tempo - 99) < 0.01)
        other._link.tempo = 150.0
        until(lambda: session.values["tempo"] == pytest.approx(150))
        until(lambda: ports.messages(0x90))
        now = time.monotonic()
        place = other.transport(now).position(now)

        assert 0 <= place < 64
    finally:
        other.close()
