import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentknobs.augmentations.retrograde import Retrograde
from latentknobs.core.clip import Note
from latentknobs.core.melody_format import MELODY, MelodyFormat
from latentknobs.core.meter import bars, weights
from latentknobs.core.piece import Piece, PieceStretch, fits
from latentknobs.core.plugin_guard import run_augmentation
from latentknobs.core.reversed_order import in_reversed_order, with_clips_reversed
from latentknobs.core.time_signature import TimeSignature
from latentknobs.errors import ClipError, UsageError

SIGNATURES = [
    TimeSignature(*pair) for pair in ((4, 4), (3, 4), (2, 4), (6, 8), (9, 8), (5, 8), (7, 16), (1, 4), (8, 4))
]


@st.composite
def pieces(draw):
    """One voice over one to four stretches, the last bar of each perhaps incomplete."""
    stretches, start, bar = [], 0, 1
    for _ in range(draw(st.integers(1, 4))):
        signature = draw(st.sampled_from(SIGNATURES))
        steps = draw(st.integers(1, 90))
        stretches.append(PieceStretch(start, steps, signature, bar))
        start, bar = start + steps, bar + 5
    line, now = [], 0
    while now < start:
        now += draw(st.integers(0, 9))
        length = min(draw(st.integers(1, 40)), start - now)
        if length > 0:
            line.append(Note(now, draw(st.integers(0, 127)), length))
            now += length
    return Piece(tuple(line), start, stretches=tuple(stretches))


@given(pieces())
def test_cutting_and_joining_gives_the_piece_back(piece):
    """Whatever its time signatures, every step is in one clip, and held notes are tied again."""
    cut = piece.cut(MELODY)
    every = (cut, *cut.others)
    steps = sorted(
        step
        for each in every
        for start, length in zip(each.starts, each.lengths, strict=True)
        for step in range(start, start + length)
    )

    assert steps == list(range(piece.steps))
    assert piece.with_clips(cut, [each.clips for each in every]).notes == piece.notes
    assert all(each.clip_format.valid(each.clips).all() for each in every)


@given(pieces())
def test_clips_that_run_backwards_in_reversed_order_are_the_piece_backwards(piece):
    """Stretch by stretch, whatever fills its last clip; a note over two stretches is struck again in the second."""
    cut = piece.cut(MELODY)
    every = (cut, *cut.others)
    clips = [
        run_augmentation(Retrograde(), each.clips, 1, np.random.default_rng(0), each.clip_format).clips
        for each in every
    ]
    expected = []
    for stretch in piece.stretches:
        for note in piece.notes:
            onset, end = max(note.onset, stretch.start), min(note.end, stretch.end)
            if onset < end:
                expected.append(Note(stretch.start + stretch.end - end, note.pitch, end - onset))

    assert with_clips_reversed(piece, cut, clips).notes == tuple(sorted(expected))


def test_what_is_known_of_a_clip_goes_where_it_sounds():
    """The last clip's comes first in each stretch."""
    piece = Piece((), 160, stretches=(PieceStretch(0, 96), PieceStretch(96, 64, bar=7)))
    cut = piece.cut(MELODY)

    assert in_reversed_order(piece, cut, [list("abcde")]) == (tuple("cbaed"),)


def test_what_no_clip_has_stays():
    """A format that is no MelodyFormat has no clips for other time signatures."""

    class Plain:
        """A format without a family."""

        def __getattr__(self, name):
            return getattr(MELODY, name)

    stretches = (PieceStretch(0, 24, TimeSignature(3, 4)), PieceStretch(24, 32, TimeSignature(), 3))
    piece = Piece((Note(4, 60, 8), Note(24, 62, 8)), 56, stretches=stretches)
    cut = piece.cut(Plain())

    assert cut.others == ()
    assert cut.starts.tolist() == [24]
    assert piece.with_clips(cut, [np.full((1, 32), 129, dtype=np.int16)]).notes == (Note(4, 60, 8),)


@pytest.mark.parametrize(
    ("signature", "steps", "suits"),
    [
        ("4/4", 64, True),
        ("2/2", 64, True),
        ("8/8", 64, True),
        ("2/4", 64, True),
        ("1/4", 64, True),
        ("8/4", 64, True),
        ("2/4", 8, False),
        ("3/4", 64, False),
        ("6/8", 64, False),
        ("12/8", 96, False),
    ],
)
def test_a_stretch_fits_if_its_bars_make_the_formats(signature, steps, suits):
    """Halves, quarters and multiples of 4/4 do, with at least one whole bar."""
    assert fits(PieceStretch(0, steps, TimeSignature.parse(signature)), MELODY) is suits


def test_six_eight_is_not_three_four():
    """They are as long, and divided otherwise."""
    waltz = MelodyFormat("3/4", name="waltz")
    jig = MelodyFormat("6/8", name="jig")
    three, six = (PieceStretch(0, 24, TimeSignature.parse(text)) for text in ("3/4", "6/8"))

    assert [fits(three, waltz), fits(six, waltz), fits(three, jig), fits(six, jig)] == [True, False, False, True]


def test_a_clip_without_notes_is_silent():
    """There is nothing to turn in it."""
    assert Piece((Note(32, 60, 40),), 128).cut(MELODY).sounding.tolist() == [False, True, True, False]


def test_bars_count_as_in_the_file():
    """From the stretch's first bar on, and from 1 in a piece without stretches."""
    piece = Piece(
        (), 56, stretches=(PieceStretch(0, 24, TimeSignature(3, 4)), PieceStretch(24, 32, TimeSignature(), 3))
    )

    assert piece.bars_of(0, 24, MELODY) == (1, 2)
    assert piece.bars_of(24, 32, MELODY) == (3, 4)
    assert Piece((), 64).bars_of(32, 32, MELODY) == (3, 4)


def test_stretches_with_a_gap_are_refused():
    """They cover the piece."""
    with pytest.raises(ClipError, match="without gaps"):
        Piece((), 64, stretches=(PieceStretch(0, 32),))


def test_the_format_of_a_time_signature_has_its_weights():
    """The first of a bar is the strongest, beats are next: three of 3/4, two dotted ones of 6/8, three of 9/8."""
    three, six, nine = map(MelodyFormat, ("3/4", "6/8", "9/8"))

    assert weights(three)[:12].tolist() == [0, -3, -2, -3, -1, -3, -2, -3, -1, -3, -2, -3]
    assert weights(six)[:12].tolist() == [0, -3, -2, -3, -2, -3, -1, -3, -2, -3, -2, -3]
    assert np.flatnonzero(weights(nine) == -1).tolist() == [6, 12, 24, 30]
    assert weights(nine)[[0, 18]].tolist() == [0, 0]
    assert [bars(one) for one in (three, six, nine)] == [2, 2, 2]


@pytest.mark.parametrize("text", ["", "4", "4/3", "0/4", "300/4", "a/b", "4/4/4"])
def test_what_is_no_time_signature_is_refused(text):
    """Beats over a power of two."""
    with pytest.raises(UsageError, match="no time signature"):
        TimeSignature.parse(text)


def test_three_eight_is_half_a_bar_of_six_eight():
    """Its beat is dotted: it is no half bar of 3/4, nor a third of 9/8."""
    stretch = PieceStretch(0, 36, TimeSignature(3, 8))

    assert [fits(stretch, MelodyFormat(text)) for text in ("6/8", "12/8", "3/4", "9/8")] == [True, True, False, False]
