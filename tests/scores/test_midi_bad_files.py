import random
import struct
from pathlib import Path

import mido
import pytest
from attrs import evolve

from latentknobs.core.clip import Piece
from latentknobs.errors import MidiError, UsageError
from latentknobs.scores import MAX_BARS, MAX_BYTES, midi_bytes, read_piece, read_pieces, read_provenance, twinkle
from latentknobs.scores.midi_file import load

TWINKLE = midi_bytes(twinkle())
CASES = Path(__file__).parents[1] / "data" / "midi"
SEEDS = [TWINKLE, *(path.read_bytes() for path in sorted(CASES.glob("*.mid")))]


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


def meter(beats, unit, wait=0):
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
        (header() + track_chunk(b"\0\xff\x51\x00"), "no notes"),
        (header() + track_chunk(b"\0\x90\x3c"), "truncated"),
        (header(division=0x01EF) + b"\xbf\xbd" + track_chunk(b"\0\xef\xbf\xbd" * 3), "converted as text"),
        (b"RIFF\0\0\0\0RMIDLIST\0\0\0\0", "RIFF file without MIDI data"),
        (header() + track_chunk(b"\xff" * 100_000), "damaged"),
        (header() + track_chunk(b"\0\xff\x2f\0"), "no notes"),
        (header(tracks=0), "no notes"),
        (header() + b"\0" * MAX_BYTES, "larger than 10 MB"),
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


def test_three_four_is_refused_with_meter_and_bar(tmp_path):
    """A time signature that the format has no bars for is named, with the bar where it begins."""
    assert "3/4 from bar 1" in refused(tmp_path, build(meter(3, 4) + note()))
    assert "6/8 from bar 1" in refused(tmp_path, build(meter(6, 8) + note()))
    assert "7/8 from bar 1" in refused(tmp_path, build(meter(7, 8) + note()))


def test_two_four_is_refused_with_the_way_out(tmp_path):
    """2/4 is read when its bars may be joined, and the message says so."""
    file = build(meter(2, 4) + note(ticks=960) + note(ticks=960))

    assert "--regroup" in refused(tmp_path, file)
    assert read_piece(tmp_path / "song.mid", regroup=True).steps == 16


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


@pytest.mark.parametrize("rest", [b"MTrk\0", b"\0\0MTrk\0\0\0\0", b"XFIH\xff\xff\xff\xff", b"MThd"])
def test_what_follows_the_tracks_is_skipped_and_stays(tmp_path, rest):
    """Whatever it looks like, the music before it is read, and it is there when the file is written."""
    (tmp_path / "a.mid").write_bytes(TWINKLE + rest)
    piece = read_piece(tmp_path / "a.mid")

    assert piece.notes == twinkle().notes
    assert piece.remarks
    assert rest[:4] in midi_bytes(piece)


def test_thousands_of_notes_held_over_changes_of_the_signature_are_one_sentence(tmp_path):
    """What would take minutes to read is refused."""
    body = b"".join(bytes([0, 0x90 | k % 8, k // 8, 80]) for k in range(800))
    for beats in (4, 3) * 150:
        body += b"\x8f\0\xff\x58\4" + bytes([beats, 2, 24, 8])

    assert "held notes" in refused(tmp_path, header() + track_chunk(body), policy="skyline")


def mutated(seed):
    """A file of the cases, or the theme, with some bytes changed, cut, put in, repeated or taken from another."""
    rng = random.Random(seed)
    raw, other = bytearray(rng.choice(SEEDS)), rng.choice(SEEDS)
    for _ in range(rng.randint(1, 6)):
        at, size = rng.randrange(len(raw)), rng.choice((1, 1, 2, 4, 8, 64))
        match rng.choice(("change", "bit", "cut", "insert", "repeat", "cross")):
            case "change":
                raw[at] = rng.choice((0, 0x7F, 0x80, 0xFF, rng.randrange(256)))
            case "bit":
                raw[at] ^= 1 << rng.randrange(8)
            case "cut" if len(raw) > 80:
                del raw[at : at + size]
            case "insert":
                raw[at:at] = rng.randbytes(size)
            case "repeat":
                raw[at:at] = raw[at : at + size] * rng.choice((1, 2, 50))
            case _:
                start = rng.randrange(len(other))
                raw[at : at + size] = other[start : start + size]
    return bytes(raw)


@pytest.mark.parametrize("count", [300, pytest.param(2_000, marks=pytest.mark.slow)])
def test_a_damaged_file_is_a_piece_or_one_sentence(tmp_path, capfd, count):
    """Whatever is wrong with a file, it is read and can be written and read again, or refused in a sentence."""
    path = tmp_path / "fuzz.mid"
    read, refusals = 0, []
    for seed in range(count):
        policy = ("auto", "highest-onset", "skyline")[seed % 3]
        path.write_bytes(mutated(seed))
        try:
            pieces = read_pieces(path, policy=policy, regroup=True)
        except MidiError as error:
            refusals.append(str(error))
            continue
        for piece in pieces:
            read += 1
            assert isinstance(piece, Piece)
            assert all(remark.isprintable() for remark in piece.remarks)
            up = tuple(evolve(note, pitch=min(note.pitch + 1, 127)) for note in piece.notes)
            path.write_bytes(midi_bytes(evolve(piece, notes=up)))
            assert load(path).parts
    assert read > count // 10
    assert [refusal for refusal in refusals if "fuzz.mid" not in refusal or not refusal.isprintable()] == []
    assert capfd.readouterr() == ("", "")
