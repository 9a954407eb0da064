import itertools
import math

import mido
import numpy as np
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from latentknobs.core.clip import Note
from latentknobs.core.melody_format import MELODY, MelodyFormat
from latentknobs.core.meter import signature_of, steps_per_bar
from latentknobs.core.piece import Piece
from latentknobs.errors import ClipError, MidiError, OutputError, UsageError
from latentknobs.scores import (
    EXAMPLES,
    TWINKLE,
    example_for,
    midi_bytes,
    read_piece,
    read_provenance,
    twinkle,
    twinkle_path,
    write_piece,
)
from latentknobs.scores.example import JIG, WALTZ
from latentknobs.scores.midi_file import load
from latentknobs.scores.voice_extraction import highest_onset, skyline


@pytest.fixture
def read(tmp_path):
    """Reads a file made of lists of (tick, message)."""

    def reader(*tracks, division=480, kind=1, **options):
        file = mido.MidiFile(type=kind, ticks_per_beat=division)
        for track in tracks:
            now, messages = 0, mido.MidiTrack()
            for tick, message in sorted(track, key=lambda event: event[0]):
                messages.append(message.copy(time=tick - now))
                now = tick
            file.tracks.append(messages)
        path = tmp_path / "tune.mid"
        file.save(path)
        return read_piece(path, **options)

    return reader


def notes(*spans, channel=0):
    """Events of notes (start, end, pitch) in ticks."""
    out = []
    for start, end, pitch in spans:
        out.append((start, mido.Message("note_on", note=pitch, velocity=80, channel=channel)))
        out.append((end, mido.Message("note_off", note=pitch, channel=channel)))
    return out


def meter(tick, beats, unit):
    """A time signature."""
    return (tick, mido.MetaMessage("time_signature", numerator=beats, denominator=unit))


def end(tick):
    """The end of the track."""
    return (tick, mido.MetaMessage("end_of_track"))


@st.composite
def pieces(draw):
    """A line of notes, a whole number of bars long."""
    line, now = [], 0
    for _ in range(draw(st.integers(1, 30))):
        now += draw(st.integers(0, 6))
        length = draw(st.integers(1, 20))
        line.append(Note(now, draw(st.integers(0, 127)), length))
        now += length
    bars = -(-now // 16) + draw(st.integers(0, 3))
    return Piece(notes=tuple(line), steps=bars * 16, tempo=draw(st.floats(4, 2_000)))


@given(pieces())
def test_reading_what_was_written_gives_the_piece_back(tmp_path_factory, piece):
    """Notes and steps are the same, and the tempo is the same microseconds in a beat."""
    path = tmp_path_factory.getbasetemp() / "round.mid"
    write_piece(piece, path, overwrite=True)
    found = read_piece(path)

    assert found.notes == piece.notes
    assert found.steps == piece.steps
    assert round(60e6 / found.tempo) == round(60e6 / piece.tempo)
    assert not [remark for remark in found.remarks if "silen" not in remark]
    assert midi_bytes(Piece(found.notes, found.steps, found.tempo)) == midi_bytes(piece)


@given(pieces())
def test_tied_clips_written_and_read_are_the_same_clips(tmp_path_factory, piece):
    """Cut, join, write, read and cut again: the clips and their ties stay as they are."""
    cut = piece.cut(MELODY)
    joined = Piece.join(cut.clips, MELODY, tied=cut.tied, steps=piece.steps)
    path = tmp_path_factory.getbasetemp() / "tied.mid"
    write_piece(joined, path, overwrite=True)
    again = read_piece(path).cut(MELODY)

    assert (again.clips == cut.clips).all()
    assert (again.tied == cut.tied).all()


@settings(max_examples=40)
@given(
    st.sampled_from([24, 96, 120, 384, 480, 960]),
    st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 1500)), min_size=1, max_size=7),
)
def test_starts_and_ends_are_rounded_half_up_each_for_itself(tmp_path_factory, division, spans):
    """Each tick goes to the nearest step, the later of two, and no note is shorter than a step."""
    track = mido.MidiTrack()
    now, line = 0, []
    for wait, length in spans:
        # A beat apart, so that rounding never makes two of them meet.
        start = now + wait + division
        line.append((start, start + length))
        track.append(mido.Message("note_on", note=60, time=start - now))
        track.append(mido.Message("note_off", note=60, time=length))
        now = start + length
    path = tmp_path_factory.getbasetemp() / "round.mid"
    mido.MidiFile(ticks_per_beat=division, tracks=[track]).save(path)

    def step(tick):
        return math.floor(tick * 4 / division + 0.5)

    expected = tuple(Note(step(a), 60, max(step(b) - step(a), 1)) for a, b in line)
    assert read_piece(path).notes == expected


