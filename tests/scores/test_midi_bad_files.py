import struct

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentknobs.core.clip import Piece
from latentknobs.errors import MidiError, UsageError
from latentknobs.scores import MAX_BARS, MAX_BYTES, midi_bytes, read_piece, read_pieces, read_provenance, twinkle

TWINKLE = midi_bytes(twinkle())


def build(*tracks, division=480, kind=1):
    """A MidiFile of these lists of messages."""
    file = mido.MidiFile(type=kind, ticks_per_beat=division)
    file.tracks.extend(mido.MidiTrack(track) for track in tracks)
    return file


def note(pitch=60, ticks=480, wait=0, channel=0):
    """Start and end of one note."""
    return [
        mido.Message("note_on", note=pitch, time=wait, channel=channel),
        mido.Message("note_off", note=pitch, time=ticks, channel=channel),
    ]


def metre(beats, unit, wait=0):
    """A time signature."""
    return [mido.MetaMessage("time_signature", numerator=beats, denominator=unit, time=wait)]


def header(kind=1, tracks=1, division=480):
    """The first 14 bytes."""
    return b"MThd" + struct.pack(">LHHH", 6, kind, tracks, division)


def track_chunk(body):
    """A track of raw bytes."""
    return b"MTrk" + struct.pack(">L", len(body)) + body


def refused(tmp_path, data, **options):
    """The message with which a file of these bytes is refused."""
    path = tmp_path / "song.mid"
    if isinstance(data, bytes):
        path.write_bytes(data)
    else:
        data.save(path)
    with pytest.raises(MidiError) as caught:
        read_piece(path, **options)
    message = str(caught.value)
    assert "song.mid" in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"MThd\0\0", "truncated"),
        (TWINKLE[:-20], "truncated"),
        (TWINKLE[:14], "truncated"),
        (b"RIFF" + TWINKLE, "not a MIDI file"),
        (b"%PDF-1.4 not music at all", "not a MIDI file"),
        (header(kind=2) + TWINKLE[14:], "format 2"),
        (header(kind=7) + TWINKLE[14:], "no MIDI format 7"),
        (header(division=0xE728) + TWINKLE[14:], "SMPTE"),
        (header(division=0) + TWINKLE[14:], "0 ticks per beat"),
        (header() + track_chunk(b"\0\x3c\x40"), "damaged"),
        (header() + track_chunk(b"\0\xff\x51\x00"), "damaged"),
        (header() + track_chunk(b"\xff" * 100_000), "damaged"),
        (header() + track_chunk(b"\0\xff\x2f\0"), "no notes"),
        (header(tracks=0), "no notes"),
        (header() + b"\0" * MAX_BYTES, "larger than 1 MiB"),
    ],
)
def test_a_file_that_is_no_good_midi_is_one_clear_sentence(tmp_path, data, message):
    """Whatever stands in the file, the error names the file and what is wrong with it."""
    assert message in refused(tmp_path, data)


def test_a_file_that_is_not_there_or_is_a_folder_is_named(tmp_path):
    """A path that cannot be opened is a MidiError with the system's reason."""
    with pytest.raises(MidiError, match=r"none\.mid cannot be opened: No such file"):
        read_piece(tmp_path / "none.mid")
    with pytest.raises(MidiError, match="cannot be opened"):
        read_provenance(tmp_path)


def test_a_cause_is_kept(tmp_path):
    """The parser's own complaint is there for who looks for it."""
    (tmp_path / "a.mid").write_bytes(TWINKLE[:-20])
    with pytest.raises(MidiError) as caught:
        read_piece(tmp_path / "a.mid")
    assert isinstance(caught.value.__cause__, EOFError)


def test_three_four_is_refused_with_metre_and_bar(tmp_path):
    """A metre that the format has no bars for is named, with the bar where it begins."""
    assert "3/4 from bar 1" in refused(tmp_path, build(metre(3, 4) + note()))
    assert "6/8 from bar 1" in refused(tmp_path, build(metre(6, 8) + note()))
    assert "8/8 from bar 1" in refused(tmp_path, build(metre(8, 8) + note()))


def test_two_four_is_refused_with_the_way_out(tmp_path):
    """2/4 is read when its bars may be joined, and the message says so."""
    file = build(metre(2, 4) + note(ticks=960) + note(ticks=960))

    assert "--regroup" in refused(tmp_path, file)
    assert read_piece(tmp_path / "song.mid", regroup=True).steps == 16


def test_metres_that_make_no_sense_are_refused(tmp_path):
    """0/4 and a beat of 1/2**255 are metres like any other that is not read."""
    for numbers in (b"\0\2", b"\4\xff"):
        body = b"\0\xff\x58\4" + numbers + b"\x18\x08\0\x90\x3c\x40\x83\x60\x80\x3c\x40\0\xff\x2f\0"
        assert "from bar 1" in refused(tmp_path, header() + track_chunk(body))


