import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import linregress, spearmanr

from latentknobs.attributes.plugin import register_attributes, register_comparisons
from latentknobs.core.clip import Note
from latentknobs.core.melody_format import MELODY
from latentknobs.core.meter import syncopation as SYNCOPATION  # noqa: N812 - beside an attribute of the same name

ATTRIBUTES = {a.name: a.measure for a in register_attributes()}
MAJOR = {0, 2, 4, 5, 7, 9, 11}
COMPARISONS = {c.name: c.measure for c in register_comparisons()}
# Few pitches, so that ties are common.
some_clips = st.lists(
    st.lists(st.sampled_from([60, 61, 64, 127, 0, 128, 128, 129]), min_size=32, max_size=32), min_size=1, max_size=4
).map(lambda rows: MELODY.repair(np.array(rows, dtype=np.int16)))


def clip(*notes):
    """A batch of one clip with notes (onset, pitch, length)."""
    return MELODY.tokens([Note(*note) for note in notes])[None]


def number(name, *clips):
    """The one number that an attribute or comparison gives for one clip each."""
    (value,) = {**ATTRIBUTES, **COMPARISONS}[name](*clips)
    return value


@given(some_clips)
def test_attributes_are_what_the_notes_say(clips):
    """Each attribute equals its plain definition over the list of notes, and is NaN without notes."""
    got = {name: measure(clips) for name, measure in ATTRIBUTES.items()}

    for i, one in enumerate(clips):
        notes = MELODY.notes(one)
        pitches, starts = [note.pitch for note in notes], [note.onset for note in notes]
        intervals = [abs(b - a) for a, b in itertools.pairwise(pitches)]
        outside = min(sum((p - key) % 12 not in MAJOR for p in pitches) for key in range(12))
        wanted = {
            "mean-pitch": sum(pitches) / len(pitches) if pitches else math.nan,
            "pitch-range": max(pitches) - min(pitches) if pitches else math.nan,
            "log2-onsets": math.log2(len(pitches)) if pitches else math.nan,
            "mean-octave": sum(pitches) / len(pitches) / 12 - 1 if pitches else math.nan,
            "mean-interval": sum(intervals) / len(intervals) if intervals else math.nan,
            "contour-direction": 16 * linregress(starts, pitches).slope if intervals else math.nan,
            "chromaticism": outside / 2 if pitches else math.nan,
            "note-density": len(pitches) / 2,
            "syncopation": SYNCOPATION(one[None])[0] / 2 if pitches else math.nan,
            "rests": (32 - sum(note.length for note in notes)) / 2,
            "mean-onset": sum(starts) / len(starts) if starts else math.nan,
        }
        assert set(wanted) == set(got)
        for name, value in wanted.items():
            assert got[name].dtype == np.float64
            assert got[name][i] == pytest.approx(value, nan_ok=True, abs=1e-9)


def test_mean_pitch_counts_each_note_once():
    """A long note weighs no more than a short one."""
    assert number("mean-pitch", clip((0, 60, 31), (31, 70, 1))) == 65


def test_onset_f1_hears_onsets_whatever_their_pitch():
    """A transposed clip scores 1; half the onsets, all of them shared, score 2/3."""
    four = clip((0, 60, 4), (4, 62, 4), (8, 64, 4), (12, 65, 4))

    assert number("onset-f1", four, np.where(four < 128, four + 7, four).astype(np.int16)) == 1
    assert number("onset-f1", four, clip((0, 60, 8), (8, 64, 8))) == pytest.approx(2 / 3)
    assert number("onset-f1", four, clip((1, 60, 2))) == 0


def test_onset_pitch_f1_finds_notes_by_step_and_pitch():
    """Of three and two notes one is shared, whatever its length: 2/5; two silent clips agree, one alone scores 0."""
    three, two, none = clip((0, 60, 4), (4, 62, 4), (8, 64, 4)), clip((0, 60, 1), (4, 61, 4)), clip()

    assert number("onset-pitch-f1", three, two) == number("onset-pitch-f1", two, three) == pytest.approx(2 / 5)
    assert number("onset-pitch-f1", three, three) == 1
    assert number("onset-pitch-f1", none, none) == 1
    assert number("onset-pitch-f1", none, two) == number("onset-pitch-f1", two, none) == 0


