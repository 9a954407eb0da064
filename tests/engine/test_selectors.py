import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentknobs.core.method import SelectInput
from latentknobs.engine.selectors import by_effect, by_threshold, sizes


def _input(change=((0.0,),), share=(1.0,), kept=lambda _dims: 1.0, **options):
    return SelectInput(np.asarray(change), np.asarray(share), kept, options)


def test_the_threshold_is_taken_at_the_largest_amount():
    """Dimensions whose change at the last amount is more than t either way, the largest first."""
    change = [[9.0, 9.0, 9.0, 9.0, 9.0], [0.2, -0.9, 0.5, 0.6, -0.51]]

    assert by_threshold(_input(change)).tolist() == [1, 3, 4]
    assert by_threshold(_input(change, threshold=0.1)).tolist() == [1, 3, 4, 2, 0]


def test_a_threshold_above_everything_chooses_nothing():
    """A threshold that no change reaches gives no dimension."""
    found = by_threshold(_input([[0.1, 0.2]], threshold=5))

    assert found.tolist() == []
    assert found.dtype == np.int64


@settings(deadline=None, max_examples=100)
@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=60), st.floats(0.05, 1.0))
def test_where_more_dimensions_keep_more_the_smallest_set_is_found(share, keep):
    """With an effect that grows with every dimension, S is the shortest prefix by share that keeps enough."""
    share = np.asarray(share) / np.sum(share)
    order = np.argsort(-share, kind="stable")
    least = next((n for n in range(1, len(share)) if share[order[:n]].sum() >= keep), len(share))

    found = by_effect(_input(share=share, kept=lambda dims: share[dims].sum(), keep=keep))

    assert found.tolist() == order[:least].tolist()


@settings(deadline=None, max_examples=100)
@given(st.lists(st.floats(-1, 2), min_size=2, max_size=60))
def test_where_more_dimensions_may_keep_less_the_set_still_keeps_enough(curve):
    """On any curve the set keeps enough unless it is all that moves, and no smaller set that was tried does."""
    share = np.linspace(2, 1, len(curve))
    tried = {}

    def kept(dims):
        tried[len(dims)] = curve[len(dims) - 1]
        return curve[len(dims) - 1]

    found = by_effect(_input(share=share, kept=kept))

    assert found.tolist() == list(range(len(found)))
    assert len(found) == len(curve) or curve[len(found) - 1] >= 0.9
    assert all(value < 0.9 for size, value in tried.items() if size < len(found))


def test_a_dip_does_not_hide_a_small_set():
    """A set is taken at the first step that keeps enough, though a larger one would keep less."""
    curve = [0.2, 0.95, 0.4, 0.99]

    found = by_effect(_input(share=[0.4, 0.3, 0.2, 0.1], kept=lambda dims: curve[len(dims) - 1]))

    assert found.tolist() == [0, 1]


def test_dimensions_without_a_share_are_never_taken():
    """Where even all that moves keeps too little, S is all that moves and no more."""
    found = by_effect(_input(share=[0.0, 0.7, 0.0, 0.3], kept=lambda _dims: 0.1))

    assert found.tolist() == [1, 3]
    assert by_effect(_input(share=[0.0, 0.0], kept=lambda _dims: 0.0)).tolist() == [0]


def test_few_sets_are_decoded():
    """Of 128 dimensions a tenth part of the sets is tried at most twice over: each costs a decoding."""
    tried = []

    def kept(dims):
        tried.append(len(dims))
        return 1.0 if len(dims) > 110 else 0.0

    found = by_effect(_input(share=np.linspace(2, 1, 128), kept=kept))

    assert len(found) == 111
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
