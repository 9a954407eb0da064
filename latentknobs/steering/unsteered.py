"""Why some clips of a piece are of no model, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from attrs import frozen

from latentknobs.core.arrays import Bools
from latentknobs.core.clip import ClipFormat
from latentknobs.core.meter import signature_of
from latentknobs.core.piece import Cut, Piece, alike
from latentknobs.steering.steered_clips import bars_named


@frozen
class Unsteered:
    """
    Why some clips are of no model.

    Attributes:
        reason: A clause without its subject, the bars.
        advice: What to do about it, a clause that begins with its semicolon; "" where nothing can be done.
    """

    reason: str
    advice: str = ""

    @classmethod
    def of(cls, piece: Piece, cut: Cut, k: int, formats: Sequence[ClipFormat]) -> Unsteered:
        """Why clip k of a cut is of no model, where the models in hand are of these formats."""
        start = int(cut.starts[k])
        stretch = next(one for one in piece.stretches if one.start <= start < one.end)
        wanted = next((one for one in formats if alike(stretch.signature, signature_of(one))), None)
        if wanted is None:
            return cls(f"no model here is for {stretch.signature}")
        whole = stretch.steps % (stretch.signature.quarters * wanted.steps_per_beat) == 0
        changes = not whole and stretch.end < piece.steps
        why = "the time signature changes inside a bar" if changes else "the piece ends there"
        if whole:
            why = f"the models take {stretch.signature} only in bars of {signature_of(wanted)}"
        return cls(
            f"less than a bar of {signature_of(wanted)}, as {why}",
            "; read all in one time signature (--time-signature) or leave them out (--bars)",
        )

    @property
    def sentence(self) -> str:
        """The reason alone."""
        return f"{self.reason[0].upper()}{self.reason[1:]}."


def unsteered_remarks(piece: Piece, cuts: Iterable[Cut], formats: Sequence[ClipFormat]) -> list[str]:
    """A sentence for each reason why sounding clips of these cuts are of no model."""
    rest: dict[Unsteered, list[tuple[Cut, Bools]]] = {}
    for cut in cuts:
        whys = [Unsteered.of(piece, cut, k, formats) for k in range(len(cut.clips))]
        for why in dict.fromkeys(whys):
            rows = cut.sounding & np.array([one == why for one in whys])
            rest.setdefault(why, []).append((cut, rows))
    named = [(bars_named(piece, *clips), why) for why, clips in rest.items()]
    return [f"{bars}: {why.reason}, so knobs edit them by rule{why.advice}." for bars, why in named if bars]
