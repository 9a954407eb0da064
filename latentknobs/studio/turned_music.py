"""The notes of a shared session with all that turning gave, for front ends that show more than notes."""

from __future__ import annotations

from attrs import frozen

from latentknobs.core.live_session import Music
from latentknobs.session import Session
from latentknobs.steering.turn_result import TurnResult
from latentknobs.studio.knob_settings import KnobSettings


@frozen(eq=False)
class TurnedMusic(Music):
    """
    Notes with all that turning gave.

    Attributes:
        session: The piece that was turned.
        settings: The knobs.
        result: What they gave.
    """

    session: Session | None = None
    settings: KnobSettings | None = None
    result: TurnResult | None = None
