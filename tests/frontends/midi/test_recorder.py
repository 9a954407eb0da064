"""Recording: what is played in, on the grid, as the piece."""

from __future__ import annotations

import time

import pytest

from latentknobs.core.clip import Note
from latentknobs.core.melody_format import MELODY
from latentknobs.core.time_signature import TimeSignature
from latentknobs.core.transport import Transport
from latentknobs.frontends.midi.recorder import Recorder, piece_of
from latentknobs.session import Session
from tests.frontends.waiting import until


def test_notes_are_rounded_to_the_grid():
    """Starts and ends separately, half up, at least a step long, one just before the beginning on it."""
    piece = piece_of([(-0.3, 3.6, 60), (4.4, 4.6, 62), (7.5, 20.0, 64)], TimeSignature(), 0, MELODY)

    assert piece.notes == (Note(0, 60, 4), Note(4, 62, 1), Note(8, 64, 12))
    assert (piece.steps, str(piece.stretches[0].signature)) == (32, "4/4")


def test_of_several_notes_the_highest_is_kept():
    """A line that is held over a step into the next note is no chord, and is kept as it was played."""
    chord = piece_of([(0, 4, 60), (0, 4, 64), (4, 8, 50)], TimeSignature(), 0, MELODY)
    legato = piece_of([(0, 5, 60), (4, 8, 50)], TimeSignature(), 0, MELODY)

    assert chord.notes == (Note(0, 64, 4), Note(4, 50, 4))
    assert legato.notes == (Note(0, 60, 4), Note(4, 50, 4))


def test_what_is_played_after_the_last_bar_is_left_out():
    """And what is held over it ends with it."""
    piece = piece_of([(12, 40, 60), (17, 18, 61)], TimeSignature(3, 4), 1, MELODY)
    assert (piece.notes, piece.steps) == ((), 12)
    piece = piece_of([(8, 40, 60)], TimeSignature(3, 4), 1, MELODY)

    assert piece.notes == (Note(8, 60, 4),)


def transport(now, **values):
    """Playing at 60 quarter notes a minute, a step each quarter second."""
    return Transport(**{"playing": True, "tempo": 60.0, "steps_per_quarter": 4, "start": 0, "end": 64, "loop": True,
                        "origin": 0.0, "since": now, **values})  # fmt: skip


def test_a_recording_begins_with_the_bar_of_its_first_note(session):
    """Loops and changes of tempo are counted on; it ends by itself after its bars."""
    recorder = Recorder(session, 2)
    recorder.note(60, on=True, transport=transport(0.0), now=1.0)
    recorder.arm()
    one = transport(0.0)
    recorder.note(60, on=True, transport=one, now=8.0 + 1.0)  # step 36: the third bar
    recorder.note(60, on=False, transport=one, now=8.0 + 2.0)
    recorder.note(62, on=True, transport=one, now=8.0 + 3.5)
    two = one.at(8.0 + 4.0, tempo=120.0)
    recorder.note(62, on=False, transport=two, now=8.0 + 4.25)
    assert recorder.look(two, 8.0 + 5.9) is None
    piece = recorder.look(two, 8.0 + 6.1)

    assert piece.notes == (Note(4, 60, 4), Note(14, 62, 4))
    assert (piece.steps, piece.tempo, recorder.armed) == (32, 120.0, False)


def test_a_note_just_before_a_bar_begins_with_it(session):
    """People play early."""
    recorder = Recorder(session, 1)
    recorder.arm()
    recorder.note(60, on=True, transport=transport(0.0), now=3.95)
    recorder.note(60, on=False, transport=transport(0.0), now=5.0)

    assert recorder.look(transport(0.0), 8.1).notes == (Note(0, 60, 4),)


def test_nothing_is_recorded_while_nothing_plays(session):
    """Nor without a note."""
    recorder = Recorder(session)
    recorder.arm()
    recorder.note(60, on=True, transport=transport(0.0, playing=False), now=1.0)
    assert recorder.look(transport(0.0, playing=False), 2.0) is None
    recorder.note(60, on=False, transport=transport(0.0), now=1.0)
    assert recorder.look(transport(0.0, playing=False), 2.0) is None

    assert not recorder.armed


def test_stop_opens_what_was_played_as_the_piece(session, started, ports):
    """Notes by MIDI while it plays become the session's piece when it stops; the next take waits for its control."""
    started("--record", "--map", "record=cc90", "--takeover", "jump")
    ports.say(0x90, 72, 90)
    ports.say(0x80, 72, 0)
    ports.say(0xFA)
    until(lambda: session.transport.position(time.monotonic()) > 2)
    ports.say(0x90, 67, 90)
    until(lambda: session.transport.position(time.monotonic()) > 6)
    ports.say(0x90, 67, 0)
    ports.say(0xFC)
    until(lambda: session.values["file"] == "recording")
    piece = session.music.piece if session.music.piece.name == "recording" else session.wait().piece
    assert [note.pitch for note in piece.notes] == [67]
    assert (session.values["play"], piece.steps) == (False, 16)
    assert piece.tempo == session.transport.tempo == pytest.approx(240)

    ports.say(0xFA)
    ports.say(0xB0, 90, 127)
    ports.say(0x90, 48, 90)
    until(lambda: session.transport.position(time.monotonic()) > 3)
    ports.say(0x80, 48, 0)
    ports.say(0xFC)
    until(lambda: [note.pitch for note in session.session.piece.notes] == [48])


def test_the_control_of_a_recording_plays(session, started, ports):
    """Notes have no place on the grid while nothing plays."""
    started("--map", "record=cc90")
    ports.say(0xB0, 90, 127)
    assert session.values["play"] is True
    ports.say(0x90, 64, 90)
    until(lambda: session.transport.position(time.monotonic()) > 3)
    ports.say(0x90, 64, 0)
    ports.say(0xFC)
    until(lambda: [note.pitch for note in session.session.piece.notes] == [64])


def test_what_is_set_while_a_recording_opens_stays(session, started, ports, monkeypatch):
    """Tempo and loop are newer than what was played in."""
    opening = Session.open

    def meanwhile(*words, **options):
        out = opening(*words, **options)
        session.set_all({"tempo": 77.0, "loop": False})
        return out

    started("--record")
    ports.say(0xFA)
    ports.say(0x90, 67, 90)
    until(lambda: session.transport.position(time.monotonic()) > 2)
    ports.say(0x90, 67, 0)
    monkeypatch.setattr(Session, "open", meanwhile)
    ports.say(0xFC)
    until(lambda: session.values["file"] == "recording")

    assert (session.values["tempo"], session.values["loop"]) == (77.0, False)
    assert session.session.piece.tempo == pytest.approx(240)