def test_short_gates_do_not_become_rests(read):
    """What a notation program ends 5 % early is still 4 and 2 steps long."""
    piece = read(notes((0, 455, 60), (480, 707, 62), (720, 947, 64)))

    assert piece.notes == (Note(0, 60, 4), Note(4, 62, 2), Note(6, 64, 2))


def test_a_tempo_change_moves_nothing(read):
    """Ticks are exact through a change of tempo; the first one is heard, the other told."""
    tempos = [(0, mido.MetaMessage("set_tempo", tempo=500_000)), (480, mido.MetaMessage("set_tempo", tempo=1_000_000))]
    piece = read(tempos, notes((0, 480, 60), (480, 960, 62)))

    assert piece.notes == (Note(0, 60, 4), Note(4, 62, 4))
    assert piece.tempo == 120
    assert any("1 other tempo kept" in remark for remark in piece.remarks)


def test_without_a_tempo_it_is_120(read):
    """The standard's default; a tempo that nothing can be played at counts as none."""
    assert read(notes((0, 480, 60))).tempo == 120
    assert read([(0, mido.MetaMessage("set_tempo", tempo=0)), *notes((0, 480, 60))]).tempo == 120


def test_a_sixteenth_is_a_quarter_of_a_beat(tmp_path):
    """A step is written as 120 of 480 ticks (the demo wrote half of it)."""
    write_piece(Piece(notes=(Note(1, 60),), steps=16), tmp_path / "a.mid")
    track = mido.MidiFile(tmp_path / "a.mid").tracks[0]

    assert [message.time for message in track if message.type in ("note_on", "note_off")] == [120, 120]


def test_the_same_pitch_struck_again_ends_the_note(read):
    """A note without an end of its own ends where its pitch starts again; velocity 0 is an end."""
    again = [(0, mido.Message("note_on", note=60)), (480, mido.Message("note_on", note=60))]
    piece = read([*again, (960, mido.Message("note_on", note=60, velocity=0))])

    assert piece.notes == (Note(0, 60, 4), Note(4, 60, 4))


def test_an_end_written_after_the_new_start_of_its_tick_is_the_earlier_notes(read):
    """Exporters that write start before end on one tick lose no note."""
    on, off = mido.Message("note_on", note=60), mido.Message("note_off", note=60)

    assert read([(0, on), (480, on), (480, off), (960, off)]).notes == (Note(0, 60, 4), Note(4, 60, 4))


def test_a_note_that_never_ends_ends_with_the_track(read):
    """A missing end is the end of the track."""
    assert read([(0, mido.Message("note_on", note=60)), end(960)]).notes == (Note(0, 60, 8),)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(1, 8), st.integers(40, 80), st.integers(0, 120)), min_size=2, max_size=12))
def test_legato_overlaps_are_cut_and_no_note_is_shortened_by_another_ones_end(tmp_path_factory, line):
    """Notes held up to a step into the next come out exactly on the grid, with the next note whole."""
    events, now, expected = [], 0, []
    for length, pitch, overlap in line:
        other = pitch + 41 if expected and expected[-1].pitch == pitch else pitch
        expected.append(Note(now, other, length))
        events.append((now * 120, mido.Message("note_on", note=other)))
        events.append(((now + length) * 120 + overlap, mido.Message("note_off", note=other)))
        now += length
    expected[-1] = Note(expected[-1].onset, expected[-1].pitch, expected[-1].length + (line[-1][2] >= 60))
    events.sort(key=lambda event: event[0])
    track, last = mido.MidiTrack(), 0
    for tick, message in events:
        track.append(message.copy(time=tick - last))
        last = tick
    path = tmp_path_factory.getbasetemp() / "legato.mid"
    mido.MidiFile(tracks=[track]).save(path)

    assert read_piece(path, policy="highest-onset").notes == tuple(expected)


