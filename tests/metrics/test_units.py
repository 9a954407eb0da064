"""The units of codes and metrics of disentanglement."""

import numpy as np
import pytest
from attrs import evolve
from numpy.random import default_rng

from latentknobs import LabelledCodes, load_plugins
from latentknobs.core.code_units import CodeUnits

METRICS = [name for name, metric in load_plugins().metrics().items() if metric.needs == "codes"]
OF_ACTIVE = ("sap", "modularity-active")
SCALES = [1e-3, 1e3, (1e-3, 1e3, 7.0, 1e-2, 1.0, 50.0)]


def _result(name, labelled):
    overall = load_plugins().metrics()[name].compute(labelled).overall
    return overall.value, overall.low, overall.high


@pytest.fixture(scope="module")
def labelled():
    """Two factors in six dimensions, one of them in three classes, with noise."""
    rng = default_rng(3)
    factors = np.stack([rng.normal(size=600), rng.integers(0, 3, 600)], axis=1)
    codes = np.hstack([factors + 0.3 * rng.normal(size=factors.shape), rng.normal(size=(600, 4))])
    codes[:, 2] += 0.5 * factors[:, 0]
    return LabelledCodes(
        codes, factors, names=("one", "two"), discrete=(False, True), groups=np.arange(600) // 10, seed=0, resamples=20
    )


def _moved(labelled, scale):
    return evolve(labelled, codes=(labelled.codes + 3) * np.asarray(scale))


@pytest.mark.parametrize("name", [name for name in METRICS if name not in OF_ACTIVE])
@pytest.mark.parametrize("scale", SCALES)
def test_no_metric_depends_on_the_units_of_codes(labelled, name, scale):
    """Codes moved, and times a number or times one for each dimension, have the same value and interval."""
    assert _result(name, _moved(labelled, scale)) == pytest.approx(_result(name, labelled), abs=1e-4)


@pytest.mark.parametrize("name", OF_ACTIVE)
@pytest.mark.parametrize("scale", SCALES)
def test_metrics_of_active_dimensions_are_the_same_in_code_units(labelled, name, scale):
    """Metrics that ask which dimensions are active are the same once codes are in code units."""
    moved = _moved(labelled, scale)

    own, other = (
        evolve(one, codes=CodeUnits.of(one.codes.mean(axis=0), one.codes.var(axis=0)).inward(one.codes))
        for one in (labelled, moved)
    )

    assert _result(name, other) == pytest.approx(_result(name, own), abs=1e-4)
