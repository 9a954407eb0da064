"""Content: how much of the original a knob keeps, beside how much the model keeps by itself."""

from __future__ import annotations

import numpy as np

from latentknobs.core.arrays import ClipBatch
from latentknobs.core.attribute import Comparison
from latentknobs.engine.trial import Case


def content(comparison: Comparison, case: Case, turned: ClipBatch) -> float:
    """
    mean(original, turned) / mean(original, plain reconstruction) at one amount.

    1 = the knob costs nothing beyond what encoding and decoding cost; NaN where the comparison is nowhere defined.
    """
    turned_values = comparison.measure(case.before, turned)
    plain_values = comparison.measure(case.before, case.plain)
    both = ~(np.isnan(turned_values) | np.isnan(plain_values))
    if not both.any() or plain_values[both].mean() <= 0:
        return float("nan")
    return float(turned_values[both].mean() / plain_values[both].mean())
