import math

import numpy as np
import pytest
from attrs import asdict
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import default_rng
from scipy.stats import spearmanr

from latentknobs.core.arrays import ClipBatch
from latentknobs.core.attribute import Attribute, Comparison
from latentknobs.evaluation.bootstrap import SongDraws
from latentknobs.evaluation.content_preservation import content
from latentknobs.evaluation.effect_size import changes, effect, slope
from latentknobs.evaluation.equivariance import accuracy, equivariance, measure_for, nearest
from latentknobs.evaluation.evaluation_set import AmountBatch
from latentknobs.evaluation.leakage import leakage
from latentknobs.evaluation.monotonicity import monotone, spearman


def _mean(clips: ClipBatch):
    """The mean token; not defined for a clip of zeros."""
    return np.where((clips > 0).any(axis=1), clips.mean(axis=1), np.nan)


MEAN = Attribute("mean", "tokens", "Mean token.", "any", _mean)


def _clips(*rows):
    return np.asarray(rows, dtype=np.int16)


def _draws(case):
    return SongDraws(case.songs, default_rng(0))


# Two clips; the edit makes every token 1 (or 2), the model's plain decoding has a quarter of them right.
PLAIN = _clips([1, 0, 0, 0], [2, 0, 0, 0])
AFTER = _clips([1, 1, 1, 1], [2, 2, 2, 2])
NOBODY = _clips([9, 9, 9, 9])[0]


@pytest.fixture
def room(case_of):
    """A case with its floor at 1/4 and its ceiling at 1."""
    return case_of(PLAIN, after=AFTER, ceiling=AFTER)


def test_accuracy_is_the_share_of_equal_tokens():
    """Accuracy counts equal tokens of each pair of clips, of any shape."""
    assert accuracy(PLAIN, AFTER).tolist() == [0.25, 0.25]
    assert accuracy(PLAIN.reshape(2, 2, 2), AFTER.reshape(2, 2, 2)).tolist() == [0.25, 0.25]


def test_a_perfect_knob_is_1(room):
    """Decoding what the edit gives is equivariance 1, with no doubt about it."""
    result = equivariance(room, AFTER, NOBODY, _draws(room))

    assert (result.value, result.low, result.high) == (1, 1, 1)
    assert (result.accuracy, result.floor, result.ceiling) == (1, 0.25, 1)
    assert result.measurable


def test_a_knob_that_does_nothing_is_0(room):
    """Decoding the unchanged code is equivariance 0."""
    result = equivariance(room, PLAIN, NOBODY, _draws(room))

    assert result.value == 0
    assert result.accuracy == result.floor == 0.25


def test_equivariance_by_hand(room):
    """Accuracies 3/4 and 1/2 with floor 1/4 and ceiling 1 give (5/8 - 1/4) / (3/4) = 1/2, clip by clip 2/3 and 1/3."""
    result = equivariance(room, _clips([1, 1, 1, 0], [2, 2, 0, 0]), NOBODY, _draws(room))

    assert result.value == pytest.approx(0.5)
    assert result.low == pytest.approx(1 / 3)
    assert result.high == pytest.approx(2 / 3)


def test_one_clip_for_all_is_no_knob(room):
    """Where decoding the mean edited code does better than the unchanged one, that is the floor."""
    mean_edited = _clips([1, 1, 1, 2])[0]

    result = equivariance(room, np.stack([mean_edited] * 2), mean_edited, _draws(room))

    assert result.floor == 0.5
    assert result.value == 0


def test_a_knob_may_be_worse_than_none(room):
    """A knob that makes it worse is under 0."""
    assert equivariance(room, PLAIN * 0 + 7, NOBODY, _draws(room)).value == pytest.approx(-1 / 3)


def test_without_room_equivariance_is_not_measurable(case_of):
    """Where the model cannot show the edit, ceiling and floor meet: nothing is measurable, and nothing breaks."""
    case = case_of(PLAIN, after=AFTER, ceiling=PLAIN)

    result = equivariance(case, AFTER, NOBODY, _draws(case))

    assert not result.measurable
    assert all(math.isfinite(v) for v in asdict(result).values())


def test_no_clip_is_not_measurable(case_of):
    """A case without clips has no equivariance."""
    case = case_of(np.zeros((0, 4)))

    assert not equivariance(case, case.plain, NOBODY, _draws(case)).measurable


