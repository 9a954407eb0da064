import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentknobs.core.clip import Note
from latentknobs.core.melody_format import MELODY, pitches_in_order
from latentknobs.core.meter import order, syncopation, weights
from latentknobs.core.scales import IN_MAJOR, outside_major, pitch_classes

ORDER, WEIGHTS = order(MELODY), weights(MELODY)

some_clips = st.lists(
    st.lists(st.sampled_from([60, 61, 64, 127, 0, 128, 128, 129]), min_size=32, max_size=32), max_size=4
).map(lambda rows: MELODY.repair(np.array(rows, dtype=np.int16).reshape(-1, 32)))


def clip(*notes):
    """A batch of one clip with notes (onset, pitch, length)."""
    return MELODY.tokens([Note(*note) for note in notes])[None]


def test_weights_of_a_bar():
    """The weights of the sixteenths of a bar of 4/4 are those of Longuet-Higgins and Lee, written out, twice."""
    bar = [0, -4, -3, -4, -2, -4, -3, -4, -1, -4, -3, -4, -2, -4, -3, -4]

    assert WEIGHTS.tolist() == bar * 2


def test_order_is_the_order_of_the_weights():
    """Every step has its own place, no stronger step comes after a weaker one, and the bars come first."""
    steps = np.argsort(ORDER)

    assert sorted(ORDER) == list(range(32))
    assert (np.diff(WEIGHTS[steps]) <= 0).all()
    assert steps[:8].tolist() == [0, 16, 8, 24, 4, 20, 12, 28]


@pytest.mark.parametrize(
    ("notes", "strength"),
    [
        ([(0, 60, 4), (4, 62, 4), (8, 64, 8), (16, 60, 16)], 0),  # on beats
        ([(0, 60, 4), (4, 62, 4), (8, 64, 8)], 1),  # the same, but nothing starts with bar 2: 0 - -1
        ([(0, 60, 6), (6, 62, 6), (16, 60, 2)], 2),  # an eighth before the half bar: -1 - -3
        ([(0, 60, 2), (6, 62, 1)], 3),  # -3; then rest, over the half bar (-1) and the next bar (0): 0 - -3
        ([(15, 60, 2)], 4),  # a sixteenth before the bar: 0 - -4
        ([(0, 60, 3), (3, 60, 1), (4, 60, 3), (7, 60, 9), (16, 60, 1)], 3),  # only step 7, over step 8: -1 - -4
        ([(2, 60, 1), (3, 60, 1), (4, 60, 1)], 2),  # step 4, -2, before the next bar, 0
        ([], 0),
    ],
)
def test_syncopation_by_hand(notes, strength):
    """A note's strength is the greatest weight passed before the next note, less its own, where that is more."""
    assert syncopation(clip(*notes)).tolist() == [strength]


@given(some_clips)
def test_syncopation_is_its_definition(clips):
    """The sum over notes equals the plain definition, and rests count as ties do."""
    got = syncopation(clips)

    for i, one in enumerate(clips):
        starts = [note.onset for note in MELODY.notes(one)]
        total = 0
        for start, end in zip(starts, [*starts[1:], 32], strict=False):
            total += max([0, *(WEIGHTS[step] - WEIGHTS[start] for step in range(start + 1, end))])
        assert got[i] == total
        legato = [Note(a, 60, b - a) for a, b in zip(starts, [*starts[1:], 32], strict=False)]
        assert syncopation(MELODY.tokens(legato)[None]).tolist() == [total]


@given(some_clips)
def test_pitches_in_order(clips):
    """The pitches of the notes stand at the left in their order, and -1 after them."""
    for row, one in zip(pitches_in_order(clips), clips, strict=True):
        pitches = [note.pitch for note in MELODY.notes(one)]
        assert row.tolist() == pitches + [-1] * (32 - len(pitches))


def test_the_white_keys_are_c_major():
    """C major holds the white keys, and each other scale is it moved up by its key."""
    white = [0, 2, 4, 5, 7, 9, 11]

    for key in range(12):
        assert sorted((pitch - key) % 12 for pitch in np.flatnonzero(IN_MAJOR[:, key])) == white


@pytest.mark.parametrize(
    ("pitches", "outside"),
    [
        ([60, 62, 64, 65, 67, 69, 71], 0),
        ([60, 62, 64, 66, 67, 69, 71], 0),  # G major
        ([60, 62, 64, 65, 66, 67, 69, 71], 1),  # F sharp beside F
        (list(range(60, 72)), 5),
        ([69, 71, 72, 74, 76, 77, 80], 1),  # A harmonic minor: G sharp
        ([], 0),
    ],
)
def test_notes_outside_the_best_scale(pitches, outside):
    """Notes that the best of the twelve major scales leaves out are counted, whatever their octave and length."""
    notes = [(i, pitch, 1) for i, pitch in enumerate(pitches)]

    assert outside_major(pitch_classes(clip(*notes))).tolist() == [outside]
    assert outside_major(pitch_classes(clip(*[(i, pitch - 36, 1) for i, pitch, _ in notes]))).tolist() == [outside]
