"""Operators are rounded to as few bits as move no code noticeably, whatever the model's units."""

import numpy as np
import pytest

from latentknobs.core.code_units import CodeUnits
from latentknobs.core.knob import Operator
from latentknobs.discovery.operator_rounding import MOST, round_operator
from latentknobs.steering.apply import apply

SIZE = 16


def _map(scale):
    """An affine operator of codes that spread by ``scale`` (D,), and such codes."""
    rng = np.random.default_rng(3)
    moved = np.eye(SIZE) + 0.3 * rng.standard_normal((SIZE, SIZE))
    matrices = (moved * scale[:, None] / scale)[None]
    z = (rng.standard_normal((50, SIZE)) * scale).astype(np.float32)
    return Operator("affine", {"amounts": [1.0], "matrices": matrices, "offsets": np.zeros((1, SIZE))}), z


@pytest.mark.parametrize(("apart", "precision"), [(1.0, "16-bit"), (100.0, "20-bit"), (1e6, "float32")])
def test_rounding_moves_no_code_noticeably(apart, precision):
    """The farther dimensions are apart in their units, the more bits it takes."""
    scale = np.geomspace(1.0, apart, SIZE)
    operator, z = _map(scale)

    rounded, said = round_operator(operator, z, (1.0,), CodeUnits(np.zeros(SIZE), scale))

    assert said == precision
    by = np.abs(apply(rounded, z, 1.0) - apply(operator, z, 1.0)) / scale
    assert by.max() <= MOST


def test_what_has_no_large_arrays_stays_as_it_is():
    """A shift has nothing to round."""
    shift = Operator("shift", {"direction": np.ones(SIZE)})

    rounded, said = round_operator(shift, np.zeros((1, SIZE), np.float32), (1.0,), CodeUnits.none(SIZE))

    assert (rounded.sha256, said) == (shift.sha256, "16-bit")
