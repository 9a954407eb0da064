"""A model that several threads call: the worker of a queue does the calls, a slice of clips at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from latentknobs.core.arrays import Bools, ClipBatch, Codes
from latentknobs.core.backend import BackendSpec, Posterior, VAEBackend
from latentknobs.steering.batch_decoder import SLICE, DecoderQueue

T = TypeVar("T")


@frozen(eq=False)
class SharedModel:
    """
    A model whose calls the queue's worker does in slices of :data:`SLICE` clips, between other clients' work.

    A model gives the same for a clip in any batch, so the slices joined are what it gives for all at once. What else it
    has, such as optional capabilities, is passed on as it is.

    Attributes:
        model: The model itself.
        queue: Whose worker calls it.
    """

    model: VAEBackend
    queue: DecoderQueue

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    @property
    def spec(self) -> BackendSpec:
        """What the model is."""
        return self.model.spec

    def accepts(self, clips: ClipBatch) -> Bools:
        """As the model's."""
        return np.concatenate(self._slices(len(clips), lambda rows: np.asarray(self.model.accepts(clips[rows]))))

    def encode(self, clips: ClipBatch) -> Posterior:
        """As the model's."""
        parts = self._slices(len(clips), lambda rows: self.model.encode(clips[rows]))
        scales = [part.scale for part in parts if part.scale is not None]
        mean = np.concatenate([part.mean for part in parts])
        return Posterior(mean, np.concatenate(scales) if scales else None)

    def decode(self, z: Codes) -> ClipBatch:
        """As the model's."""
        return np.concatenate(self._slices(len(z), lambda rows: self.model.decode(z[rows])))

    def decode_log_probs(self, z: Codes, given: ClipBatch | None = None) -> NDArray[np.float32]:
        """As the model's."""

        def work(rows: slice) -> NDArray[np.float32]:
            return self.model.decode_log_probs(z[rows], None if given is None else given[rows])

        return np.concatenate(self._slices(len(z), work))

    def _slices(self, count: int, work: Callable[[slice], T]) -> list[T]:
        """What the worker gives for each slice, at least one; raises what the model raises."""
        slices = [slice(start, start + SLICE) for start in range(0, max(count, 1), SLICE)]
        if self.queue.is_worker:
            return [work(rows) for rows in slices]
        return [self.queue.run(lambda rows=rows: work(rows)).result() for rows in slices]  # type: ignore[misc]  # rows is a slice
