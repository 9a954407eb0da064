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
    monkeypatch.setattr(dci, "_fitted", lambda *labelled: fits.append(1) or fitted(*labelled))
    rng = np.random.default_rng(5)
    codes = rng.normal(size=(60, 3))
    labelled = LabelledCodes(
        codes, codes[:, :2] + 0.1, ("a", "b"), (False, False), groups=np.arange(60) // 4, resamples=3
    )

    result = [metric(labelled).overall.value for metric in (dci.disentanglement, dci.completeness, dci.informativeness)]
    assert len(fits) == 1
    assert [
        metric(labelled).overall.value for metric in (dci.disentanglement, dci.completeness, dci.informativeness)
    ] == result

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
        dci.informativeness(evolve(labelled, **other))
        assert len(fits) == count
