"""How a file is read: the options of :func:`latentknobs.scores.read_piece`."""

from __future__ import annotations

import math
from typing import Any, TypedDict

from attrs import field, frozen

from latentknobs.core.time_signature import TimeSignature
from latentknobs.errors import UsageError
from latentknobs.scores.time_signatures import bar_numbers
from latentknobs.scores.voice_extraction import POLICIES, Policy


class ReadingOptions(TypedDict, total=False):
    """The fields of :class:`Reading`, as keyword arguments."""

    policy: Policy
    track: int | str | None
    offset: float
    bars: str
    time_signature: str
    quantize: bool


@frozen
class Reading:
    """
    How a file is read.

    Attributes:
        policy: What becomes of notes that sound together. "auto": the highest line of what is nearly monophonic,
            anything else is refused with the choices. "error": refused at the first overlap. "highest-onset": of notes
            that start together the highest, cut by the next onset. "skyline": at each step the highest sounding note.
            The last two also merge several tracks.
        track: Number (from 1, among the tracks with notes) or name of the track to read; None = the one that is plainly
            the melody.
        offset: Quarter notes by which the music is moved right against the bar lines, for a file whose first note
            is a pick-up; negative = left.
        bars: The bars to read, as "9-16" or "9"; "" = all. The others stay as they are in the file.
        time_signature: That of the whole file, whatever it says itself, as "3/4"; "" = what it says.
        quantize: Whether notes are written on the grid, and not as early or late as they were played; what has no grid
            is read then.
    """

    policy: Policy = field(default="auto")
    track: int | str | None = None
    offset: float = field(default=0.0)
    bars: str = field(default="")
    time_signature: str = field(default="")
    quantize: bool = False

    @policy.validator
    def _known(self, _attribute: Any, value: object) -> None:
        if value not in POLICIES:
            raise UsageError(f"There is no polyphony policy named {value!r}: use one of {', '.join(POLICIES)}.")

    @offset.validator
    def _finite(self, _attribute: Any, value: float) -> None:
        if not math.isfinite(value):
            raise UsageError(f"The offset must be a number of beats, not {value}.")

    @bars.validator
    def _range(self, _attribute: Any, value: str) -> None:
        if value:
            bar_numbers(value)

    @time_signature.validator
    def _signature(self, _attribute: Any, value: str) -> None:
        if value:
            TimeSignature.parse(value)
