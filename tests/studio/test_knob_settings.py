"""Knobs of a piece and of bars in it."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentknobs.core.clip import Note
from latentknobs.core.melody_format import MELODY
from latentknobs.core.piece import Piece, PieceStretch
from latentknobs.core.time_signature import TimeSignature
from latentknobs.errors import AmountError, UnknownNameError, UsageError
from latentknobs.scores import midi_bytes
from latentknobs.session import Session
from latentknobs.studio.knob_settings import MOST_RANGES, BarRange, KnobSettings, bar_starts, between, turned
from tests.tiny_meters import MIXED, NAMES, quarters

EIGHT = quarters(("4/4", 32))
PLAIN = Piece(EIGHT.notes, EIGHT.steps)
names = st.sampled_from(["pitch", "rhythm", "random"])
amounts = st.floats(-3, 3)
bars = st.tuples(st.integers(1, 8), st.integers(1, 8)).map(lambda both: BarRange(min(both), max(both)))
moves = st.lists(st.tuples(names, amounts, st.none() | bars), max_size=8, unique_by=lambda move: (move[0], move[2]))


def settings_of(turns):
    """Settings that a person touched in this order."""
    out = KnobSettings()
    for name, amount, where in turns:
        out = out.with_amount(name, amount, where)
    return out


def written(session, result):
    """The file that a result is."""
    return midi_bytes(result.after, clip_format=session.model.spec.clip_format, provenance=result.provenance)


def pitches(piece):
    """Of all its notes, by onset."""
    return [note.pitch for note in piece.notes]


@given(moves, st.randoms(use_true_random=False))
def test_the_order_of_touching_never_matters(turns, rng: random.Random):
    """Equal settings are the same value, in whatever order they were made."""
    shuffled = rng.sample(turns, len(turns))

    assert settings_of(turns) == settings_of(shuffled)
    assert repr(settings_of(turns)) == repr(settings_of(shuffled))


@given(moves)
def test_a_knob_turned_and_turned_back_leaves_no_trace(turns):
    """Nor does a range whose last knob follows the piece again."""
    settings = settings_of(turns)
    for name, _amount, where in turns:
        settings = settings.with_amount(name, None, where)

    assert settings == KnobSettings()


@given(moves, st.sampled_from([EIGHT, PLAIN, quarters(*MIXED)]))
def test_regions_cover_a_piece_without_gaps_and_differ_from_their_neighbours(turns, piece):
    """Each step is in one of them."""
    regions = settings_of([one for one in turns if one[2] is None or one[2].first <= 8]).regions(piece, MELODY)

    assert [regions[0][0], regions[-1][1]] == [0, piece.steps]
    for one, after in itertools.pairwise(regions):
        assert one[1] == after[0]
        assert one[2] != after[2]


@given(moves, st.integers(1, 8))
def test_a_bar_has_the_amounts_of_the_narrowest_range_that_has_it(turns, bar):
    """Of equally wide ones the later; of none the piece's."""
    settings = settings_of(turns)
    step = 16 * (bar - 1)
    here = next(own for start, end, own in settings.regions(EIGHT, MELODY) if start <= step < end)

    for name in ("pitch", "rhythm", "random"):
        own = [one for one in settings.ranges if one[0].first <= bar <= one[0].last and name in one[1]]
        own.sort(key=lambda one: (one[0].last - one[0].first, -one[0].first))
        assert here.get(name, 0.0) == (own[0][1][name] if own else settings.knobs.get(name, 0.0))


def test_a_range_in_a_range_stands_in_its_place():
    """0 too: these bars are as they were."""
    settings = settings_of([("pitch", 2, None), ("pitch", 5, BarRange(3, 6)), ("pitch", 0, BarRange(4, 4))])

    assert settings.regions(EIGHT, MELODY) == [
        (0, 32, {"pitch": 2.0}),
        (32, 48, {"pitch": 5.0}),
        (48, 64, {}),
        (64, 96, {"pitch": 5.0}),
        (96, 128, {"pitch": 2.0}),
    ]
    assert settings.named == {"pitch": 2.0, "pitch@3-6": 5.0, "pitch@4-4": 0.0}


def test_bars_begin_where_the_piece_says_that_they_do():
    """Where a bar is no whole number of steps too, and as :meth:`Piece.bars_of` counts them."""
    piece = Piece((Note(0, 60),), 25, stretches=(PieceStretch(0, 25, TimeSignature(5, 32), 7),))

    starts = bar_starts(piece, MELODY)
    assert [bar for _, bar in starts] == list(range(7, 17))
    assert [piece.bars_of(step, 1, MELODY)[0] for step, _ in starts] == [bar for _, bar in starts]


@pytest.mark.parametrize("text", ["", "0", "8-5", "a", "-3", "1-9999999"])
def test_what_are_no_bars_is_said(text):
    """In a sentence."""
    with pytest.raises(UsageError, match=r"are no bars.*\."):
        BarRange.parse(text)


