import numpy as np
import pytest

from latentknobs.scores.timing import timing

BARS = np.arange(0, 128, 16)


def placed(*within, jitter=0.0, seed=0):
    """Onsets at these steps of each of eight bars, played with a normal jitter of so many steps."""
    places = (BARS[:, None] + np.asarray(within)).ravel().astype(float)
    return places + jitter * np.random.default_rng(seed).standard_normal(len(places))


@pytest.mark.parametrize(
    ("places", "feel"),
    [
        (placed(0, 2, 4, 6, 8, 10, 12, 14), "straight"),
        (placed(0, 3, 4, 7, 8, 11, jitter=0.12), "straight"),  # 15 ms at 120
        (placed(0, 2.67, 4, 6.67, 8, 10.67, 12, 14.67), "swing"),
        (placed(0, 2.4, 4, 6.4, 8, 10.4, 12, 14.4, jitter=0.05), "swing"),  # 60 %
        (placed(0, 1.33, 2, 3.33, 4, 5.33, 6, 7.33), "swing"),  # sixteenths
        (placed(0, 4 / 3, 8 / 3, 4, 16 / 3, 20 / 3, 8, 12), "triplets"),
        (np.sort(np.random.default_rng(1).uniform(0, 128, 80)), "rubato"),
    ],
)
def test_each_feel_is_known_by_where_its_onsets_lie(places, feel):
    """Swing is late second halves, triplets are thirds, rubato is anywhere."""
    assert timing(places, 4).feel == feel


def test_playing_beside_a_fine_grid_is_still_on_it():
    """What a drummer is off twelfths of a beat is no lack of a grid: it is less than a third of a sixteenth."""
    places = placed(0, 2, 4, 6, 8, 10, 12, 14, jitter=0.12)

    assert timing(3 * places, 12).off == 0


@pytest.mark.parametrize("seed", range(20))
def test_what_lies_anywhere_is_never_called_swing_or_triplets(seed):
    """Chance does not make a feel."""
    places = np.sort(np.random.default_rng(seed).uniform(0, 128, 80))

    assert timing(places, 4).feel in {"rubato", "mixed"}