def test_highest_onset_lets_the_next_onset_cut(read):
    """Of notes that start together the highest; the next onset takes the line, also a bass note's."""
    piece = read(notes((0, 1920, 72), (0, 480, 60), (480, 960, 48)), policy="highest-onset")

    assert piece.notes == (Note(0, 72, 4), Note(4, 48, 4))
    assert "2 of 3 notes are read as the melody." in piece.remarks
    assert any(
        "1 note below or beside a higher one left as accompaniment in bar 1." in remark for remark in piece.remarks
    )
    assert any("1 note cut by the next onset in bar 1." in remark for remark in piece.remarks)


def test_skyline_keeps_the_highest_sounding_note(read):
    """A note under a higher one is left out; one that a higher one covers ends there and does not come back."""
    piece = read(notes((0, 960, 72), (480, 960, 48), (1920, 3840, 60), (2400, 2880, 65)), policy="skyline")

    assert piece.notes == (Note(0, 72, 8), Note(16, 60, 4), Note(20, 65, 4))


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.integers(50, 60), st.integers(1, 16)),
        min_size=1,
        max_size=14,
        unique_by=lambda n: n[:2],
    )
)
def test_policies_agree_with_a_plain_transcription_of_their_rules(raw):
    """Skyline is the top sounding pitch wherever that note's start was heard; highest-onset one note an onset."""
    chords = [Note(*note) for note in raw]
    top = skyline(chords, 64)
    for step in range(64):
        sounding = [note for note in chords if note.onset <= step < note.end]
        line = [note for note in top.notes if note.onset <= step < note.end]
        assert len(line) <= 1
        starting = [note for note in sounding if note.onset == step]
        highest = max((note.pitch for note in sounding), default=None)
        assert any(n.onset == step for n in line) == (highest in {n.pitch for n in starting})
        if line:
            assert line[0].pitch == highest
    onsets = highest_onset(chords)
    assert {n.onset: n.pitch for n in onsets.notes} == {
        onset: max(n.pitch for n in chords if n.onset == onset) for onset in {n.onset for n in chords}
    }
    for voice in (top, onsets):
        assert len(voice.notes) + len(voice.dropped) == len(chords)
        assert all(a.end <= b.onset for a, b in itertools.pairwise(voice.notes))


def test_error_policy_allows_not_even_legato(read):
    """Who asks for an error gets one at the first overlap on the grid; auto takes a step of legato."""
    legato = notes((0, 600, 60), (480, 960, 62))

    assert read(legato).notes == (Note(0, 60, 4), Note(4, 62, 4))
    with pytest.raises(MidiError, match="bar 1 on beat 2"):
        read(legato, policy="error")
    with pytest.raises(MidiError, match="several notes sound at once"):
        read(notes((0, 720, 60), (480, 960, 62)))


def test_the_only_pitched_track_is_taken(read):
    """Drums and effects are no candidates for the melody, but an effect can be asked for."""
    tune = notes((0, 480, 60))
    drums = notes((0, 480, 36), channel=9)
    rain = [(0, mido.Message("program_change", program=96, channel=1)), *notes((0, 480, 50), channel=1)]

    assert read(drums, tune, rain).notes == (Note(0, 60, 4),)
    assert read(drums, tune, rain, track=3).notes == (Note(0, 50, 4),)
    with pytest.raises(MidiError, match="effects"):
        read(rain)