def test_bars_that_the_piece_lacks_are_refused():
    """With those that it has."""
    with pytest.raises(UsageError, match="has the bars 1 to 8"):
        KnobSettings().with_amount("pitch", 1, BarRange(9, 12)).regions(EIGHT, MELODY)


def test_there_is_an_end_to_ranges():
    """Memory is bounded."""
    settings = settings_of([("pitch", 1, BarRange(k, k)) for k in range(1, MOST_RANGES + 1)])

    with pytest.raises(UsageError, match="At most"):
        settings.with_amount("pitch", 1, BarRange(1, 2))


def test_without_ranges_it_is_what_a_session_gives_to_the_byte(meters):
    """In 4/4 and in several time signatures, with controls too."""
    for piece in (PLAIN, quarters(*MIXED)):
        session = Session.open(meters, piece, NAMES)
        for knobs in ({}, {"pitch": 3.0}, {"pitch": -2.0, "random": 1.0}):
            direct = session.turn(knobs, seed=5)
            result = turned(session, KnobSettings(knobs, seed=5))
            assert written(session, result) == written(session, direct)
            assert (result.counts, result.ways) == (direct.counts, direct.ways)


def test_a_range_of_all_bars_is_the_piece(meters):
    """The same notes and clips."""
    session = Session.open(meters, EIGHT, NAMES)
    one = turned(session, settings_of([("pitch", 3, None)]))
    other = turned(session, settings_of([("pitch", 3, BarRange(1, 8))]))

    assert one.after.notes == other.after.notes
    assert np.array_equal(one.clips, other.clips)
    assert np.array_equal(one.codes, other.codes)


def test_bars_are_turned_and_the_others_are_not(meters):
    """Across time signatures too, and the provenance says so."""
    session = Session.open(meters, quarters(*MIXED), NAMES)
    result = turned(session, settings_of([("pitch", 1, None), ("pitch", 4, BarRange(4, 6))]))
    moved = [after - before for after, before in zip(pitches(result.after), pitches(session.piece), strict=True)]

    assert moved == [1] * 12 + [4] * 10 + [1] * 14
    assert result.provenance["knobs"] == result.amounts == {"pitch": 1.0, "pitch@4-6": 4.0}
    assert result.ways == (("model",) * 3, ("model",) * 2)


def test_a_note_over_the_edge_goes_on_where_the_next_bars_hold_it(meters):
    """It ends there where they do not."""
    piece = Piece((Note(0, 60, 12), Note(12, 62, 8), Note(20, 64, 12)), 32)
    session = Session.open(meters, piece, ["tiny"], all_by_model=False)
    same = turned(session, settings_of([("rhythm", 0.0, BarRange(2, 2)), ("pitch", 0.0, BarRange(2, 2))]))
    plain = session.turn({})
    other = turned(session, settings_of([("pitch", 5, BarRange(2, 2))]))

    assert same.after.notes == plain.after.notes
    assert all(note.end <= 16 for note in other.after.notes if note.onset < 16)


def test_what_cannot_be_turned_raises_as_a_session_does(meters):
    """A knob that there is not, and an amount out of its range."""
    session = Session.open(meters, EIGHT, NAMES)

    with pytest.raises(UnknownNameError):
        turned(session, settings_of([("colour", 1, BarRange(1, 2))]))
    with pytest.raises(AmountError):
        turned(session, settings_of([("pitch", 99, BarRange(1, 2))]))


@given(moves, moves, st.floats(0, 1))
def test_the_way_between_two_settings_stays_between_their_amounts(first, second, place):
    """Everywhere, and its ends are the two."""
    one, other = settings_of(first), settings_of(second)
    mixed = between(one, other, place)

    assert (between(one, other, 0.0), between(one, other, 1.0)) == (one, other)
    for name in ("pitch", "rhythm", "random"):
        low, high = sorted((one.amount(name), other.amount(name)))
        assert low - 1e-9 <= mixed.amount(name) <= high + 1e-9


@pytest.mark.parametrize(
    ("named", "said"),
    [({"pitch@5": 1.0, "pitch@5-5": 2.0}, "given twice for the bars 5-5"), ({"@5-8": 2.0}, "names no knob")],
)
def test_bars_are_given_once_and_with_a_knob(named, said):
    """Else it is said which are not."""
    with pytest.raises(UsageError, match=said):
        KnobSettings.of(named)


def test_controls_are_like_the_first_knob_that_is_given():
    """In whatever bars, so that bars of their own change no length elsewhere."""
    assert KnobSettings.of({"rhythm": 1.0, "pitch": 2.0, "random": 1.0}).like == "rhythm"
    assert KnobSettings.of({"random": 1.0, "rhythm@1-4": 1.0, "pitch": 2.0}).like == "rhythm"
    assert KnobSettings.of({"rhythm": 1.0, "pitch": 2.0}).like is None
