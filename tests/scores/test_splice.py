"""Rules of writing a piece back into the file that it was read from."""

import io
import itertools

import mido
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from latentknobs.core.clip import Note
from latentknobs.scores import midi_bytes, read_piece, read_provenance
from tests.scores import midi_files


def events(data):
    """(tick, message) of each track, as mido reads them."""
    out = []
    for track in mido.MidiFile(file=io.BytesIO(data)).tracks:
        ticks = itertools.accumulate(message.time for message in track)
        out.append([(tick, message.copy(time=0)) for tick, message in zip(ticks, track, strict=True)])
    return out


def is_note(message):
    """Whether a message starts or ends a note."""
    return message.type in ("note_on", "note_off")


@pytest.fixture
def song(tmp_path):
    """Writes the tracks of (tick, bytes) as a file of format 1, and gives its path."""

    def write(*tracks, division=480):
        path = tmp_path / "song.mid"
        path.write_bytes(
            midi_files.header(1, len(tracks), division) + b"".join(midi_files.track(track) for track in tracks)
        )
        return path

    return write


def lines(*notes, channel=0):
    """Events of notes (start, end, pitch, velocity)."""
    out = []
    for start, end, pitch, velocity in notes:
        out += [(start, bytes([0x90 | channel, pitch, velocity])), (end, bytes([0x80 | channel, pitch, 40]))]
    return sorted(out, key=lambda event: event[0])


@st.composite
def melodies(draw):
    """Notes on the grid, one at a time, in four bars."""
    out, now = [], 0
    while now < 60 and len(out) < 12:
        now += draw(st.integers(0, 4))
        length = draw(st.integers(1, 8))
        out.append(Note(now, draw(st.integers(0, 127)), length))
        now += length
    return tuple(note for note in out if note.end <= 64)


@settings(max_examples=80)
@given(melodies().filter(len), melodies(), st.lists(st.integers(-25, 25), min_size=24, max_size=24), st.data())
def test_other_notes_change_nothing_but_the_melodys(tmp_path_factory, old, new, played, data):
    """All other events keep their bytes and ticks, and reading the file gives the new notes."""
    path = tmp_path_factory.getbasetemp() / "song.mid"
    melody = []
    for k, note in enumerate(old):
        start, end = max(note.onset * 120 + played[2 * k], 0), note.end * 120 + played[2 * k + 1]
        melody += [(start, bytes([0x92, note.pitch, k + 1])), (end, bytes([0x92, note.pitch, 0]))]
    others = data.draw(st.lists(st.tuples(st.integers(0, 7680), midi_files.other_events), max_size=8))
    melody += [(tick, event) for tick, event in others if event[1] not in (0x58, 0x51)]
    melody.sort(key=lambda event: event[0])
    second = lines((0, 7680, 40, 90), (7680, 7700, 40, 80))
    path.write_bytes(midi_files.header(1, 2) + midi_files.track(melody) + midi_files.track(second))
    piece = read_piece(path, track=1, policy="highest-onset")
    changed = evolve(piece, notes=tuple(note for note in new if note.end <= piece.steps))
    back = midi_bytes(changed)

    before, after = events(path.read_bytes()), events(back)
    assert back.endswith(midi_files.track(second))
    rest = [event for event in before[0] if not is_note(event[1])][:-1]
    assert [event for event in after[0] if not is_note(event[1])][:-1] == rest
    if changed.notes:
        path.write_bytes(back)
        assert read_piece(path, track=1).notes == changed.notes


def test_a_changed_note_is_played_as_the_one_that_was_there(song):
    """Velocity, release, channel, lateness, length and place on the tick of the note with the same onset stay."""
    pedal = (7, b"\xb3\x40\x7f")
    path = song([pedal, *lines((7, 455, 60, 33), (485, 950, 62, 44), channel=3)])
    piece = read_piece(path)
    up = evolve(piece, notes=tuple(evolve(note, pitch=note.pitch + 3) for note in piece.notes))

    assert midi_bytes(up) == path.read_bytes().replace(b"\x93\x3c", b"\x93\x3f").replace(
        b"\x83\x3c", b"\x83\x3f"
    ).replace(b"\x93\x3e", b"\x93\x41").replace(b"\x83\x3e", b"\x83\x41")