def test_the_effect_is_the_mean_change_from_the_plain_decoding(case_of):
    """Change, spread and clips by hand; a clip where the attribute is lost counts for neither."""
    case = case_of(_clips([1, 1], [2, 2], [3, 3]))
    turned = _clips([3, 3], [6, 6], [0, 0])

    result = effect(MEAN, case, turned, _draws(case))

    np.testing.assert_array_equal(changes(MEAN, case.plain, turned), [2, 4, np.nan])
    assert result.value == 3
    assert result.low == 2
    assert result.high == 4
    assert result.spread == 1
    assert result.clips == 2


def test_an_effect_on_nothing_is_0(case_of):
    """Where the attribute is defined on no clip, the effect is 0 on 0 clips."""
    case = case_of(_clips([0, 0]))

    result = effect(MEAN, case, case.plain, _draws(case))

    assert (result.value, result.spread, result.clips) == (0, 0, 0)


def test_the_slope_goes_through_0():
    """Changes of 2 and 3 at amounts 1 and 2 are (2 + 6) / 5 a unit; no amount, no slope."""
    assert slope(np.asarray([1.0, 2.0]), np.asarray([2.0, 3.0])) == pytest.approx(1.6)
    assert slope(np.zeros(0), np.zeros(0)) == 0


def test_leakage_is_in_deviations_and_without_sign(case_of):
    """A mean change of -3 where clips differ by 2 leaks 1.5; the bound is above the value."""
    case = case_of(_clips([6, 6], [9, 9], [7, 7]))
    turned = _clips([4, 4], [5, 5], [4, 4])

    result = leakage(MEAN, case, turned, 2.0, _draws(case))

    assert result.value == pytest.approx(1.5)
    assert 1.5 < result.upper <= 2.0


def test_leakage_both_ways_is_bounded_from_above(case_of):
    """Clips that leak by +1 and -1 leak 0 on average, but the bound tells how little that is known."""
    case = case_of(_clips([6, 6], [9, 9]))

    result = leakage(MEAN, case, _clips([7, 7], [8, 8]), 1.0, _draws(case))

    assert result.value == 0
    assert result.upper == 1


def test_leakage_of_what_never_differs_is_in_plain_units(case_of):
    """Where the corpus has no spread the change itself counts; where nothing is defined nothing leaks."""
    case = case_of(_clips([6, 6]))

    assert leakage(MEAN, case, _clips([8, 8]), 0.0, _draws(case)).value == 2
    assert leakage(MEAN, case, _clips([0, 0]), 1.0, _draws(case)).upper == 0


def test_a_clip_that_no_longer_has_the_attribute_has_lost_it(case_of):
    """Of two clips with a mean pitch one is turned into silence: half is lost, and the other's change counts."""
    case = case_of(_clips([6, 6], [9, 9], [0, 0]))

    result = leakage(MEAN, case, _clips([7, 7], [0, 0], [5, 5]), 1.0, _draws(case))

    assert result.lost == 0.5
    assert result.value == 1


def test_content_is_beside_what_the_model_keeps(case_of):
    """Agreement of 1/2 where the plain reconstruction has 3/4 is content 2/3; where it is not defined it is NaN."""
    same = Comparison("same", "Equal tokens.", "any", accuracy)
    case = case_of(_clips([1, 1, 1, 1]), plain=_clips([1, 1, 1, 5]))

    assert content(same, case, _clips([1, 1, 5, 5]), _draws(case)).value == pytest.approx(2 / 3)
    assert content(same, case, _clips([1, 1, 1, 5]), _draws(case)).value == 1
    other = case_of(_clips([1, 1]), plain=_clips([5, 5]))
    assert content(same, other, _clips([1, 1]), _draws(other)) is None


def test_content_counts_clips_where_both_agreements_are_defined(case_of):
    """A clip whose agreement is not defined after turning, or without, counts on neither side."""
    values = {1: 1.0, 2: 0.5, 3: np.nan}
    lookup = Comparison("lookup", "By token.", "any", lambda _a, b: np.asarray([values[int(t)] for t in b[:, 0]]))
    case = case_of(_clips([0], [0], [0]), plain=_clips([1], [3], [1]))

    assert content(lookup, case, _clips([2], [1], [3]), _draws(case)).value == 0.5
    assert content(lookup, case, _clips([3], [3], [3]), _draws(case)) is None


