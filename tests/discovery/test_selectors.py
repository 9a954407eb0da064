import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentknobs.core.method_specs import SelectInput
from latentknobs.discovery.selectors import (
    by_effect,
    by_energy,
    by_knee,
    by_participation,
    by_threshold,
    participation,
    sizes,
)


def _input(change=((0.0,),), share=(1.0,), kept=lambda _dims: 1.0, **options):
    return SelectInput(np.asarray(change), np.asarray(share), kept, options)


def test_the_threshold_is_taken_at_the_largest_amount():
    """Dimensions whose change at the last amount is more than t either way, the largest first."""
    change = [[9.0, 9.0, 9.0, 9.0, 9.0], [0.2, -0.9, 0.5, 0.6, -0.51]]

    assert by_threshold(_input(change)).tolist() == [1, 3, 4]
    assert by_threshold(_input(change, threshold=0.1)).tolist() == [1, 3, 4, 2, 0]


def test_a_threshold_above_everything_chooses_nothing():
    """A threshold that no change reaches gives no dimension."""
    result = by_threshold(_input([[0.1, 0.2]], threshold=5))

    assert result.tolist() == []
    assert result.dtype == np.int64


@settings(max_examples=100)
@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=60), st.floats(0.05, 1.0))
def test_where_more_dimensions_keep_more_the_smallest_set_is_found(share, keep):
    """With an effect that grows with every dimension, S is the shortest prefix by share that keeps enough."""
    share = np.asarray(share) / np.sum(share)
    order = np.argsort(-share, kind="stable")
    least = next((n for n in range(1, len(share)) if share[order[:n]].sum() >= keep), len(share))

    result = by_effect(_input(share=share, kept=lambda dims: share[dims].sum(), keep=keep))

    assert result.tolist() == order[:least].tolist()


@settings(max_examples=100)
@given(st.lists(st.floats(-1, 2), min_size=2, max_size=60))
def test_where_more_dimensions_may_keep_less_the_set_still_keeps_enough(curve):
    """On any curve the set keeps enough unless it is all that moves, and no smaller set that was tried does."""
    share = np.linspace(2, 1, len(curve))
    tried = {}

    def kept(dims):
        tried[len(dims)] = curve[len(dims) - 1]
        return curve[len(dims) - 1]

    result = by_effect(_input(share=share, kept=kept))

    assert result.tolist() == list(range(len(result)))
    assert len(result) == len(curve) or curve[len(result) - 1] >= 0.9
    assert all(value < 0.9 for size, value in tried.items() if size < len(result))


def test_a_dip_does_not_hide_a_small_set():
    """A set is taken at the first step that keeps enough, though a larger one would keep less."""
    curve = [0.2, 0.95, 0.4, 0.99]

    result = by_effect(_input(share=[0.4, 0.3, 0.2, 0.1], kept=lambda dims: curve[len(dims) - 1]))

    assert result.tolist() == [0, 1]


def test_dimensions_without_a_share_are_never_taken():
    """Where even all that moves keeps too little, S is all that moves and no more."""
    result = by_effect(_input(share=[0.0, 0.7, 0.0, 0.3], kept=lambda _dims: 0.1))

    assert result.tolist() == [1, 3]
    assert by_effect(_input(share=[0.0, 0.0], kept=lambda _dims: 0.0)).tolist() == [0]


def test_few_sets_are_decoded():
    """Of 128 dimensions a tenth part of the sets is tried at most twice over: each costs a decoding."""
    tried = []

    def kept(dims):
        tried.append(len(dims))
        return 1.0 if len(dims) > 110 else 0.0

    result = by_effect(_input(share=np.linspace(2, 1, 128), kept=kept))

    assert len(result) == 111
    assert len(tried) <= 45


def test_sizes_grow_by_a_quarter():
    """1, 2, 3, ... by about a quarter, and the largest itself."""
    assert sizes(24) == [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 19, 24]
    assert sizes(7) == [1, 2, 3, 4, 5, 6, 7]
    assert sizes(1) == [1]


