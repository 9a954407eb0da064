"""The whole file is heard: what its events say, found in the sound and in the list of what sounds when."""

import hashlib

import numpy as np
import pytest
from attrs import evolve, frozen
from hypothesis import given, settings

from latentknobs.audio import PEAK, SAMPLE_RATE, performance, performance_of, render, wav_bytes
from latentknobs.core.clip import Note
from latentknobs.core.melody_format import MELODY
from latentknobs.core.piece import Piece
from latentknobs.errors import MidiError, UsageError
from latentknobs.scores import read_piece
from tests.scores import midi_files

BEAT = 480
DRUMS = 9


def note(pitch, start, end, *, channel=0, velocity=100):
    """Start and end, in beats, as events of a track."""
    return [
        (round(start * BEAT), bytes([0x90 | channel, pitch, velocity])),
        (round(end * BEAT), bytes([0x80 | channel, pitch, 0])),
    ]


def control(controller, value, at, *, channel=0):
    """A controller's value from a beat on."""
    return (round(at * BEAT), bytes([0xB0 | channel, controller, value]))


def tempo(bpm, at):
    """A tempo from a beat on."""
    return (round(at * BEAT), b"\xff\x51\x03" + round(6e7 / bpm).to_bytes(3, "big"))


@pytest.fixture
def opened(tmp_path):
    """A MIDI file of these tracks, its first one with notes read as the melody."""

    def opened(*tracks):
        path = tmp_path / "song.mid"
        parts = [midi_files.track(sorted(track, key=lambda event: event[0])) for track in tracks]
        path.write_bytes(midi_files.header(1, len(parts), BEAT) + b"".join(parts))
        return read_piece(path, track=1)

    return opened


def sounds(piece):
    """What sounds when."""
    return performance_of(piece, MELODY).sounds


def onsets(sound):
    """Seconds at which something sounds after a twentieth of a second of silence."""
    loud = np.flatnonzero(sound)
    return loud[np.r_[True, np.diff(loud) > SAMPLE_RATE / 20]] / SAMPLE_RATE


def loudest(sound, start, stop):
    """The largest sample between two seconds."""
    return np.abs(sound[round(start * SAMPLE_RATE) : round(stop * SAMPLE_RATE)]).max()


def test_notes_sound_where_the_tempo_map_says(opened):
    """Half a second a beat, then one, then a quarter: the onsets lie in the sound to the millisecond."""
    melody = note(60, 5, 6)
    beats = [event for at in range(5) for event in note(75, at, at + 0.1, channel=DRUMS)]

    found = onsets(render(opened([tempo(120, 0), tempo(240, 3)], melody, [tempo(60, 2), *beats])))

    assert found == pytest.approx([0, 0.5, 1, 2, 2.25, 2.5], abs=0.001)


def test_drums_are_no_pitches(opened):
    """A hi-hat is treble, where the same number as a pitch is a bass note."""
    sound = render(opened(note(42, 0, 1), note(42, 4, 4.1, channel=DRUMS)))
    second = np.abs(np.fft.rfft(sound[2 * SAMPLE_RATE :])) ** 2
    first = np.abs(np.fft.rfft(sound[:SAMPLE_RATE])) ** 2

    def treble(power):
        return power[round(len(power) * 4000 / 22050) :].sum() / power.sum()

    assert treble(first) < 0.01
    assert treble(second) > 0.8


def test_a_closed_hi_hat_silences_the_open_one(opened):
    """An open hi-hat rings until the next, and a crash for as long as it rings."""
    hits = [*note(46, 0, 0.1, channel=DRUMS), *note(49, 0, 0.1, channel=DRUMS), *note(42, 0.5, 0.6, channel=DRUMS)]
    end = {sound.pitch: sound.end / SAMPLE_RATE for sound in sounds(opened(note(60, 0, 1), hits))}

    assert end[46] == pytest.approx(0.25)
    assert end[49] > 3


def test_programs_choose_timbres_also_in_the_middle_of_a_channel(opened):
    """Organ, then strings, on one channel."""
    chords = [(0, b"\xc1\x10"), *note(48, 0, 1, channel=1), (BEAT, b"\xc1\x30"), *note(48, 1, 2, channel=1)]

    played = [sound.timbre.name for sound in sounds(opened(note(72, 0, 2), chords)) if not sound.melody]

    assert played == ["organ", "strings"]


@pytest.mark.parametrize(
    "events",
    [
        [*note(60, 0, 1, velocity=100), *note(60, 1, 2, velocity=50)],
        [control(7, 100, 0), *note(60, 0, 1), control(7, 50, 1), *note(60, 1, 2)],
        [control(11, 100, 0), *note(60, 0, 1), control(11, 50, 1), *note(60, 1, 2)],
    ],
    ids=["velocity", "volume", "expression"],
)
def test_half_the_value_is_a_quarter_of_the_amplitude(opened, events):
    """Velocity, volume and expression count as squares (General MIDI 2): 50 of 100 is 12 dB less."""
    sound = render(opened(events))

    assert loudest(sound, 0, 0.5) == pytest.approx(PEAK)
    assert loudest(sound, 0.55, 0.95) / loudest(sound, 0.05, 0.45) == pytest.approx(0.25, rel=0.01)


