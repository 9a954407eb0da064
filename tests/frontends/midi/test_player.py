"""The loop out: notes, velocities and clock at their times, and never a note that hangs."""

from __future__ import annotations

import itertools
import random
import time

import pytest
from attrs import evolve

from latentknobs.core.clip import Note
from latentknobs.core.melody_format import MELODY, MELODY_6_8
from latentknobs.core.piece import Piece, PieceStretch
from latentknobs.core.time_signature import TimeSignature
from latentknobs.core.transport import Transport
from latentknobs.frontends.midi.player import PlayedPiece, Player
from latentknobs.frontends.midi.playhead import Playhead
from latentknobs.frontends.midi.ports import Output
from tests.frontends.midi.memory_ports import MemoryPorts
from tests.frontends.waiting import until

TWO = Piece((Note(0, 60, 4), Note(4, 62, 12)), 16, name="two")


class Stage:
    """A player on a port in memory, with a transport that tests set."""

    def __init__(self, piece=TWO, *, clock=True, **values):
        self.ports, self.ended = MemoryPorts(), 0
        self.steps = 0.0
        self.transport = Transport(**{"playing": False, "tempo": 300.0, "steps_per_quarter": 4, "start": 0,
                                      "end": piece.steps, "loop": True, **values})  # fmt: skip
        self.output = Output()
        self.output.use(self.ports.open_output(None))
        self.player = Player(self.output, lambda _now: self.transport, 0, clock=clock, ended=self._end)
        self.player.play(piece, MELODY)
        self.player.start()

    def _end(self):
        self.ended += 1
        self.set(playing=False)

    def set(self, **changes):
        now = time.monotonic()
        self.steps += self.transport.passed(now)
        self.transport = self.transport.at(now, **changes)
        self.player.look()

    def play(self):
        self.transport = evolve(self.transport, origin=float(self.transport.start))
        self.set(playing=True)

    def all_clocks(self):
        """Whether as many clocks have been sent as there were, 24 a quarter note."""
        there = 6 * (self.steps + self.transport.passed(time.monotonic()))
        sent = len(self.ports.messages(0xF8))
        assert sent <= there + 2
        return sent >= there - 1

    def ons(self):
        return [data[1] for data in self.ports.messages(0x90)]


@pytest.fixture
def stage():
    """Make a stage; all are left at the end, silent."""
    made = []

    def make(*args, **values):
        made.append(Stage(*args, **values))
        return made[-1]

    yield make
    for one in made:
        one.player.stop()
        one.output.close()
        assert one.ports.hanging() == {}


def test_a_loop_is_played_again_and_again(stage):
    """Its notes in their order, each ended before the next, as loud as their place in the bar says."""
    one = stage()
    one.play()
    until(lambda: len(one.ons()) >= 5)
    notes = [data for data in one.ports.messages() if data[0] in (0x80, 0x90)]

    assert notes[:6] == [
        (0x90, 60, 112), (0x80, 60, 0), (0x90, 62, 100), (0x80, 62, 0), (0x90, 60, 112), (0x80, 60, 0)
    ]  # fmt: skip


def test_clock_is_counted_from_start_to_stop(stage):
    """24 clocks a quarter note, whatever loops; Start comes before them and Stop after."""
    one = stage()
    one.play()
    until(lambda: len(one.ons()) >= 7)
    until(one.all_clocks)
    one.set(playing=False)
    until(lambda: one.ports.messages(0xFC))
    timing = [data[0] for data in one.ports.messages() if data[0] >= 0xF8]

    assert (timing[0], timing[-1], set(timing[1:-1])) == (0xFA, 0xFC, {0xF8})


def test_stopping_ends_notes_whose_end_was_lost(stage):
    """The last message before Stop is All Notes Off, on the channel that was played."""
    one = stage()
    one.play()
    until(lambda: len(one.ons()) >= 3)
    one.set(playing=False)
    until(lambda: one.ports.messages(0xFC))

    assert [data for data in one.ports.messages() if data[0] != 0xF8][-2:] == [(0xB0, 123, 0), (0xFC,)]


def test_tempo_changes_lose_no_clock_and_no_step(stage):
    """However often the tempo changes, each note of the loop is struck in turn, and clocks stay 24 a quarter note."""
    one = stage()
    one.play()
    tempos = itertools.cycle(range(250, 300, 8))

    def changed():
        one.set(tempo=float(next(tempos)))
        return len(one.ons()) >= 8

    until(changed)
    until(one.all_clocks)

    assert one.ons()[:8] == [60, 62] * 4


def test_no_clock_where_none_is_wanted(stage):
    """Notes alone."""
    one = stage(clock=False)
    one.play()
    until(lambda: len(one.ons()) >= 2)

    assert {data[0] & 0xF0 for data in one.ports.messages()} <= {0x80, 0x90}


def test_new_notes_enter_at_the_next_step(stage):
    """What sounds and is no longer there ends, and what sounds there now begins though its onset has passed."""
    long = Piece((Note(0, 60, 64),), 64)
    one = stage(long, tempo=120.0)
    one.play()
    until(lambda: one.ons() == [60])
    one.player.play(Piece((Note(0, 67, 64),), 64), MELODY)
    until(lambda: len(one.ons()) == 2)

    assert [data[:2] for data in one.ports.messages() if data[0] in (0x80, 0x90)] == [
        (0x90, 60),
        (0x80, 60),
        (0x90, 67),
    ]


