"""Files that other programs stumble over, in tests/data/midi; eight quarters C D E F G A B C unless a row says more."""

from pathlib import Path

import pytest

from latentknobs.core.clip import Note
from latentknobs.errors import MidiError
from latentknobs.scores import midi_bytes, read_piece

FOLDER = Path(__file__).parents[1] / "data" / "midi"
SCALE = (60, 62, 64, 65, 67, 69, 71, 72)
TWINKLE = (60, 60, 67, 67, 69, 69, 67, 67)


def quarters(pitches, first=0, length=4):
    """One note a beat."""
    return tuple(Note(first + 4 * k, pitch, length) for k, pitch in enumerate(pitches))


NOTES = {
    "header_says_1_of_2_tracks": quarters([72] * 8),
    "twinkle_legato_5_ticks": quarters(TWINKLE),
    "same_pitch_overlap_10_ticks": quarters([60] * 8),
    "note_doubled_same_tick": quarters([60] * 8),
    "tempo_after_pickup": quarters([60, *SCALE], 12),
    "notes_after_end_of_track": quarters(SCALE * 2),
    "zero_length_notes": quarters(SCALE, length=1),
    "meter_again_mid_bar": quarters([60, 62, *SCALE, *SCALE]),
    "pitch_0_and_127": quarters([0, 127] * 4),
    "last_note_hangs": (*quarters(SCALE[:-1]), Note(28, 72, 1)),
    "track_repeats_4_4_over_3_4": quarters([60, 62, 64] * 6),
    "one_note": (Note(0, 51, 4),),
    "two_silent_bars_first": (Note(32, 51, 4),),
}
"""The notes where they are not the plain eight quarters."""

TOLD = {
    "track_repeats_4_4_over_3_4": "Track 1 says 3/4 at tick 0, and track 2 says 4/4: 3/4 holds.",
    "note_doubled_same_tick": "8 notes that doubled another one merged",
    "header_says_1_of_2_tracks": "number of tracks is 1, and there are 2",
    "header_says_1_track_conductor_first": "number of tracks is 1, and there are 2",
    "header_says_3_of_2_tracks": "number of tracks is 3, and there are 2",
    "key_signature_invalid": "skipped: key signature at tick 0",
    "controller_255": "1 event with data above 127 read as 127",
    "track_length_too_long": "wrong length",
    "track_length_too_short": "wrong length",
    "track_length_zero": "wrong length",
    "notes_after_end_of_track": "goes on after its end",
    "end_of_track_missing": "has no end",
    "trailing_bytes": "100 bytes that are no MIDI",
    "zero_length_notes": "8 notes of no length",
    "meter_0_4": "skipped: time signature at tick 0",
    "meter_denominator_2_33": "skipped: time signature",
    "meter_denominator_2_255": "skipped: time signature",
    "tempo_zero": "skipped: tempo at tick 0",
    "midi_delay_late_60": "late (75 ticks)",
    "last_note_hangs": "1 note without an end",
    "tempo_after_pickup": "1 other tempo kept",
}
"""What is told, where the file has a fault or is not read as it stands."""

REFUSED = {
    "track_name_escapes": "1 '[31mred foo' (8 notes, C4 to C5, 100% monophonic); 2 'A'",
    "crlf_damaged": "transferred as text",
}
"""What cannot be read by itself, and what the message has."""

READ = sorted(path.stem for path in FOLDER.glob("*.mid") if path.stem not in REFUSED)
REPAIRED = {
    "header_says_1_of_2_tracks",
    "header_says_1_track_conductor_first",
    "header_says_3_of_2_tracks",
    "track_length_too_long",
    "track_length_too_short",
    "track_length_zero",
    "notes_after_end_of_track",
    "end_of_track_missing",
}


@pytest.mark.parametrize("name", READ)
def test_what_stands_in_the_file_is_read_and_its_faults_are_told(name):
    """Each file has these notes, and only what is wrong with it is told."""
    piece = read_piece(FOLDER / f"{name}.mid")

    assert piece.notes == NOTES.get(name, quarters(SCALE))
    told = " ".join(piece.remarks)
    assert TOLD.get(name, "") in told
    if name not in TOLD:
        assert all("silence" in remark or "pick-up" in remark for remark in piece.remarks)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_needs_a_choice_or_another_copy_is_one_sentence_without_control_characters(name):
    """The message says what the file is or what there is to choose from."""
    with pytest.raises(MidiError) as caught:
        read_piece(FOLDER / f"{name}.mid")
    assert REFUSED[name] in str(caught.value)
    assert str(caught.value).isprintable()


def test_the_last_tempo_of_a_tick_holds_whatever_track_it_stands_in():
    """Tempos of all tracks are one map, and 120 holds before the first."""
    for name, tempo in (("two_tempos_on_tick_0", 72), ("tempo_in_the_second_track", 72), ("tempo_after_pickup", 120)):
        assert round(read_piece(FOLDER / f"{name}.mid").tempo, 3) == tempo


def test_a_name_that_no_terminal_can_show_is_chosen_by_its_number():
    """Escapes in a name are not in the way."""
    assert read_piece(FOLDER / "track_name_escapes.mid", track=1).notes == quarters(SCALE)


def test_a_track_that_the_header_does_not_count_can_be_chosen():
    """All track chunks are tracks."""
    assert read_piece(FOLDER / "header_says_1_of_2_tracks.mid", track="voice").notes[0].pitch == 72


@pytest.mark.parametrize("name", READ)
def test_unchanged_notes_leave_the_file_as_it_was(name):
    """Written back, a sound file has the same bytes; one with a wrong structure is repaired and read alike."""
    path = FOLDER / f"{name}.mid"
    piece = read_piece(path)
    back = midi_bytes(piece)

    if name == "riff":  # the MIDI file inside is what other programs read
        assert back in path.read_bytes()
    else:
        assert (back == path.read_bytes()) == (name not in REPAIRED)


@pytest.mark.parametrize("name", sorted(REPAIRED))
def test_a_damaged_structure_is_written_repaired(tmp_path, name):
    """The file that comes back has the same notes and nothing to tell."""
    piece = read_piece(FOLDER / f"{name}.mid")
    (tmp_path / "back.mid").write_bytes(midi_bytes(piece))
    again = read_piece(tmp_path / "back.mid")

    assert again.notes == piece.notes
    assert not any("number of tracks" in remark or "wrong length" in remark for remark in again.remarks)
