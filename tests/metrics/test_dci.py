"""What the three DCI metrics share; their values are in test_all_dimensions."""

from __future__ import annotations

import numpy as np
from attrs import evolve

from latentknobs.core.metric_specs import LabelledCodes
from latentknobs.metrics import dci


def test_the_three_share_a_reading_of_the_same_codes_only(monkeypatch):
    """Asked one after another they fit once; another seed, code, factor, group or option is read anew."""
    fits = []
    fitted = dci._fitted
    monkeypatch.setattr(dci, "_fitted", lambda *given: fits.append(1) or fitted(*given))
    rng = np.random.default_rng(5)
    codes = rng.normal(size=(60, 3))
    given = LabelledCodes(codes, codes[:, :2] + 0.1, ("a", "b"), (False, False), groups=np.arange(60) // 4, resamples=3)

    found = [metric(given).overall.value for metric in (dci.disentanglement, dci.completeness, dci.informativeness)]
    assert len(fits) == 1
    assert [
        metric(given).overall.value for metric in (dci.disentanglement, dci.completeness, dci.informativeness)
    ] == found

    moved = codes.copy()
    moved[7, 1] += 1e-9
    others = [
        {"seed": 1},
        {"codes": moved},
        {"groups": np.arange(60) // 5},
        {"options": {"train-share": 0.6}},
        {"resamples": 4},
    ]
    for count, other in enumerate(others, start=2):
        dci.informativeness(evolve(given, **other))
        assert len(fits) == count
