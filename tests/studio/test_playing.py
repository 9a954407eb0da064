"""Where a shared session plays: it begins where it was sent, goes on through changes, and ends."""

from __future__ import annotations

import queue
import time

import pytest

from tests.tiny_meters import quarters

PATIENCE = 30


def test_undoing_a_tempo_moves_nothing_that_sounds(shared, monkeypatch):
    """The place goes on from where it is."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    shared.set("play", True)
    now[0] += 1
    shared.set("tempo", 30.0)
    now[0] += 2
    place = shared.transport.position(now[0])
    shared.set("undo")

    assert place == pytest.approx(12.0)
    assert shared.transport.position(now[0]) == pytest.approx(place)
    assert (shared.transport.tempo, shared.transport.playing) == (120.0, True)


def test_playing_begins_where_it_was_sent(shared):
    """Once; from then on at its beginning."""
    shared.set("position", 8.0)
    shared.set("play", True)
    assert shared.transport.origin == 8
    shared.set("play", False)
    shared.set("play", True)

    assert shared.transport.origin == 0


def test_playing_without_a_loop_ends_by_itself(open_shared):
    """And everyone is told."""
    shared = open_shared(quarters(("4/4", 8)))
    told = queue.Queue()
    listening = shared.subscribe(told.put)
    shared.set_all({"tempo": 300.0, "loop": False, "loop/bars": "1"})
    shared.set("play", True)
    paths = {}
    while paths.get("play") is not False:
        change = told.get(timeout=PATIENCE)
        paths[change.path] = change.value
    listening.close()

    assert shared.values["play"] is False
    assert "play" not in shared.history
    shared.set("play", True)
    assert shared.transport.position(time.monotonic()) < 8
