"""Which clips of a turn come first, and what is told of a turn while others of its clips are decoded."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray

from latentknobs.core.arrays import Bools, ClipBatch, Ints
from latentknobs.frontends.web.responses import TurnResponse
from latentknobs.session import Session
from latentknobs.steering.batch_decoder import PartlyDecoded
from latentknobs.steering.steered_clips import SteeredClips
from latentknobs.steering.turn_result import SteeredCodes
from latentknobs.studio.knob_settings import KnobSettings

ELSEWHERE = 1e9
"""Steps that a clip is off where its notes come from another turn."""


@frozen(eq=False)
class LookedAt:
    """
    What a client looks at.

    Attributes:
        step: Of the piece.
        tell: Told, by the worker, of what is there of a long piece: a call that makes the answer.
    """

    step: float
    tell: Callable[[Callable[[], TurnResponse]], None]


@frozen(eq=False)
class NearTurn:
    """
    A turn whose clips near a step come first.

    Attributes:
        session: The piece.
        settings: The knobs where bars have their own; None = the piece is turned as a whole.
        step: What is looked at.
        steered: The moved codes, one for each set of amounts; filled before anything is asked.
    """

    session: Session
    settings: KnobSettings | None
    step: float
    steered: Sequence[SteeredCodes]

    @property
    def is_in_order(self) -> bool:
        """Whether notes stay in the clips that they come from."""
        return not any(one.reverses_order for one in self.steered)

    def distances(self) -> list[NDArray[np.float64]]:
        """Steps from each clip that is decoded to what is looked at; for each set of amounts and each model (N,)."""
        out = []
        for k, one in enumerate(self.steered):
            for part, moved in zip(self.session.parts, one.moved, strict=True):
                cut = part.cut
                off = np.abs(cut.starts + cut.lengths / 2 - self.step) + ELSEWHERE * (self._sets(part) != k)
                out.append(off[moved.by_model].astype(np.float64))
        return out

    def there(self, batch: PartlyDecoded) -> tuple[list[SteeredCodes], list[ClipBatch]]:
        """
        The turns as if the models turned only what is decoded, and that.

        It is not held against rules, which would take as long for a part as for the whole: the whole may do by rule
        what a part has by the model.
        """
        steered, clips = [], []
        for k, one in enumerate(self.steered):
            every = []
            for p, moved in enumerate(one.moved):
                number = k * len(self.session.parts) + p
                by_model, own = moved.by_model.copy(), batch.clips[number]
                by_model[by_model] = batch.done[number]
                clips.append(self.session.parts[p].cut.clips[:0] if own is None else own[batch.done[number]])
                every.append(evolve(moved, by_model=by_model, comparison=None))
            steered.append(evolve(one, moved=tuple(every)))
        return steered, clips

    def pending(self, done: Sequence[Bools]) -> list[tuple[int, int]]:
        """The steps whose clips are not decoded (first, after the last), in order."""
        spans: list[tuple[int, int]] = []
        for k, one in enumerate(self.steered):
            for p, moved in enumerate(one.moved):
                part = self.session.parts[p]
                left = np.flatnonzero(moved.by_model)[~done[k * len(self.session.parts) + p]]
                left = left[self._sets(part)[left] == k]
                starts = part.cut.starts[left]
                spans += zip(starts.tolist(), (starts + part.cut.lengths[left]).tolist(), strict=True)
        out: list[tuple[int, int]] = []
        for first, after in sorted(spans):
            if out and first <= out[-1][1]:
                out[-1] = (out[-1][0], max(after, out[-1][1]))
            else:
                out.append((first, after))
        return out

    def _sets(self, part: SteeredClips) -> Ints:
        """For each clip of a model the number of the set of amounts that its notes come from."""
        if self.settings is None:
            return np.zeros(len(part.cut.clips), dtype=np.int64)
        regions = self.settings.regions(self.session.piece, self.session.model.spec.clip_format)
        each = self.settings.distinct(self.session)
        which = np.array([each.index(amounts) for _start, _end, amounts in regions])
        starts = np.array([start for start, _end, _amounts in regions])
        return which[np.searchsorted(starts, part.cut.starts, side="right") - 1]