def test_a_track_is_chosen_by_number_or_name(read):
    """Numbers count tracks with notes; names are compared without case; channels of format 0 are tracks."""
    name = (0, mido.MetaMessage("track_name", name="Flöte".encode().decode("latin-1")))
    tracks = [
        [(0, mido.MetaMessage("track_name", name="conductor"))],
        notes((0, 480, 60)),
        [name, (9, mido.MetaMessage("track_name", name="Chorus")), *notes((0, 480, 72))],
    ]

    assert read(*tracks, track=1).notes[0].pitch == 60
    assert read(*tracks, track="2").notes[0].pitch == 72
    assert read(*tracks, track="flöte").notes[0].pitch == 72
    both = [*notes((0, 480, 60)), *notes((0, 480, 72), channel=3)]
    assert read(both, kind=0, track=2).notes[0].pitch == 72


def test_of_several_lines_the_highest_is_the_likeliest(read):
    """It is taken where it has most of the notes too, and suggested where nothing but its pitch tells."""
    lines = [notes((0, 480, pitch), (480, 960, pitch + 2)) for pitch in (60, 72, 48)]
    with pytest.raises(MidiError, match=r"which track is the melody.* Most likely: 2"):
        read(*lines)

    tune = notes(*[(240 * k, 240 * k + 240, 72 + k) for k in range(4)])
    assert read(lines[0], tune, lines[2]).notes[0].pitch == 72


def test_a_line_of_one_pitch_is_not_the_likeliest_melody(read):
    """Though it is the highest."""
    tune = notes(*[(240 * k, 240 * k + 240, 60 + k % 5) for k in range(8)])
    repeated = notes(*[(480 * k, 480 * k + 480, 72) for k in range(4)])
    with pytest.raises(MidiError, match="Most likely: 2"):
        read(repeated, tune, notes((0, 960, 40), (960, 1920, 38)))


def test_a_track_whose_notes_have_channels_of_their_own_is_one_part(read):
    """What MPE instruments write is one part, the drums' channel with it; several voices stay apart."""
    turns = [(480 * k, 480 * k + 480, 60 + k) for k in range(12)]
    rotating = [event for k, span in enumerate(turns) for event in notes(span, channel=4 + k % 6)]
    assert [note.pitch for note in read(rotating, kind=0).notes] == list(range(60, 72))

    chords = [event for k in range(3) for event in notes((0, 480, 60 + k), (480, 960, 70 + k), channel=8 + k)]
    zone = [
        (0, mido.Message("control_change", control=number, value=value))
        for number, value in ((101, 0), (100, 6), (6, 5), (101, 127))
    ]
    with pytest.raises(MidiError, match="which track is the melody"):
        read(chords, kind=0)
    assert [note.pitch for note in read([*zone, *chords], kind=0, policy="skyline").notes] == [62, 72]
    assert [note.pitch for note in read([*zone, *chords], kind=0, track=1, policy="skyline").notes] == [62, 72]


def test_a_policy_reads_several_tracks_as_one(read):
    """With a policy, all pitched tracks are merged, and that is told."""
    piece = read(notes((0, 480, 60)), notes((0, 480, 72), (480, 960, 71)), policy="skyline")

    assert piece.notes == (Note(0, 72, 4), Note(4, 71, 4))
    assert "Tracks 1-2 were read as one." in piece.remarks


@pytest.mark.parametrize(("beats", "unit"), [(4, 4), (2, 2), (8, 8)])
def test_bars_of_four_quarters_are_read(read, beats, unit):
    """However they are counted."""
    assert read([meter(0, beats, unit), *notes((0, 1920, 60))]).steps == 16


@pytest.mark.parametrize(("beats", "unit", "ticks"), [(2, 4, 960), (1, 4, 480), (8, 4, 3840)])
def test_bars_that_make_the_formats_are_taken_together_or_divided(read, beats, unit, ticks):
    """Two bars of 2/4 or four of 1/4 are one of the clip's, and one of 8/4 is two; the notes stay where they are."""
    piece = read([meter(0, beats, unit), *notes((960, 1440, 60), (1920, 2400, 62), (3360, 3840, 64))])

    assert piece.notes == (Note(8, 60, 4), Note(16, 62, 4), Note(28, 64, 4))
    assert len(piece.cut(MELODY).clips) == 1
    assert any("taken together" in remark for remark in piece.remarks) == (ticks < 1920)


