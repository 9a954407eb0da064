"""A piece that is open with its models, and what clients are told of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from attrs import asdict, frozen

from latentknobs.core.arrays import Codes
from latentknobs.core.clip import Note
from latentknobs.frontends.web.knobs import listed
from latentknobs.frontends.web.piece_schema import ways_in_order, windows
from latentknobs.frontends.web.responses import Counts, Opened, StyleFacts, TurnResponse
from latentknobs.session import Session
from latentknobs.steering.common_knobs import common_knobs
from latentknobs.steering.style import Style
from latentknobs.steering.turn_result import TurnResult


@frozen(eq=False)
class OpenPiece:
    """
    A piece that is open with a model, and those of its other time signatures.

    Attributes:
        asked: The model that was asked for.
        elsewhere: Whose knobs the piece has where they are none of that model's, a sentence; "" where they are.
        session: The piece's session.
        plain: What turning no knob gives: its reconstruction, where the model turns it.
        notes: The notes of that.
        style: How far the piece is from what the model knows.
    """

    asked: str
    elsewhere: str
    session: Session
    plain: TurnResult
    notes: frozenset[Note]
    style: Style

    def opened(self) -> Opened:
        """The answer to opening it."""
        session = self.session
        models = [part.model for part in session.parts]
        names = [model.spec.name for model in models]
        shared = None if names == [self.asked] else common_knobs([session.knobs_of(model) for model in models])
        return Opened(
            models=names,
            knobs=None if shared is None else listed(shared, every=True),
            windows=windows(session, self.plain),
            remarks=[*filter(None, [self.elsewhere]), *session.remarks()],
            style=StyleFacts.model_validate(self.style.as_dict()),
            accuracy=session.accuracy,
            notes=[note.row for note in self.plain.after.notes],
            steps=session.piece.steps,
            codes=_rounded(session.codes),
            differing=session.differing.tolist(),
        )

    def turned(self, result: TurnResult, ms: float, pending: Sequence[tuple[int, int]] = ()) -> TurnResponse:
        """The answer to turning knobs on it, without the notes of steps that are not there yet."""
        notes = [n for n in result.after.notes if not any(first <= n.onset < after for first, after in pending)]
        moved = np.any(result.codes != self.session.codes, axis=0)
        return TurnResponse(
            notes=[note.row for note in notes],
            changed=[k for k, note in enumerate(notes) if note not in self.notes],
            codes=_rounded(result.codes),
            touched=np.flatnonzero(moved).tolist(),
            remarks=[*filter(None, [self.elsewhere]), *result.remarks],
            counts=Counts(**asdict(result.counts)),
            left=[] if pending else list(result.left),  # of bars that are not there yet nothing can be said
            ways=ways_in_order(self.session, result.ways),
            ms=round(ms, 2),
            pending=list(pending),
        )


def _rounded(codes: Codes) -> list[list[float]]:
    out: list[list[float]] = np.round(codes.astype(np.float64), 4).tolist()
    return out