def test_what_goes_on_sounding_is_not_struck_again(stage):
    """A held note that the new notes have too, with another beginning, rings on."""
    one = stage(Piece((Note(0, 60, 64),), 64), tempo=120.0)
    one.play()
    until(lambda: one.ons() == [60])
    one.player.play(Piece((Note(0, 60, 60), Note(62, 70, 2)), 64), MELODY)
    until(lambda: 70 in one.ons())

    assert one.ons() == [60, 70]


def test_a_piece_that_does_not_loop_ends(stage):
    """It is silent then, says so once, and Stop is sent."""
    one = stage(loop=False)
    one.play()
    until(lambda: one.ended)
    until(lambda: one.ports.messages(0xFC))

    assert (one.ons(), one.ended, one.output.sounding) == ([60, 62], 1, frozenset())


def test_bars_of_a_loop_begin_in_their_middle(stage):
    """A note that sounds over the first step of what is played is struck there, and ends with it."""
    one = stage(start=8, end=12)
    one.play()
    until(lambda: len(one.ons()) >= 1)
    one.set(playing=False)
    until(lambda: one.ports.messages(0x80))

    assert one.ons()[0] == 62


def test_followers_are_told_where_playing_begins(stage):
    """Start at the beginning, else a position in sixteenths and Continue; a jump stops first."""
    one = stage(start=4, tempo=30.0)
    one.transport = evolve(one.transport, origin=6.5)
    one.set(playing=True)
    until(lambda: len(one.ports.messages(0xF8)) >= 4)  # those of half a sixteenth are made up for at once
    assert [data[0] for data in one.ports.messages() if data[0] >= 0xF0][:6] == [0xF2, 0xFB, 0xF8, 0xF8, 0xF8, 0xF8]
    one.transport = evolve(one.transport, origin=12.0, since=time.monotonic())
    one.player.look()
    until(lambda: len(one.ports.messages(0xFB)) == 2)

    assert [data for data in one.ports.messages() if data[0] >= 0xF0 and data[0] != 0xF8] == [
        (0xF2, 2, 0),
        (0xFB,),
        (0xFC,),
        (0xF2, 8, 0),
        (0xFB,),
    ]


def test_velocities_follow_the_time_signature():
    """Downbeats are loudest, then beats, dotted ones in compound time, in each stretch for itself."""
    piece = Piece((), 28, stretches=(PieceStretch(0, 16), PieceStretch(16, 12, TimeSignature(6, 8), 2)))
    score = PlayedPiece.of(piece)

    assert [score.velocity(step, MELODY) for step in (0, 2, 4, 16, 18, 22)] == [112, 84, 100, 112, 84, 100]
    assert [PlayedPiece.of(Piece((), 12)).velocity(step, MELODY_6_8) for step in (0, 4, 6)] == [112, 84, 100]


def test_a_failure_ends_all_notes(stage, caplog):
    """Where the thread ends by a fault, people are told, and nothing sounds."""
    one = stage(tempo=60.0)
    one.play()
    until(lambda: one.ons() == [60])
    one.transport = None
    one.player.look()
    until(lambda: "has ended" in caplog.text)

    assert one.ports.hanging() == {}


@pytest.mark.slow
def test_a_thousand_starts_stops_and_moves_leave_no_note(stage):
    """As many note-offs as note-ons after each stop."""
    rng = random.Random(7)
    one = stage()
    for k in range(1000):
        what = rng.randrange(5)
        if what == 0:
            ended = one.ended
            one.play()
            until(lambda ended=ended: one.player._playing or one.ended > ended)
        elif what == 1:
            one.set(playing=False)
            until(lambda: not one.player._playing)
        elif what == 2:
            one.set(tempo=rng.uniform(30, 300))
        elif what == 3:
            start = rng.randrange(0, 15)
            one.set(start=start, end=rng.randrange(start + 1, 17), loop=rng.random() < 0.8)
        else:
            notes = [Note(rng.randrange(16), rng.randrange(50, 60), 1) for _ in range(6)]
            one.player.play(Piece(tuple(evolve(n, length=rng.randrange(1, 17 - n.onset)) for n in notes), 16), MELODY)
        if rng.random() < 0.1:
            time.sleep(0.02)
        if k % 50 == 49:
            one.set(playing=False)
            until(lambda: not one.output.sounding)
            assert one.ports.hanging() == {}
    assert len(one.ons()) > 50, one.ended


def test_a_playhead_counts_on_over_loops_and_tempos():
    """Another tempo goes on where it was; a jump, a stop and a start do not."""
    head = Playhead()
    one = Transport(playing=True, tempo=60.0, steps_per_quarter=4, start=0, end=16, loop=True, origin=0.0, since=100.0)
    assert head.take(one) is None
    assert head.raw(106.0) == 24
    two = one.at(106.0, tempo=120.0)
    assert head.take(two) == 16
    assert (head.raw(107.0), head.counted(107.0)) == (16, 32)
    assert head.take(evolve(two, origin=12.0)) is None
    assert head.take(two.at(108.0, playing=False)) is None