def test_every_time_signature_is_a_stretch_of_the_piece(read):
    """Bars count as in the file; what the format has no bars for is cut into clips of its own."""
    events = [
        meter(0, 4, 4),
        meter(1920, 3, 4),
        meter(1920 + 2 * 1440, 4, 4),
        *notes((0, 480, 60), (1920, 2400, 61), (4800, 5280, 62), (4800 + 1920, 4800 + 2400, 63)),
    ]
    piece = read(events)
    cut = piece.cut(MELODY)

    assert [(str(one.signature), one.start, one.steps, one.bar) for one in piece.stretches] == [
        ("4/4", 0, 16, 1),
        ("3/4", 16, 24, 2),
        ("4/4", 40, 32, 4),
    ]
    assert [note.onset for note in piece.notes] == [0, 16, 40, 56]
    assert cut.starts.tolist() == [0, 40]
    assert [(other.clip_format.steps, other.starts.tolist()) for other in cut.others] == [(24, [16])]
    assert piece.with_clips(cut, [cut.clips, cut.others[0].clips]).notes == piece.notes


def test_a_time_signature_that_is_given_holds_throughout(read):
    """Whatever the file says, its bars are those of the one that is named."""
    events = [meter(0, 3, 4), meter(2880, 5, 4), *notes((0, 480, 60), (7200, 7680, 62))]

    assert [str(one.signature) for one in read(events, time_signature="4/4").stretches] == ["4/4"]
    assert read(events, time_signature="4/4").steps == 64


def test_only_the_bars_that_are_named_are_read(read):
    """They count as in the file, and a note that is held into the first of them is struck again there."""
    line = notes(*((960 * k, 960 * k + 480, 60 + k) for k in range(8)), (7680, 10560, 72))

    assert read(line, bars="2-3").notes == (Note(0, 62, 4), Note(8, 63, 4), Note(16, 64, 4), Note(24, 65, 4))
    assert read(line, bars="6").notes == (Note(0, 72, 8),)
    assert read(line, bars="2-3").stretches[0].bar == 2
    with pytest.raises(MidiError, match="no notes in bars 40"):
        read(line, bars="40")
    with pytest.raises(UsageError, match="no bars"):
        read(line, bars="3-2")


def test_notes_that_share_a_step_follow_the_longest(read, tmp_path):
    """A grace note is not read as the melody's, and is transposed with the note that it belongs to."""
    piece = read(notes((0, 40, 62), (40, 480, 60), (480, 960, 64)))
    moved = piece.source.with_notes([evolve(note, pitch=note.pitch + 5) for note in piece.notes])
    (tmp_path / "moved.mid").write_bytes(moved)
    ons = [m for m in mido.MidiFile(tmp_path / "moved.mid").tracks[0] if m.type == "note_on" and m.velocity]

    assert piece.notes == (Note(0, 60, 4), Note(4, 64, 4))
    assert [(m.note, m.time) for m in ons] == [(67, 0), (65, 0), (69, 0)]


def test_quantized_notes_are_written_on_the_grid(read, tmp_path):
    """With quantize the melody's timing is the grid's; without it is as it was played."""
    played = notes((25, 470, 60), (500, 955, 62))
    for quantize, starts in ((False, [25, 500]), (True, [0, 480])):
        (tmp_path / "out.mid").write_bytes(midi_bytes(read(played, quantize=quantize)))
        assert [note.start for note in load(tmp_path / "out.mid").parts[0].notes] == starts


def test_what_has_no_grid_is_refused_unless_it_is_quantized(read):
    """Onsets anywhere are told with their share, and what to do."""
    rng = np.random.default_rng(0)
    starts = np.sort(rng.choice(40_000, 64, replace=False)).tolist()
    played = notes(*((start, start + 50, 60 + k % 5) for k, start in enumerate(starts)))

    with pytest.raises(MidiError, match=r"without a grid: [234].% .* --quantize"):
        read(played)
    assert len(read(played, quantize=True).notes) > 50