@pytest.mark.parametrize("largest", [2, 13, 128, 512])
def test_sizes_rise_to_the_largest(largest):
    """Every size is larger than the one before, and the last is the largest."""
    out = sizes(largest)

    assert out == sorted(set(out))
    assert out[-1] == largest


SHARES = st.lists(st.floats(0, 1), min_size=1, max_size=40).filter(lambda xs: sum(xs) > 1e-3)


def _shares(values):
    return np.asarray(values) / np.sum(values)


def test_the_threshold_leaves_out_what_the_model_does_not_use():
    """A dimension that is not active is never taken, however far it moves."""
    select_input = SelectInput(
        np.asarray([[9.0, 0.6, 0.1]]), np.zeros(3), lambda _dims: 1.0, active=np.asarray([False, True, True])
    )

    assert by_threshold(select_input).tolist() == [1]


@settings(max_examples=100)
@given(SHARES, st.floats(0.05, 1.0))
def test_the_energy_rule_takes_the_shortest_prefix(values, part):
    """Its shares add up to the part that is asked for, and without the last of them they do not."""
    share = _shares(values)

    result = by_energy(_input(share=share, energy=part))

    assert (share[result] > 0).all()
    assert share[result].sum() >= part - 1e-9
    assert share[result[:-1]].sum() < part
    assert share[result].min() >= np.delete(share, result).max(initial=0)


@pytest.mark.parametrize(
    ("share", "ratio", "dims"),
    [
        ([0.25, 0.25, 0.25, 0.25], 4.0, 4),
        ([1.0, 0.0, 0.0], 1.0, 1),
        # 1 / (0.36 + 0.16) = 1.92
        ([0.6, 0.4, 0.0, 0.0], 1 / 0.52, 2),
        # 1 / (0.64 + 0.04 + 0.0) = 1.47
        ([0.8, 0.2], 1 / 0.68, 1),
    ],
)
def test_the_participation_ratio_by_hand(share, ratio, dims):
    """(sum s)^2 / sum s^2, rounded, is how many of the largest shares are taken."""
    assert participation(np.asarray(share)) == pytest.approx(ratio)
    assert len(by_participation(_input(share=share))) == dims


@settings(max_examples=100)
@given(SHARES)
def test_the_participation_ratio_lies_between_one_and_all(values):
    """It is at least 1 and at most the number of dimensions that move, and no unit changes it."""
    share = _shares(values)

    assert 1 - 1e-9 <= participation(share) <= (share > 0).sum() + 1e-9
    assert participation(7 * share) == pytest.approx(participation(share))


def test_the_knee_by_hand():
    """Of shares 10, 9, 2, 1, 1, 1 the third lies farthest below the chord, so the two before it are taken."""
    # Heights from 0 to 1: 1, 8/9, 1/9, 0, 0, 0; distances below 1 - i/5: 0, -0.09, 0.49, 0.4, 0.2, 0.
    share = np.asarray([1, 2, 10, 1, 9, 1]) / 24

    assert by_knee(_input(share=share)).tolist() == [2, 4]


def test_without_a_knee_everything_that_moves_is_taken():
    """Equal shares, shares on a straight line, and fewer than three have no knee."""
    for share in ([0.25] * 4, [0.4, 0.3, 0.2, 0.1], [0.9, 0.1, 0.0]):
        assert by_knee(_input(share=share)).tolist() == [i for i, s in enumerate(share) if s]


@settings(max_examples=100)
@given(SHARES, st.sampled_from([by_knee, by_participation, by_energy]))
def test_rules_on_shares_take_the_largest(values, rule):
    """At least one dimension, none without a share, none smaller than one that is left out."""
    share = _shares(values)

    result = rule(_input(share=share))

    assert len(result)
    assert (share[result] > 0).all()
    assert share[result].min() >= np.delete(share, result).max(initial=0)


@pytest.mark.parametrize("rule", [by_knee, by_participation, by_energy])
def test_rules_on_shares_take_nothing_where_nothing_moves(rule):
    """Without any share there is no dimension."""
    assert rule(_input(share=[0.0, 0.0])).tolist() == []