@settings(max_examples=100)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=12),
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=12),
)
def test_spearman_is_scipys(first, second):
    """Row by row, ties and all, the correlation is scipy's; where one side is constant it is 0."""
    size = max(len(first), len(second))
    x, y = (np.full((2, size), np.nan) for _ in range(2))
    for row, pairs in enumerate((first, second)):
        x[row, : len(pairs)], y[row, : len(pairs)] = zip(*pairs, strict=True)

    result = spearman(x, y)

    for row, pairs in enumerate((first, second)):
        a, b = zip(*pairs, strict=True)
        constant = len(set(a)) == 1 or len(set(b)) == 1
        assert result[row] == pytest.approx(0.0 if constant else spearmanr(a, b).statistic, abs=1e-12)


def test_monotone_by_hand():
    """Clips that rise, fall and stay give 1, -1 and 0: the mean is 0 over three clips."""
    values = {0.0: {1: 5, 2: 5, 3: 5}, 1.0: {1: 6, 2: 4, 3: 5}, 2.0: {1: 9, 2: 1, 3: 5}}

    assert monotone(values) == (0.0, 3)


def test_a_perfect_knob_is_monotone_and_one_that_does_nothing_is_not():
    """More of the knob is more of the attribute: 1; no change at all: 0."""
    rising = {float(a): {clip: clip + 3 * a for clip in range(5)} for a in range(-2, 3)}
    still = {float(a): dict.fromkeys(range(5), 7) for a in range(-2, 3)}

    assert monotone(rising) == (1.0, 5)
    assert monotone(still) == (0.0, 5)


def test_amounts_are_in_order_whatever_order_they_come_in():
    """The order of the mapping does not matter."""
    assert monotone({2.0: {1: 9}, -1.0: {1: 2}, 0.0: {1: 3}}) == (1.0, 1)


def test_a_clip_counts_from_three_amounts_on():
    """A clip reached at fewer than three amounts, or with no number there, does not count; with none it is NaN."""
    nan = float("nan")
    values = {0.0: {1: 0, 2: 0, 3: 0}, 1.0: {1: 1, 2: 1, 3: 1}, 2.0: {1: 2, 3: nan}}

    assert monotone(values) == (1.0, 1)
    assert monotone(values, least=2) == (1.0, 3)
    score, clips = monotone({0.0: {1: 0}, 1.0: {1: 1}})
    assert math.isnan(score)
    assert clips == 0
    assert monotone({})[1] == 0


# The edit changes the first two of eight tokens; so far the model gives all of the clip but the last.
BEFORE = _clips([0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0])
EDITED = _clips([5, 5, 0, 0, 0, 0, 0, 0], [5, 5, 0, 0, 0, 0, 0, 0])
KEPT = _clips([0, 0, 0, 0, 0, 0, 0, 3], [0, 0, 0, 0, 0, 0, 0, 3])


def test_the_f1_of_changes_by_hand(case_of):
    """
    Two changes wanted in each clip; 1 of 1 and 2 of 4 found: F1 = 2 * 3 / (4 + 5).

    The ceiling has both and one more: 2 * 4 / (4 + 6). Unturned, 1 change and none in common: 0.
    """
    case = case_of(BEFORE, after=EDITED, plain=KEPT, ceiling=_clips(*[[5, 5, 0, 0, 0, 0, 0, 3]] * 2))
    turned = _clips([5, 0, 0, 0, 0, 0, 0, 0], [5, 5, 0, 7, 7, 0, 0, 0])

    result = equivariance(case, turned, BEFORE[0], _draws(case), "changes")

    assert (result.accuracy, result.floor, result.ceiling) == pytest.approx((6 / 9, 0, 8 / 10))
    assert result.value == pytest.approx((6 / 9) / (8 / 10))
    assert result.low == pytest.approx((2 / 3) / 0.8)
    assert result.high == pytest.approx((2 * 2 / 6) / 0.8)


def test_a_change_counts_with_its_token_alone(case_of):
    """The right places with wrong tokens have no change in common with the edit."""
    case = case_of(BEFORE, after=EDITED, ceiling=EDITED)

    result = equivariance(case, np.where(EDITED == 5, 6, EDITED).astype(np.int16), BEFORE[0], _draws(case), "changes")

    assert result.accuracy == result.value == 0