def test_a_first_signature_later_than_the_start_leaves_four_four_before_it(read):
    """Before any signature the meter is 4/4."""
    piece = read([meter(1920, 3, 4), *notes((0, 480, 60), (1920, 2400, 61))])

    assert [str(one.signature) for one in piece.stretches] == ["4/4", "3/4"]


def test_a_note_over_a_change_of_meter_is_one_note(read):
    """It is cut into the clips of both and tied again."""
    piece = read([meter(0, 3, 4), meter(2880, 4, 4), *notes((2400, 3360, 60), (3360, 6720, 62))])
    cut = piece.cut(MELODY)

    assert piece.notes == (Note(20, 60, 8), Note(28, 62, 28))
    assert cut.tied.tolist() == [True]
    assert piece.with_clips(cut, [cut.clips, cut.others[0].clips]).notes == piece.notes


def test_the_first_tick_is_a_downbeat_and_leading_silence_stays(read):
    """Bar lines come from the meter, never from the first note."""
    assert read(notes((1920 + 960, 1920 + 1440, 60))).notes == (Note(24, 60, 4),)


def test_an_offset_moves_the_music_against_the_bar_lines(read):
    """A file whose first note is a pick-up is put right by the beats before it; what lies before bar 1 gets a bar."""
    tune = notes((0, 480, 60), (480, 960, 62))

    assert read(tune, offset=3).notes == (Note(12, 60, 4), Note(16, 62, 4))
    assert read(tune, offset=-1).notes == read(tune, offset=3).notes


def test_a_short_first_bar_is_a_pick_up(read):
    """What notation programs write as a bar of 1/4 stands at the end of a bar of its own."""
    piece = read([meter(0, 1, 4), meter(480, 4, 4), *notes((0, 480, 60), (480, 960, 62))])

    assert piece.notes == (Note(12, 60, 4), Note(16, 62, 4))
    assert any("pick-up of 1 quarter" in remark for remark in piece.remarks)


def test_the_length_is_in_whole_bars(read):
    """To the end of the last note, then whole bars of silence as far as the track goes; a tick more is nothing."""
    tune = notes((0, 480, 60))

    assert read(tune).steps == 16
    assert read([*tune, end(1921)]).steps == 16
    silent = read([*tune, end(3 * 1920)])
    assert silent.steps == 48
    assert silent.cut(MELODY).clips.shape == (2, 32)
    assert "2 silent bars after the last note kept." in silent.remarks
    assert "1 bar of silence fills the last clip." in silent.remarks


def test_swing_is_called_so_only_where_it_is(read):
    """Eighths played late in their second half are swing; a straight melody with one late note is not."""
    swung = notes(*((480 * k + d, 480 * k + d + 100, 60 + k % 5) for k in range(8) for d in (0, 310)))
    straight = notes(*((240 * k + 80 * (k == 5), 240 * k + 200, 60 + k % 5) for k in range(16)))

    assert any(remark.startswith("It swings") for remark in read(swung).remarks)
    assert not any("swing" in remark.lower() for remark in read(straight).remarks)


def test_triplets_are_seen_and_told(read):
    """Onsets far from the grid are measured: the swung eighth and the triplets land on steps 3, 1 and 3."""
    piece = read(notes((0, 320, 60), (320, 480, 62), (480, 640, 60), (640, 800, 62), (800, 960, 64)))

    assert [note.onset for note in piece.notes] == [0, 3, 4, 5, 7]
    assert any(remark.startswith("It has triplets") for remark in piece.remarks)
    assert read(notes((0, 480, 60))).remarks == ("1 bar of silence fills the last clip.",)


def test_a_small_delay_is_told_without_a_warning(read):
    """A played file tells its mean deviation."""
    told = " ".join(read(notes((12, 480, 60), (480, 960, 62))).remarks)

    assert "moved by 0.05 steps on average" in told
    assert "Swing" not in told


