import random
import struct
from pathlib import Path

import mido
import pytest
from attrs import evolve

from benchmarks.real_files.mutations import mutated
from latentknobs.core.piece import Piece
from latentknobs.errors import MidiError, UsageError
from latentknobs.scores import MAX_BARS, MAX_BYTES, midi_bytes, read_piece, read_provenance, twinkle
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
    assert "--policy skyline, or --policy highest-onset" in message


def test_several_tracks_are_listed_with_what_helps_to_choose(tmp_path):
    """Who must choose sees number, name, notes, range, share that is monophonic, instrument, and the likeliest."""
    one, two = (
        [mido.MetaMessage("track_name", name=name), mido.Message("program_change", program=40), *note(60), *note(72)]
        for name in ("Primus", "Secundus")
    )
    bass = [mido.MetaMessage("track_name", name="Bass"), *note(36, channel=1)]
    message = refused(tmp_path, build(one, two, bass, note(36, channel=9)))

    assert "--policy skyline. Most likely: 1." in message
    assert "1 'Primus' (2 notes, C4 to C5, 100% monophonic, violin)" in message
    assert "3 'Bass' (1 note, C2 to C2, 100% monophonic)" in message
    assert "drums" in message


def test_the_track_that_is_plainly_the_melody_is_taken_and_named(tmp_path):
    """By its name, range, instrument and share that is monophonic."""
    lead = [mido.MetaMessage("track_name", name="Vocals"), *note(60), *note(72)]
    bass = [mido.MetaMessage("track_name", name="Bass"), *note(36, channel=1), *note(38, channel=1)]
    build(bass, lead, note(36, channel=9)).save(tmp_path / "song.mid")
    piece = read_piece(tmp_path / "song.mid")

    assert [one.pitch for one in piece.notes] == [60, 72]
    assert "Track 2, 'Vocals', was taken as the melody; --track chooses another of 2 more." in piece.remarks


def test_a_drum_kit_on_another_channel_is_no_melody(tmp_path):
    """It is known by its notes, or by its name."""
    beat = [message for _ in range(8) for pitch in (36, 42, 38, 42) for message in note(pitch, 240, channel=2)]
    named = [mido.MetaMessage("track_name", name="Perc. Tambourine"), *note(60, channel=3)]
    build(note(64), beat, named).save(tmp_path / "song.mid")

    assert [part.drums for part in load(tmp_path / "song.mid").parts] == [False, True, True]
    assert [one.pitch for one in read_piece(tmp_path / "song.mid").notes] == [64]


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
        assert f"longer than {MAX_BARS} bars" in message
    silent = build([*note(), mido.MetaMessage("end_of_track", time=ten_hours)])
    assert "--bars" in refused(tmp_path, silent)


def test_the_longest_melody_that_is_read_is_read(tmp_path):
    """MAX_BARS bars are fine, one more is not."""
    build(note(ticks=MAX_BARS * 1920)).save(tmp_path / "a.mid")
    assert read_piece(tmp_path / "a.mid").steps == MAX_BARS * 16
    assert "longer than 2000 bars" in refused(tmp_path, build(note(ticks=MAX_BARS * 1920 + 480)))


@pytest.mark.parametrize(
    "options",
    [
        {"policy": "loudest"},
        {"offset": float("nan")},
        {"offset": float("inf")},
        {"bars": "x"},
        {"time_signature": "4/5"},
    ],
)
def test_an_option_that_cannot_be_is_a_usage_error(tmp_path, options):
    """A wrong policy or offset is told before the file is opened."""
    with pytest.raises(UsageError):
        read_piece(tmp_path / "none.mid", **options)


@pytest.mark.parametrize("rest", [b"MTrk\0", b"\0\0MTrk\0\0\0\0", b"XFIH\xff\xff\xff\xff", b"MThd"])
def test_what_follows_the_tracks_is_skipped_and_stays(tmp_path, rest):
    """Whatever it looks like, the music before it is read, and it is there when the file is written."""
    (tmp_path / "a.mid").write_bytes(TWINKLE + rest)
    piece = read_piece(tmp_path / "a.mid")

    assert piece.notes == twinkle().notes
    assert piece.remarks
    assert rest[:4] in midi_bytes(piece)


@pytest.mark.parametrize("length", [0, 5, 30, 60_000])
def test_a_header_with_a_wrong_length_is_repaired(tmp_path, length):
    """The tracks that begin after its six bytes are read, and what is written has the right length."""
    (tmp_path / "a.mid").write_bytes(TWINKLE[:4] + struct.pack(">L", length) + TWINKLE[8:])
    piece = read_piece(tmp_path / "a.mid")

    assert piece.notes == twinkle().notes
    assert "The file's header has a wrong length." in piece.remarks
    assert midi_bytes(piece) == TWINKLE


@pytest.mark.parametrize("count", [300, pytest.param(2_000, marks=pytest.mark.slow)])
def test_a_damaged_file_is_a_piece_or_one_sentence(tmp_path, capfd, count):
    """Whatever is wrong with a file, it is read and can be written and read again, or refused in a sentence."""
    path = tmp_path / "fuzz.mid"
    read, refusals = 0, []
    for seed in range(count):
        policy = ("auto", "highest-onset", "skyline")[seed % 3]
        rng = random.Random(seed)
        path.write_bytes(mutated(rng.choice(SEEDS), rng.choice(SEEDS), rng))
        try:
            piece = read_piece(path, policy=policy, quantize=seed % 2 == 1)
        except MidiError as error:
            refusals.append(str(error))
            continue
        read += 1
        assert isinstance(piece, Piece)
        assert all(remark.isprintable() for remark in piece.remarks)
        up = tuple(evolve(note, pitch=min(note.pitch + 1, 127)) for note in piece.notes)
        path.write_bytes(midi_bytes(evolve(piece, notes=up)))
        assert load(path).parts
    assert read > count // 10
    assert [refusal for refusal in refusals if "fuzz.mid" not in refusal or not refusal.isprintable()] == []
    assert capfd.readouterr() == ("", "")
