"""What a front end may do with a session that it shares with others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from attrs import frozen

from latentknobs.core.clip import ClipFormat
from latentknobs.core.parameter import Change, Parameter, Value
from latentknobs.core.piece import Piece
from latentknobs.core.transport import Transport


@frozen(eq=False)
class Music:
    """
    The notes that follow from the values of a session.

    Attributes:
        piece: The piece as it sounds.
        number: The change whose values it was made of; a higher one is newer.
        seconds: How long it took.
        remarks: What people should know, one sentence each.
        error: Why there are no new notes, and the piece is that of before; "" where there are.
    """

    piece: Piece
    number: int
    seconds: float = 0.0
    remarks: tuple[str, ...] = ()
    error: str = ""


class Listening(Protocol):
    """A subscription."""

    def close(self) -> None:
        """Be told nothing more."""
        ...


class LiveSession(Protocol):
    """
    A session that several front ends play at once: :class:`~latentknobs.studio.shared_session.SharedSession` is one.

    All of it may be called from any thread. Values are set by path, and the newest wins.
    """

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """All parameters by path."""
        ...

    @property
    def values(self) -> Mapping[str, Value]:
        """The values of all parameters but triggers, by path; and ``file`` and ``snapshots``, which are only told."""
        ...

    @property
    def transport(self) -> Transport:
        """How it is played."""
        ...

    @property
    def piece(self) -> Piece:
        """The piece that is open, with no knob turned."""
        ...

    @property
    def music(self) -> Music:
        """The newest notes that are made."""
        ...

    @property
    def clip_format(self) -> ClipFormat:
        """Gives the steps of a beat, and the bars of a piece that says nothing of its own."""
        ...

    def parameter(self, path: str) -> Parameter:
        """The parameter of that path; UnknownNameError where there is none."""
        ...

    def set(self, path: str, value: Value = "", source: str = "") -> Change:
        """Set a parameter in its own unit, or do what a trigger does."""
        ...

    def set_all(self, values: Mapping[str, Value], source: str = "") -> None:
        """Set several parameters as one change, or none of them."""
        ...

    def set_normalized(self, path: str, place: float, source: str = "") -> Change:
        """Set a number by its place in the range, 0 to 1."""
        ...

    def clear(self, path: str, source: str = "") -> None:
        """Put a parameter back to its default; a knob of bars follows that of the piece again."""
        ...

    def open(self, source: Piece | Path | None, source_name: str = "", *, go_on: bool = False) -> None:
        """Open another piece or file; ``go_on`` keeps tempo, play and loop as they are then."""
        ...

    def wait(self, number: int | None = None, timeout: float = 60.0) -> Music:
        """The notes of a change, or newer ones."""
        ...

    def subscribe(
        self,
        on_change: Callable[[Change], None] | None = None,
        on_music: Callable[[Music], None] | None = None,
        name: str = "front end",
    ) -> Listening:
        """
        Be told of changes and of new notes, from a thread of the subscription's own, until it is closed.

        What a listener raises is noted for people, and it is told of what comes next.
        """
        ...