def test_a_note_with_a_new_onset_is_played_as_the_one_that_sounded_there(song):
    """A note split in two has its velocity twice, and both end as early as it did."""
    path = song(lines((0, 450, 60, 33)))
    piece = read_piece(path)
    split = evolve(piece, notes=(Note(0, 60, 2), Note(2, 60, 2)))

    assert events(midi_bytes(split))[0][:-1] == [
        (0, mido.Message("note_on", note=60, velocity=33)),
        (210, mido.Message("note_off", note=60, velocity=40)),
        (240, mido.Message("note_on", note=60, velocity=33)),
        (450, mido.Message("note_off", note=60, velocity=40)),
    ]


def test_a_note_that_grows_ends_where_the_next_one_starts(song):
    """However late the note that was there ended after its step."""
    path = song(lines((0, 400, 60, 33), (483, 900, 62, 44)))
    piece = read_piece(path)
    longer = evolve(piece, notes=(Note(0, 60, 4), piece.notes[1]))

    assert midi_bytes(longer) == song(lines((0, 483, 60, 33), (483, 900, 62, 44))).read_bytes()


def test_notes_that_the_policy_leaves_out_stay(song):
    """Only the voice that was read is replaced; the lower notes of its track are other events."""
    path = song(lines((0, 480, 72, 90), (0, 480, 48, 80)))
    piece = read_piece(path, policy="skyline")
    up = evolve(piece, notes=(Note(0, 74, 4),))

    assert midi_bytes(up) == path.read_bytes().replace(b"\x90\x48", b"\x90\x4a").replace(b"\x80\x48", b"\x80\x4a")


def test_a_voice_from_several_tracks_goes_back_to_each(song):
    """A note that two tracks were read as one for changes in the track that it came from."""
    one, other = lines((0, 480, 72, 90), (960, 1440, 60, 80)), lines((0, 960, 48, 70), (960, 1440, 74, 60), channel=1)
    path = song(one, other)
    piece = read_piece(path, policy="skyline")
    up = evolve(piece, notes=tuple(evolve(note, pitch=note.pitch + 2) for note in piece.notes))

    assert (
        midi_bytes(up)
        == song(
            lines((0, 480, 74, 90), (960, 1440, 60, 80)), lines((0, 960, 48, 70), (960, 1440, 76, 60), channel=1)
        ).read_bytes()
    )


def test_bars_in_another_meter_stay(song):
    """What is turned in each time signature is written back in its place."""
    three, four = b"\xff\x58\x04\x03\x02\x18\x08", b"\xff\x58\x04\x04\x02\x18\x08"
    head = [(0, four), (1920, three), (1920 + 1440, four)]
    path = song(head, lines((0, 480, 60, 90), (1920, 2400, 61, 80), (3360, 3840, 62, 70)))
    piece = read_piece(path)
    moved = (*piece.notes[:2], Note(32, 65, 4))

    assert (
        midi_bytes(evolve(piece, notes=moved))
        == song(head, lines((0, 480, 60, 90), (1920, 2400, 61, 80), (3840, 4320, 65, 70))).read_bytes()
    )


def test_bars_that_are_not_read_stay(song):
    """Only the bars that were named are written, and notes do not sound past them."""
    line = [(480 * k, 480 * k + 480, 60 + k, 90) for k in range(12)]
    path = song(lines(*line))
    piece = read_piece(path, bars="2")
    back = midi_bytes(evolve(piece, notes=(Note(0, 40, 16),)))

    assert back == song(lines(*line[:4], (1920, 3840, 40, 90), *line[8:])).read_bytes()


def test_a_lateness_is_put_back(song):
    """A melody that is late everywhere is as late when it comes back, and new notes too."""
    path = song(lines(*((480 * k + 50, 480 * k + 530, 60 + k, 90) for k in range(9))))
    piece = read_piece(path)
    assert piece.notes[1] == Note(4, 61, 4)
    back = midi_bytes(evolve(piece, notes=(*piece.notes[:-1], Note(34, 80, 2))))

    assert (32 * 120 + 290, mido.Message("note_on", note=80, velocity=90)) in events(back)[0]


def test_a_pick_up_comes_back_where_it_was(song):
    """Bar lines stay; notes in the rest before the pick-up have no place in the file and are left out."""
    head = [(0, b"\xff\x58\x04\x01\x02\x18\x08"), (480, b"\xff\x58\x04\x04\x02\x18\x08")]
    path = song(head, lines((0, 480, 60, 90), (480, 960, 62, 80)))
    piece = read_piece(path)
    assert piece.notes == (Note(12, 60, 4), Note(16, 62, 4))
    back = midi_bytes(evolve(piece, notes=(Note(4, 50, 4), Note(10, 65, 6), Note(16, 62, 4))))

    assert back == song(head, lines((0, 480, 65, 90), (480, 960, 62, 80))).read_bytes()