def test_changes_have_the_mean_clip_as_a_floor(case_of):
    """An edit that gives every clip the same is no knob by changes either."""
    case = case_of(BEFORE, after=EDITED, ceiling=EDITED)

    result = equivariance(case, EDITED, EDITED[0], _draws(case), "changes")

    assert not result.measurable
    assert result.value == 0


def test_a_knob_that_turns_either_way_alike_is_none(case_of):
    """By changes, decoding the knob turned the other way is a floor too."""
    case = case_of(BEFORE, after=EDITED, ceiling=EDITED)
    half = np.stack([EDITED[0], BEFORE[0]])

    same, other = (equivariance(case, half, BEFORE[0], _draws(case), "changes", back) for back in (half, BEFORE))

    assert same.value == 0
    assert other.value == pytest.approx(2 / 3)


def test_the_way_back_makes_no_room_smaller(case_of):
    """Where a knob turned the other way comes as near as the ceiling, it is measured, and 0."""
    case = case_of(BEFORE, after=EDITED, ceiling=EDITED)

    result = equivariance(case, EDITED, BEFORE[0], _draws(case), "changes", EDITED)

    assert result.measurable
    assert (result.value, result.low, result.high) == (0, 0, 0)


def test_songs_without_room_speak_against_a_knob(case_of):
    """Resamplings in which floor and ceiling meet count as 0, so that they do not narrow the interval."""
    ceiling = np.stack([EDITED[0], KEPT[0]])
    case = case_of(BEFORE, after=EDITED, ceiling=ceiling, plain=KEPT)

    assert equivariance(case, ceiling, BEFORE[0], _draws(case), "changes").low == 0


def test_an_edit_that_changes_nothing_has_no_changes_to_measure(case_of):
    """Nothing to find is not measurable, and no number is infinite."""
    case = case_of(BEFORE)

    result = equivariance(case, BEFORE, BEFORE[0], _draws(case), "changes")

    assert not result.measurable
    assert all(math.isfinite(v) for v in asdict(result).values())


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=50)
def test_the_f1_is_that_of_two_sets(seed):
    """The pooled F1 is that of precision and recall of the set of turned changes, clip, place and new token."""
    before, after, turned = default_rng(seed).integers(0, 3, (3, 4, 6)).astype(np.int16)
    codes = np.zeros((4, 2), np.float32)
    case = AmountBatch(1.0, np.arange(4), np.arange(4), before, after, codes, codes, before, after)
    wanted, made = (
        {(*where, int(one[tuple(where)])) for where in np.argwhere(one != before).tolist()} for one in (after, turned)
    )
    precision, recall = len(wanted & made) / max(len(made), 1), len(wanted & made) / max(len(wanted), 1)
    expected = 2 * precision * recall / (precision + recall) if wanted & made else 0.0

    assert equivariance(case, turned, before[0], _draws(case), "changes").accuracy == pytest.approx(expected)


@pytest.mark.parametrize(("places", "expected"), [(1, "changes"), (2, "tokens")])
def test_changes_are_measured_where_tokens_leave_no_room(case_of, places, expected):
    """With 1 of 32 tokens changed the room is 0.031 and changes count; with 2 it is 0.0625, and tokens do."""
    before = np.zeros((4, 32), np.int16)
    after = before.copy()
    after[:, :places] = 1
    other = np.full(32, 7, np.int16)

    assert measure_for({1.0: case_of(before, after=after, ceiling=after)}, {1.0: other}) == expected


def test_one_amount_without_room_is_enough(case_of):
    """If either of the amounts nearest to 0 leaves tokens no room, the whole edit is measured by changes."""
    before = np.zeros((4, 32), np.int16)
    few, many = before.copy(), before.copy()
    few[:, 0], many[:, :9] = 1, 1
    cases = {amount: case_of(before, after=after, ceiling=after) for amount, after in ((-1.0, many), (1.0, few))}

    assert measure_for(cases, dict.fromkeys(cases, np.full(32, 7, np.int16))) == "changes"


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [((-2, -1, 1, 2), (-1, 1)), ((0.5, 3), (0.5,)), ((-3, -2), (-2,)), ((), ())],
)
def test_the_nearest_amounts_are_one_on_each_side(amounts, expected):
    """At most one amount below 0 and one above it, each the nearest."""
    assert nearest(amounts) == expected
