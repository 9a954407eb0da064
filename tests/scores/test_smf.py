"""Rules of reading and writing the bytes of a MIDI file."""

import io
import itertools

import mido
import pretty_midi
import symusic
from hypothesis import given, settings

from latentknobs.scores.midi_file import load
from latentknobs.scores.smf import parse, track_bytes
from tests.scores import midi_files


@settings(max_examples=150)
@given(midi_files.files())
def test_reading_and_writing_gives_the_same_bytes(data):
    """A valid file, in a RIFF file or not, comes back as it was, also if its tracks are written event by event."""
    file = parse(data)
    again = {
        k: track_bytes(file, track, [(event.tick, event) for event in track.events], track.end)
        for k, track in enumerate(file.tracks)
    }

    assert file.remarks == ()
    inside = data[file.base : file.stop] if file.base else data
    assert file.written() == inside
    assert file.written(again) == inside


@settings(max_examples=50)
@given(midi_files.files())
def test_a_longer_track_leaves_the_rest_of_the_file_as_it_was(data):
    """What is put into one track is there when the file is read again, and nothing else is new, also in a RIFF file."""
    file = parse(data)
    first, text = file.tracks[0], b"\xff\x01\x03new"
    items = [(0, text), *((event.tick, event) for event in first.events)]
    again = parse(file.written({0: track_bytes(file, first, items, first.end)}))

    def events(one, track):
        return [(event.tick, event.status, one.payload(event)) for event in track.events]

    assert again.remarks == ()
    assert events(again, again.tracks[0]) == [(0, 0xFF, b"new"), *events(file, first)]
    for before, after in zip(file.tracks[1:], again.tracks[1:], strict=True):
        assert file.data[before.start : before.stop] == again.data[after.start : after.stop]


@settings(max_examples=80)
@given(midi_files.songs())
def test_events_are_those_that_mido_reads(data):
    """Tick and bytes of every event are mido's."""
    file = parse(data)
    for track, theirs in zip(file.tracks, mido.MidiFile(file=io.BytesIO(data)).tracks, strict=True):
        ticks = list(itertools.accumulate(message.time for message in theirs))
        ours = [(event.tick, event.status, file.payload(event)) for event in track.events]
        expected = [
            (tick, message.bytes()[0], bytes(message.bytes()[3 if message.is_meta else 1 :]))
            for tick, message in zip(ticks, theirs, strict=True)
        ]
        assert [*ours, (track.end, 0xFF, b"")] == expected


@settings(max_examples=80)
@given(midi_files.songs())
def test_what_pretty_midi_and_symusic_read_alike_is_read_alike(tmp_path_factory, data):
    """Notes, tempos and time signatures on which both agree are ours."""
    path = tmp_path_factory.getbasetemp() / "song.mid"
    path.write_bytes(data)
    ours, pretty, other = load(path), pretty_midi.PrettyMIDI(str(path)), symusic.Score(str(path))

    agreed = {
        (pretty.time_to_tick(note.start), pretty.time_to_tick(note.end), note.pitch)
        for instrument in pretty.instruments
        for note in instrument.notes
    } & {(note.time, note.end, note.pitch) for track in other.tracks for note in track.notes}
    assert agreed <= {(note.start, note.end, note.pitch) for part in ours.parts for note in part.notes}
    assert sum(len(part.notes) for part in ours.parts) == sum(len(track.notes) for track in other.tracks)
    assert list(ours.tempos) == [(tempo.time, tempo.mspq) for tempo in other.tempos]
    assert [(s.tick, s.beats, s.unit) for s in ours.signatures] == [
        (s.time, s.numerator, s.denominator) for s in other.time_signatures
    ]
    assert len(ours.signatures) == len(pretty.time_signature_changes)
    assert round(60e6 / ours.tempo_at(0)) == round(pretty.get_tempo_changes()[1][0])


def test_a_wait_that_is_longer_than_midi_can_say_is_divided(tmp_path):
    """Where events between others are taken out, empty texts keep each wait within four bytes."""
    far = b"\xff\xff\xff\x7f"
    body = (
        b"\0\x90\x3c\x40\x60\x80\x3c\0" + far + b"\xb0\x07\x60" + far + b"\x90\x3e\x40" + b"\x60\x80\x3e\0\0\xff\x2f\0"
    )
    data = b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk" + len(body).to_bytes(4, "big") + body
    file = parse(data)
    track = file.tracks[0]
    kept = [(event.tick, event) for event in track.events if event.status != 0xB0]
    again = parse(file.written({0: track_bytes(file, track, kept, track.end)}))

    assert [event.tick for event in again.tracks[0].events if event.status != 0xFF] == [tick for tick, _event in kept]
