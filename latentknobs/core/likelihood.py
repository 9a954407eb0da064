"""How likely a model finds its training clips: what the likelihood of other clips is held against."""

from __future__ import annotations

import math
from collections.abc import Mapping
from reprlib import repr as short
from typing import Any

import numpy as np
from attrs import field, frozen

from latentknobs.core.arrays import Floats

KEY = "likelihood"
"""Where a model's ``training`` facts, and so its card, state it."""
LEVELS = (0, 0.1, 0.5, 1, 2, 5, *range(10, 91, 10), 95, 98, 99, 99.5, 99.9, 100)
"""The quantiles that are written, in percent."""


def _numbers(values: Any) -> tuple[float, ...]:
    if not isinstance(values, list | tuple):
        raise TypeError(f"its quantiles must be lists of numbers, not {short(values)}")
    if wrong := [one for one in values if isinstance(one, bool) or not isinstance(one, int | float)]:
        raise TypeError(f"its quantiles must be numbers, not {short(wrong[0])}")
    return tuple(map(float, values))


@frozen
class TrainingLikelihood:
    """
    Quantiles of the training clips' nats, :func:`~latentknobs.core.model_calls.negative_elbo`.

    Attributes:
        clips: How many training clips they are of, at least 1.
        percent: Which quantiles, rising from 0 to 100.
        nats: Their values, at least two, finite and not falling.

    Raises:
        ValueError: They are no such quantiles; says what is wrong.
        TypeError: The same, of their types.
    """

    clips: int = field()
    percent: tuple[float, ...] = field(converter=_numbers)
    nats: tuple[float, ...] = field(converter=_numbers)

    def __attrs_post_init__(self) -> None:
        if isinstance(self.clips, bool) or not isinstance(self.clips, int) or self.clips < 1:
            raise ValueError(f"its clips must be a whole number of at least 1, not {short(self.clips)}")
        if len(self.percent) != len(self.nats):
            raise ValueError(f"it has {len(self.percent)} levels and {len(self.nats)} quantiles")
        if self.percent[:1] != (0.0,) or self.percent[-1] != 100.0 or (np.diff(self.percent) <= 0).any():
            raise ValueError("its levels must rise from 0 to 100 percent")
        if not all(map(math.isfinite, self.nats)) or (np.diff(self.nats) < 0).any():
            raise ValueError("its quantiles must be finite and not fall")

    @classmethod
    def of(cls, nats: Floats) -> TrainingLikelihood:
        """The quantiles of clips' nats, (n,), finite, n at least 1."""
        return cls(len(nats), LEVELS, np.round(np.percentile(nats, LEVELS), 4).tolist())

    @classmethod
    def read(cls, facts: object) -> TrainingLikelihood:
        """
        From its JSON form, :meth:`as_dict`.

        Raises:
            ValueError: It is none; says what is wrong.
            TypeError: The same.
        """
        if not isinstance(facts, Mapping) or set(facts) != {"clips", "percent", "nats"}:
            raise ValueError(f"it must have clips, percent and nats, and is {short(facts)}")
        return cls(**facts)

    def as_dict(self) -> dict[str, Any]:
        """As JSON carries it."""
        return {"clips": self.clips, "percent": list(self.percent), "nats": list(self.nats)}

    def percentile(self, nats: Floats) -> Floats:
        """
        Share of the training clips that are at most as likely as clips of these nats (n,), in percent (n,).

        0 = less likely than every training clip, 50 = as likely as a typical one, 100 = as the likeliest, or more.
        Between quantiles it is interpolated; it never rises with the nats.
        """
        values, first = np.unique(self.nats, return_index=True)  # of equal quantiles the lowest: "at most" has all
        levels = np.asarray(self.percent)[first]
        out: Floats = 100.0 - np.interp(nats, values, levels, left=0.0, right=100.0)
        return out
