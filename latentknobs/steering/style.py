"""How far a piece is from what a model knows, before anything is turned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from attrs import field, frozen

from latentknobs.core.arrays import Bools, Floats, frozen_array
from latentknobs.scores.import_warnings import ranges
from latentknobs.steering.carried_clips import STYLE

UNFAMILIAR = 1.0
"""A clip of a lower percentile is unfamiliar: fewer than one in a hundred training clips is as unlikely."""


def _floats(array: object) -> Floats:
    return frozen_array(array, np.float64)


def _floats_or_none(array: object) -> Floats | None:
    return None if array is None else _floats(array)


def _bools(array: object) -> Bools:
    return frozen_array(array, np.bool_)


@frozen(eq=False)
class Style:
    """
    How far each clip of a piece, and the piece, is from what the model knows; as a text, one line.

    Only clips of the model's format are spoken of; what is said of the piece is said of those with notes.

    Attributes:
        bars: First and last bar of each of the N clips, as people count them.
        sounding: bool (N,), which have notes.
        right: float64 (N,), share of the tokens that come back when the unchanged code is decoded, 0 to 1; 0 where the
            model does not take the clip.
        nats: float64 (N,), the negative evidence lower bound
            (:func:`~latentknobs.core.model_calls.negative_elbo`), NaN where the model does not take the clip; None
            where it has no likelihood.
        percentile: float64 (N,), share of the model's training clips that are at most as likely, 0 to 100, NaN where
            the model does not take the clip; None where that is not known.
    """

    bars: tuple[tuple[int, int], ...]
    sounding: Bools = field(converter=_bools)
    right: Floats = field(converter=_floats)
    nats: Floats | None = field(default=None, converter=_floats_or_none)
    percentile: Floats | None = field(default=None, converter=_floats_or_none)

    @classmethod
    def joined(cls, styles: Sequence[Style], order: Sequence[int]) -> Style:
        """Those of the clips of several models, one after the other, in another order."""
        if len(styles) == 1:
            return styles[0]
        bars = [bars for one in styles for bars in one.bars]
        sounding, right = (np.concatenate([getattr(one, name) for one in styles]) for name in ("sounding", "right"))
        rows = np.asarray(order, dtype=np.int64)
        nats, percentile = (
            _known_of([getattr(one, name) for one in styles], styles) for name in ("nats", "percentile")
        )
        return cls(
            tuple(bars[k] for k in order),
            sounding[rows],
            right[rows],
            None if nats is None else nats[rows],
            None if percentile is None else percentile[rows],
        )

    @property
    def exact(self) -> Bools:
        """Which clips come back exactly, bool (N,)."""
        out: Bools = self.right == 1.0
        return out

    @property
    def unfamiliar(self) -> Bools:
        """Which clips with notes are under the percentile 1, or come back over 5 % wrong, bool (N,)."""
        strange = self.right < STYLE
        if self.percentile is not None:
            strange |= self.percentile < UNFAMILIAR
        return strange & self.sounding

    @property
    def typical_nats(self) -> float | None:
        """The median of the clips' nats; None where none is known."""
        return self._median(self.nats)

    @property
    def typical_percentile(self) -> float | None:
        """The median of the clips' percentiles, 0 to 100; None where none is known."""
        return self._median(self.percentile)

    def _median(self, values: Floats | None) -> float | None:
        known = () if values is None else values[self.sounding & ~np.isnan(values)]
        return float(np.median(known)) if len(known) else None

    def __str__(self) -> str:
        clips, exact = int(self.sounding.sum()), int((self.exact & self.sounding).sum())
        parts = [f"{exact} of {clips} {'clip comes' if clips == 1 else 'clips come'} back exactly"]
        if exact < clips:
            parts[0] += f" ({self.right[self.sounding].mean():.1%} of the steps)"
        if self.typical_percentile is not None:
            median = " (median clip)" if clips > 1 else ""
            parts.append(f"likelier than {_share(self.typical_percentile)} of the training clips{median}")
        elif self.typical_nats is not None:
            parts.append(f"{self.typical_nats:.0f} nats a clip, with no training clips to compare")
        if self.unfamiliar.any():
            parts.append(f"unfamiliar: {self._unfamiliar_bars()}")
        return "; ".join(parts)

    def _unfamiliar_bars(self) -> str:
        chosen = self.unfamiliar
        numbers = {bar for k in np.flatnonzero(chosen) for bar in range(self.bars[k][0], self.bars[k][1] + 1)}
        bars = f"bar{'s' if len(numbers) > 1 else ''} {ranges(numbers)}"
        if self.percentile is None or not (known := self.percentile[chosen & ~np.isnan(self.percentile)]).size:
            return bars
        return f"{bars} ({'down to ' if len(known) > 1 else ''}{_percent(known.min())})"

    def clip(self, k: int) -> dict[str, Any]:
        """Clip k as JSON carries it; what is not known, or infinite, is None."""
        return {
            "bars": list(self.bars[k]),
            "right": float(self.right[k]),
            "nats": _known(self.nats, k),
            "percentile": _known(self.percentile, k),
            "unfamiliar": bool(self.unfamiliar[k]),
        }

    def as_dict(self) -> dict[str, Any]:
        """As JSON carries it, with the clips that have notes one by one."""
        each = [self.clip(k) for k in np.flatnonzero(self.sounding).tolist()]
        return {
            "summary": str(self),
            "clips": len(each),
            "exact": int((self.exact & self.sounding).sum()),
            "nats": self.typical_nats if np.isfinite(self.typical_nats or 0.0) else None,
            "percentile": self.typical_percentile,
            "each": each,
        }


def _known_of(values: Sequence[Floats | None], styles: Sequence[Style]) -> Floats | None:
    """Values of clips of several models, NaN of those of which there are none; None where no model has any."""
    if all(one is None for one in values):
        return None
    return np.concatenate(
        [np.full(len(one.bars), np.nan) if own is None else own for own, one in zip(values, styles, strict=True)]
    )


def _known(values: Floats | None, k: int) -> float | None:
    return None if values is None or not np.isfinite(values[k]) else float(values[k])


def _share(percent: float) -> str:
    return {0.0: "none", 100.0: "all"}.get(percent) or _percent(percent)


def _percent(value: float) -> str:
    if value in (0.0, 100.0) or 1.0 <= value <= 99.0:
        return f"{value:.0f}%"
    return f"{min(max(value, 0.1), 99.9):.1f}%"