@pytest.mark.parametrize("late", [-20, 13, 40, 60, 90])
def test_a_constant_lateness_is_taken_out(read, late):
    """A melody that is early or late everywhere is read as if it were not, and one on the grid as it is."""
    piece = read(notes(*((480 * k + late, 480 * k + 240 + late, 60 + k) for k in range(1, 11))))

    assert [note.onset for note in piece.notes] == list(range(4, 44, 4))
    assert any(f"({abs(late)} ticks)" in remark for remark in piece.remarks)
    assert not any("Swing" in remark for remark in piece.remarks)
    on_the_grid = read(notes(*((480 * k, 480 * k + 240, 60 + k) for k in range(10))))
    assert not any("ticks" in remark for remark in on_the_grid.remarks)


def test_a_little_early_is_not_most_of_a_step_late(read):
    """Onsets a tenth of a step early keep their steps, though a step earlier more of them would be on beats."""
    piece = read(notes(*((120 * (4 * k + 1) - 13, 120 * (4 * k + 2) - 13, 60 + k) for k in range(10))))

    assert [note.onset for note in piece.notes] == list(range(1, 41, 4))


def test_a_two_bar_clip_is_3840_ticks_long(tmp_path):
    """Format 0, 480 ticks, head at 0, velocity 100, and the end of the track exactly on the last bar line."""
    write_piece(Piece(notes=(Note(4, 60, 4),), steps=32, tempo=100, name="tune"), tmp_path / "a.mid")
    file = mido.MidiFile(tmp_path / "a.mid")
    track = file.tracks[0]

    assert (file.type, file.ticks_per_beat, len(file.tracks)) == (0, 480, 1)
    assert sum(message.time for message in track) == 3840
    assert track[-1].type == "end_of_track"
    assert [(m.type, m.time) for m in track[:3]] == [("track_name", 0), ("set_tempo", 0), ("time_signature", 0)]
    assert (track[0].name, track[1].tempo, track[2].numerator, track[2].denominator) == ("tune", 600_000, 4, 4)
    assert {m.velocity for m in track if m.type == "note_on"} == {100}


@pytest.mark.parametrize(("steps", "ticks"), [(1, 1920), (16, 1920), (17, 3840), (48, 5760)])
def test_the_end_is_rounded_up_to_whole_bars(tmp_path, steps, ticks):
    """A piece that ends within a bar is written to the end of it."""
    write_piece(Piece(notes=(Note(0, 60),), steps=steps), tmp_path / "a.mid")

    assert sum(message.time for message in mido.MidiFile(tmp_path / "a.mid").tracks[0]) == ticks


def test_provenance_comes_back(tmp_path):
    """What made a file can be read from it; a file from elsewhere has none."""
    made = {"model": "ab" * 32, "knobs": {"pitch": 3.0}, "seed": 0, "name": "Änderung ♪"}
    write_piece(twinkle(), tmp_path / "a.mid", provenance=made)

    assert read_provenance(tmp_path / "a.mid") == made
    assert read_provenance(twinkle_path()) is None
    assert read_piece(tmp_path / "a.mid").notes == twinkle().notes
    file = mido.MidiFile(tmp_path / "a.mid")
    file.tracks[0][3] = mido.MetaMessage("text", text='["not", "ours"]')
    file.save(tmp_path / "b.mid")
    assert read_provenance(tmp_path / "b.mid") is None


def test_names_of_any_script_are_written(tmp_path):
    """A name outside Latin-1 is written as UTF-8."""
    write_piece(Piece(notes=(Note(0, 60),), steps=16, name="Ваня ♪"), tmp_path / "a.mid")

    assert "Ваня ♪".encode() in (tmp_path / "a.mid").read_bytes()


def test_an_existing_file_is_kept(tmp_path):
    """Writing over a file is an error that names it, unless it is asked for."""
    path = tmp_path / "out.mid"
    path.write_bytes(b"mine")

    with pytest.raises(UsageError, match=r"out\.mid exists"):
        write_piece(twinkle(), path)
    assert path.read_bytes() == b"mine"
    with pytest.raises(OutputError):
        write_piece(twinkle(), tmp_path / "none" / "out.mid")