def test_a_note_held_into_what_is_read_sounds_as_before_up_to_there(song):
    """Of a note that begins in bars before only what was read is replaced."""
    head = [(0, b"\xff\x58\x04\x03\x02\x18\x08"), (2880, b"\xff\x58\x04\x04\x02\x18\x08")]
    path = song(head, lines((2400, 3360, 60, 90), (3360, 3840, 62, 80)))
    piece = read_piece(path, bars="3")
    assert piece.notes == (Note(0, 60, 4), Note(4, 62, 4))
    back = midi_bytes(evolve(piece, notes=(Note(0, 65, 4), Note(4, 62, 4))))

    assert [(tick, message.note) for tick, message in events(back)[1] if is_note(message)] == [
        (2400, 60),
        (2880, 60),
        (2880, 65),
        (3360, 65),
        (3360, 62),
        (3840, 62),
    ]


def test_a_hit_of_a_doubled_start_is_taken_out_whole(song):
    """All that makes up a note goes with it."""
    path = song([*lines((0, 480, 60, 80), (0, 481, 60, 90), (482, 960, 62, 90))])
    piece = read_piece(path)
    back = midi_bytes(evolve(piece, notes=piece.notes[1:]))

    assert {message.note for _tick, message in events(back)[0] if is_note(message)} == {62}


def test_provenance_is_one_text_event_whatever_was_there(song):
    """A file that is turned twice tells of the second time only; nothing else is new."""
    path = song([(0, b"\xff\x03\x04Lead"), (0, b"\xc0\x05"), *lines((0, 480, 60, 90))])
    once = midi_bytes(read_piece(path), provenance={"seed": 1})
    path.write_bytes(once)
    assert read_provenance(path) == {"seed": 1}
    twice = midi_bytes(read_piece(path), provenance={"seed": 2})
    path.write_bytes(twice)

    assert read_provenance(path) == {"seed": 2}
    assert twice.replace(b'"seed": 2', b'"seed": 1') == once
    assert [message.type for _tick, message in events(twice)[0]][:3] == ["track_name", "text", "program_change"]


def test_steps_shorter_than_a_tick_come_back(song):
    """With one tick a beat a sixteenth starts and ends on one tick, and is a step when it is read."""
    path = song(lines((0, 1, 60, 90), (1, 2, 62, 90)), division=1)
    piece = read_piece(path)
    path.write_bytes(midi_bytes(evolve(piece, notes=(Note(0, 60, 1), Note(4, 64, 4)))))

    assert read_piece(path).notes == (Note(0, 60, 1), Note(4, 64, 4))


def test_a_note_that_stays_ends_where_a_new_one_of_its_voice_begins(song):
    """Played over the end of its step, it would end the new note too."""
    path = song(lines((0, 140, 60, 90), (240, 480, 62, 80)))
    piece = read_piece(path)
    assert piece.notes == (Note(0, 60, 1), Note(2, 62, 2))
    back = midi_bytes(evolve(piece, notes=(*piece.notes[:1], Note(1, 60, 1), *piece.notes[1:])))

    assert back == song(lines((0, 120, 60, 90), (120, 240, 60, 90), (240, 480, 62, 80))).read_bytes()


def test_a_note_that_is_only_transposed_keeps_its_ticks(song):
    """However short it was, and however it sounds into the next."""
    path = song(lines((0, 20, 60, 90), (240, 500, 62, 80), (480, 481, 64, 80)))
    piece = read_piece(path)
    up = evolve(piece, notes=tuple(evolve(note, pitch=note.pitch + 3) for note in piece.notes))

    assert midi_bytes(up) == song(lines((0, 20, 63, 90), (240, 500, 65, 80), (480, 481, 67, 80))).read_bytes()


def test_a_note_held_out_of_what_is_read_sounds_on_as_before(song):
    """After the bars that were named its own pitch is struck again."""
    path = song(lines((1920, 5760, 60, 90)))
    piece = read_piece(path, bars="2")
    back = midi_bytes(evolve(piece, notes=(Note(0, 65, 16),)))

    assert [(tick, message.note) for tick, message in events(back)[0] if is_note(message)] == [
        (1920, 65),
        (3840, 65),
        (3840, 60),
        (5760, 60),
    ]