def test_expression_swells_a_held_note(opened):
    """A note that starts silent is heard when its channel's expression rises."""
    swell = [(0, b"\xc0\x30"), control(11, 0, 0), *note(60, 0, 4), control(11, 60, 1), control(11, 120, 2)]
    sound = render(opened(swell))

    levels = [loudest(sound, at + 0.1, at + 0.4) for at in (0, 0.5, 1)]
    assert levels == pytest.approx([0, PEAK / 4, PEAK], abs=0.08)


def test_a_held_organ_note_has_no_seam(opened):
    """No sample of fifteen seconds jumps more than those of the first do."""
    jumps = np.abs(np.diff(render(opened([(0, b"\xc0\x10"), *note(57, 0, 30)]))))

    assert len(jumps) > 15 * SAMPLE_RATE - 2
    assert jumps.max() <= 1.001 * jumps[:SAMPLE_RATE].max()


def test_the_pedal_holds_notes(opened):
    """Until it goes up, or the same pitch is struck again; other channels are left alone."""
    pedal = [control(64, 127, 0, channel=1), control(64, 0, 3, channel=1)]
    keys = [*note(48, 0, 0.5, channel=1), *note(50, 0, 0.5, channel=1), *note(50, 2, 4, channel=1)]
    held = [(s.pitch, s.end * 2 / SAMPLE_RATE) for s in sounds(opened(note(72, 0, 1), [*pedal, *keys]))]

    assert sorted(held) == [(48, 3), (50, 2), (50, 4), (72, 1)]


def test_a_melody_is_lifted_above_what_would_cover_it(opened):
    """A faint melody over a loud chord becomes louder, never the chord softer; a loud one stays as it is."""
    chord = [event for pitch in (48, 52, 55) for event in note(pitch, 0, 4, channel=1)]
    faint, loud = (
        {sound.pitch: sound.gain for sound in sounds(opened(note(72, 0, 4, velocity=value), chord))}
        for value in (30, 127)
    )

    assert faint[72] > 3 * (30 / 127) ** 2
    assert loud[72] == 1
    assert faint[48] == loud[48] == (100 / 127) ** 2


def test_a_turned_melody_changes_nothing_else(opened):
    """With other notes in its place the melody sounds different, and everything around it the same."""
    piece = opened([*note(72, 0, 1), *note(74, 1, 2)], note(48, 0, 2, channel=1), note(36, 0, 1, channel=DRUMS))
    turned = evolve(piece, notes=[evolve(one, pitch=one.pitch + 12) for one in piece.notes])

    before, after = ([[s for s in sounds(one) if s.melody is own] for own in (True, False)] for one in (piece, turned))
    assert [s.pitch for s in before[0]] == [72, 74]
    assert [s.pitch for s in after[0]] == [84, 86]
    assert before[1] == after[1]
    assert len(before[1]) == 2


@frozen
class AnyFile:
    """A source that gives these bytes, whatever the notes."""

    data: bytes

    def with_notes(self, notes, text=""):
        return self.data


@settings(max_examples=60)
@given(midi_files.files())
def test_any_file_becomes_sound_without_clipping_or_is_refused(data):
    """Whatever a file holds: a sound within the peak, the same twice, or a sentence."""
    piece = Piece((Note(0, 60),), 16, source=AnyFile(data))
    try:
        sound = render(piece)
    except (UsageError, MidiError):
        return
    assert np.abs(sound).max(initial=0) <= PEAK + 1e-6
    assert wav_bytes(piece) == wav_bytes(piece)


def test_notes_of_no_length_and_of_no_time_are_heard(opened):
    """At sixty million beats a minute each note still lasts some milliseconds, and all of them stay within the peak."""
    burst = [event for k in range(200) for event in note(40 + k % 40, k % 4, k % 4, channel=1)]
    sound = render(opened([(0, b"\xff\x51\x03\0\0\x01")], note(60, 0, 4), burst))

    assert 0.02 < len(sound) / SAMPLE_RATE < 0.1
    assert np.abs(sound).max() == pytest.approx(PEAK)


def test_more_notes_than_can_become_sound_are_refused(opened, monkeypatch):
    """Before any work, with the numbers."""
    monkeypatch.setattr(performance, "MAX_NOTES", 3)

    with pytest.raises(UsageError, match=r"has 4 notes .* over the 3 notes"):
        render(opened([event for k in range(4) for event in note(60, k, k + 1)]))


def test_hours_of_silence_in_a_file_are_refused(opened):
    """The length of the file counts, not that of its melody."""
    with pytest.raises(UsageError, match="lasts 33 minutes, over the 20"):
        render(opened(note(60, 0, 1), note(60, 4000, 4001, channel=1)))


def test_every_timbre_and_drum_is_the_same_on_every_machine(opened):
    """All programs and drums at once: the bytes are these, whatever the processor."""
    programs = [
        event
        for program in range(0, 128, 3)
        for event in [(program * 40, bytes([0xC1, program])), *note(60, program / 12, program / 12 + 0.2, channel=1)]
    ]
    drums = [event for number in range(27, 88) for event in note(number, number / 8, number / 8 + 0.1, channel=DRUMS)]
    data = wav_bytes(opened([tempo(100, 0), *note(72, 0, 8)], programs, drums))

    assert hashlib.sha256(data).hexdigest() == "f017ced89d3648d558a767025c05b18864ea5273801cf1232376422d912d4eb6"
