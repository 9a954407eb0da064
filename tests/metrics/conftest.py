import numpy as np
import pytest

from latentknobs.core.metric_specs import LabelledCodes


@pytest.fixture
def grid():
    """Makes codes of two independent factors with four values each, every pair ten times, turned by an angle."""

    def make(degrees=0.0, **settings):
        pairs = np.repeat(np.stack(np.meshgrid(np.arange(4.0), np.arange(4.0)), -1).reshape(-1, 2), 10, axis=0)
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        chosen = {"resamples": 0, "bins": 4, "discrete": (False, False), **settings}
        return LabelledCodes(pairs @ np.asarray([[c, -s], [s, c]]), pairs, ("a", "b"), **chosen)

    return make


@pytest.fixture
def noise():
    """Makes codes that have nothing to do with their two factors."""

    def make(rows=4000, **settings):
        rng = np.random.default_rng(5)
        factors = np.stack([rng.normal(size=rows), rng.integers(0, 3, rows)], axis=1)
        chosen = {"resamples": 0, "discrete": (False, True), **settings}
        return LabelledCodes(rng.normal(size=(rows, 4)), factors, ("number", "label"), **chosen)

    return make
