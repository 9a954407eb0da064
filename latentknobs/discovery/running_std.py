"""Standard deviations of attributes over a corpus, from sums: memory does not grow with the number of clips."""

from __future__ import annotations

import numpy as np
from attrs import define, field

from latentknobs.core.arrays import ClipBatch, Floats
from latentknobs.core.attribute import Attribute


@define(eq=False)
class RunningStd:
    """
    See the module's text.

    Attributes:
        attributes: What is measured.
    """

    attributes: tuple[Attribute, ...]
    _sums: Floats = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._sums = np.zeros((len(self.attributes), 3))

    def add(self, clips: ClipBatch) -> None:
        """Fold in clips (n, *shape); one without the attribute does not count for it."""
        for i, attribute in enumerate(self.attributes):
            values = attribute.measure(clips)
            values = values[np.isfinite(values)]
            self._sums[i] += (len(values), values.sum(), (values**2).sum())

    def result(self) -> dict[str, float]:
        """By name, in the attribute's unit; 0 where no clip has it."""
        n, total, square = self._sums.T
        n = np.maximum(n, 1.0)
        sds = np.sqrt(np.maximum(square / n - (total / n) ** 2, 0.0))
        return {a.name: float(sd) for a, sd in zip(self.attributes, sds, strict=True)}
