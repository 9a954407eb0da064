"""The clips of a piece that one model steers: how it takes them, which it turns, and what is to be said of them."""

from __future__ import annotations

from functools import cached_property
from typing import Self

import numpy as np
from attrs import frozen

from latentknobs.core.arrays import Bools, ClipBatch, Codes, Ints
from latentknobs.core.backend import VAEBackend
from latentknobs.core.piece import Cut, Piece
from latentknobs.scores.import_warnings import ranges
from latentknobs.steering.carried_clips import CarriedClips, carry, differing
from latentknobs.steering.style import Style


@frozen(eq=False)
class SteeredClips:
    """
    The clips of a piece that are of a model's format.

    Attributes:
        model: The model.
        piece: The piece.
        cut: Its clips of that format.
        carried: What the model can carry of them.
        codes: float32 (N, D), posterior means, or codes that they were turned to; zeros where a clip is not accepted.
        plain: int16 (N, *shape), decodings of these codes: what amount 0 gives.
        all_by_model: Whether the model turns clips outside its style too.
    """

    model: VAEBackend
    piece: Piece
    cut: Cut
    carried: CarriedClips
    codes: Codes
    plain: ClipBatch
    all_by_model: bool = False

    @classmethod
    def of(cls, model: VAEBackend, piece: Piece, cut: Cut, *, all_by_model: bool = False) -> Self:
        """Clips of a piece, encoded and decoded again."""
        carried = carry(model, cut.clips)
        return cls(model, piece, cut, carried, carried.codes, carried.plain, all_by_model)

    @property
    def accepted(self) -> Bools:
        """Which clips the model takes, some of them octaves away, bool (N,)."""
        return self.carried.accepted

    @property
    def steered(self) -> Bools:
        """Which clips are turned by the model: those in its style, or all that it takes, with notes; bool (N,)."""
        trusted = self.carried.accepted if self.all_by_model else self.carried.in_style
        return trusted & self.cut.sounding

    @property
    def differing(self) -> Ints:
        """On how many steps the decoding of the unchanged code differs from each clip, (N,)."""
        return differing(self.plain, self.cut.clips)

    @cached_property
    def bars(self) -> tuple[tuple[int, int], ...]:
        """First and last bar of each clip, as people count them."""
        spans = zip(self.cut.starts.tolist(), self.cut.lengths.tolist(), strict=True)
        return tuple(self.piece.bars_of(start, length, self.cut.clip_format) for start, length in spans)

    @cached_property
    def style(self) -> Style:
        """How far the clips are from what the model knows; of the piece, not of codes that it was turned to."""
        nats, known = self.carried.negative_elbo(self.model), self.model.spec.likelihood
        percentile = None if nats is None or known is None else known.percentile(nats)
        return Style(self.bars, self.cut.sounding, self.carried.reconstructed / self._tokens, nats, percentile)

    @property
    def _tokens(self) -> int:
        return int(np.prod(self.cut.clips.shape[1:]))

    def remarks(self) -> list[str]:
        """Which clips the model does not carry as they are, one sentence each."""
        name, carried, sounding = self.model.spec.name, self.carried, self.cut.sounding
        out = []
        if shifted := self.bars_named((carried.shifts != 0) & sounding):
            out.append(f"{shifted}: octaves away for {name}, where it has room.")
        if refused := self.bars_named(~carried.accepted & sounding):
            out.append(f"{refused}: not what {name} carries, which is {self.carries()}.")
        outside = carried.accepted & ~carried.in_style & sounding
        if bars := self.bars_named(outside):
            share = carried.reconstructed[outside].sum() / (self._tokens * outside.sum())
            out.append(f"{bars}: outside the style of {name}, which reconstructs {share:.0%} of them.")
        return out

    def bars_named(self, mask: Bools) -> str:
        """As :func:`bars_named`, of some of these clips."""
        return bars_named(self.piece, (self.cut, mask))

    def carries(self) -> str:
        """What clips the model carries, as far as its notes tell."""
        name, pitches = self.cut.clip_format.name, self.model.spec.pitch_range
        return f"valid {name} clips" if pitches is None else f"{name} clips with pitches {pitches[0]} to {pitches[1]}"


def bars_named(piece: Piece, *clips: tuple[Cut, Bools]) -> str:
    """The bars of some clips, bool (N,) of each cut, as the beginning of a sentence; "" of none."""
    numbers: set[int] = set()
    for cut, mask in clips:
        for k in np.flatnonzero(mask):
            first, last = piece.bars_of(int(cut.starts[k]), int(cut.lengths[k]), cut.clip_format)
            numbers.update(range(first, last + 1))
    return f"Bar{'s' if len(numbers) > 1 else ''} {ranges(numbers)}" if numbers else ""