def test_onset_chroma_f1_does_not_hear_octaves():
    """Of three and two notes two are shared but for the octave: 4/5, where the pitches share only one."""
    three, two = clip((0, 60, 4), (4, 62, 4), (8, 64, 4)), clip((0, 60, 4), (4, 50, 4))

    assert number("onset-chroma-f1", three, two) == pytest.approx(4 / 5)
    assert number("onset-pitch-f1", three, two) == pytest.approx(2 / 5)
    assert number("onset-chroma-f1", clip((0, 60, 2)), clip((0, 61, 2))) == 0


def test_attributes_by_hand():
    """One melody's attributes, counted on paper: C from step 0, after a rest D over the half bar, C sharp in bar 2."""
    melody = clip((0, 60, 4), (6, 62, 4), (16, 61, 16))

    assert number("mean-octave", melody) == pytest.approx(61 / 12 - 1)
    assert number("mean-interval", melody) == 1.5  # 2 up, 1 down
    assert number("note-density", melody) == 1.5
    assert number("rests", melody) == 4  # steps 4, 5 and 10 to 15
    assert number("syncopation", melody) == 1  # from -3 over -1: 2 in two bars
    assert number("mean-onset", melody) == pytest.approx(22 / 3)
    assert number("chromaticism", melody) == 0.5  # no major scale has three semitones in a row
    # Covariance 0 - 22/3 times -1, and 6 - 22/3: 6; variance 0 + 36 + 256 - 22 * 22 / 3 = 392 / 3; 16 steps a bar.
    assert number("contour-direction", melody) == pytest.approx(16 * 6 * 3 / 392)


def test_a_rising_line_has_its_slope():
    """A semitone a beat is four semitones a bar, whatever the pitch it starts from; one note has no direction."""
    rising = [clip(*[(4 * i, low + i, 4) for i in range(8)]) for low in (0, 60, 120)]

    assert [number("contour-direction", one) for one in rising] == [4, 4, 4]
    assert np.isnan(number("contour-direction", clip((0, 60, 32))))


@given(some_clips, some_clips)
def test_contour_is_spearman_with_ties(first, second):
    """Contour equals scipy's spearmanr over the steps on which both clips sound, wherever that is defined."""
    n = min(len(first), len(second))
    first, second = first[:n], second[:n]
    got = COMPARISONS["contour"](first, second)

    for i in range(n):
        x, y = MELODY.sounding(first[i : i + 1])[0], MELODY.sounding(second[i : i + 1])[0]
        both = (x >= 0) & (y >= 0)
        if len(set(x[both])) > 1 and len(set(y[both])) > 1:
            assert got[i] == pytest.approx(spearmanr(x[both], y[both]).statistic, abs=1e-12)


def test_contour_where_the_correlation_is_not_defined():
    """Both constant or both silent agree; a clip flattened or silenced alone scores 0 and does not vanish as NaN."""
    rising = clip((0, 60, 8), (8, 64, 8))
    flat = clip((0, 72, 16))
    silent = clip()

    assert number("contour", flat, clip((0, 50, 16))) == 1
    assert number("contour", silent, silent) == 1
    assert number("contour", rising, flat) == 0
    assert number("contour", rising, silent) == 0
    assert number("contour", rising, clip((20, 60, 4))) == 0


def test_contour_of_an_inverted_line_is_minus_1():
    """Upside down is full disagreement."""
    up = clip((0, 60, 4), (4, 62, 4), (8, 67, 4))

    assert number("contour", up, clip((0, 67, 4), (4, 62, 4), (8, 60, 4))) == pytest.approx(-1)


@pytest.mark.parametrize("name", sorted(COMPARISONS))
@given(clips=some_clips)
def test_a_clip_agrees_fully_with_itself(name, clips):
    """Every comparison of a clip with itself is 1."""
    assert np.allclose(COMPARISONS[name](clips, clips), 1)


def test_token_accuracy_is_the_share_of_equal_tokens():
    """One step of 32 that differs costs a 32nd."""
    first, second = clip((0, 60, 4)), clip((0, 61, 4))

    assert number("token-accuracy", first, second) == 31 / 32


@pytest.mark.parametrize("name", sorted({**ATTRIBUTES, **COMPARISONS}))
def test_no_clips_give_no_numbers(name):
    """An empty batch is measured like any other."""
    none = np.zeros((0, 32), dtype=np.int16)
    measure = {**ATTRIBUTES, **COMPARISONS}[name]

    assert measure(*([none] if name in ATTRIBUTES else [none, none])).shape == (0,)
