import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentknobs.augmentations.alter import Alter
from latentknobs.augmentations.neighbour_swap import NeighbourSwap
from latentknobs.augmentations.octave import Octave
from latentknobs.augmentations.stretch import Stretch
from latentknobs.augmentations.tilt import Tilt
from latentknobs.core.clip import Note
from latentknobs.core.melody_format import MELODY
from latentknobs.errors import AmountError

RNG = np.random.default_rng(0)
melodies = st.lists(
    st.lists(st.sampled_from([48, 60, 62, 63, 64, 67, 72, 128, 128, 129]), min_size=32, max_size=32), max_size=4
).map(lambda rows: MELODY.repair(np.array(rows, dtype=np.int16).reshape(-1, 32)))


def line(*pitches, length=2):
    """A batch of one clip with these pitches, each of the same length."""
    return MELODY.tokens([Note(length * i, pitch, length) for i, pitch in enumerate(pitches)])[None]


def edited(edit, clips, amount):
    """The pitches of the one clip after the edit, or None where it is masked."""
    out = edit(clips, amount, RNG)
    return [note.pitch for note in MELODY.notes(out.clips[0])] if out.valid[0] else None


def pitches_of(clip):
    """Its pitches, in order."""
    return [note.pitch for note in MELODY.notes(clip)]


def test_an_octave_is_twelve_semitones():
    """Every note moves by 12 an octave, and a clip that would leave the keyboard is masked."""
    assert edited(Octave(), line(60, 64), 1) == [72, 76]
    assert edited(Octave(), line(60, 64), -2) == [36, 40]
    assert edited(Octave(), line(60, 116), 1) is None
    assert edited(Octave(), line(), 1) is None


def test_neighbour_swap_by_hand():
    """C D E F G needs 4 semitones for its 4 steps: the first swap that brings just those is that of D and E."""
    # Steps 2 2 1 2 are 7 in all; those of C E D F G, 4 2 3 2, are 11. D and F would bring 6, C and E 4 as well.
    assert edited(NeighbourSwap(), line(60, 62, 64, 65, 67), 1) == [60, 64, 62, 65, 67]
    assert edited(NeighbourSwap(), line(60), 1) is None
    assert edited(NeighbourSwap(), line(60, 60, 60), 1) is None


@given(melodies, st.sampled_from([0.5, 1, 2]))
def test_neighbour_swap_widens_by_the_amount_for_each_interval(clips, amount):
    """The same pitches in another order, whose steps are wider by just the amount for each of them."""
    out = NeighbourSwap()(clips, amount, RNG)

    for before, after, valid in zip(clips, out.clips, out.valid, strict=True):
        if valid:
            first, second = pitches_of(before), pitches_of(after)
            assert sorted(first) == sorted(second)
            assert sum(abs(np.diff(second))) - sum(abs(np.diff(first))) == amount * (len(first) - 1) > 0


def test_tilt_by_hand():
    """Two bars of eighths have their mean onset on step 15; 4 semitones a bar is a quarter of one for each step."""
    flat = line(*[60] * 16)
    wanted = [60 + round((2 * i - 15) / 4) for i in range(16)]

    assert edited(Tilt(), flat, 4) == wanted
    assert edited(Tilt(), flat, -4) == [120 - pitch for pitch in wanted]
    assert edited(Tilt(), line(*[2] * 16), 4) is None  # would go below 0
    assert edited(Tilt(), flat, 0.1) is None  # nothing would move
    assert edited(Tilt(), line(60), 4) is None


@given(melodies, st.sampled_from([2.0, 4.0, 6.0]))
def test_tilt_is_undone_by_the_opposite_amount(clips, amount):
    """Tilted up and then down, a melody is what it was, and it can be tilted the one way where it can the other."""
    up = Tilt()(clips, amount, RNG)
    back = Tilt()(up.clips, -amount, RNG)

    assert np.array_equal(back.clips[up.valid], clips[up.valid])
    assert back.valid[up.valid].all()


def test_stretch_by_hand():
    """C D E G lie 1, 2 and 4 semitones beyond the least gaps above C; with 2 more 2 (from 1.5), 3, 6; with 4 less 0."""
    tune = line(60, 62, 64, 67)

    assert edited(Stretch(), tune, 2) == [59, 62, 64, 68]  # 60, 63, 65, 69 down by 1, since D, the median, stays
    assert edited(Stretch(), tune, -4) == [61, 62, 63, 64]
    assert edited(Stretch(), tune, -5) is None
    assert edited(Stretch(), line(60, 61, 62), 1) is None  # no gap to stretch
    assert edited(Stretch(), line(60, 60), 1) is None
    assert edited(Stretch(), line(0, 2, 4, 7), 2) is None  # as above, and 59 is not there


@given(melodies, st.integers(-6, 6).filter(bool))
def test_stretch_keeps_the_order_and_the_median(clips, amount):
    """The range grows by the amount, equal pitches stay equal, higher ones higher, and the (lower) median stays."""
    out = Stretch()(clips, amount, RNG)

    for before, after, valid in zip(clips, out.clips, out.valid, strict=True):
        first, second = pitches_of(before), pitches_of(after)
        room = max(first) - min(first) - len(set(first)) + 1 if first else 0
        assert valid == (room > 0 and room + amount >= 0)
        if valid:
            assert np.ptp(second) == np.ptp(first) + amount
            assert np.array_equal(np.sign(np.subtract.outer(first, first)), np.sign(np.subtract.outer(second, second)))
            middle = (len(first) - 1) // 2
            assert sorted(second)[middle] == sorted(first)[middle]


def test_alter_by_hand():
    """The weakest note leaves the scale towards the next one, or away from it where only that leaves it."""
    # Of eighths on steps 0 to 14 the one on 14 is weakest, then those on 6, 10 and 2.
    scale = line(60, 62, 64, 65, 67, 69, 71, 72)

    assert edited(Alter(), scale, 0.5) == [60, 62, 64, 65, 67, 69, 71, 73]  # none follows: down is B, so up
    # F sharp would make it D major but for C, one note outside as before: A on step 10 goes up to B instead.
    assert edited(Alter(), scale, 1) == [60, 62, 64, 65, 67, 70, 71, 73]
    assert edited(Alter(), line(*range(60, 72)), 0.5) is None  # five of twelve are outside already: no scale is worse
    assert edited(Alter(), line(), 0.5) is None


@given(melodies, st.sampled_from([0.5, 1.0, 2.0]))
def test_alter_moves_so_many_notes_by_a_semitone(clips, amount):
    """Two times the amount of notes move, each by a semitone, and the rhythm stays."""
    out = Alter()(clips, amount, RNG)

    for before, after in zip(clips[out.valid], out.clips[out.valid], strict=True):
        moved = np.abs(after - before)
        assert moved.sum() == (moved > 0).sum() == 2 * amount


@pytest.mark.parametrize(
    ("edit", "amount"),
    [
        (Octave(), 0.5), (Octave(), 11), (NeighbourSwap(), -1), (Tilt(), float("nan")), (Stretch(), 0.5),
        (Stretch(), 128), (Alter(), -0.5), (Alter(), 0.3), (Alter(), 17),
    ],
)  # fmt: skip
def test_amounts_that_no_clip_can_take_are_refused(edit, amount):
    """The edit says what it takes instead of masking every clip."""
    with pytest.raises(AmountError, match=edit.name):
        edit(line(60, 64, 67), amount, RNG)
