import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentknobs.core.clip import Note, check_clips
from latentknobs.core.melody_format import HOLD, MELODY, REST
from latentknobs.core.piece import Piece
from latentknobs.errors import ClipError


@st.composite
def pieces(draw, most=20):
    """A line of notes and rests, with a length of at least the last note's end."""
    notes, now = [], 0
    for _ in range(draw(st.integers(0, most))):
        now += draw(st.integers(0, 12))
        length = draw(st.integers(1, 40))
        notes.append(Note(now, draw(st.integers(0, 127)), length))
        now += length
    return Piece(notes=tuple(notes), steps=max(now + draw(st.integers(0, 70)), 1))


@given(pieces())
def test_joining_what_was_cut_gives_the_piece_back(piece):
    """Cut and join with its ties and its length is the identity, over any number of edges."""
    cut = piece.cut(MELODY)
    joined = Piece.join(cut.clips, MELODY, tied=cut.tied, steps=piece.steps)

    assert joined.notes == piece.notes
    assert joined.steps == piece.steps


@given(pieces())
def test_cutting_loses_no_window_and_no_sounding_step(piece):
    """There is a clip for every started 32 steps, the last one too, and each step sounds what it sounded."""
    clips = piece.cut(MELODY).clips

    assert len(clips) == -(-piece.steps // 32)
    assert MELODY.valid(clips).all()
    expected = np.full(len(clips) * 32, -1)
    for note in piece.notes:
        expected[note.onset : note.end] = note.pitch
    assert (MELODY.sounding(clips).reshape(-1) == expected).all()


def test_a_piece_of_exactly_two_clips_gives_two():
    """The last whole window is not lost (the demo's loader lost it)."""
    piece = Piece(notes=(Note(0, 60, 4), Note(60, 62, 4)), steps=64)
    clips = piece.cut(MELODY).clips

    assert clips.shape == (2, 32)
    assert clips[1].tolist() == [REST] * 28 + [62, HOLD, HOLD, HOLD]


def test_a_note_over_the_edge_is_struck_again_and_marked():
    """What is held into a clip starts there, and the clip is marked as tied in."""
    cut = Piece(notes=(Note(30, 67, 6), Note(64, 60, 4)), steps=96).cut(MELODY)

    assert cut.clips[0, 30:].tolist() == [67, HOLD]
    assert cut.clips[1, :5].tolist() == [67, HOLD, HOLD, HOLD, REST]
    assert cut.tied.tolist() == [False, True, False]
    assert not cut.tied.flags.writeable


def test_a_tie_holds_only_where_the_pitches_still_meet():
    """After an edit that changed a pitch or the edge, the tied note is an onset of its own."""
    cut = Piece(notes=(Note(16, 67, 32),), steps=64).cut(MELODY)
    moved = cut.clips.copy()
    moved[1, 0] = 69
    shortened = cut.clips.copy()
    shortened[0, 31] = REST

    assert Piece.join(moved, MELODY, tied=cut.tied).notes == (Note(16, 67, 16), Note(32, 69, 16))
    assert Piece.join(shortened, MELODY, tied=cut.tied).notes == (Note(16, 67, 15), Note(32, 67, 16))
    assert len(Piece.join(cut.clips, MELODY).notes) == 2


def test_join_cuts_at_the_length_that_is_asked_for():
    """Notes past the length go, and a note over it ends there."""
    clips = np.stack([MELODY.tokens([Note(0, 60, 32)]), MELODY.tokens([Note(0, 62, 8), Note(8, 64, 8)])])

    joined = Piece.join(clips, MELODY, steps=36, tempo=90, name="tune")

    assert joined.notes == (Note(0, 60, 32), Note(32, 62, 4))
    assert (joined.steps, joined.tempo, joined.name) == (36, 90, "tune")


def test_two_voices_do_not_cut_into_a_format_of_one():
    """A piece that the format cannot carry is refused."""
    with pytest.raises(ClipError, match="one voice"):
        Piece(notes=(Note(0, 60, 8), Note(4, 67, 8)), steps=32).cut(MELODY)


def test_a_piece_ends_no_earlier_than_its_notes():
    """A length that would lose a note is an error."""
    with pytest.raises(ClipError, match="ends on step 8"):
        Piece(notes=(Note(0, 60, 8),), steps=7)


def test_notes_are_put_in_order():
    """A piece has its notes by onset, however they were given."""
    assert Piece(notes=(Note(4, 60), Note(0, 62)), steps=8).notes == (Note(0, 62), Note(4, 60))


@pytest.mark.parametrize(
    ("clips", "message"),
    [
        (np.zeros((2, 32)), "integers"),
        (np.zeros((2, 31), dtype=int), "shape"),
        (np.zeros(32, dtype=int), "shape"),
        (np.full((1, 32), 130), "0 to 129"),
        (np.full((1, 32), -1), "0 to 129"),
    ],
)
def test_arrays_that_are_no_clips_are_refused(clips, message):
    """check_clips says what is wrong with an array."""
    with pytest.raises(ClipError, match=message):
        check_clips(clips, MELODY)


def test_check_clips_takes_any_integers_of_the_right_shape():
    """Clips of another integer type become int16; none at all is fine."""
    assert check_clips(np.zeros((3, 32), dtype=np.int64), MELODY).dtype == np.int16
    assert check_clips(np.zeros((0, 32), dtype=np.int64), MELODY).shape == (0, 32)
