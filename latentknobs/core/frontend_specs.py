"""What a plugin offers to people: commands of the command line and front ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from attrs import frozen

if TYPE_CHECKING:
    from latentknobs.core.backend import VAEBackend
    from latentknobs.core.corpus import CorpusRequest, Progress, Song


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


@frozen
class FrontendSpec:
    """
    A front end.

    Attributes:
        name: Unique name ("cli", "web").
        doc: One sentence.
        serve: Called with the program's arguments; returns an exit code.
    """

    name: str
    doc: str
    serve: Callable[[list[str]], int]
