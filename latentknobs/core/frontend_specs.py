"""What a plugin offers to people: commands of the command line and front ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from attrs import frozen

if TYPE_CHECKING:
    from latentknobs.core.backend import VAEBackend
    from latentknobs.core.corpus import CorpusRequest, Progress, Song
    from latentknobs.core.live_session import LiveSession


class Host(Protocol):
    """What a plugin's command may use of the running program; the workbench is one."""

    @property
    def progress(self) -> Progress: ...
    @property
    def cache_dir(self) -> Path: ...

    def songs(self, corpus: str, request: CorpusRequest) -> Iterable[Song]:
        """The songs of a corpus as written on the command line ("folk+whole-notes")."""
        ...

    def model(self, name: str, device: str = "auto") -> VAEBackend:
        """The model of that name or location."""
        ...

    def augment(self, name: str) -> Any:
        """The augmentation of that name."""
        ...

    def note(self, text: str) -> None:
        """Tell people something (stderr)."""
        ...


@frozen
class Param:
    """
    Describes one parameter of a command, in ``Annotated[int, Param("Seed.")]``.

    Attributes:
        help: One sentence.
        short: One-letter name of an option, with its dash ("-o"), or "".
    """

    help: str
    short: str = ""


@frozen
class CommandSpec:
    """
    A command of the command line.

    Attributes:
        path: Words that call it: ("train",) or ("model", "import").
        help: One sentence.
        run: Called as ``run(host, **parameters)``. Parameters are typed (str, int, float, bool, Path, each
            maybe ``| None``); one without a default is a positional argument, one with a default an
            option. Returns something JSON can carry, which is printed, or None.
    """

    path: tuple[str, ...]
    help: str
    run: Callable[..., Any]


class RunningFrontend(Protocol):
    """A front end that has been started on a shared session."""

    @property
    def where(self) -> str:
        """Where people find it, a sentence ("OSC on 127.0.0.1, port 7770.")."""
        ...

    def stop(self) -> None:
        """End it, and leave no port, note or file behind; called once, from another thread than its own."""
        ...


@frozen
class FrontendSpec:
    """
    A front end; it has one or more of ``serve``, ``start`` and ``widget``.

    Attributes:
        name: Unique name ("cli", "web").
        doc: One sentence.
        serve: Called with the program's arguments where it runs alone; returns an exit code. None = it is started on a
            session that nobody else plays.
        start: Called with a session that other front ends play too, and its own arguments; returns at once. None = it
            cannot share one.
        widget: Called with a session, shared or not, and options of its own; returns what a notebook shows of it.
            None = it has nothing for notebooks.
        check: Called with the arguments of ``start`` before a session is opened: raises UsageError where one is wrong,
            and where they ask for help prints it and exits, as argparse does. None = ``start`` finds out.
        port: Where it listens, by TCP, UDP or both, if nobody asks for another; None = nowhere.
    """

    name: str
    doc: str
    serve: Callable[[list[str]], int] | None = None
    start: Callable[[LiveSession, list[str]], RunningFrontend] | None = None
    widget: Callable[..., Any] | None = None
    check: Callable[[list[str]], object] | None = None
    port: int | None = None

    def __attrs_post_init__(self) -> None:
        if self.serve is None and self.start is None and self.widget is None:
            raise ValueError(
                f"front end {self.name!r} can neither be served nor started nor shown: give it serve, start or widget."
            )
