import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentknobs.attributes.melody_attributes import log2_onsets, mean_pitch
from latentknobs.augmentations.note_split import NoteSplit
from latentknobs.augmentations.transpose import Transpose
from latentknobs.core.augmentation import inexact
from latentknobs.core.clip import Note
from latentknobs.core.melody_format import HOLD, MELODY, MELODY_3_4, MELODY_6_8, REST
from latentknobs.errors import AmountError

RNG = np.random.default_rng(0)
any_clips = st.lists(st.lists(st.integers(0, 129), min_size=32, max_size=32), max_size=4).map(
    lambda rows: MELODY.repair(np.array(rows, dtype=np.int16).reshape(-1, 32))
)


def clip(*notes):
    """A batch of one clip with notes (onset, pitch, length)."""
    return MELODY.tokens([Note(*note) for note in notes])[None]


@given(any_clips, st.integers(-127, 127).filter(bool))
def test_transpose_moves_every_pitch_and_nothing_else(clips, amount):
    """Every note moves by the amount; a clip is masked where it has no notes or one would leave 0 to 127."""
    before = clips.copy()

    out = Transpose()(clips, amount, RNG)

    assert np.array_equal(clips, before)
    for i, one in enumerate(clips):
        moved = [note.pitch + amount for note in MELODY.notes(one)]
        assert out.valid[i] == (bool(moved) and min(moved) >= 0 and max(moved) <= 127)
        if out.valid[i]:
            wanted = [Note(n.onset, n.pitch + amount, n.length) for n in MELODY.notes(one)]
            assert MELODY.notes(out.clips[i]) == tuple(wanted)
    assert out.clips.dtype == np.int16


def test_transpose_never_turns_an_onset_into_a_hold_or_rest():
    """A note that would land on token 128 or 129 masks its clip (fault 5 of the paper's demo)."""
    high = np.concatenate([clip((0, 126, 4)), clip((0, 127, 4)), clip((0, 120, 4))])

    out = Transpose()(high, 2, RNG)

    assert out.valid.tolist() == [False, False, True]


@pytest.mark.parametrize("amount", [0.5, -1.2, float("nan"), float("inf"), 128, -1e9])
def test_transpose_refuses_amounts_it_cannot_do(amount):
    """Only whole semitones that a clip can move by are taken."""
    with pytest.raises(AmountError):
        Transpose()(clip((0, 60, 4)), amount, RNG)


@given(any_clips, st.integers(1, 5))
def test_note_split_is_the_split_of_every_note(clips, amount):
    """Each note becomes 2**amount equal notes; a clip is masked where one does not divide or none is there."""
    parts = 2**amount

    out = NoteSplit()(clips, amount, RNG)

    for i, one in enumerate(clips):
        notes = MELODY.notes(one)
        assert out.valid[i] == (bool(notes) and all(note.length % parts == 0 for note in notes))
        if out.valid[i]:
            wanted = [
                Note(n.onset + k * n.length // parts, n.pitch, n.length // parts) for n in notes for k in range(parts)
            ]
            assert MELODY.notes(out.clips[i]) == tuple(wanted)


def test_note_split_of_divisible_notes_adds_the_amount_to_log2_onsets():
    """The target moves by exactly the amount and the mean pitch stays."""
    whole = np.concatenate([clip((0, 60, 16), (16, 67, 16)), clip((0, 50, 32))])

    for amount in (1, 2, 3, 4):
        out = NoteSplit()(whole, amount, RNG)
        assert out.valid.all()
        assert np.allclose(log2_onsets(out.clips), log2_onsets(whole) + amount)
        assert np.array_equal(mean_pitch(out.clips), mean_pitch(whole))


def test_note_split_keeps_rests():
    """Silence stays silence between the parts."""
    out = NoteSplit()(clip((0, 60, 2), (8, 62, 4)), 1, RNG)

    assert out.clips[0, :12].tolist() == [60, 60, REST, REST, REST, REST, REST, REST, 62, HOLD, 62, HOLD]


@pytest.mark.parametrize("amount", [-1, 0.5, 6, float("nan")])
def test_note_split_refuses_amounts_it_cannot_do(amount):
    """Notes cannot be joined, nor split into parts of a doubling, nor beyond one step."""
    with pytest.raises(AmountError, match="note-split takes"):
        NoteSplit()(clip((0, 60, 4)), amount, RNG)


@pytest.mark.parametrize("edit", [Transpose(), NoteSplit()])
def test_amount_0_gives_an_equal_copy(edit):
    """Amount 0 is the identity, for clips without notes too, and gives a new array."""
    clips = np.concatenate([clip((0, 60, 3)), clip()])

    out = edit(clips, 0, RNG)

    assert np.array_equal(out.clips, clips)
    assert out.valid.all()
    assert not np.shares_memory(out.clips, clips)


def test_declared_amounts():
    """Transposition is measured an octave both ways, splitting at the paper's four divisions."""
    assert Transpose().amounts == (*range(-12, 0), *range(1, 13))
    assert NoteSplit().amounts == (1, 2, 3, 4)


@pytest.mark.parametrize(
    ("amount", "waltz", "jig"),
    [(1, [6, 6, 3, 3, 2, 2, 1, 1], [6, 6, 2, 2, 2, 2, 2, 1, 1]), (2, [3] * 6 + [1] * 6, [2] * 6 + [1] * 12)],
)
def test_a_dotted_beat_is_split_into_three_in_compound_time(amount, waltz, jig):
    """Of a dotted half, a dotted quarter, a quarter and an eighth note each is, as far as it divides."""
    notes = [Note(0, 60, 12), Note(12, 62, 6), Note(18, 64, 4), Note(22, 65, 2)]
    for clip_format, wanted in ((MELODY_3_4, waltz), (MELODY_6_8, jig)):
        split = NoteSplit().for_format(clip_format)
        clips = clip_format.tokens(notes)[None]

        out = inexact(split)(clips, amount, RNG)

        assert [note.length for note in clip_format.notes(out.clips[0])] == wanted
        assert bool(split(clips, amount, RNG).valid[0]) == (amount == 1 and clip_format == MELODY_3_4)


def test_a_clip_is_masked_where_one_note_gives_two_and_another_three():
    """In 6/8 a quarter note and a dotted one; two dotted ones are split."""
    split = NoteSplit().for_format(MELODY_6_8)
    mixed, alike = (MELODY_6_8.tokens([Note(0, 60, 6), Note(6, 62, length)])[None] for length in (4, 6))

    assert [bool(split(clips, 1, RNG).valid[0]) for clips in (mixed, alike)] == [False, True]