def test_what_midi_cannot_carry_is_refused(tmp_path):
    """Two voices, a tempo slower than three bytes of microseconds, and endless provenance write nothing."""
    with pytest.raises(ClipError, match="two notes sound on step 2"):
        write_piece(Piece(notes=(Note(0, 60, 4), Note(2, 62, 4)), steps=16), tmp_path / "a.mid")
    with pytest.raises(UsageError, match="slower"):
        write_piece(Piece(notes=(Note(0, 60),), steps=16, tempo=3), tmp_path / "a.mid")
    with pytest.raises(UsageError, match="provenance"):
        write_piece(twinkle(), tmp_path / "a.mid", provenance={"x": "y" * 2_000_000})
    assert not list(tmp_path.glob("*.*"))


THEME = [
    "60 60 67 67 69 69 67 67",
    "65 65 64 64 62 62 60 60",
    "67 67 65 65 64 64 62 62",
    "67 67 65 65 64 64 62 62",
    "60 60 67 67 69 69 67 67",
    "65 65 64 64 62 62 60 60",
]


def test_the_theme_in_the_package_is_the_theme():
    """12 bars, six clips: each line has six quarters and a half note."""
    expected = []
    for line, pitches in enumerate(THEME):
        values = [int(pitch) for pitch in pitches.split()]
        expected += [Note(32 * line + 4 * i, pitch, 4) for i, pitch in enumerate(values[:6])]
        expected.append(Note(32 * line + 24, values[6], 8))
    piece = TWINKLE.read()

    assert piece.notes == tuple(expected)
    assert (piece.steps, piece.tempo, piece.name, piece.remarks) == (192, 120, "twinkle", ())
    assert piece.cut(MELODY).clips.shape == (6, 32)
    assert not piece.cut(MELODY).tied.any()
    assert (np.unique(MELODY.sounding(piece.cut(MELODY).clips)) == [60, 62, 64, 65, 67, 69]).all()


@pytest.mark.parametrize("example", [TWINKLE, WALTZ, JIG], ids=lambda example: example.name)
def test_the_examples_in_the_package_are_what_the_writer_makes(example):
    """The files are made by this package and by nothing else, and read as the melodies that they hold."""
    assert example.path.read_bytes() == midi_bytes(example.piece, clip_format=example.clip_format)

    piece = read_piece(example.path, clip_format=example.clip_format)
    assert (piece.notes, piece.stretches, piece.remarks) == (example.piece.notes, example.read().stretches, ())


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=list(EXAMPLES))
def test_the_examples_are_whole_clips_of_their_time_signature(example):
    """Of each the bars are full and no two notes sound together."""
    piece = example.read()

    assert piece.steps % example.clip_format.steps == 0
    assert [str(one.signature) for one in piece.stretches] == [str(signature_of(example.clip_format))]
    assert all(note.end <= after.onset for note, after in itertools.pairwise(piece.notes))


def test_there_are_ten_examples_of_many_kinds():
    """Ten melodies of eight to sixteen bars, in four time signatures and at least six styles."""
    bars = [one.piece.steps // steps_per_bar(one.clip_format) for one in EXAMPLES.values()]

    assert len(EXAMPLES) == 10
    assert (min(bars), max(bars)) == (8, 16)
    assert {str(signature_of(one.clip_format)) for one in EXAMPLES.values()} == {"4/4", "3/4", "6/8", "2/4"}
    assert len({one.style for one in EXAMPLES.values()}) >= 6


def test_formats_have_the_example_of_their_time_signature():
    """Four bars of 4/4 and 3/8 have one too, 5/4 has none."""
    wanted = {"4/4": TWINKLE, "3/4": WALTZ, "6/8": JIG, "3/8": JIG, "5/4": None}

    assert {text: example_for(MelodyFormat(text, 4, 4)) for text in wanted} == wanted


def test_a_new_file_has_the_time_signatures_of_the_stretches(read, tmp_path):
    """A melody that is written alone has its bars."""
    piece = read([meter(0, 3, 4), meter(2880, 4, 4), *notes((0, 480, 60), (2880, 3360, 62))])
    write_piece(evolve(piece, source=None), tmp_path / "alone.mid")
    again = read_piece(tmp_path / "alone.mid")

    assert again.notes == piece.notes
    assert again.stretches == piece.stretches
