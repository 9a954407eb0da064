import numpy as np
import pytest

from latentknobs.core.method_specs import SelectInput
from latentknobs.discovery.selection_stability import SongSubsets, choices, of_halves, of_resampled
from latentknobs.discovery.selectors import by_energy, by_threshold

AMOUNTS, BLOCKS, CLIPS, D = 2, 8, 12, 3


@pytest.fixture
def songs():
    """Eight blocks with seeded pairs, of which one is empty, and twelve validation clips of six songs."""
    rng = np.random.default_rng(0)
    counts = rng.integers(1, 9, (AMOUNTS, BLOCKS)).astype(float)
    counts[:, 3] = 0
    sums = rng.normal(size=(AMOUNTS, BLOCKS, D)) * counts[..., None]
    return SongSubsets(counts, sums, rng.random((CLIPS, D)), np.repeat(np.arange(6), 2), 0)


@pytest.fixture
def whole(songs):
    """What a selector is given of all songs."""
    energy = songs.energy.sum(axis=0)
    change = songs.sums.sum(axis=1) / songs.counts.sum(axis=1)[:, None]
    return SelectInput(change, energy / energy.sum(), lambda _dims: 1.0, {"flips": 999}, at=1)


def test_halves_are_half_of_the_songs(songs, whole):
    """Half of the blocks that have pairs and half of the validation songs, each once; the means are theirs."""
    pairs = songs.energy.reshape(6, 2, D).sum(axis=1)
    for one in songs.halves(whole, 20):
        rows = [np.flatnonzero((songs.sums[1] == s).all(axis=1))[0] for s in one.sums]
        assert len(set(rows)) == len(rows) == 3
        assert 3 not in rows
        expected = songs.sums[:, rows].sum(axis=1) / songs.counts[:, rows].sum(axis=1)[:, None]
        np.testing.assert_allclose(one.mean_change, expected)
        assert np.array_equal(one.counts, songs.counts[1, rows])
        subsets = [pairs[list(s)].sum(axis=0) for s in _threes(6)]
        assert any(np.allclose(one.share, total / total.sum()) for total in subsets)
        assert one.options == {"flips": 200}


def _threes(n):
    return [(a, b, c) for a in range(n) for b in range(a) for c in range(b)]


def test_resampled_songs_come_with_replacement(songs, whole):
    """As many blocks as there are, some twice; over many draws the means agree with those of all songs."""
    many = list(songs.resampled(whole, 4000))

    assert {len(one.sums) for one in many} == {7}
    assert any(len(np.unique(one.sums, axis=0)) < 7 for one in many)
    totals = np.mean([one.sums.sum(axis=0) for one in many], axis=0)
    np.testing.assert_allclose(totals, songs.sums[1].sum(axis=0), atol=0.5)
    np.testing.assert_allclose(np.mean([one.share for one in many], axis=0), whole.share, atol=0.02)


def test_the_seed_decides_the_halves(songs, whole):
    """The same seed gives the same halves."""
    first, again = ([one.share for one in songs.halves(whole, 5)] for _ in range(2))

    assert np.array_equal(first, again)
    assert not np.array_equal(first[0], first[1])


def test_without_songs_the_input_stays(whole):
    """Where no pair is known the changes stay, where no clip is there is no share, and nothing is divided by 0."""
    none = SongSubsets(np.zeros((AMOUNTS, 4)), np.zeros((AMOUNTS, 4, D)), np.zeros((0, D)), np.zeros(0, np.int64), 0)

    for one in [*none.halves(whole, 2), *none.resampled(whole, 2)]:
        assert np.array_equal(one.mean_change, whole.mean_change)
        assert not one.share.any()


def test_frequencies_by_hand():
    """A dimension's frequency is on how many of the halves it is chosen; stable is what is found on 9 of 10."""
    result = of_halves([4, 7], [[4, 7]] * 8 + [[4]] + [[4, 2]])

    assert result == ({"2": 0.1, "4": 1.0, "7": 0.8}, 1)
    assert of_halves([], [[], []]) == ({}, 0)


def test_the_interval_is_of_the_number_of_dimensions():
    """The 2.5 % and 97.5 % quantiles of how many are chosen, each a number that was chosen."""
    chosen = [[0]] + [[0, 1]] * 38 + [[0, 1, 2]]

    assert of_resampled(chosen) == (2, 2)
    assert of_resampled([[], [1, 2]]) == (0, 2)


def test_every_rule_is_asked_of_every_input(songs, whole):
    """The choices of each rule come in the order of the inputs."""
    inputs = list(songs.halves(whole, 3))

    result = choices(inputs, {"threshold": by_threshold, "energy": by_energy})

    assert result == {
        "threshold": [by_threshold(one).tolist() for one in inputs],
        "energy": [by_energy(one).tolist() for one in inputs],
    }


def test_a_clear_effect_is_stable_and_noise_is_not():
    """A dimension that moves in every song is chosen on every half; one that moves by chance on some."""
    rng = np.random.default_rng(3)
    sums = rng.normal([[2.0, 0.5, 0.0]], [[0.1, 1.5, 0.1]], size=(64, 3))[None]
    songs = SongSubsets(np.ones((1, 64)), sums, np.ones((1, 3)), np.zeros(1, np.int64), 0)
    whole = SelectInput(sums[0].mean(axis=0)[None], np.ones(3) / 3, lambda _dims: 1.0)

    chosen = choices(songs.halves(whole, 100), {"threshold": by_threshold})["threshold"]
    frequency, _ = of_halves([0], chosen)

    assert frequency["0"] == 1
    assert 0.1 < frequency["1"] < 0.9
    assert "2" not in frequency