def test_a_file_of_drums_alone_is_refused(tmp_path):
    """Channel 10 has no pitch, so it is no melody, chosen or not."""
    file = build(note(36, channel=9))

    assert "only drums" in refused(tmp_path, file)
    assert "is drums" in refused(tmp_path, file, track=1)


def test_two_notes_at_once_are_refused_with_bar_beat_and_the_ways_out(tmp_path):
    """Polyphony without a policy names the place where it begins."""
    chord = [
        mido.Message("note_on", note=60, time=1920 + 720),
        mido.Message("note_on", note=64, time=0),
        mido.Message("note_off", note=60, time=480),
        mido.Message("note_off", note=64, time=0),
    ]
    message = refused(tmp_path, build(chord))

    assert "bar 2 on beat 2.5" in message
    assert "--policy highest-onset or --policy skyline" in message


def test_several_tracks_are_listed_with_what_helps_to_choose(tmp_path):
    """Who must choose sees number, name, notes, range and how much of it is one note at a time."""
    lead = [mido.MetaMessage("track_name", name="Lead"), *note(60), *note(72)]
    bass = [mido.MetaMessage("track_name", name="Bass"), *note(36, channel=1)]
    message = refused(tmp_path, build(lead, bass, note(36, channel=9)))

    assert "--track N" in message
    assert "1 'Lead' (2 notes, C4 to C5, 100% one at a time)" in message
    assert "2 'Bass' (1 note, C2 to C2, 100% one at a time)" in message
    assert "drums" not in message


def test_a_track_that_is_not_there_is_refused_with_those_that_are(tmp_path):
    """An unknown number or name lists the tracks."""
    for track in (3, "3", "Violin"):
        assert "1 'without name'" in refused(tmp_path, build(note()), track=track)


def test_ten_hours_are_refused_with_the_limit(tmp_path):
    """A file of 18,000 bars is refused by its length, whether notes or silence fill it."""
    ten_hours = 18_000 * 4 * 480
    for file in (
        build(note(), note(wait=ten_hours)),
        build(note(ticks=ten_hours)),
        build(note() + note(wait=ten_hours)),
    ):
        if len(file.tracks) > 1:
            file.tracks = file.tracks[1:]
        message = refused(tmp_path, file)
        assert "18001 bars" in message or "18000 bars" in message
        assert f"at most {MAX_BARS}" in message
    silent = build([*note(), mido.MetaMessage("end_of_track", time=ten_hours)])
    assert f"at most {MAX_BARS}" in refused(tmp_path, silent)


def test_the_longest_melody_that_is_read_is_read(tmp_path):
    """MAX_BARS bars are fine, one more is not."""
    build(note(ticks=MAX_BARS * 1920)).save(tmp_path / "a.mid")
    assert read_piece(tmp_path / "a.mid").steps == MAX_BARS * 16
    assert "2001 bars" in refused(tmp_path, build(note(ticks=MAX_BARS * 1920 + 480)))


@pytest.mark.parametrize("options", [{"policy": "loudest"}, {"offset": float("nan")}, {"offset": float("inf")}])
def test_an_option_that_cannot_be_is_a_usage_error(tmp_path, options):
    """A wrong policy or offset is told before the file is opened."""
    with pytest.raises(UsageError):
        read_piece(tmp_path / "none.mid", **options)


def test_an_offset_that_moves_every_note_away_is_refused(tmp_path):
    """Nothing left is no melody."""
    assert "offset" in refused(tmp_path, build(note()), offset=-100)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_a_damaged_file_is_a_piece_or_a_midi_error(tmp_path_factory, data):
    """Whatever bytes are changed, cut or put in, nothing but a MidiError comes out."""
    raw = bytearray(TWINKLE)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(raw) - 1))
        what = data.draw(st.sampled_from(["change", "cut", "insert"]))
        if what == "change":
            raw[at] = data.draw(st.integers(0, 255))
        elif what == "cut" and len(raw) > 20:
            del raw[at : at + data.draw(st.integers(1, 8))]
        else:
            raw[at:at] = data.draw(st.binary(min_size=1, max_size=8))
    path = tmp_path_factory.getbasetemp() / "fuzz.mid"
    path.write_bytes(raw)

    for policy in ("auto", "highest-onset", "skyline"):
        try:
            pieces = read_pieces(path, policy=policy, regroup=True)
        except MidiError:
            continue
        assert all(isinstance(piece, Piece) and piece.notes for piece in pieces)
