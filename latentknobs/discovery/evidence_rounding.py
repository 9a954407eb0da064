"""Rounding of what is kept as evidence, to six significant digits: enough for it, and a fraction of the bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
from attrs import evolve, fields, has

from latentknobs.core.arrays import Floats

T = TypeVar("T")


def rounded(array: Floats) -> Any:
    """An array (n,) or (n, m), as nested tuples."""
    with np.errstate(divide="ignore"):
        digits = 5 - np.floor(np.log10(np.abs(array)))
    scale = 10.0 ** np.where(np.isfinite(digits), digits, 0.0)
    numbers = (np.round(array * scale) / scale).tolist()
    return tuple(numbers if array.ndim == 1 else map(tuple, numbers))


def rounded_metrics(metrics: T) -> T:
    """An attrs value of evidence with every number in it rounded, but for the amounts, which are looked up by value."""
    return _rounded(metrics)  # type: ignore[no-any-return] # a value of its own class


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, Mapping):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, tuple):
        return tuple(map(_rounded, value))
    if has(type(value)):
        names = (field.name for field in fields(type(value)) if field.name != "amount")
        return evolve(value, **{name: _rounded(getattr(value, name)) for name in names})
    return value
